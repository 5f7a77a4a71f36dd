"""Judging a model on its sets, beside the rules and other baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from herald.inference.text_model import DIRECTIONS, TYPES, TextModel
from herald.news.judgement import Judgement
from herald.news.reading import Reading
from herald.taxonomy import Direction, EventType
from training.baselines import tfidf
from training.behaviour.checks import Capability
from training.build import Corpus
from training.corpus.headlines import Example
from training.corpus.outside import LabelledSet
from training.corpus.splits import Part
from training.evaluation import (
    MAJORITY,
    MODEL,
    OWN_TEST,
    RULES,
    TFIDF,
    Evaluated,
    EvaluationSet,
    baselines_of,
    behave,
    draw,
    evaluate,
    evaluation_sets,
    gains,
    pooled_gains,
    predictions_of,
    predictions_of_rules,
)
from training.figures import ALL_ASPECTS, Aspect, Estimate, Predictions, judge
from training.targets import Targets, targets_of

LISTING, HACK, OTHER = EventType.LISTING, EventType.HACK, EventType.OTHER
BULL, BEAR, UNKNOWN = Direction.BULL, Direction.BEAR, Direction.UNKNOWN
COINS = ("Sui", "Aptos", "Celestia", "Arbitrum", "Render", "Injective", "Kaspa", "Toncoin")


def read(text: str) -> tuple[Reading, tuple[str, ...]]:
    """Know one rule."""
    hacked = "drained" in text
    reading = Reading(
        event_type=HACK if hacked else OTHER,
        direction=BEAR if hacked else UNKNOWN,
        severity=0.9 if hacked else 0.0,
        confidence=0.8 if hacked else 0.3,
        tradable=hacked,
    )
    return reading, (f"says:{text.split(maxsplit=1)[0]}",)


def judgement(
    event_type: EventType = OTHER, direction: Direction = UNKNOWN, tradable_p: float = 0.0, severity: float = 0.1
) -> Judgement:
    types = {one: 0.76 if one is event_type else 0.01 for one in reversed(TYPES)}
    ways = {one: 0.8 if one is direction else 0.1 for one in reversed(DIRECTIONS)}
    return Judgement(types, ways, tradable_p, severity, familiarity=1.0, unfamiliar=False, model="fake")


@dataclass
class Oracle:
    """Answers as a model does: right where it knows the text, else always the same."""

    known: dict[str, Example] = field(default_factory=dict)
    asked: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def judge(self, texts: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[Judgement]:
        self.asked |= {text: tuple(seen) for text, seen in zip(texts, evidence, strict=True)}
        return [self._said(self.known.get(text)) for text in texts]

    def _said(self, one: Example | None) -> Judgement:
        return (
            judgement() if one is None else judgement(one.event_type, one.direction, float(one.tradable), one.severity)
        )


def model_that_knows(examples: Sequence[Example] = ()) -> TextModel:
    return cast("TextModel", Oracle({one.text: one for one in examples}))


def headlines() -> list[Example]:
    found = []
    for coin in COINS:
        found += [
            Example(f"Venue will list {coin} today", LISTING, BULL, tradable=True, severity=0.5),
            Example(f"{coin} bridge drained by hacker", HACK, BEAR, tradable=True, severity=0.9),
            Example(f"Why {coin} fans like the rain", OTHER, UNKNOWN, tradable=False, severity=0.1),
        ]
    return found


@pytest.fixture
def corpus() -> Corpus:
    """Twelve headlines to train on, twelve to test on."""
    examples = headlines()
    parts = (Part.TRAIN,) * 12 + (Part.TEST,) * 12
    return Corpus(
        tuple(examples), tuple(read(one.text)[1] for one in examples), parts, targets_of(examples), len(examples)
    )


@pytest.fixture
def outside() -> LabelledSet:
    examples = headlines()[:2]
    return LabelledSet("elsewhere", tuple(one.text for one in examples), targets_of(examples), frozenset({"direction"}))


def whole(examples: Sequence[Example], name: str = "a set") -> EvaluationSet:
    labelled = LabelledSet(name, tuple(one.text for one in examples), targets_of(examples), frozenset(ALL_ASPECTS))
    readings, evidence = zip(*(read(one.text) for one in examples), strict=True)
    return EvaluationSet(labelled, readings, evidence)


def value(estimate: Estimate | None) -> float:
    assert estimate is not None
    return estimate.value


# -- sets ---------------------------------------------------------------------------------------------------------


def test_the_test_part_comes_first_with_all_labels_and_then_what_comes_from_outside(
    corpus: Corpus, outside: LabelledSet
) -> None:
    own, other = evaluation_sets(corpus, [outside], read)
    assert own.labelled.name == OWN_TEST
    assert own.labelled.texts == tuple(one.text for one in corpus.examples[12:])
    assert own.what == ALL_ASPECTS
    assert own.labelled.targets.types.tolist() == corpus.targets.types[12:].tolist()
    assert other.labelled is outside
    assert other.what == frozenset({"direction"})


def test_every_headline_of_a_set_is_read_by_the_rules(corpus: Corpus, outside: LabelledSet) -> None:
    for one in evaluation_sets(corpus, [outside], read):
        assert list(zip(one.readings, one.evidence, strict=True)) == [read(text) for text in one.labelled.texts]


def test_a_model_is_given_the_evidence_of_the_rules_and_judged_on_the_labels_that_there_are(
    corpus: Corpus, outside: LabelledSet
) -> None:
    oracle = Oracle({one.text: one for one in corpus.examples})
    found = evaluate(cast("TextModel", oracle), evaluation_sets(corpus, [outside], read)[1])
    assert found.name == "elsewhere"
    assert oracle.asked == {text: read(text)[1] for text in outside.texts}
    figures = found.figures[MODEL]
    assert value(figures.direction_macro_f1) == 1
    assert figures.n == 2
    assert figures.type_accuracy is figures.tradable_recall is figures.severity_mae is None


def test_a_model_that_knows_all_is_better_than_one_that_knows_half() -> None:
    examples = headlines()
    right, half = (evaluate(model_that_knows(known), whole(examples)) for known in (examples, examples[::2]))
    assert value(right.figures[MODEL].type_accuracy) == value(right.figures[MODEL].tradable_recall) == 1
    assert value(right.figures[MODEL].severity_mae) == pytest.approx(0, abs=1e-6)
    assert 0.4 < value(half.figures[MODEL].type_accuracy) < 0.8


def test_baselines_stand_beside_the_model() -> None:
    examples = headlines()
    one = whole(examples)
    found = evaluate(model_that_knows(examples), one, {RULES: predictions_of_rules(one.readings)})
    assert list(found.figures) == list(found.predictions) == [MODEL, RULES]
    assert value(found.figures[RULES].type_accuracy) == pytest.approx(2 / 3)
    assert value(found.figures[MODEL].type_accuracy) == 1


def test_each_set_gets_the_baselines_of_its_own_texts(corpus: Corpus, outside: LabelledSet) -> None:
    sets = evaluation_sets(corpus, [outside], read)
    found = baselines_of(sets, corpus)
    train = corpus.rows(Part.TRAIN)
    for one, baselines in zip(sets, found, strict=True):
        assert list(baselines) == [MAJORITY, TFIDF, RULES]
        assert {len(predictions) for predictions in baselines.values()} == {len(one.labelled.texts)}
        alone = tfidf(corpus.texts(train), corpus.targets.of(train), one.labelled.texts)
        assert baselines[TFIDF].types_p == pytest.approx(alone.types_p)
        assert baselines[RULES].types.tolist() == [TYPES.index(reading.event_type) for reading in one.readings]
    assert np.ptp(found[0][MAJORITY].types_p, axis=0).max() == 0


# -- predictions --------------------------------------------------------------------------------------------------


def test_judgements_become_arrays_in_the_models_order() -> None:
    found = predictions_of([judgement(HACK, BEAR, 0.7, 0.9), judgement(LISTING, BULL, 0.2, 0.3)])
    assert found.types.tolist() == [TYPES.index(HACK), TYPES.index(LISTING)]
    assert found.directions.tolist() == [DIRECTIONS.index(BEAR), DIRECTIONS.index(BULL)]
    assert found.types_p.sum(axis=1) == pytest.approx([1, 1])
    assert found.types_p[0, TYPES.index(HACK)] == 0.76
    assert found.tradable_p.tolist() == [0.7, 0.2]
    assert found.severity.tolist() == [0.9, 0.3]


def test_rules_put_nearly_all_on_what_they_said() -> None:
    said = Reading(event_type=HACK, direction=BEAR, severity=0.7, confidence=0.9, tradable=True)
    silent = Reading(confidence=0.9)
    found = predictions_of_rules([said, silent])
    assert found.types.tolist() == [TYPES.index(HACK), TYPES.index(OTHER)]
    assert found.directions.tolist() == [DIRECTIONS.index(BEAR), DIRECTIONS.index(UNKNOWN)]
    for shares in (found.types_p, found.directions_p):
        assert shares.sum(axis=1) == pytest.approx([1, 1])
        assert shares.max(axis=1) == pytest.approx([0.98, 0.98])
        assert shares.min() > 0
    assert found.tradable.tolist() == [True, False]
    assert found.severity.tolist() == [0.7, 0.0]


def test_what_rules_call_not_tradable_has_no_chance_however_sure_they_are() -> None:
    assert predictions_of_rules([Reading(event_type=HACK, confidence=1.0, tradable=False)]).tradable_p.tolist() == [0]


# -- gains --------------------------------------------------------------------------------------------------------


def pair(examples: Sequence[Example], right: Sequence[Example], name: str) -> tuple[Evaluated, Evaluated]:
    """Return a champion that knows nothing and a challenger that knows some."""
    one = whole(examples, name)
    return evaluate(model_that_knows(), one), evaluate(model_that_knows(right), one)


@pytest.fixture(scope="module")
def hacks() -> tuple[Evaluated, Evaluated]:
    """Eight hacks, all of which the challenger alone knows."""
    examples = [one for one in headlines() if one.event_type is HACK]
    return pair(examples, examples, "hacks")


def test_what_the_challenger_knows_more_is_a_gain_and_the_other_way_round_a_loss(
    hacks: tuple[Evaluated, Evaluated],
) -> None:
    champion, challenger = hacks
    gained = gains(champion, challenger, ALL_ASPECTS)
    assert list(gained) == ["type", "direction", "tradable"]
    assert all(gain.mean == 1 and gain.is_better and gain.p_value < 0.01 for gain in gained.values())
    lost = gains(challenger, champion, ALL_ASPECTS)
    assert all(gain.mean == -1 and gain.is_worse and gain.p_value == 1 for gain in lost.values())


def test_a_model_gains_nothing_over_itself(hacks: tuple[Evaluated, Evaluated]) -> None:
    for gain in gains(hacks[1], hacks[1], ALL_ASPECTS).values():
        assert (gain.mean, gain.low, gain.high) == (0, 0, 0)
        assert not gain.is_better
        assert not gain.is_worse


def test_a_gain_is_told_only_of_what_has_labels(hacks: tuple[Evaluated, Evaluated]) -> None:
    asked: frozenset[Aspect] = frozenset({"direction", "severity"})
    assert list(gains(*hacks, asked)) == ["direction"]


def test_pooled_each_example_counts_once_whatever_set_it_is_of(hacks: tuple[Evaluated, Evaluated]) -> None:
    examples = headlines()
    nothing_new = pair(examples, [], "all")
    pooled = pooled_gains([hacks, nothing_new], [ALL_ASPECTS, ALL_ASPECTS])
    assert pooled["type"].mean == pytest.approx(8 / (8 + len(examples)))
    assert pooled["type"].is_better
    backwards = [(challenger, champion) for champion, challenger in (hacks, nothing_new)]
    worse = pooled_gains(backwards, [ALL_ASPECTS, ALL_ASPECTS])
    assert worse["type"].mean == pytest.approx(-pooled["type"].mean)
    assert worse["type"].is_worse


def test_a_set_is_pooled_only_for_what_it_has_labels_of(hacks: tuple[Evaluated, Evaluated]) -> None:
    nothing_new = pair(headlines(), [], "all")
    direction: frozenset[Aspect] = frozenset({"direction"})
    types: frozenset[Aspect] = frozenset({"type"})
    pooled = pooled_gains([hacks, nothing_new], [direction, types])
    assert list(pooled) == ["type", "direction"]
    assert pooled["direction"].mean == 1
    assert pooled["type"].mean == 0


# -- behaviour and plots ------------------------------------------------------------------------------------------


def test_behaviour_is_tested_with_the_evidence_of_the_rules() -> None:
    oracle = Oracle()
    report = behave(cast("TextModel", oracle), read)
    assert [one.capability for one in report.capabilities] == list(Capability)
    assert len(oracle.asked) > 100
    assert all(seen == read(text)[1] for text, seen in oracle.asked.items())
    rates = {one.capability: one.pass_rate for one in report.capabilities}
    assert rates[Capability.INVARIANCE] == 1  # it always says the same
    assert rates[Capability.TRADABILITY_FLIPS] == 0
    assert report.failed_capabilities()


def drawable(name: str, targets: Targets, tradable_p: NDArray[np.float64]) -> Evaluated:
    n = len(targets)
    said = Predictions(np.eye(len(TYPES))[targets.types], np.full((n, 3), 1 / 3), tradable_p, np.full(n, 0.5))
    predictions = {MODEL: said, MAJORITY: said, RULES: replace(said, tradable_p=targets.tradable)}
    figures = {who: judge(one, targets, resamples=2) for who, one in predictions.items()}
    return Evaluated(name, figures, predictions, targets)


@pytest.fixture
def judged() -> Evaluated:
    examples = headlines()
    return drawable("Crypto news, by hand", targets_of(examples), np.linspace(0, 1, len(examples)))


def test_plots_are_written_into_a_folder_named_like_the_set(judged: Evaluated, tmp_path: Path) -> None:
    paths = draw(judged, ALL_ASPECTS, tmp_path)
    folder = tmp_path / "crypto-news--by-hand"
    assert [path.name for path in paths] == ["confusion.png", "classes.png", "calibration.png", "tradable.png"]
    assert sorted(paths) == sorted(folder.iterdir())
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_only_what_has_labels_is_drawn(judged: Evaluated, tmp_path: Path) -> None:
    types: frozenset[Aspect] = frozenset({"type", "direction"})
    direction: frozenset[Aspect] = frozenset({"direction"})
    assert [path.name for path in draw(judged, types, tmp_path / "a")] == ["confusion.png", "classes.png"]
    assert draw(judged, direction, tmp_path / "b") == []


def test_what_the_rules_call_tradable_counts_as_called_tradable() -> None:
    reading = Reading(event_type=EventType.HACK, confidence=0.425, tradable=True)
    assert predictions_of_rules([reading]).tradable.tolist() == [True]
