"""Figures of quality: they agree with scikit-learn and with hand-made cases, and their intervals tell of chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve

from herald.taxonomy import Direction, EventType
from training.evidence import Gain
from training.figures import (
    ALL_ASPECTS,
    Figures,
    Predictions,
    calibration_bins,
    correctness,
    judge,
    paired_gain,
)
from training.targets import Targets

TYPES, DIRECTIONS = len(EventType), len(Direction)


def made(n: int = 300, seed: int = 0, skill: float = 2.0) -> tuple[Predictions, Targets]:
    """Labels at random, and predictions that lean towards them by ``skill``. Many probabilities tie."""
    draw = np.random.default_rng(seed)
    targets = Targets(
        types=draw.integers(0, TYPES - 5, n),
        directions=draw.integers(0, DIRECTIONS, n),
        tradable=(draw.random(n) < 0.4).astype(np.float32),
        severity=draw.choice([0.1, 0.5, 0.9], n).astype(np.float32),
    )
    called = draw.normal(size=n) + skill * (targets.tradable - 0.5)
    predictions = Predictions(
        types_p=softmax(draw.normal(size=(n, TYPES)) + skill * np.eye(TYPES)[targets.types]),
        directions_p=softmax(draw.normal(size=(n, DIRECTIONS)) + skill * np.eye(DIRECTIONS)[targets.directions]),
        tradable_p=np.round(1 / (1 + np.exp(-called)), 2),
        severity=np.clip(targets.severity + 0.1 * draw.normal(size=n), 0, 1),
    )
    return predictions, targets


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True)


def saying(tradable_p: list[float]) -> Predictions:
    n = len(tradable_p)
    return Predictions(np.eye(TYPES)[[0] * n], np.eye(DIRECTIONS)[[0] * n], np.asarray(tradable_p), np.zeros(n))


def labelled(tradable: list[int]) -> Targets:
    zeros = np.zeros(len(tradable), dtype=np.int64)
    return Targets(zeros, zeros, np.asarray(tradable, dtype=np.float32), zeros.astype(np.float32))


def expected_calibration_error(confidence: np.ndarray, came_true: np.ndarray) -> float:
    error = 0.0
    for low in range(15):
        inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        if inside.any():
            error += inside.mean() * abs(confidence[inside].mean() - came_true[inside].mean())
    return error


def test_the_figures_are_those_of_scikit_learn() -> None:
    predictions, targets = made()
    figures = judge(predictions, targets, resamples=5)
    types, directions = predictions.types_p.argmax(axis=1), predictions.directions_p.argmax(axis=1)
    present = sorted(set(targets.types.tolist()))
    precision, recall, _ = precision_recall_curve(targets.tradable, predictions.tradable_p)
    called = predictions.tradable_p >= 0.5
    expected = {
        "type_macro_f1": f1_score(targets.types, types, labels=present, average="macro", zero_division=0),
        "type_accuracy": (types == targets.types).mean(),
        "type_ece": expected_calibration_error(predictions.types_p.max(axis=1), types == targets.types),
        "direction_macro_f1": f1_score(targets.directions, directions, average="macro"),
        "tradable_average_precision": average_precision_score(targets.tradable, predictions.tradable_p),
        "tradable_precision_at_recall_60": precision[recall >= 0.6].max(),
        "tradable_precision": targets.tradable[called].mean(),
        "tradable_recall": called[targets.tradable == 1].mean(),
        "tradable_ece": expected_calibration_error(predictions.tradable_p, targets.tradable),
        "severity_mae": np.abs(predictions.severity - targets.severity).mean(),
    }
    found = {name: getattr(figures, name).value for name in expected}
    assert found == pytest.approx(expected)
    assert figures.n == 300


def test_an_interval_is_that_of_figures_judged_on_drawn_examples() -> None:
    predictions, targets = made(n=120)
    figures = judge(predictions, targets, resamples=2_000)
    draw = np.random.default_rng(1)
    again = []
    for _ in range(400):
        rows = draw.integers(0, 120, 120)
        again.append(judge(predictions.of(rows), targets.of(rows), resamples=1))
    for name in ("type_macro_f1", "tradable_average_precision", "tradable_precision_at_recall_60", "tradable_ece"):
        low, high = np.quantile([getattr(one, name).value for one in again], [0.025, 0.975])
        estimate = getattr(figures, name)
        assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.03), name


def test_more_examples_give_a_narrower_interval() -> None:
    few, many = (judge(*made(n=n)).tradable_average_precision for n in (100, 1_600))
    assert few is not None
    assert many is not None
    assert few.low < few.value < few.high
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_the_same_seed_gives_the_same_figures_and_another_seed_other_intervals() -> None:
    predictions, targets = made()
    figures = judge(predictions, targets, seed=3)
    assert judge(predictions, targets, seed=3) == figures
    other = judge(predictions, targets, seed=4)
    assert other.type_macro_f1.value == figures.type_macro_f1.value
    assert other.type_macro_f1.low != figures.type_macro_f1.low


def test_perfect_predictions_have_perfect_figures() -> None:
    _, targets = made()
    truth = Predictions(
        np.eye(TYPES)[targets.types], np.eye(DIRECTIONS)[targets.directions], targets.tradable, targets.severity
    )
    figures = judge(truth, targets).model_dump()
    for name in figures.keys() - {"n", "per_class"}:
        best = 0.0 if name.endswith(("ece", "mae")) else 1.0
        assert figures[name] == {"value": best, "low": best, "high": best}, name


def test_macro_f1_is_the_mean_over_the_types_that_the_labels_hold() -> None:
    targets = replace(labelled([0, 0, 0, 0]), types=np.array([0, 0, 1, 1]))
    predictions = replace(saying([0.0] * 4), types_p=np.eye(TYPES)[[0, 0, 1, 7]])
    figures = judge(predictions, targets)
    assert figures.type_macro_f1.value == pytest.approx((1 + 2 / 3) / 2)


def test_each_class_has_its_own_figures_also_one_that_was_only_predicted() -> None:
    targets = replace(labelled([0, 0, 0, 0]), types=np.array([0, 0, 1, 2]))
    predictions = replace(saying([0.0] * 4), types_p=np.eye(TYPES)[[0, 1, 1, 7]])
    per_class = judge(predictions, targets).per_class
    names = list(EventType)
    assert set(per_class) == {names[0], names[1], names[2], names[7]}
    assert per_class[names[0]].model_dump() == pytest.approx({"precision": 1, "recall": 0.5, "f1": 2 / 3, "support": 2})
    assert per_class[names[1]].model_dump() == pytest.approx({"precision": 0.5, "recall": 1, "f1": 2 / 3, "support": 1})
    assert per_class[names[2]].model_dump() == {"precision": 0, "recall": 0, "f1": 0, "support": 1}
    assert per_class[names[7]].model_dump() == {"precision": 0, "recall": 0, "f1": 0, "support": 0}


def test_only_what_has_labels_is_judged() -> None:
    predictions, targets = made()
    unlabelled = replace(targets, types=np.full(300, -1), severity=np.full(300, np.nan, dtype=np.float32))
    figures = judge(predictions, unlabelled, what=frozenset({"direction", "tradable"}))
    filled = {name for name, value in figures.model_dump().items() if value is not None}
    assert filled == {"n", "direction_macro_f1"} | {
        name for name in Figures.model_fields if name.startswith("tradable")
    }
    assert figures.tradable_recall == judge(predictions, targets).tradable_recall


def test_figures_go_through_json_unchanged() -> None:
    figures = judge(*made())
    assert Figures.model_validate_json(figures.model_dump_json()) == figures
    assert "LISTING" in figures.model_dump(mode="json")["per_class"]


def test_precision_is_undefined_where_nothing_is_called_tradable() -> None:
    figures = judge(saying([0.1, 0.2, 0.3, 0.4]), labelled([0, 1, 0, 1]), what=frozenset({"tradable"}))
    assert figures.tradable_precision is None
    assert figures.tradable_recall.value == 0
    assert figures.tradable_average_precision.value == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_without_a_tradable_example_only_calibration_and_precision_are_defined() -> None:
    figures = judge(saying([0.1, 0.6]), labelled([0, 0]), what=frozenset({"tradable"}))
    assert figures.tradable_recall is None
    assert figures.tradable_average_precision is None
    assert figures.tradable_precision_at_recall_60 is None
    assert figures.tradable_precision.value == 0
    assert figures.tradable_ece.value == pytest.approx(0.35)


def test_resamples_in_which_a_figure_is_undefined_are_skipped() -> None:
    figures = judge(saying([0.9, 0.2, 0.1]), labelled([1, 0, 0]), what=frozenset({"tradable"}))
    recall = figures.tradable_recall
    assert (recall.value, recall.low, recall.high) == (1, 1, 1)


def test_precision_at_recall_takes_the_best_threshold_that_finds_enough() -> None:
    figures = judge(
        saying([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]), labelled([0, 1, 1, 1, 0, 1, 1]), what=frozenset({"tradable"})
    )
    assert figures.tradable_precision_at_recall_60.value == pytest.approx(3 / 4)


def test_tied_probabilities_are_taken_together_whatever_their_order() -> None:
    one = judge(saying([0.5, 0.5, 0.5, 0.1]), labelled([1, 0, 0, 1]), what=frozenset({"tradable"}))
    other = judge(saying([0.5, 0.5, 0.5, 0.1]), labelled([0, 0, 1, 1]), what=frozenset({"tradable"}))
    assert one.tradable_average_precision.value == pytest.approx(0.5 * (1 / 3) + 0.5 * (1 / 2))
    assert other.tradable_average_precision.value == one.tradable_average_precision.value


def test_bins_hold_their_upper_edge_and_say_when_they_are_empty() -> None:
    bins = calibration_bins(np.array([0.0, 1 / 15, 0.07, 1.0]), np.array([0, 1, 1, 1]))
    assert bins.count.tolist() == [2, 1, *[0] * 12, 1]
    assert bins.confidence[[0, 1, 14]] == pytest.approx([1 / 30, 0.07, 1])
    assert bins.frequency[[0, 1, 14]] == pytest.approx([0.5, 1, 1])
    assert np.isnan(bins.frequency[2:14]).all()


def test_float32_predictions_are_judged_as_float64_ones() -> None:
    predictions, targets = made()
    narrow = Predictions(
        *(getattr(predictions, f).astype(np.float32) for f in ("types_p", "directions_p", "tradable_p", "severity"))
    )
    found, expected = judge(narrow, targets, resamples=5), judge(predictions, targets, resamples=5)
    assert found.tradable_average_precision.value == pytest.approx(expected.tradable_average_precision.value)
    assert found.type_ece.value == pytest.approx(expected.type_ece.value, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"types_p": np.zeros((4, 3))}, r"type: \(4, 3\) said"),
        ({"tradable_p": np.array([0.1, np.nan, 0.2, 0.3])}, "tradable: what is said"),
        ({"tradable_p": np.array([0.1, 1.2, 0.2, 0.3])}, "tradable: what is said"),
        ({"severity": np.zeros(3)}, r"severity: \(3,\) said"),
    ],
)
def test_predictions_that_cannot_be_are_refused(change, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        judge(replace(saying([0.1] * 4), **change), labelled([0, 1, 0, 1]))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"types": np.array([0, -1, 2, 3])}, "type: a label is none of 0 to 24"),
        ({"directions": np.array([0, 3, 2, 1])}, "direction: a label is none of 0 to 2"),
        ({"tradable": np.array([0, 0.5, 1, 1])}, "tradable: a label is none of 0 to 1"),
        ({"severity": np.array([0, np.nan, 1, 1])}, "severity: a label is none of 0 to 1"),
    ],
)
def test_a_wrong_label_is_refused(change, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        judge(saying([0.1] * 4), replace(labelled([0, 1, 0, 1]), **change))


def test_nothing_to_judge_is_refused() -> None:
    with pytest.raises(ValueError, match="no examples"):
        judge(saying([0.1]).of(np.array([], dtype=np.int64)), labelled([]))
    for what in (frozenset(), frozenset({"colour"})):
        with pytest.raises(ValueError, match="is not to be judged"):
            judge(saying([0.1]), labelled([0]), what=what)
    with pytest.raises(ValueError, match="0 resamples"):
        judge(saying([0.1]), labelled([0]), resamples=0)


def test_one_example_is_enough_to_judge() -> None:
    figures = judge(saying([0.9]), labelled([1]))
    assert figures.type_accuracy.model_dump() == {"value": 1, "low": 1, "high": 1}


def test_correctness_scores_each_example() -> None:
    predictions = Predictions(
        types_p=np.eye(TYPES)[[0, 3]],
        directions_p=np.eye(DIRECTIONS)[[2, 1]],
        tradable_p=np.array([0.5, 0.4]),
        severity=np.array([0.3, 0.9]),
    )
    targets = Targets(
        types=np.array([0, 4]), directions=np.array([0, 1]), tradable=np.ones(2), severity=np.array([0.5, 0.9])
    )
    scores = {aspect: correctness(predictions, targets, aspect).tolist() for aspect in ALL_ASPECTS}
    assert scores["type"] == [1, 0]
    assert scores["direction"] == [0, 1]
    assert scores["tradable"] == [1, 0]
    assert scores["severity"] == pytest.approx([0.8, 1.0])


def test_a_gain_is_what_b_has_over_a_and_small_chance_of_luck() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.random(600) < 0.70, draw.random(600) < 0.80
    better, worse = paired_gain(a, b, 1), paired_gain(b, a, 1)
    assert better.mean == pytest.approx(b.mean() - a.mean())
    assert 0 < better.low < better.mean < better.high
    assert better.p_value < 0.01
    assert worse.mean == pytest.approx(-better.mean)
    assert worse.p_value > 0.99


def test_equal_scores_are_no_gain() -> None:
    scores = np.array([1.0, 0.0, 1.0])
    assert paired_gain(scores, scores, 1) == Gain(mean=0, low=0, high=0, p_value=1)


def test_pairing_finds_a_gain_that_unpaired_scores_would_hide() -> None:
    hardness = np.random.default_rng(0).random(200)
    gain = paired_gain(hardness * 0.9, hardness * 0.9 + 0.01, 1)
    assert (gain.low, gain.high) == pytest.approx((0.01, 0.01))
    assert 0 < gain.p_value < 0.001


def test_without_a_difference_small_p_values_are_as_rare_as_they_say() -> None:
    draw = np.random.default_rng(2)
    p_values = np.array(
        [
            paired_gain(draw.random(150) < 0.6, draw.random(150) < 0.6, seed, resamples=400).p_value
            for seed in range(400)
        ]
    )
    assert 0.06 < (p_values < 0.1).mean() < 0.14
    assert 0.42 < (p_values < 0.5).mean() < 0.58


def test_the_spread_of_a_gain_is_its_standard_error() -> None:
    draw = np.random.default_rng(3)
    steps = draw.normal(size=500)
    gain = paired_gain(np.zeros(500), steps, 5)
    expected = 2 * 1.96 * steps.std() / np.sqrt(500)
    assert gain.high - gain.low == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("a", "b", "complaint"),
    [([], [], "no pairs"), ([1.0], [1.0, 0.0], "no pairs"), ([[1.0]], [[1.0]], "no pairs"), ([np.nan], [1.0], "NaN")],
)
def test_scores_that_are_no_pairs_are_refused(a, b, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        paired_gain(np.array(a), np.array(b), 1)
