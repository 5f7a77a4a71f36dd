"""A model as a folder of files: what is saved is loaded, and what does not fit is refused with its cure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from herald.inference.encoder import Encoder
from herald.inference.pretrained import Pretrained
from herald.inference.text_model import (
    CARD,
    DIRECTIONS,
    GRAPH,
    HEADS,
    OUTPUTS,
    TOKENIZER,
    TYPES,
    Heads,
    ModelCard,
    ModelUnusableError,
    TextModel,
    load_model,
    probabilities,
    save_model,
    sigmoid,
    softmax,
    unit,
)
from herald.inference.words import BUCKETS, WORD_BUCKETS, word_features
from herald.taxonomy import Direction, EventType

TEXTS = ("Binance Will List Solana (SOL)", "Fed", "Sui DEX Cetus hacked, $220M drained")
EVIDENCE = (("rule:announcement-listing", "tradable:True"), (), ("kind:asset", "type:HACK"))
CARD_OF_TESTS = ModelCard(
    name="tiny", kind="quick", encoder="all-MiniLM-L6-v2", corpus_sha256="c0ffee", rules_version="r1", trained_on=9
)
Array = NDArray[np.float32]
Folder = Callable[[], Path]


def random_heads(width: int) -> Heads:
    random = np.random.default_rng(11)

    def drawn(*shape: int) -> Array:
        return random.normal(size=shape).astype(np.float32)

    return Heads(
        weights=drawn(width, OUTPUTS),
        word_weights=drawn(BUCKETS, OUTPUTS),
        bias=drawn(OUTPUTS),
        frequencies=1 + np.abs(drawn(WORD_BUCKETS)),
        shift=drawn(OUTPUTS),
        prototypes=unit(drawn(5, width)),
    )


@pytest.fixture(scope="module")
def model(encoder: Encoder) -> TextModel:
    return TextModel(CARD_OF_TESTS, encoder, random_heads(encoder.width))


@pytest.fixture(scope="module")
def saved(
    model: TextModel, encoder_graph: bytes, packaged: Pretrained, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("models") / "new" / "tiny"
    save_model(folder, model.card, encoder_graph, packaged.tokenizer, model.heads)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    """The saved model under another name, to be spoilt: its files are links until they are replaced."""
    return Path(shutil.copytree(saved, tmp_path / "copied", copy_function=os.link))


def replace_card(folder: Path, **changes: object) -> None:
    (folder / CARD).unlink()
    (folder / CARD).write_text(CARD_OF_TESTS.model_copy(update=changes).model_dump_json(), "utf-8")


def replace_heads(folder: Path, **changes: Array) -> None:
    arrays = asdict(random_heads(384)) | changes
    (folder / HEADS).unlink()
    np.savez(folder / HEADS, **arrays)


def card_with(**changes: float) -> ModelCard:
    return CARD_OF_TESTS.model_copy(update=changes)


def test_a_loaded_model_judges_as_the_saved_one_did(model: TextModel, saved: Path) -> None:
    loaded = load_model(saved)
    assert loaded.card == model.card
    assert loaded.judge(TEXTS, EVIDENCE) == model.judge(TEXTS, EVIDENCE)


def test_a_model_is_not_saved_over_another(model: TextModel, saved: Path, packaged: Pretrained) -> None:
    with pytest.raises(FileExistsError):
        save_model(saved, model.card, b"", packaged.tokenizer, model.heads)
    assert (saved / GRAPH).stat().st_size > 0


def test_a_judgement_holds_probabilities_of_everything(model: TextModel) -> None:
    judgements = model.judge(TEXTS, EVIDENCE)
    assert len(judgements) == len(TEXTS)
    for one in judgements:
        assert tuple(one.event_types) == tuple(EventType)
        assert tuple(one.directions) == tuple(Direction)
        assert sum(one.event_types.values()) == pytest.approx(1, abs=1e-5)
        assert sum(one.directions.values()) == pytest.approx(1, abs=1e-5)
        assert 0 <= min(one.tradable_p, one.severity) <= max(one.tradable_p, one.severity) <= 1
        assert one.event_type_p == max(one.event_types.values())
        assert one.directions[one.direction] == max(one.directions.values())
        assert one.model == "tiny"


def test_a_headline_is_judged_alone_as_in_a_batch(model: TextModel) -> None:
    together = model.judge(TEXTS, EVIDENCE)
    alone = [model.judge([text], [evidence])[0] for text, evidence in zip(TEXTS, EVIDENCE, strict=True)]
    for one, other in zip(together, alone, strict=True):
        assert one.event_types == pytest.approx(other.event_types, abs=1e-4)
        assert one.directions == pytest.approx(other.directions, abs=1e-4)
        assert (one.tradable_p, one.severity) == pytest.approx((other.tradable_p, other.severity), abs=1e-4)
    assert together[0].event_types != pytest.approx(together[2].event_types, abs=1e-2)


def test_evidence_is_weighed(model: TextModel) -> None:
    bare, seen = model.judge([TEXTS[0]] * 2, [(), EVIDENCE[0]])
    assert bare.event_types != pytest.approx(seen.event_types, abs=1e-3)
    assert bare.familiarity == seen.familiarity


def test_no_texts_get_no_judgements(model: TextModel) -> None:
    assert model.judge([], []) == []


def test_familiarity_is_the_likeness_to_the_nearest_prototype(model: TextModel, encoder: Encoder) -> None:
    known = unit(encoder.encode(TEXTS[:2]))
    heads = replace(model.heads, prototypes=known)
    judgements = TextModel(card_with(unfamiliar_below=0.99), encoder, heads).judge(TEXTS, EVIDENCE)
    third = unit(encoder.encode([TEXTS[2]]))[0]
    expected = [1.0, 1.0, max(known @ third)]
    assert [one.familiarity for one in judgements] == pytest.approx(expected, abs=1e-5)
    assert [one.unfamiliar for one in judgements] == [False, False, True]


def test_a_model_without_a_bound_finds_nothing_unfamiliar(model: TextModel, encoder: Encoder) -> None:
    heads = replace(model.heads, prototypes=np.zeros((1, encoder.width), dtype=np.float32))
    assert not TextModel(card_with(unfamiliar_below=0.0), encoder, heads).judge(TEXTS[:1], EVIDENCE[:1])[0].unfamiliar


@pytest.mark.parametrize(
    "name",
    [
        CARD,
        HEADS,
        GRAPH,
        TOKENIZER,
    ],
)
@pytest.mark.parametrize("left", [None, b"not what it was"], ids=["missing", "damaged"])
def test_a_model_with_a_missing_or_damaged_file_is_refused_with_the_cure(
    name: str, left: bytes | None, copied: Path
) -> None:
    (copied / name).unlink()
    if left is not None:
        (copied / name).write_bytes(left)
    with pytest.raises(
        ModelUnusableError, match=r"copied: no usable (?:model|encoder) .*train one with `herald train`"
    ):
        load_model(copied)


def test_a_folder_that_is_not_there_is_refused_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusableError, match=r"nowhere: no usable model .*train one with `herald train`"):
        load_model(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "changes", [{"types": TYPES[::-1]}, {"types": TYPES[:-1]}, {"directions": (*DIRECTIONS, "SIDEWAYS")}]
)
def test_a_model_of_another_taxonomy_is_refused_with_the_cure(changes: dict[str, object], copied: Path) -> None:
    replace_card(copied, **changes, taxonomy="0.9")
    with pytest.raises(ModelUnusableError, match=r"was trained for taxonomy 0\.9, this is .*; train it again"):
        load_model(copied)


def test_a_card_that_says_more_than_is_known_is_refused(copied: Path) -> None:
    card = CARD_OF_TESTS.model_dump_json().replace("{", '{"pooling": "max", ', 1)
    (copied / CARD).unlink()
    (copied / CARD).write_text(card, "utf-8")
    with pytest.raises(ModelUnusableError, match="pooling"):
        load_model(copied)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("weights", (768, OUTPUTS)),
        ("weights", (384, OUTPUTS - 1)),
        ("word_weights", (BUCKETS // 2, OUTPUTS)),
        ("frequencies", (9,)),
        ("prototypes", (5, 768)),
        ("bias", (3,)),
        ("shift", (3,)),
    ],
)
def test_heads_that_do_not_fit_are_refused_with_the_cure(name: str, shape: tuple[int, ...], copied: Path) -> None:
    replace_heads(copied, **{name: np.ones(shape, dtype=np.float32)})
    with pytest.raises(ModelUnusableError, match="train it again"):
        load_model(copied)


def test_the_logits_are_the_sum_of_both_readers_bias_and_shift(model: TextModel) -> None:
    heads = model.heads
    random = np.random.default_rng(3)
    vectors = unit(random.normal(size=(2, heads.weights.shape[0])).astype(np.float32))
    words = word_features(TEXTS[:2], EVIDENCE[:2], heads.frequencies)
    expected = vectors @ heads.weights + words.toarray() @ heads.word_weights + heads.bias + heads.shift
    found = heads.logits(vectors, words)
    assert found.shape == (2, OUTPUTS)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_each_output_has_its_place_among_the_logits() -> None:
    logits = np.zeros((OUTPUTS, OUTPUTS), dtype=np.float32)
    np.fill_diagonal(logits, 9.0)
    types, directions, tradable, severity = probabilities(logits, CARD_OF_TESTS)
    ways = len(TYPES) + len(DIRECTIONS)
    assert [int(row.argmax()) for row in types[: len(TYPES)]] == list(range(len(TYPES)))
    assert [int(row.argmax()) for row in directions[len(TYPES) : ways]] == list(range(len(DIRECTIONS)))
    assert [row for row in range(OUTPUTS) if tradable[row] > 0.9] == [ways]
    assert [row for row in range(OUTPUTS) if severity[row] > 0.9] == [ways + 1]


def test_a_temperature_divides_the_logits_that_it_is_for() -> None:
    logits = np.linspace(-2, 2, OUTPUTS, dtype=np.float32)[None]
    card = card_with(type_temperature=2.0, direction_temperature=0.5, tradable_temperature=4.0)
    types, directions, tradable, severity = probabilities(logits, card)
    many, ways = len(TYPES), len(DIRECTIONS)
    np.testing.assert_allclose(types, softmax(logits[:, :many] / 2.0), rtol=1e-6)
    np.testing.assert_allclose(directions, softmax(logits[:, many : many + ways] / 0.5), rtol=1e-6)
    np.testing.assert_allclose(tradable, sigmoid(logits[:, -2] / 4.0), rtol=1e-6)
    np.testing.assert_allclose(severity, sigmoid(logits[:, -1]), rtol=1e-6)


def test_the_softmax_is_that_of_the_formula_and_bears_any_logits() -> None:
    logits = np.asarray([[0.0, 1.0, -2.0]], dtype=np.float32)
    powers = np.exp(logits)
    np.testing.assert_allclose(softmax(logits), powers / powers.sum(), rtol=1e-6)
    np.testing.assert_allclose(softmax(logits + 1_000.0), softmax(logits), rtol=1e-4)
    extreme = softmax(np.asarray([[3e38, -3e37, 0.0], [-1e5, -1e5, -1e5]], dtype=np.float32))
    np.testing.assert_allclose(extreme, [[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6)


def test_the_sigmoid_is_that_of_the_formula_and_bears_any_logit() -> None:
    logits = np.asarray([-4.0, -0.5, 0.0, 0.5, 4.0], dtype=np.float32)
    np.testing.assert_allclose(sigmoid(logits), 1 / (1 + np.exp(-logits)), rtol=1e-6)
    extreme = sigmoid(np.asarray([-3e38, -200.0, 200.0, 3e38], dtype=np.float32))
    assert extreme.tolist() == [0.0, 0.0, 1.0, 1.0]
    assert extreme.dtype == np.float32


def test_vectors_are_scaled_to_length_one_and_nothing_stays_nothing() -> None:
    scaled = unit(np.asarray([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32))
    np.testing.assert_allclose(scaled, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-6)
