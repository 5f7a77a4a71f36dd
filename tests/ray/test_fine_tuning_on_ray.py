"""Fine-tuning as a job on a real Ray: what comes back, and that progress is told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from herald.inference.bert_graph import bert_graph
from herald.inference.encoder import Encoder
from herald.inference.pretrained import packaged_encoder
from herald.inference.text_model import OUTPUTS
from training.build import BuildSettings
from training.corpus.headlines import load_headlines
from training.on_ray import fine_tune
from training.targets import targets_of

# Ray and torch warn of parts of themselves when they are imported or stopped.
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("default")]


def test_a_worker_of_ray_trains_and_hands_the_weights_back() -> None:
    examples = load_headlines()[::60]
    texts, targets = [example.text for example in examples], targets_of(examples)
    told: list[tuple[str, Mapping[str, float]]] = []
    tuned = fine_tune(
        (texts, targets),
        (texts[:32], targets.of(np.arange(32))),
        settings=BuildSettings(kind="full", threads=1),
        report=lambda what, _, figures: told.append((what, figures)),
    )
    losses = [epoch["held_out_loss"] for epoch in tuned.epochs]
    assert losses[-1] < losses[0]
    assert {what for what, _ in told} >= {"starting Ray", "fine-tuning"}
    pretrained = packaged_encoder()
    before = pretrained.weights()
    assert tuned.weights.shape == (before["embeddings.word_embeddings.weight"].shape[1], OUTPUTS)
    assert np.array_equal(
        tuned.encoder["embeddings.word_embeddings.weight"], before["embeddings.word_embeddings.weight"]
    )
    deep = "encoder.layer.5.output.dense.weight"
    assert not np.array_equal(tuned.encoder[deep], before[deep])
    graph = bert_graph(tuned.encoder, pretrained.config()).SerializeToString()
    assert np.isfinite(Encoder(graph, pretrained.tokenizer).encode(texts[:2])).all()
