"""A model that costs what any costs and knows nothing: the packaged encoder with heads of zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from herald.inference.bert_graph import bert_graph
from herald.inference.pretrained import packaged_encoder
from herald.inference.text_model import OUTPUTS, Heads, ModelCard, save_model
from herald.inference.words import BUCKETS, WORD_BUCKETS

PROTOTYPES = 64


def write_bare_model(folder: Path) -> Path:
    """Write the model's files into ``folder`` and return it. Needs no training."""
    pretrained = packaged_encoder()
    graph = bert_graph(pretrained.weights(), pretrained.config()).SerializeToString()
    width = int(pretrained.config()["hidden_size"])
    heads = Heads(
        weights=np.zeros((width, OUTPUTS), np.float32),
        word_weights=np.zeros((BUCKETS, OUTPUTS), np.float32),
        bias=np.zeros(OUTPUTS, np.float32),
        frequencies=np.ones(WORD_BUCKETS, np.float32),
        shift=np.zeros(OUTPUTS, np.float32),
        prototypes=np.eye(PROTOTYPES, width, dtype=np.float32),
    )
    card = ModelCard(
        name="bare", kind="bare", encoder="packaged", corpus_sha256="", rules_version="", trained_on=0,
        unfamiliar_below=-1.0,
    )  # fmt: skip
    save_model(folder, card, graph, pretrained.tokenizer, heads)
    return folder
