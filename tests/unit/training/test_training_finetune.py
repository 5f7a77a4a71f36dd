"""Fine-tuning on a few headlines: it learns, repeats itself, stops, and its encoder runs without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import AutoModel

from herald.inference.bert_graph import bert_graph
from herald.inference.encoder import Encoder
from herald.inference.pretrained import Pretrained, packaged_encoder
from herald.inference.text_model import OUTPUTS, TYPES, unit
from training.corpus.headlines import load_headlines
from training.finetune import SCALE, FineTuning, Reader, Tuned, Tuner, _tensors
from training.targets import Targets, targets_of

TEXTS, BATCH, EPOCHS, SEED = 64, 8, 2, 3
FEW = 16
SETTINGS = FineTuning(epochs=EPOCHS, batch=BATCH, threads=1)
STEPS_AN_EPOCH = TEXTS // BATCH

Examples = tuple[Sequence[str], Targets]


@dataclass
class Watch:
    """Keeps what a training tells, and the heads as they stood when each epoch ended."""

    tuner: Tuner
    steps_an_epoch: int
    told: list[tuple[int, int, Mapping[str, float]]] = field(default_factory=list)
    heads: list[NDArray[np.float32]] = field(default_factory=list)

    def __call__(self, done: int, steps: int, figures: Mapping[str, float]) -> None:
        self.told.append((done, steps, dict(figures)))
        if done % self.steps_an_epoch == 0:
            self.heads.append(self.tuner._reader.heads.weight.detach().numpy().copy())


@pytest.fixture(scope="module", autouse=True)
def threads_as_before() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def encoder() -> Pretrained:
    return packaged_encoder()


@pytest.fixture(scope="module")
def examples() -> Examples:
    everything = load_headlines()
    chosen = everything[:: len(everything) // TEXTS][:TEXTS]
    return [one.text for one in chosen], targets_of(chosen)


@pytest.fixture(scope="module")
def noise(examples: Examples) -> Examples:
    """The same texts with labels that mean nothing."""
    draw = np.random.default_rng(1)
    targets = Targets(
        types=draw.integers(0, len(TYPES), TEXTS),
        directions=draw.integers(0, 3, TEXTS),
        tradable=draw.integers(0, 2, TEXTS).astype(np.float32),
        severity=draw.random(TEXTS).astype(np.float32),
    )
    return examples[0], targets


def tune(
    encoder: Pretrained, train: Examples, held_out: Examples, settings: FineTuning = SETTINGS, seed: int = SEED
) -> tuple[Tuned, Watch]:
    tuner = Tuner(encoder, settings, seed=seed)
    watch = Watch(tuner, -(-len(train[0]) // settings.batch))
    return tuner.train(train, held_out, watch), watch


@pytest.fixture(scope="module")
def tuning(encoder: Pretrained, examples: Examples) -> tuple[Tuned, Watch]:
    return tune(encoder, examples, examples)


@pytest.fixture(scope="module")
def tuned(tuning: tuple[Tuned, Watch]) -> Tuned:
    return tuning[0]


def test_the_loss_falls_in_training_and_on_what_is_held_out(tuned: Tuned) -> None:
    first, second = tuned.epochs
    assert (first["epoch"], second["epoch"]) == (1, 2)
    assert second["loss"] < first["loss"] - 0.3
    assert second["held_out_loss"] < first["held_out_loss"] - 0.3


def test_what_is_held_out_is_judged_without_dropout_by_the_weights_that_are_kept(
    tuning: tuple[Tuned, Watch], examples: Examples
) -> None:
    tuned, watch = tuning
    texts, targets = examples
    tuner, labels = watch.tuner, _tensors(targets, torch.device("cpu"))
    found = tuner._held_out_loss(tuner._tokens(texts), labels, tuner._type_weights(targets))
    assert found == pytest.approx(tuned.epochs[-1]["held_out_loss"], abs=1e-6)


def test_each_step_is_told_with_the_number_of_all(tuning: tuple[Tuned, Watch]) -> None:
    told = tuning[1].told
    steps = EPOCHS * STEPS_AN_EPOCH
    assert [done for done, _, _ in told] == list(range(1, steps + 1))
    assert {all_steps for _, all_steps, _ in told} == {steps}
    assert [figures["epoch"] for _, _, figures in told] == [1] * STEPS_AN_EPOCH + [2] * STEPS_AN_EPOCH
    assert told[STEPS_AN_EPOCH - 1][2]["loss"] == pytest.approx(tuning[0].epochs[0]["loss"])


def test_the_same_seed_gives_the_same_weights(encoder: Pretrained, examples: Examples, tuned: Tuned) -> None:
    again, _ = tune(encoder, examples, examples)
    assert again.epochs == tuned.epochs
    assert np.array_equal(again.weights, tuned.weights)
    assert np.array_equal(again.bias, tuned.bias)
    assert again.encoder.keys() == tuned.encoder.keys()
    assert all(np.array_equal(again.encoder[name], tuned.encoder[name]) for name in tuned.encoder)


def test_embeddings_and_the_frozen_layers_stay_and_every_other_moves(encoder: Pretrained, tuned: Tuned) -> None:
    before = encoder.weights()
    embeddings = [name for name in tuned.encoder if name.startswith("embeddings.")]
    assert "embeddings.word_embeddings.weight" in embeddings
    assert all(np.array_equal(tuned.encoder[name], before[name]) for name in embeddings)
    layers = [name for name in tuned.encoder if name.startswith("encoder.layer.") and name.endswith(".weight")]
    assert len({name.split(".")[2] for name in layers}) == encoder.config()["num_hidden_layers"]
    frozen = [name for name in layers if int(name.split(".")[2]) < SETTINGS.frozen_layers]
    assert frozen
    assert all(np.array_equal(tuned.encoder[name], before[name]) == (name in frozen) for name in layers)


def test_the_tuned_encoder_reads_without_torch_what_it_reads_with_it(
    encoder: Pretrained, examples: Examples, tuned: Tuned
) -> None:
    texts = examples[0]
    graph = bert_graph(tuned.encoder, encoder.config()).SerializeToString()
    found = unit(Encoder(graph, encoder.tokenizer).encode(texts)) @ tuned.weights + tuned.bias
    expected = torch_logits(encoder, tuned, texts)
    assert found.shape == expected.shape == (TEXTS, OUTPUTS)
    assert np.abs(expected).max() > 1
    assert np.abs(found - expected).max() < 1e-3


def torch_logits(encoder: Pretrained, tuned: Tuned, texts: Sequence[str]) -> NDArray[np.float32]:
    """Read one headline after the other with the ``Reader`` that was trained, so that nothing is padded."""
    reader = Reader(AutoModel.from_pretrained(encoder.folder), encoder.config()["hidden_size"], dropout=0.1)
    reader.encoder.load_state_dict({name: torch.from_numpy(value) for name, value in tuned.encoder.items()})
    reader.heads.load_state_dict(
        {"weight": torch.from_numpy(tuned.weights.T / SCALE), "bias": torch.from_numpy(tuned.bias)}
    )
    reader.eval()
    tokenizer = Tokenizer.from_file(str(encoder.tokenizer))
    tokenizer.no_padding()
    with torch.no_grad():
        ids = [torch.tensor([tokenizer.encode(text).ids]) for text in texts]
        logits = torch.cat([reader(one, torch.ones_like(one)) for one in ids])
    return np.asarray(logits.numpy(), dtype=np.float32)


def impatient(encoder: Pretrained, examples: Examples, noise: Examples, patience: int) -> tuple[Tuned, Watch]:
    """Train on a few texts, one step an epoch, held against labels that mean nothing."""
    few = np.arange(FEW)
    train, held_out = ((texts[:FEW], targets.of(few)) for texts, targets in (examples, noise))
    settings = FineTuning(epochs=8, batch=FEW, threads=1, encoder_rate=1e-3, heads_rate=3e-2, patience=patience)
    return tune(encoder, train, held_out, settings)


def test_without_patience_training_ends_at_the_first_epoch_that_is_no_better_and_the_best_is_kept(
    encoder: Pretrained, examples: Examples, noise: Examples
) -> None:
    tuned, watch = impatient(encoder, examples, noise, 0)
    losses = [epoch["held_out_loss"] for epoch in tuned.epochs]
    assert 2 <= len(losses) < 8
    assert losses[-1] >= losses[-2] == min(losses)
    assert losses[:-1] == sorted(losses[:-1], reverse=True)
    kept = [np.allclose(tuned.weights, heads.T * SCALE) for heads in watch.heads]
    assert kept == [False] * (len(losses) - 2) + [True, False]
    assert [done for done, _, _ in watch.told] == list(range(1, len(losses) + 1))
    assert watch.told[-1][1] == 8


def test_patience_waits_for_that_many_epochs_more(encoder: Pretrained, examples: Examples, noise: Examples) -> None:
    losses = [epoch["held_out_loss"] for epoch in impatient(encoder, examples, noise, 1)[0].epochs]
    assert len(losses) == losses.index(min(losses)) + 3 < 8, losses


def test_a_rare_type_weighs_more_than_a_common_one(encoder: Pretrained, examples: Examples) -> None:
    types = np.asarray([0] * 16 + [1] * 4 + [2] * 44)
    tuner = Tuner(encoder, SETTINGS)
    weights = tuner._type_weights(replace(examples[1], types=types)).numpy()
    assert weights[1] == pytest.approx(2 * weights[0])  # the square root of four times as few
    assert weights[1] > weights[0] > weights[2]


def test_a_training_that_diverges_is_an_error_that_names_the_rate() -> None:
    few = load_headlines()[::800][:12]
    given = [one.text for one in few], targets_of(few)
    settings = FineTuning(epochs=2, batch=8, threads=1, encoder_rate=1e30, heads_rate=1e30)
    with pytest.raises(FloatingPointError, match="lower the encoder's rate"):
        Tuner(packaged_encoder(), settings).train(given, given, lambda *_: None)
