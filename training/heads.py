"""Linear heads on ready features: quick to train, and half of every model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from herald.documents import Document
from herald.inference.text_model import DIRECTIONS, OUTPUTS, TYPES
from training.targets import Targets

_SEVERITY_EDGE = 0.02


class HeadSettings(Document):
    """Regularisation of the heads: ``c`` as in scikit-learn's ``LogisticRegression``, ``ridge`` for severity."""

    c: float = 6.0
    ridge: float = 1.0
    iterations_max: int = 200
    tolerance: float = 1e-3


def fit_heads(
    features: Any, targets: Targets, settings: HeadSettings
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit one head an output; returns weights of shape (features, OUTPUTS) and bias (OUTPUTS,).

    ``features`` is an array or sparse matrix of shape (n, features). Types and directions are weighted so that each
    counts the same in all. Severity is fitted on its log-odds. A class that is absent gets a bias that rules it out.
    """
    weights = np.zeros((features.shape[1], OUTPUTS), dtype=np.float32)
    bias = np.zeros(OUTPUTS, dtype=np.float32)
    many, ways = len(TYPES), len(DIRECTIONS)
    for begin, count, labels in ((0, many, targets.types), (many, ways, targets.directions)):
        fitted = _classifier(settings, class_weight="balanced").fit(features, labels)
        bias[begin : begin + count] = ABSENT
        weights[:, begin + fitted.classes_] = _both_ways(fitted.coef_).T
        bias[begin + fitted.classes_] = _both_ways(fitted.intercept_[:, None]).ravel()
    tradable = _classifier(settings).fit(features, targets.tradable.astype(np.int64))
    weights[:, -2], bias[-2] = tradable.coef_[0], tradable.intercept_[0]
    share = np.clip(targets.severity, _SEVERITY_EDGE, 1 - _SEVERITY_EDGE)
    severity = Ridge(alpha=settings.ridge).fit(features, np.log(share / (1 - share)))
    weights[:, -1], bias[-1] = severity.coef_, severity.intercept_
    return weights, bias


ABSENT = -12.0
"""Bias of a class that no example has."""


def _classifier(settings: HeadSettings, **options: Any) -> LogisticRegression:
    return LogisticRegression(C=settings.c, max_iter=settings.iterations_max, tol=settings.tolerance, **options)


def _both_ways(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give a fit of two classes one row a class, as a fit of more has."""
    return np.concatenate([-coefficients, coefficients]) / 2 if len(coefficients) == 1 else coefficients
