"""Simple readers to judge a model by: one that never reads, and one that counts words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge

from herald.inference.text_model import DIRECTIONS, TYPES
from training.figures import Predictions
from training.targets import Targets

INVERSE_PENALTY = 10.0
"""C of scikit-learn's logistic regression: vectors of unit length want less of a penalty than its default."""
RIDGE_PENALTY = 1.0
ROUNDS_MAX = 1_000


def majority(train_targets: Targets, n: int) -> Predictions:
    """Say the same of n examples: the shares that the labels have in training, and their median severity.

    The likeliest type and direction are thus the most frequent ones. Raises ``ValueError`` without training examples.
    """
    if not len(train_targets):
        raise ValueError("there are no training examples to count; give at least one")
    return Predictions(
        types_p=np.tile(_shares(train_targets.types, len(TYPES)), (n, 1)),
        directions_p=np.tile(_shares(train_targets.directions, len(DIRECTIONS)), (n, 1)),
        tradable_p=np.full(n, train_targets.tradable.mean(dtype=np.float64)),
        severity=np.full(n, float(np.median(train_targets.severity))),
    )


def tfidf(train_texts: Sequence[str], train_targets: Targets, texts: Sequence[str]) -> Predictions:
    """Learn from the words and pairs of words of ``train_texts``, weighted by TF-IDF, and say what ``texts`` are.

    Type, direction and tradable come from logistic regressions, severity from a ridge regression cut to 0 to 1. A class
    that training lacks has probability 0. The same arguments give the same answer. Raises ``ValueError`` where
    ``train_texts`` hold no words or are not one a target.
    """
    if len(train_texts) != len(train_targets):
        raise ValueError(f"{len(train_texts)} texts for {len(train_targets)} targets; give one text a target")
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    known = vectorizer.fit_transform(train_texts)
    if not len(texts):
        return majority(train_targets, 0)
    asked = vectorizer.transform(texts)
    ridge = Ridge(alpha=RIDGE_PENALTY).fit(known, train_targets.severity)
    return Predictions(
        types_p=_probabilities(known, train_targets.types, asked, len(TYPES)),
        directions_p=_probabilities(known, train_targets.directions, asked, len(DIRECTIONS)),
        tradable_p=_probabilities(known, train_targets.tradable.astype(np.int64), asked, 2)[:, 1],
        severity=np.clip(ridge.predict(asked), 0.0, 1.0),
    )


def _shares(labels: NDArray[np.int64], many: int) -> NDArray[np.float64]:
    return np.bincount(labels, minlength=many) / len(labels)


def _probabilities(
    known: csr_matrix, labels: NDArray[np.int64], asked: csr_matrix, many: int
) -> NDArray[np.floating[Any]]:
    """Return the probability of each of ``many`` classes, shape (asked, many)."""
    present = np.unique(labels)
    filled = np.zeros((asked.shape[0], many))
    if len(present) == 1:
        filled[:, present] = 1.0
        return filled
    regression = LogisticRegression(C=INVERSE_PENALTY, max_iter=ROUNDS_MAX).fit(known, labels)
    filled[:, regression.classes_] = regression.predict_proba(asked)
    return filled
