"""Words, pairs of words and evidence as sparse features, hashed: no vocabulary is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize

WORD_BUCKETS, EVIDENCE_BUCKETS = 2**15, 2**11
BUCKETS = WORD_BUCKETS + EVIDENCE_BUCKETS
EVIDENCE_SHARE = 0.5
"""Weight of one piece of evidence beside a headline's words, whose weights have length one."""

_words = HashingVectorizer(n_features=WORD_BUCKETS, ngram_range=(1, 2), alternate_sign=False, norm=None)
_evidence = FeatureHasher(n_features=EVIDENCE_BUCKETS, input_type="string", alternate_sign=False)


def word_counts(texts: Sequence[str]) -> csr_matrix:
    """Return how often each bucket's words stand in each text, shape (texts, WORD_BUCKETS)."""
    return csr_matrix(_words.transform(texts))


def inverse_frequency(counts: csr_matrix) -> NDArray[np.float32]:
    """Return each bucket's smoothed inverse document frequency, ln((1 + n) / (1 + df)) + 1, shape (WORD_BUCKETS,)."""
    documents = np.bincount(counts.indices, minlength=WORD_BUCKETS)
    return np.asarray(np.log((1 + counts.shape[0]) / (1 + documents)) + 1, dtype=np.float32)


def word_features(
    texts: Sequence[str], evidence: Sequence[Sequence[str]], frequencies: NDArray[np.float32]
) -> csr_matrix:
    """Return features of shape (texts, BUCKETS): words by sublinear tf-idf of length one, then evidence."""
    counts = word_counts(texts)
    counts.data = (1 + np.log(counts.data)) * frequencies[counts.indices]
    seen = _evidence.transform(evidence) * EVIDENCE_SHARE
    return csr_matrix(hstack([normalize(counts, copy=False), seen]), dtype=np.float32)
