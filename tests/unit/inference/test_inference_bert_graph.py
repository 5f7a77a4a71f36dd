"""The encoder's graph gives the vectors of the framework that it does without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from herald.inference.bert_graph import UnsupportedEncoderError, bert_graph
from herald.inference.encoder import TOKENS_MAX, Encoder
from herald.inference.pretrained import Pretrained

TOLERANCE = 1e-4
HEADLINES = (
    "Binance Will List Solana (SOL)",
    "Fed",
    "Sui DEX Cetus hacked, $220M drained; validators freeze the thief's wallets",
    "Überweisungen gestört: 比特币 fällt 🚀 um 3,5 %",
    "",
    "bitcoin " * (TOKENS_MAX + 30),
)

Vectors = NDArray[np.float32]
Reference = Callable[[Sequence[str]], Vectors]


def mean_pooling(model: Any, tokenizer_file: str) -> Reference:
    """Read texts by a ``BertModel`` and average the hidden states that the mask keeps."""
    import torch

    tokenizer = Tokenizer.from_file(tokenizer_file)
    tokenizer.enable_truncation(TOKENS_MAX)
    tokenizer.enable_padding()

    def encode(texts: Sequence[str]) -> Vectors:
        encodings = tokenizer.encode_batch(list(texts))
        ids = torch.tensor([one.ids for one in encodings])
        mask = torch.tensor([one.attention_mask for one in encodings])
        with torch.no_grad():
            hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
        kept = mask.unsqueeze(-1).float()
        pooled: Vectors = ((hidden * kept).sum(1) / kept.sum(1)).numpy()
        return pooled

    return encode


@pytest.fixture(scope="module")
def reference(packaged: Pretrained) -> Reference:
    from transformers import BertModel

    model: Any = BertModel.from_pretrained(packaged.folder)
    return mean_pooling(model.eval(), str(packaged.tokenizer))


@pytest.mark.parametrize("text", HEADLINES, ids=range(len(HEADLINES)))
def test_a_text_alone_gets_the_vector_of_the_framework(text: str, encoder: Encoder, reference: Reference) -> None:
    vector = encoder.encode([text])
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, reference([text]), rtol=0, atol=TOLERANCE)


def test_a_batch_of_all_lengths_gets_the_vectors_of_the_framework(encoder: Encoder, reference: Reference) -> None:
    found, expected = encoder.encode(HEADLINES), reference(HEADLINES)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)
    assert np.abs(found[0] - found[2]).max() > 0.1  # they could be told from one another


def test_width_layers_heads_and_epsilon_are_those_of_the_configuration(packaged: Pretrained) -> None:
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=40,
        max_position_embeddings=TOKENS_MAX,
        layer_norm_eps=0.1,
    )
    torch.manual_seed(7)
    model: Any = BertModel(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    weights = {name: value.numpy() for name, value in model.eval().state_dict().items()}
    encoder = Encoder(bert_graph(weights, config.to_dict()).SerializeToString(), packaged.tokenizer)
    assert encoder.width == 24
    expected = mean_pooling(model, str(packaged.tokenizer))(HEADLINES)
    np.testing.assert_allclose(encoder.encode(HEADLINES), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("model_type", "roberta"), ("hidden_act", "relu"), ("model_type", None), ("hidden_act", None)],
)
def test_an_encoder_of_another_architecture_is_refused_with_the_cure(
    setting: str, value: str | None, packaged: Pretrained
) -> None:
    config = {**packaged.config(), setting: value}
    with pytest.raises(UnsupportedEncoderError, match=rf"{value!r}.*take a BERT encoder with gelu"):
        bert_graph({}, config)
