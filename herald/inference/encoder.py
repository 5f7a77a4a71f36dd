"""From headlines to vectors: a tokenizer and a compiled encoder on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from herald.inference.bert_graph import IDS, MASK, POOLED

TOKENS_MAX = 96
"""Longer headlines are cut: what comes later is clutter."""
BATCH_MAX = 32


class Encoder:
    """Reads headlines into vectors. Safe to use from one thread at a time."""

    def __init__(self, graph: Path | bytes, tokenizer: Path, *, threads: int = 1) -> None:
        """Load the graph of ``bert_graph``, as a file or as bytes, and the tokenizer's JSON file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        source = graph if isinstance(graph, bytes) else str(graph)
        self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS_MAX)
        self.width = int(self._session.get_outputs()[0].shape[1])

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one vector a text, float32 of shape (texts, width). Texts of like length share a batch."""
        vectors = np.empty((len(texts), self.width), dtype=np.float32)
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for begin in range(0, len(order), BATCH_MAX):
            chosen = order[begin : begin + BATCH_MAX]
            vectors[chosen] = self._forward([ids[i] for i in chosen])
        return vectors

    def _forward(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        tokens = np.zeros((len(ids), max(map(len, ids))), dtype=np.int32)
        mask = np.zeros_like(tokens)
        for row, one in enumerate(ids):
            tokens[row, : len(one)] = one
            mask[row, : len(one)] = 1
        pooled: NDArray[np.float32] = self._session.run([POOLED], {IDS: tokens, MASK: mask})[0]
        return pooled
