"""From scores to probabilities that can be believed."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from herald.inference.text_model import DIRECTIONS, OUTPUTS, TYPES, Array, sigmoid, softmax
from training.corpus.outside import LABELS
from training.targets import Targets

TYPE_SHIFT_SHARE = 0.25
"""How far the types move towards the mix of real feeds. In full, rare types would hardly ever be said."""
SOFTENING = (1.25, 1.15, 1.7)
"""How much softer type, direction and tradable are said than the held-out part of the corpus asks for.

Feeds are less like the train part than that is, and a model is less often right on them than it believes. Chosen on the
labelled outside headlines, where the calibration error of type falls from 0.09 to 0.04, of tradable from 0.08 to 0.05.
"""
_TEMPERATURES = (0.2, 5.0)
_EDGE = 1e-7


def fit_temperatures(logits: Array, targets: Targets) -> tuple[float, float, float]:
    """Return the temperatures of type, direction and tradable that make the held-out labels likeliest.

    ``logits`` has shape (n, OUTPUTS). Temperature scaling as in Guo et al., On Calibration of Modern Neural Networks
    (2017).
    """
    many, ways = len(TYPES), len(DIRECTIONS)
    return (
        _temperature(lambda t: _log_loss(softmax(logits[:, :many] / t), targets.types)),
        _temperature(lambda t: _log_loss(softmax(logits[:, many : many + ways] / t), targets.directions)),
        _temperature(lambda t: _binary_loss(sigmoid(logits[:, -2] / t), targets.tradable)),
    )


def softened(temperatures: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return temperatures for feeds from those of the held-out part."""
    types, directions, tradable = (one * more for one, more in zip(temperatures, SOFTENING, strict=True))
    return types, directions, tradable


def shift_to_feeds(targets: Targets, tradable_temperature: float, labels: Path = LABELS) -> NDArray[np.float32]:
    """Return what to add to the logits so that they fit the mix of real feeds, shape (OUTPUTS,).

    A corpus holds as many examples of a rare type as of a common one; a feed does not. By Bayes' rule the log-odds
    move by the difference of the log priors; the priors of feeds are counted in the randomly drawn labels, each count
    raised by one. ``tradable_temperature`` is that of the held-out part: softening it for feeds weakens the shift too.
    """
    with labels.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["stratum"] == "random"]
    counts = Counter(row["event_type"] for row in rows)
    real = np.asarray([counts[one] + 1 for one in TYPES], dtype=np.float64)
    own = np.full(len(TYPES), len(targets.types) / len(TYPES))  # the heads weigh every type the same
    shift = np.zeros(OUTPUTS, dtype=np.float32)
    shift[: len(TYPES)] = TYPE_SHIFT_SHARE * (np.log(real / real.sum()) - np.log(own / own.sum()))
    real_tradable = (sum(row["tradable"] == "1" for row in rows) + 1) / (len(rows) + 2)
    own_tradable = (float(targets.tradable.sum()) + 1) / (len(targets) + 2)
    shift[-2] = tradable_temperature * (_log_odds(real_tradable) - _log_odds(own_tradable))
    return shift


def _temperature(loss: object) -> float:
    return float(minimize_scalar(loss, bounds=_TEMPERATURES, method="bounded").x)


def _log_loss(shares: Array, labels: NDArray[np.int64]) -> float:
    return float(-np.log(shares[np.arange(len(labels)), labels] + _EDGE).mean())


def _binary_loss(shares: Array, labels: NDArray[np.float32]) -> float:
    return float(-(labels * np.log(shares + _EDGE) + (1 - labels) * np.log(1 - shares + _EDGE)).mean())


def _log_odds(share: float) -> float:
    return float(np.log(share / (1 - share)))
