"""Linear heads: they learn what can be learned, each output in its place."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from herald.inference.text_model import DIRECTIONS, OUTPUTS, TYPES, sigmoid, softmax
from herald.taxonomy import Direction, EventType
from training.heads import ABSENT, HeadSettings, fit_heads
from training.targets import Targets

MANY, WAYS = len(TYPES), len(DIRECTIONS)
LISTING, HACK, OTHER = (TYPES.index(one) for one in (EventType.LISTING, EventType.HACK, EventType.OTHER))
BULL, BEAR = DIRECTIONS.index(Direction.BULL), DIRECTIONS.index(Direction.BEAR)
Floats = NDArray[np.float32]


def made(counts: tuple[int, ...] = (40, 40, 40)) -> tuple[Floats, Targets]:
    """Three types in clusters of their own, two directions; severity is linear in its log-odds."""
    draw = np.random.default_rng(3)
    kinds = np.repeat([LISTING, HACK, OTHER], counts)
    centres = {LISTING: (2, 0, 0), HACK: (0, 2, 0), OTHER: (0, 0, 2)}
    features = np.asarray([centres[kind] for kind in kinds]) + draw.normal(scale=0.5, size=(len(kinds), 3))
    targets = Targets(
        types=kinds.astype(np.int64),
        directions=np.where(features[:, 0] > 1, BULL, BEAR).astype(np.int64),
        tradable=(kinds != OTHER).astype(np.float32),
        severity=sigmoid((features[:, 1] - 0.5).astype(np.float32)),
    )
    return features.astype(np.float32), targets


def test_heads_say_what_they_were_fitted_on() -> None:
    features, targets = made()
    weights, bias = fit_heads(features, targets, HeadSettings())
    assert (weights.shape, bias.shape) == ((3, OUTPUTS), (OUTPUTS,))
    assert weights.dtype == bias.dtype == np.float32
    logits = features @ weights + bias
    assert (logits[:, :MANY].argmax(axis=1) == targets.types).mean() > 0.95
    assert (logits[:, MANY : MANY + WAYS].argmax(axis=1) == targets.directions).mean() > 0.95
    assert ((logits[:, -2] > 0) == (targets.tradable == 1)).mean() > 0.95
    assert np.abs(sigmoid(logits[:, -1]) - targets.severity).max() < 0.03


def test_sparse_features_give_the_same_heads() -> None:
    features, targets = made()
    settings = HeadSettings(tolerance=1e-6)
    weights, bias = fit_heads(features, targets, settings)
    sparse_weights, sparse_bias = fit_heads(csr_matrix(features), targets, settings)
    assert sparse_weights == pytest.approx(weights, abs=0.02)
    assert sparse_bias == pytest.approx(bias, abs=0.02)


def test_a_class_that_no_example_has_is_ruled_out() -> None:
    features, targets = made()
    weights, bias = fit_heads(features, targets, HeadSettings())
    absent = [number for number in range(MANY) if number not in {LISTING, HACK, OTHER}]
    assert (bias[absent] == ABSENT).all()
    assert not weights[:, absent].any()
    assert softmax((features @ weights + bias)[:, :MANY])[:, absent].max() < 1e-3
    unknown = MANY + DIRECTIONS.index(Direction.UNKNOWN)
    assert bias[unknown] == ABSENT


def test_two_classes_get_the_probabilities_of_the_regression() -> None:
    features, targets = made()
    settings = HeadSettings()
    weights, bias = fit_heads(features, targets, settings)
    logits = (features @ weights + bias)[:, [MANY + BULL, MANY + BEAR]]
    fitted = LogisticRegression(
        C=settings.c, max_iter=settings.iterations_max, tol=settings.tolerance, class_weight="balanced"
    ).fit(features, targets.directions)
    assert softmax(logits) == pytest.approx(fitted.predict_proba(features), abs=1e-4)


def test_a_rare_type_weighs_as_much_as_a_common_one() -> None:
    features, targets = made((300, 20, 20))
    weights, bias = fit_heads(features, targets, HeadSettings(c=0.01))
    between = np.asarray([[1.0, 1.0, 0.0]], dtype=np.float32) @ weights + bias
    assert abs(between[0, LISTING] - between[0, HACK]) < 0.3


def test_a_smaller_c_gives_smaller_weights() -> None:
    features, targets = made()
    strict, _ = fit_heads(features, targets, HeadSettings(c=0.01, ridge=1000.0))
    free, _ = fit_heads(features, targets, HeadSettings(c=30.0, ridge=0.1))
    sizes = np.linalg.norm(strict, axis=0), np.linalg.norm(free, axis=0)
    fitted = sizes[1] > 0
    assert (sizes[0][fitted] < sizes[1][fitted]).all()


def test_a_severity_of_nothing_or_all_is_no_infinite_log_odds() -> None:
    features, targets = made()
    edges = np.where(targets.types == HACK, 1.0, 0.0).astype(np.float32)
    extreme = Targets(targets.types, targets.directions, targets.tradable, edges)
    weights, bias = fit_heads(features, extreme, HeadSettings())
    said = sigmoid((features @ weights + bias)[:, -1])
    assert np.isfinite(weights).all()
    assert np.isfinite(bias).all()
    assert said[edges == 1].mean() > 0.8
    assert said[edges == 0].mean() < 0.2
