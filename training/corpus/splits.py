"""Train, calibrate, test: split so that no headline of one part reads like one of another."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from training.corpus.headlines import Example, key_of

SEED = 20_251
LIKENESS_MAX = 0.55
"""Jaccard likeness of masked words from which two headlines count as one pattern and stay together."""
BLOCK = 512
CALIBRATION_SHARE, TEST_SHARE = 0.12, 0.12

_NUMBER = re.compile(r"\d[\d,.]*")
_WORD = re.compile(r"\w+")


class Part(StrEnum):
    """What a headline is used for."""

    TRAIN = "train"
    CALIBRATION = "calibration"
    TEST = "test"


def split(examples: Sequence[Example], seed: int = SEED) -> tuple[Part, ...]:
    """Return the part of each example: whole patterns go together, drawn by their text and the seed.

    What is drawn does not depend on the other headlines, so that a corpus that grows keeps its test set.
    """
    groups = patterns_of([masked_words(example) for example in examples])
    first: dict[int, Example] = {}
    for example, group in zip(examples, groups, strict=True):
        kept = first.setdefault(group, example)
        if example.text < kept.text:
            first[group] = example
    parts = {group: _draw(example.text, seed) for group, example in first.items()}
    return tuple(parts[group] for group in groups)


def unlike_held(own: Sequence[Example], examples: Sequence[Example], parts: Sequence[Part]) -> tuple[Example, ...]:
    """Return those of ``own`` that may train beside ``examples``: nothing that is held out reads like them.

    Held out are the parts for calibration and test. What ``examples`` hold already in the same words is left out, too.
    """
    if not own:
        return ()
    held = [masked_words(example) for example, part in zip(examples, parts, strict=True) if part is not Part.TRAIN]
    near = likeness([masked_words(example) for example in own], held, LIKENESS_MAX).getnnz(axis=1)
    known = {key_of(example.text) for example in examples}
    return tuple(
        example for example, alike in zip(own, near, strict=True) if not alike and key_of(example.text) not in known
    )


def likeness(left: Sequence[frozenset[str]], right: Sequence[frozenset[str]], least: float = 0.0) -> csr_matrix:
    """Return the Jaccard likeness of the pairs that share a word and have at least ``least``.

    The shape is (len(left), len(right)). A block of rows is looked at at a time, since most pairs share a common word.
    """
    words = {word: i for i, word in enumerate(sorted(frozenset().union(*left, *right)))}
    a, b = _incidence(left, words), _incidence(right, words).T.tocsr()
    sizes_a, sizes_b = (np.asarray([len(one) for one in side], dtype=np.float32) for side in (left, right))
    rows, columns, values = [], [], []
    for begin in range(0, len(left), BLOCK):
        shared = (a[begin : begin + BLOCK] @ b).tocoo()
        found = shared.data / (sizes_a[begin + shared.row] + sizes_b[shared.col] - shared.data)
        kept = found >= least
        rows.append(begin + shared.row[kept])
        columns.append(shared.col[kept])
        values.append(found[kept])
    place = np.concatenate(rows), np.concatenate(columns)
    return csr_matrix((np.concatenate(values), place), shape=(len(left), len(right)))


def patterns_of(texts: Sequence[frozenset[str]]) -> list[int]:
    """Number the groups of texts that read alike, directly or through others."""
    _, groups = connected_components(likeness(texts, texts, LIKENESS_MAX), directed=False)
    return [int(group) for group in groups]


def masked_words(example: Example) -> frozenset[str]:
    """Return the words of a headline with names and numbers masked, so that a pattern is seen through its fillings."""
    pieces, read_to = [], 0
    for span in example.spans:
        pieces += [example.text[read_to : span.start], f" _{span.kind.value.casefold()}_ "]
        read_to = span.end
    masked = _NUMBER.sub(" _n_ ", "".join((*pieces, example.text[read_to:])).casefold())
    counts = Counter(_WORD.findall(masked))
    return frozenset(f"{word}{i or ''}" for word, count in counts.items() for i in range(count))


def _incidence(texts: Sequence[frozenset[str]], words: dict[str, int]) -> csr_matrix:
    columns = [words[word] for text in texts for word in sorted(text)]
    starts = np.cumsum([0, *(len(text) for text in texts)])
    return csr_matrix((np.ones(len(columns), dtype=np.float32), columns, starts), shape=(len(texts), len(words)))


def _draw(text: str, seed: int) -> Part:
    digest = hashlib.sha256(f"{seed}:{text}".encode()).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    if share < TEST_SHARE:
        return Part.TEST
    return Part.CALIBRATION if share < TEST_SHARE + CALIBRATION_SHARE else Part.TRAIN
