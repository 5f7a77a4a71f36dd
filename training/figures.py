"""From predictions and labels to figures of quality, each with its interval.

A resample of the bootstrap is a row of counts: how often it drew each example. Every figure is computed from such
rows, for many resamples at once; the figure of the set itself is that of the row of ones.

Sources: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), ch. 13, percentile intervals; C. Guo et
al., "On Calibration of Modern Neural Networks" (ICML 2017), expected calibration error; P. Koehn, "Statistical
Significance Tests for Machine Translation Evaluation" (EMNLP 2004), the paired bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from sklearn.metrics import precision_recall_fscore_support

from herald.inference.text_model import DIRECTIONS, TYPES
from herald.taxonomy import EventType
from training.evidence import Gain
from training.targets import Targets

Aspect = Literal["type", "direction", "tradable", "severity"]
"""One of the things that a model says of a headline."""
ALL_ASPECTS: frozenset[Aspect] = frozenset({"type", "direction", "tradable", "severity"})

CALIBRATION_BINS = 15
TRADABLE_FROM = 0.5
"""The probability from which a headline counts as called tradable."""
RECALL_MIN = 0.6
CONFIDENCE = 0.95
RESAMPLES, RESAMPLES_PAIRED = 500, 10_000
SEED = 20_251

_CELLS_MAX = 2_000_000
"""Most numbers in one block of resamples: what bounds the memory."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Figure = Callable[[Floats], Floats]
"""Takes how often each example was drawn, shape (resamples, n); gives a value a resample, NaN where undefined."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says of n examples, in the order of ``TYPES`` and ``DIRECTIONS``.

    ``types_p`` (n, 25) and ``directions_p`` (n, 3) are probabilities that sum to 1 in each row, ``tradable_p`` (n,) is
    a probability, ``severity`` (n,) an estimate from 0 to 1.
    """

    types_p: NDArray[np.floating[Any]]
    directions_p: NDArray[np.floating[Any]]
    tradable_p: NDArray[np.floating[Any]]
    severity: NDArray[np.floating[Any]]

    def __len__(self) -> int:
        return len(self.types_p)

    def of(self, rows: Integers) -> Predictions:
        """Return the predictions of some rows."""
        return Predictions(self.types_p[rows], self.directions_p[rows], self.tradable_p[rows], self.severity[rows])

    @property
    def types(self) -> Integers:
        """The number of each example's likeliest type, shape (n,)."""
        return np.asarray(self.types_p.argmax(axis=1), dtype=np.int64)

    @property
    def directions(self) -> Integers:
        """The number of each example's likeliest direction, shape (n,)."""
        return np.asarray(self.directions_p.argmax(axis=1), dtype=np.int64)

    @property
    def tradable(self) -> NDArray[np.bool_]:
        """Which examples are called tradable, shape (n,)."""
        return np.asarray(self.tradable_p >= TRADABLE_FROM)


class Estimate(BaseModel):
    """A figure, and the 95 % interval around it that the bootstrap over examples gives."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    low: float
    high: float


class ClassFigures(BaseModel):
    """How one type is recognised, from 0 to 1; 0 where nothing was called so. ``support`` counts the labels."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    precision: float
    recall: float
    f1: float
    support: int


class Figures(BaseModel):
    """How good predictions are on ``n`` examples.

    A figure is None where its target has no labels or where it is undefined, as precision is if nothing was called
    tradable. Macro F1 is the plain mean over the types or directions that the labels hold. ``tradable_ece`` compares
    probability and frequency of tradable, ``type_ece`` confidence in the likeliest type and its accuracy.
    ``tradable_precision_at_recall_60`` is the greatest precision of any threshold that finds at least 60 % of the
    tradable. ``per_class`` holds each type that is among the labels or was predicted.

    Chance inside the bins adds to both calibration errors, once in the value and again in each resample: the value may
    lie at or below the low end of its interval. Both overstate the error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n: int
    type_macro_f1: Estimate | None = None
    type_accuracy: Estimate | None = None
    type_ece: Estimate | None = None
    direction_macro_f1: Estimate | None = None
    tradable_average_precision: Estimate | None = None
    tradable_precision_at_recall_60: Estimate | None = None
    tradable_precision: Estimate | None = None
    tradable_recall: Estimate | None = None
    tradable_ece: Estimate | None = None
    severity_mae: Estimate | None = None
    per_class: dict[EventType, ClassFigures] | None = None


@dataclass(frozen=True, slots=True)
class Bins:
    """Examples grouped by confidence: mean confidence, share that came true (NaN where empty) and count, each (15,)."""

    confidence: Floats
    frequency: Floats
    count: Integers


def judge(
    predictions: Predictions,
    targets: Targets,
    *,
    what: frozenset[Aspect] = ALL_ASPECTS,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> Figures:
    """Compare predictions with the labels of the targets named in ``what``; the labels of others are not read.

    The same seed gives the same intervals. A resample in which a figure is undefined does not count for it. Raises
    ``ValueError`` where there is nothing to judge, shapes do not fit, or a value is out of its range.
    """
    check_fit(predictions, targets, what)
    if resamples < 1:
        raise ValueError(f"{resamples} resamples give no interval; take {RESAMPLES}")
    estimates = _estimates(_figures(predictions, targets, what), len(targets), seed, resamples)
    per_class = _per_class(predictions.types, targets.types) if "type" in what else None
    return Figures(n=len(targets), per_class=per_class, **estimates)


def correctness(predictions: Predictions, targets: Targets, aspect: Aspect) -> Floats:
    """Return a score an example, shape (n,): 1 where right and 0 where wrong; for severity 1 less the absolute error.

    Raises ``ValueError`` as ``judge`` does.
    """
    check_fit(predictions, targets, frozenset({aspect}))
    if aspect == "type":
        return np.asarray(predictions.types == targets.types, dtype=np.float64)
    if aspect == "direction":
        return np.asarray(predictions.directions == targets.directions, dtype=np.float64)
    if aspect == "tradable":
        return np.asarray(predictions.tradable == (targets.tradable == 1), dtype=np.float64)
    return 1.0 - _absolute_error(predictions, targets)


def paired_gain(
    correct_a: NDArray[Any], correct_b: NDArray[Any], seed: int = SEED, *, resamples: int = RESAMPLES_PAIRED
) -> Gain:
    """Test whether b is better than a on the same examples, by the paired bootstrap of scores of shape (n,).

    The gain is the mean of b - a. The p-value is one-sided, the share of resamples in which b gains nothing, with one
    added above and below so that it is never 0 (A. Davison, D. Hinkley, "Bootstrap Methods and their Application",
    1997, eq. 4.11). Raises ``ValueError`` where the scores are empty, not finite, or not of one shape.
    """
    a, b = np.asarray(correct_a, dtype=np.float64), np.asarray(correct_b, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ValueError(f"scores of shape {a.shape} and {b.shape} are no pairs; give one score an example to each")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("scores hold NaN or infinity; score every example")
    if resamples < 1:
        raise ValueError(f"{resamples} resamples give no test; take {RESAMPLES_PAIRED}")
    steps, counts = np.unique(b - a, return_counts=True)
    draws = _resamples(counts, resamples, np.random.default_rng(seed))
    gains = np.concatenate([drawn @ steps for drawn in draws]) / len(a)
    low, high = _interval(gains)
    return Gain(
        mean=float(np.mean(b - a)), low=low, high=high, p_value=float((1 + (gains <= 0).sum()) / (1 + resamples))
    )


def calibration_bins(confidence: NDArray[Any], came_true: NDArray[Any]) -> Bins:
    """Group examples by confidence into ``CALIBRATION_BINS`` bins of equal width, (0, 1/15] to (14/15, 1]."""
    numbers = _bin_numbers(confidence)
    count = np.bincount(numbers, minlength=CALIBRATION_BINS)
    with np.errstate(invalid="ignore"):
        return Bins(
            confidence=np.bincount(numbers, confidence, CALIBRATION_BINS) / count,
            frequency=np.bincount(numbers, came_true, CALIBRATION_BINS) / count,
            count=count,
        )


def check_fit(predictions: Predictions, targets: Targets, what: frozenset[Aspect]) -> None:
    """Raise ``ValueError`` where predictions and targets are not of the same examples or hold impossible values."""
    if not what or not what <= ALL_ASPECTS:
        raise ValueError(f"{sorted(what)} is not to be judged; take some of {sorted(ALL_ASPECTS)}")
    n = len(targets)
    if not n:
        raise ValueError("there are no examples to judge; give at least one")
    pairs: Mapping[Aspect, tuple[NDArray[Any], tuple[int, ...], NDArray[Any], int]] = {
        "type": (predictions.types_p, (n, len(TYPES)), targets.types, len(TYPES) - 1),
        "direction": (predictions.directions_p, (n, len(DIRECTIONS)), targets.directions, len(DIRECTIONS) - 1),
        "tradable": (predictions.tradable_p, (n,), targets.tradable, 1),
        "severity": (predictions.severity, (n,), targets.severity, 1),
    }
    for aspect in sorted(what):
        said, shape, labels, largest = pairs[aspect]
        if said.shape != shape or labels.shape != (n,):
            raise ValueError(f"{aspect}: {said.shape} said of labels of shape {labels.shape}; {shape} and {(n,)} fit")
        if not ((said >= 0) & (said <= 1)).all():
            raise ValueError(f"{aspect}: what is said is not all from 0 to 1; give probabilities")
        whole = aspect == "severity" or (labels == np.round(labels)).all()
        if not (whole and ((labels >= 0) & (labels <= largest)).all()):
            raise ValueError(
                f"{aspect}: a label is none of 0 to {largest}; leave {aspect!r} out where it has no labels"
            )


def _figures(predictions: Predictions, targets: Targets, what: frozenset[Aspect]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    if "type" in what:
        right = (predictions.types == targets.types).astype(np.float64)
        figures["type_macro_f1"] = _macro_f1(predictions.types, targets.types, len(TYPES))
        figures["type_accuracy"] = _mean(right)
        figures["type_ece"] = _calibration_error(predictions.types_p.max(axis=1), right)
    if "direction" in what:
        figures["direction_macro_f1"] = _macro_f1(predictions.directions, targets.directions, len(DIRECTIONS))
    if "tradable" in what:
        is_tradable, called = targets.tradable.astype(np.float64), predictions.tradable.astype(np.float64)
        figures["tradable_average_precision"] = _average_precision(predictions.tradable_p, is_tradable)
        figures["tradable_precision_at_recall_60"] = _precision_at_recall(predictions.tradable_p, is_tradable)
        figures["tradable_precision"] = _share_of(is_tradable, called)
        figures["tradable_recall"] = _share_of(called, is_tradable)
        figures["tradable_ece"] = _calibration_error(predictions.tradable_p, is_tradable)
    if "severity" in what:
        figures["severity_mae"] = _mean(_absolute_error(predictions, targets))
    return figures


def _estimates(figures: Mapping[str, Figure], n: int, seed: int, resamples: int) -> dict[str, Estimate | None]:
    ones = np.ones(n, dtype=np.int64)
    values = {name: float(figure(ones[None].astype(np.float64))[0]) for name, figure in figures.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in figures}
    for counts in _resamples(ones, resamples, np.random.default_rng(seed)):
        for name, figure in figures.items():
            drawn[name].append(figure(counts))
    estimates: dict[str, Estimate | None] = {}
    for name, value in values.items():
        all_drawn = np.concatenate(drawn[name])
        defined = all_drawn[np.isfinite(all_drawn)]
        known = np.isfinite(value) and defined.size
        low, high = _interval(defined) if known else (value, value)
        estimates[name] = Estimate(value=value, low=low, high=high) if known else None
    return estimates


def _resamples(counts: Integers, resamples: int, generator: np.random.Generator) -> Iterator[Floats]:
    """Draw n of n things with replacement, many times: ``counts`` says how many of each sort there are."""
    n = int(counts.sum())
    block = max(1, _CELLS_MAX // len(counts))
    for begin in range(0, resamples, block):
        size = min(block, resamples - begin)
        yield generator.multinomial(n, counts / n, size=size).astype(np.float64)


def _interval(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _mean(scores: Floats) -> Figure:
    return lambda drawn: drawn @ scores / len(scores)


def _share_of(part: Floats, whole: Floats) -> Figure:
    """Return the share of ``whole`` that is ``part``, both 0 or 1: precision and recall, as the two are given."""
    return lambda drawn: _divided(drawn @ (part * whole), drawn @ whole)


def _macro_f1(predicted: Integers, labels: Integers, many: int) -> Figure:
    """F1 of a class is 2 TP / (predicted + labelled); the mean is over the classes that a resample's labels hold."""
    said, true = np.eye(many)[predicted], np.eye(many)[labels]

    def figure(drawn: Floats) -> Floats:
        support = drawn @ true
        f1 = _divided(2 * (drawn @ (said * true)), drawn @ said + support)
        return np.asarray(np.where(support > 0, f1, 0.0).sum(axis=1) / (support > 0).sum(axis=1))

    return figure


def _calibration_error(confidence: NDArray[Any], came_true: Floats) -> Figure:
    """Guo et al. 2017, eq. 3: the sum over bins of |came true - confidence|, divided by n."""
    in_bin = np.eye(CALIBRATION_BINS)[_bin_numbers(confidence)]
    excess = in_bin * (came_true - confidence)[:, None]
    return lambda drawn: np.abs(drawn @ excess).sum(axis=1) / len(came_true)


def _average_precision(confidence: NDArray[Any], is_true: Floats) -> Figure:
    """The sum over thresholds of precision times the recall that each adds, as scikit-learn defines it."""
    points = _precision_recall(confidence, is_true)

    def figure(drawn: Floats) -> Floats:
        precision, recall = points(drawn)
        return np.asarray((np.diff(recall, axis=1, prepend=0.0) * np.nan_to_num(precision)).sum(axis=1))

    return figure


def _precision_at_recall(confidence: NDArray[Any], is_true: Floats) -> Figure:
    points = _precision_recall(confidence, is_true)

    def figure(drawn: Floats) -> Floats:
        precision, recall = points(drawn)
        greatest = np.where(recall >= RECALL_MIN, precision, -1.0).max(axis=1)
        return np.where(np.isnan(recall[:, -1]), np.nan, greatest)

    return figure


def _precision_recall(confidence: NDArray[Any], is_true: Floats) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Return precision and recall at each distinct confidence, falling, shapes (resamples, thresholds)."""
    order = np.argsort(-confidence, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(confidence[order])), len(order) - 1)

    def points(drawn: Floats) -> tuple[Floats, Floats]:
        found = np.cumsum(drawn[:, order] * is_true[order], axis=1)[:, last_of_ties]
        called = np.cumsum(drawn[:, order], axis=1)[:, last_of_ties]
        return _divided(found, called), _divided(found, found[:, -1:])

    return points


def _divided(above: Floats, below: Floats) -> Floats:
    """Divide, with NaN where ``below`` is 0."""
    quotients: Floats = np.full(above.shape, np.nan)
    return np.divide(above, below, out=quotients, where=np.broadcast_to(below > 0, above.shape))


def _bin_numbers(confidence: NDArray[Any]) -> Integers:
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)[1:-1]
    return np.asarray(np.digitize(confidence, edges, right=True), dtype=np.int64)


def _absolute_error(predictions: Predictions, targets: Targets) -> Floats:
    return np.abs(predictions.severity.astype(np.float64) - targets.severity)


def _per_class(predicted: Integers, labels: Integers) -> dict[EventType, ClassFigures]:
    present = np.union1d(predicted, labels)
    columns = precision_recall_fscore_support(labels, predicted, labels=present, zero_division=0)
    return {
        TYPES[number]: ClassFigures(precision=precision, recall=recall, f1=f1, support=support)
        for number, precision, recall, f1, support in zip(present, *columns, strict=True)
    }
