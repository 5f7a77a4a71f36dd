"""Learning whether two headlines report one event, from the project's own pairs.

The pairs were written to be hard. Those of one event are worded apart, those of two events are worded alike, so that
on them likeness speaks against sameness, which in feeds it never does. Three things keep the model from learning that:
the weight of the cosine is given, no weight may have the sign that its feature forbids, and the figures are calibrated
on pairs of strangers as well.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from herald.inference.pretrained import open_packaged_encoder
from herald.inference.text_model import unit
from herald.news.sameness import FEATURES, SamenessModel, SamenessWeights, features
from training.corpus.pairs import Pair, load_pairs

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""From n texts to unit vectors of shape (n, width)."""
Vectors = Mapping[str, NDArray[np.float32]]

MODEL = Path(__file__).parents[1] / "herald" / "news" / "sameness.json"
SEED = 20_251
FOLDS = 5
COSINE_SLOPE = 15.0
"""How fast the log-odds rise with the cosine, before calibration. Set by hand, on outside headlines of general news."""
INVERSE_PENALTY = 0.3
"""C of the logistic regression, as scikit-learn has it."""
GAP_POWER = 1.0
"""Beyond a day the odds fall as the days pass. Set by hand: the pairs bear no times."""
STRANGERS = 1_100
STRANGER_COSINE_MAX = 0.5
AGREEING = frozenset(
    {"cosine", "word_overlap", "containment", "bigrams", "trigrams", "length_ratio", "numbers_shared", "names_shared"}
)
"""Features that may only speak for one event; the others only against it."""
_UNPENALISED = 1e6
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class _Line:
    """A linear model on standardised features: log-odds are (x - mean) / scale @ weight + bias."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: float

    def log_odds(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (rows - self.mean) / self.scale @ self.weight + self.bias
        return found


@dataclass(frozen=True, slots=True)
class _Judged:
    """Log-odds of pairs by lines that did not see them, with their labels and folds; each of shape (n,)."""

    log_odds: NDArray[np.float64]
    same: NDArray[np.int64]
    fold: NDArray[np.int64]


def packaged_encode(*, threads: int = 1) -> Encode:
    """Return the function that encodes with the packaged encoder. Raises ``EncoderNotFoundError``."""
    encoder = open_packaged_encoder(threads=threads)
    return lambda texts: unit(encoder.encode(texts))


def fit_sameness(pairs: Sequence[Pair], encode: Encode, seed: int = SEED) -> SamenessWeights:
    """Fit the model, with its cross-validated figures. The same pairs, encoder and seed give the same weights.

    The folds keep together all pairs that share a headline, directly or through others. Figures are of the given pairs
    alone, each judged by a line that did not see its fold and calibrated on the judgements of the other folds. Platt
    scaling as in Platt, Probabilistic Outputs for Support Vector Machines (1999), without his change of targets.
    """
    texts = sorted({text for pair in pairs for text in (pair.a, pair.b)})
    vectors = dict(zip(texts, encode(texts), strict=True))
    group_of = _groups(texts, [(pair.a, pair.b) for pair in pairs])
    every = (*pairs, *implied_pairs(pairs))
    away = _strangers(texts, vectors, group_of, seed)
    rows, foreign = _rows(every, vectors), _rows(away, vectors)
    same = np.asarray([pair.same for pair in every], dtype=np.int64)
    groups = np.asarray([group_of[pair.a] for pair in every])
    folds = _folds(rows, groups, seed)
    judged = _held_out(rows, same, folds, foreign)
    given = len(pairs)
    figures = _figures(same[:given], _calibrated(judged)[:given], rows[:given, FEATURES.index("cosine")])
    counts = {"pairs": given, "implied_pairs": len(every) - given, "groups": len(set(group_of.values()))}
    return _weights(_fit_line(rows, same), _platt(judged.log_odds, judged.same), {**counts, **figures})


def implied_pairs(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Return the pairs that follow from the given ones: what is the same as the same is the same, and so on."""
    texts = sorted({text for pair in pairs for text in (pair.a, pair.b)})
    event_of = _groups(texts, [(pair.a, pair.b) for pair in pairs if pair.same])
    tellings: dict[int, list[str]] = {}
    for text in texts:
        tellings.setdefault(event_of[text], []).append(text)
    known = {frozenset((pair.a, pair.b)) for pair in pairs}
    found: list[Pair] = []
    for pair in pairs:
        for a, b in product(tellings[event_of[pair.a]], tellings[event_of[pair.b]]):
            if a != b and frozenset((a, b)) not in known:
                known.add(frozenset((a, b)))
                found.append(Pair(pair.same, a, b, pair.place))
    return tuple(found)


def write_weights(weights: SamenessWeights, path: Path = MODEL) -> None:
    """Write a fitted model as JSON."""
    path.write_text(json.dumps(weights.model_dump(mode="json"), indent=1) + "\n", "utf-8")


def read_model(path: Path = MODEL) -> SamenessModel:
    """Read a fitted model. Raises ``ConfigurationError`` where it does not fit this version."""
    return SamenessModel.parse(path.read_text("utf-8"), path.name)


def _groups(texts: Sequence[str], links: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Number the groups of texts that are linked, directly or through others."""
    number = {text: i for i, text in enumerate(texts)}
    ends = np.asarray([(number[a], number[b]) for a, b in links], dtype=np.int64).reshape(-1, 2)
    shape = (len(texts), len(texts))
    _, groups = connected_components(coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape), directed=False)
    return {text: int(group) for text, group in zip(texts, groups, strict=True)}


def _strangers(texts: Sequence[str], vectors: Vectors, group_of: Mapping[str, int], seed: int) -> tuple[Pair, ...]:
    """Draw pairs of headlines that have nothing to do with each other."""
    draw = random.Random(seed)  # noqa: S311 - a sample that can be drawn again, no secret
    found: list[Pair] = []
    for _ in range(100 * STRANGERS):
        if len(found) == STRANGERS or len(texts) < 2:  # noqa: PLR2004 - a pair
            break
        a, b = draw.sample(texts, 2)
        if group_of[a] != group_of[b] and vectors[a] @ vectors[b] < STRANGER_COSINE_MAX:
            found.append(Pair(same=False, a=a, b=b))
    return tuple(found)


def _rows(pairs: Sequence[Pair], vectors: Vectors) -> NDArray[np.float64]:
    rows = [features(pair.a, pair.b, float(vectors[pair.a] @ vectors[pair.b])) for pair in pairs]
    return np.asarray(rows, dtype=np.float64).reshape(-1, len(FEATURES))


def _folds(rows: NDArray[np.float64], groups: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    folds = np.empty(len(rows), dtype=np.int64)
    splits = GroupKFold(FOLDS, shuffle=True, random_state=seed).split(rows, groups=groups)
    for fold, (_, held_out) in enumerate(splits):
        folds[held_out] = fold
    return folds


def _held_out(
    rows: NDArray[np.float64], same: NDArray[np.int64], folds: NDArray[np.int64], foreign: NDArray[np.float64]
) -> _Judged:
    """Judge each fold, and its share of the strangers, by a line fitted to the other folds."""
    found, foreign_folds = np.empty(len(rows)), np.arange(len(foreign)) % FOLDS
    found_foreign = np.empty(len(foreign))
    for fold in range(FOLDS):
        line = _fit_line(rows[folds != fold], same[folds != fold])
        found[folds == fold] = line.log_odds(rows[folds == fold])
        found_foreign[foreign_folds == fold] = line.log_odds(foreign[foreign_folds == fold])
    return _Judged(
        log_odds=np.concatenate((found, found_foreign)),
        same=np.concatenate((same, np.zeros(len(foreign), dtype=np.int64))),
        fold=np.concatenate((folds, foreign_folds)),
    )


def _calibrated(judged: _Judged) -> NDArray[np.float64]:
    """Turn log-odds into probabilities, those of each fold calibrated on the other folds."""
    found = np.empty(len(judged.log_odds))
    for fold in range(FOLDS):
        inside = judged.fold == fold
        slope, shift = _platt(judged.log_odds[~inside], judged.same[~inside])
        found[inside] = 1.0 / (1.0 + np.exp(-slope * judged.log_odds[inside] - shift))
    return found


def _fit_line(rows: NDArray[np.float64], same: NDArray[np.int64]) -> _Line:
    """Fit a logistic regression with a penalty on squares, the cosine's weight given, all signs kept."""
    scaler = StandardScaler().fit(rows)
    z, sign = scaler.transform(rows), 2.0 * same - 1.0
    at = FEATURES.index("cosine")
    weight = COSINE_SLOPE * scaler.scale_[at]
    given, z[:, at] = weight * z[:, at], 0.0

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w, bias = parameters[:-1], parameters[-1]
        margin = sign * (z @ w + bias + given)
        pull = -sign / (1.0 + np.exp(margin))
        total = np.logaddexp(0.0, -margin).sum() + 0.5 / INVERSE_PENALTY * (w @ w)
        return float(total), np.append(z.T @ pull + w / INVERSE_PENALTY, pull.sum())

    bounds = [(0.0, None) if name in AGREEING else (None, 0.0) for name in FEATURES]
    start = np.zeros(len(FEATURES) + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)]).x
    weights = np.where(np.arange(len(FEATURES)) == at, weight, found[:-1])
    return _Line(scaler.mean_, scaler.scale_, weights, float(found[-1]))


def _platt(log_odds: NDArray[np.float64], same: NDArray[np.int64]) -> tuple[float, float]:
    """Return the slope and shift that make log-odds fit the labels."""
    model = LogisticRegression(C=_UNPENALISED).fit(log_odds[:, None], same)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _figures(
    same: NDArray[np.int64], probability: NDArray[np.float64], cosine: NDArray[np.float64]
) -> Mapping[str, float]:
    share = float(same.mean())
    return {
        "same_share": round(share, 4),
        "average_precision": round(float(average_precision_score(same, probability)), 4),
        "average_precision_of_cosine": round(float(average_precision_score(same, cosine)), 4),
        "brier": round(float(brier_score_loss(same, probability)), 4),
        "brier_of_share": round(share * (1.0 - share), 4),
    }


def _weights(line: _Line, platt: tuple[float, float], figures: Mapping[str, float]) -> SamenessWeights:
    slope, shift = platt
    return SamenessWeights(
        features=FEATURES,
        mean=_rounded(line.mean),
        scale=_rounded(line.scale),
        weight=_rounded(slope * line.weight),
        bias=round(slope * line.bias + shift, _DECIMALS),
        gap_power=GAP_POWER,
        figures=figures,
    )


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), _DECIMALS) for value in values)


if __name__ == "__main__":
    write_weights(fit_sameness(load_pairs(), packaged_encode(threads=2)))
