"""Headlines to vectors: batches, lengths and order change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from herald.inference.encoder import BATCH_MAX, TOKENS_MAX, Encoder
from herald.inference.pretrained import Pretrained

ROUNDING = 1e-5


def test_a_batch_gives_what_single_texts_give_in_the_order_of_the_texts(encoder: Encoder) -> None:
    texts = [f"Kraken lists token {i}" + " after a long wait" * (i % 7) for i in range(BATCH_MAX + 5)]
    together = encoder.encode(texts)
    assert together.shape == (len(texts), encoder.width)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, rtol=0, atol=ROUNDING)
    reversed_texts = encoder.encode(texts[::-1])
    np.testing.assert_allclose(together, reversed_texts[::-1], rtol=0, atol=ROUNDING)


def test_the_same_text_gets_the_same_vector_to_the_bit(encoder: Encoder) -> None:
    text = "SEC sues Ripple over XRP sales"
    assert encoder.encode([text]).tobytes() == encoder.encode([text]).tobytes()


def test_no_texts_give_no_vectors(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_a_headline_is_cut_after_its_first_tokens(encoder: Encoder) -> None:
    words = TOKENS_MAX - 2  # the tokenizer adds one token before and one behind, and "bank" is one
    within = "bank " * (words - 1)
    full, longer, other = encoder.encode([f"{within}bank", f"{within}bank river", f"{within}river"])
    np.testing.assert_allclose(full, longer, rtol=0, atol=ROUNDING)
    assert np.abs(full - other).max() > 1e-3


def test_a_graph_in_a_file_is_read_as_its_bytes_are(
    packaged: Pretrained, encoder_graph: bytes, encoder: Encoder, tmp_path: Path
) -> None:
    file = tmp_path / "encoder.onnx"
    file.write_bytes(encoder_graph)
    texts = ["Fed cuts rates", "Solana network halts"]
    np.testing.assert_array_equal(Encoder(file, packaged.tokenizer).encode(texts), encoder.encode(texts))
