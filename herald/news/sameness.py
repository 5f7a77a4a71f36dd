"""How probable it is that two headlines report one event: features of the pair, and a logistic model on them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from herald.documents import Document, parse_document
from herald.news.amounts import amounts_in
from herald.news.sameness_words import (
    ACTIONS,
    AFTERMATH,
    ASSETS,
    COMMON,
    DIGEST,
    HEDGES,
    KEPT,
    NEGATIVES,
    OPPOSITES,
    PARTIES,
    PLACES,
    ROUGHLY,
    STAGES,
    SURE,
    alike,
    is_known,
    is_named,
    join_phrases,
    key_in_lists,
    root,
    with_digits,
)
from herald.news.words import STOP_WORDS, Token, tokens_of

Array = NDArray[np.float64]

FEATURES = (
    "cosine", "word_overlap", "containment", "bigrams", "trigrams", "words_left", "length_ratio", "numbers_shared",
    "numbers_conflict", "numbers_one_side", "names_shared", "names_conflict", "name_swapped", "verb_swapped",
    "places_conflict", "places_differ", "assets_differ", "parties_differ", "calendar_conflict", "ordinals_conflict",
    "opposed", "stage_conflict", "stage_extra", "negation", "hedge", "question", "aftermath", "digest",
)  # fmt: skip
"""What ``features`` returns, in this order. Shares lie between 0 and 1, counts are cut, the rest is 0 or 1."""

DAY_S = 86_400.0
COUNT_MAX = 2.0
READ_MAX = 4_096
NAME_WEIGHT, COMMON_WEIGHT, LETTERS_WEIGHT, LETTER_WEIGHT = 1.2, 0.5, 0.35, 0.08
TITLED_SHARE, TITLED_LETTERS_MIN = 0.7, 4
SWAP_WORDS_MAX, SWAP_FRAME_MIN = 3, 0.4
ROUNDED, ROUGH, ROUGHEST = 0.06, 0.1, 0.35
"""Greatest relative gap of two numbers that agree: bare, with "about", and where one has a single digit as well."""
DIGIT_WORTH, FIRST_DIGIT_WORTH = 0.3, 0.4
YEARS = range(1_900, 2_100)

_LEAD = re.compile(r"^(?:(?:exclusive|breaking|just in|update|corrected|correction)\b[\s\d:.-]*)+", re.IGNORECASE)
_DAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())
_MONTHS = "january february march april may june july august september october november december".split()
_SHORT_MONTHS = frozenset(month[:3] for month in _MONTHS) - {"mar", "may"} | {"sept"}
_ALSO_VERBS = frozenset({"march", "may"})
_QUARTERS = frozenset({"q1", "q2", "q3", "q4"})
_ORDINALS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth".split()
)


@dataclass(frozen=True, slots=True)
class _Word:
    """A word that counts. ``weight`` stands for its rarity, for long words and names are rare."""

    key: str
    root: str
    text: str
    weight: float
    named: bool


@dataclass(frozen=True, slots=True)
class _Headline:
    """All that is compared. ``names``: places, assets, parties. ``marks``: those of ``_MARKS``."""

    keys: tuple[str, ...]
    words: tuple[_Word, ...]
    lower: frozenset[str]
    trigrams: Mapping[str, int]
    numbers: tuple[tuple[str, float], ...]
    roughly: bool
    names: tuple[frozenset[str], ...]
    calendar: tuple[frozenset[str], ...]
    ordinals: frozenset[str]
    stages: frozenset[str]
    marks: tuple[bool, ...]


_MARKS = ("negation", "hedge", "question", "aftermath", "digest")


class SamenessWeights(Document):
    """A fitted model: for each of ``features`` its mean, scale and weight, then the bias.

    ``gap_power`` tells how the odds fall with the days between two headlines. ``figures`` say how well it was fitted.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weight: tuple[float, ...]
    bias: float
    gap_power: float = Field(ge=0)
    figures: Mapping[str, float] = {}

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.features != FEATURES:
            raise ValueError("features: are not those of this version; fit the model again")
        if {len(self.mean), len(self.scale), len(self.weight)} != {len(FEATURES)} or min(self.scale) <= 0:
            raise ValueError(f"mean, scale, weight: give {len(FEATURES)} of each, scales above 0; fit the model again")
        return self


class SamenessModel:
    """Judges pairs of headlines. Pure: the same arguments give the same probability, in either order of the two."""

    def __init__(self, weights: SamenessWeights) -> None:
        self.weights = weights
        self._mean, self._scale, self._weight = map(np.asarray, (weights.mean, weights.scale, weights.weight))

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """Build a model from JSON; ``name`` stands for the file in messages. Raises ``ConfigurationError``."""
        return cls(parse_document(text, SamenessWeights, name))

    def probability(self, left: str, right: str, cosine: float, gap_s: float | None = None) -> float:
        """Return the probability that two headlines report one event; ``cosine`` is that of their encoder vectors.

        Where they lie ``gap_s`` seconds apart, more than a day, the odds are divided by the days to the gap power.
        """
        log_odds = self.log_odds(features(left, right, cosine))
        if gap_s is not None:
            log_odds -= self.weights.gap_power * math.log(max(1.0, abs(gap_s) / DAY_S))
        return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds >= 0 else math.exp(log_odds) / (1.0 + math.exp(log_odds))

    def log_odds(self, vector: Array) -> float:
        """Return the log-odds of features, shape (len(FEATURES),), without regard to time."""
        return float((vector - self._mean) / self._scale @ self._weight + self.weights.bias)


def features(left: str, right: str, cosine: float) -> Array:
    """Return ``FEATURES`` of two headlines, shape (len(FEATURES),), the same in either order of the two.

    ``cosine`` is that of their encoder vectors.
    """
    a, b = (_read(text) for text in sorted((left, right)))
    matched = _align(a.words, b.words)
    alone_a, alone_b = (
        [word for word, how in zip(one.words, hows, strict=True) if not how]
        for one, hows in zip((a, b), matched, strict=True)
    )
    lower = a.lower | b.lower
    found = {"cosine": float(cosine), **_overlap(a, b, matched), **_compare_numbers(a, b), **_compare_sets(a, b)}
    found |= _compare_names(a.words, alone_a, alone_b, lower) | _swaps(a.keys, b.keys, alone_a, alone_b, lower)
    return np.array([found[name] for name in FEATURES], dtype=np.float64)


@lru_cache(maxsize=READ_MAX)
def _read(raw: str) -> _Headline:
    bare = _LEAD.sub("", raw.replace("’", "'").replace("‘", "'"))
    text = with_digits(join_phrases(bare))
    tokens = tokens_of(text)
    keys = tuple(map(key_in_lists, tokens))
    long = [token.text for token in tokens if token.text.isalpha() and len(token.text) >= TITLED_LETTERS_MIN]
    titled = sum(word[0].isupper() for word in long) > TITLED_SHARE * len(long)
    words = tuple(
        _word(key, token, plain=titled or not i)
        for i, (key, token) in enumerate(zip(keys, tokens, strict=True))
        if (key not in STOP_WORDS or key in KEPT) and not key[:1].isdigit() and len(key) > 1
    )
    numbers, ordinals, years = _numbers_of(text)
    found, spaced = frozenset(keys), f" {' '.join(keys)} "
    quarters = {f"q{_ORDINALS.index(key)}" for key, after in pairwise(keys) if key in _ORDINALS and after == "quarter"}
    return _Headline(
        keys=keys,
        words=words,
        lower=frozenset(token.key for token in tokens if token.text.islower()),
        trigrams=Counter(spaced[i : i + 3] for i in range(len(spaced) - 2)),
        numbers=numbers,
        roughly=bool(ROUGHLY.search(bare)),
        names=tuple(frozenset(kind[key] for key in found & kind.keys()) for kind in (PLACES, ASSETS, PARTIES)),
        calendar=(_months(tokens), found & _DAYS, (found & _QUARTERS) | quarters, years),
        ordinals=ordinals | {str(_ORDINALS.index(key)) for key in found.intersection(_ORDINALS)},
        stages=frozenset(STAGES[word.root] for word in words if word.root in STAGES),
        marks=(
            any(key in NEGATIVES or key.endswith("n't") for key in keys),
            not found.isdisjoint(HEDGES),
            "?" in raw,
            not found.isdisjoint(AFTERMATH),
            bool(DIGEST.search(raw)),
        ),
    )


def _word(key: str, token: Token, *, plain: bool) -> _Word:
    """Describe a word. Where any word would begin with a capital, ``plain``, a second one makes it a name."""
    bare = token.text.lstrip("$#@")
    named = bare[:1].isupper() and (not plain or bare[1:2].isupper())
    weight = min(1.0, LETTERS_WEIGHT + LETTER_WEIGHT * len(key))
    if named or is_named(key):
        weight = NAME_WEIGHT
    elif key in COMMON or key in KEPT:
        weight *= COMMON_WEIGHT
    return _Word(key, root(key), token.text, weight, named)


def _months(tokens: Sequence[Token]) -> frozenset[str]:
    written = ((i, token.key) for i, token in enumerate(tokens) if token.text[:1].isupper())
    return frozenset(
        key[:3] for i, key in written if key in _SHORT_MONTHS or (key in _MONTHS and (i or key not in _ALSO_VERBS))
    )


def _numbers_of(text: str) -> tuple[tuple[tuple[str, float], ...], frozenset[str], frozenset[str]]:
    """Return amounts with their kinds, ordinals and years."""
    numbers: list[tuple[str, float]] = []
    ordinals, years = set(), set()
    for amount in amounts_in(text):
        whole = f"{amount.value:.0f}"
        if amount.unit in {"st", "nd", "rd", "th"}:
            ordinals.add(whole)
        elif amount.usd is not None:
            numbers.append(("money", amount.usd))
        elif amount.unit == "%":
            numbers.append(("%", amount.value))
        elif amount.value in YEARS and whole in text:
            years.add(whole)
        else:
            numbers.append(("count", amount.value))
    return tuple(numbers), frozenset(ordinals), frozenset(years)


def _align(a: Sequence[_Word], b: Sequence[_Word]) -> tuple[list[float], list[float]]:
    """Pair words off, the likest and nearest first; return how well each is matched, from 0 to 1."""
    likeness = ((alike(x.key, y.key), i, j) for i, x in enumerate(a) for j, y in enumerate(b))
    matched_a, matched_b = [0.0] * len(a), [0.0] * len(b)
    for how, i, j in sorted((one for one in likeness if one[0]), key=lambda one: (-one[0], abs(one[1] - one[2]), one)):
        if not matched_a[i] and not matched_b[j]:
            matched_a[i] = matched_b[j] = how
    _match_initials(a, b, matched_a, matched_b)
    _match_initials(b, a, matched_b, matched_a)
    return matched_a, matched_b


def _match_initials(a: Sequence[_Word], b: Sequence[_Word], matched_a: list[float], matched_b: list[float]) -> None:
    """Match an acronym with the words that it is made of."""
    initials = "".join(word.text[0] for word in b)
    for i, word in enumerate(a):
        size = len(word.text)
        at = initials.find(word.text) if word.text.isupper() and size > 1 and not matched_a[i] else -1
        if at >= 0 and not any(matched_b[at : at + size]):
            matched_a[i], matched_b[at : at + size] = SURE, [SURE] * size


def _overlap(a: _Headline, b: _Headline, matched: tuple[list[float], list[float]]) -> dict[str, float]:
    pairs_a, pairs_b = ({(root(x), root(y)) for x, y in pairwise(one.keys)} for one in (a, b))
    dot = sum(count * b.trigrams.get(gram, 0) for gram, count in a.trigrams.items())
    norms = math.prod(sum(count * count for count in one.trigrams.values()) for one in (a, b))
    weights = [np.array([word.weight for word in one.words]) for one in (a, b)]
    hows = [np.array(one) for one in matched]
    shares = [float(w @ how / max(1e-9, w.sum())) for w, how in zip(weights, hows, strict=True)]
    sizes = len(a.words), len(b.words)
    unsure_a, unsure_b = (
        {word.root for word, how in zip(one.words, side, strict=True) if how < SURE}
        for one, side in zip((a, b), matched, strict=True)
    )
    return {
        "word_overlap": 2 * math.prod(shares) / max(1e-9, sum(shares)),
        "containment": max(shares),
        "bigrams": 2 * len(pairs_a & pairs_b) / max(1, len(pairs_a) + len(pairs_b)),
        "trigrams": dot / math.sqrt(max(1, norms)),
        "words_left": min(float(w[how == 0].sum()) for w, how in zip(weights, hows, strict=True)),
        "length_ratio": min(sizes) / max(1, *sizes),
        "opposed": min(COUNT_MAX, sum((x, y) in OPPOSITES for x in unsure_a for y in unsure_b)),
    }


def _compare_numbers(a: _Headline, b: _Headline) -> dict[str, float]:
    """Share numbers out: exact ones of many digits count most. A conflict weighs more where no number is shared."""
    roughly = a.roughly or b.roughly
    left, alone, shared = list(b.numbers), [], 0.0
    for kind, value in a.numbers:
        agreeing = (one for one in left if one[0] == kind or "%" not in {one[0], kind})
        hit = next((one for one in agreeing if _agree(value, one[1], roughly=roughly)), None)
        if hit is None:
            alone.append(kind)
        else:
            left.remove(hit)
            shared += min(1.0, FIRST_DIGIT_WORTH + DIGIT_WORTH * (_digits_of(value) - 1))
    others = [kind for kind, _ in left]
    conflict = sum(min(alone.count(kind), others.count(kind)) for kind in ("money", "%", "count"))
    return {
        "numbers_shared": min(COUNT_MAX, shared),
        "numbers_conflict": min(COUNT_MAX, conflict) + float(conflict > 0 and not shared),
        "numbers_one_side": min(COUNT_MAX, abs(len(alone) - len(others))),
    }


def _agree(left: float, right: float, *, roughly: bool) -> bool:
    """Tell whether one number may be the other rounded: by its last digit, or by a word such as "nearly"."""
    large, gap = max(left, right), abs(left - right)
    few, many = sorted((_digits_of(left), _digits_of(right)))
    if roughly and gap <= (ROUGHEST if few == 1 < many else ROUGH) * large:
        return True
    return gap == 0 or (gap <= ROUNDED * large and gap < max(_last_digit(left), _last_digit(right)))


def _digits_of(value: float) -> int:
    """Count the significant digits, up to six."""
    return max(1, len(f"{value:.5e}".split("e")[0].rstrip("0").replace(".", "")))


def _last_digit(value: float) -> float:
    """Return what one more in the last significant digit is worth."""
    return 10.0 ** (int(f"{value:.5e}".split("e")[1]) + 1 - _digits_of(value))


def _compare_sets(a: _Headline, b: _Headline) -> dict[str, float]:
    places, assets, parties = zip(a.names, b.names, strict=True)
    return {name: float(x != y) for name, x, y in zip(_MARKS, a.marks, b.marks, strict=True)} | {
        "digest": float(a.marks[-1] or b.marks[-1]),
        "places_conflict": _conflict(*places),
        "places_differ": _differ(*places),
        "assets_differ": _differ(*assets),
        "parties_differ": _differ(*parties),
        "calendar_conflict": min(COUNT_MAX, sum(map(_conflict, a.calendar, b.calendar))),
        "ordinals_conflict": _conflict(a.ordinals, b.ordinals),
        "stage_conflict": _conflict(a.stages, b.stages),
        "stage_extra": float(bool(a.stages & b.stages) and a.stages != b.stages),
    }


def _conflict(left: frozenset[str], right: frozenset[str]) -> float:
    return float(bool(left) and bool(right) and left.isdisjoint(right))


def _differ(left: frozenset[str], right: frozenset[str]) -> float:
    return float(bool(left - right) and bool(right - left))


def _compare_names(
    words: Sequence[_Word], alone_a: Sequence[_Word], alone_b: Sequence[_Word], lower: frozenset[str]
) -> dict[str, float]:
    """Count names that both have and those that either has instead; what stands in lower case anywhere is none."""
    every, only_a, only_b = (
        sum(word.named and word.key not in lower for word in some) for some in (words, alone_a, alone_b)
    )
    return {"names_shared": min(COUNT_MAX, every - only_a), "names_conflict": min(COUNT_MAX, only_a, only_b)}


def _swaps(
    a: Sequence[str], b: Sequence[str], alone_a: Sequence[_Word], alone_b: Sequence[_Word], lower: frozenset[str]
) -> dict[str, float]:
    """Count names and verbs that stand in place of others, each weighed by how like the frame around them is."""
    steps = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    frame = 2 * sum(end - begin for step, begin, end, _, _ in steps if step == "equal") / max(1, len(a) + len(b))
    weight = max(0.0, frame - SWAP_FRAME_MIN) / (1.0 - SWAP_FRAME_MIN)
    found = {"name_swapped": 0.0, "verb_swapped": 0.0}
    for step, begin_a, end_a, begin_b, end_b in steps:
        if step != "replace" or max(end_a - begin_a, end_b - begin_b) > SWAP_WORDS_MAX:
            continue
        left = [word for word in alone_a if word.key in a[begin_a:end_a]]
        right = [word for word in alone_b if word.key in b[begin_b:end_b]]
        if any(_name_apart(x, y, lower) for x in left for y in right):
            found["name_swapped"] += weight
        elif all(any(word.root in ACTIONS for word in side) for side in (left, right)):
            found["verb_swapped"] += weight
    return found


def _name_apart(left: _Word, right: _Word, lower: frozenset[str]) -> bool:
    """Tell whether two words name different things of one kind, or are both unknown names."""
    if any(left.key in kind and right.key in kind for kind in (PLACES, ASSETS, PARTIES)):
        return True
    return all(
        word.text[:1].isupper() and word.key not in lower and (word.key in PARTIES or not is_known(word.key))
        for word in (left, right)
    )
