"""Headlines with other names in them, so that a recogniser learns the places of names and not the names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from herald.news.judgement import PartyKind
from training.corpus.headlines import Example, SpanKind

Marked = tuple[int, int, PartyKind]
"""First and last character of a name, and its kind."""
Varied = tuple[str, tuple[Marked, ...]]
"""A headline and the names in it, in order."""

KIND_OF = {
    SpanKind.ASSET: PartyKind.ASSET,
    SpanKind.COMPANY: PartyKind.COMPANY,
    SpanKind.VENUE: PartyKind.VENUE,
    SpanKind.PERSON: PartyKind.PERSON,
    SpanKind.ORGANISATION: PartyKind.ORGANISATION,
}

_PickT = TypeVar("_PickT")
_ACRONYM_CHARS_MAX = 6
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ONSETS = "b c d f g h j k l m n p r s t v z br cr dr fl gr kl pr st tr th sh ch qu x y".split()
_VOWELS = "a e i o u ai ea io oo y ia".split()
_CODAS = ["", "", *"n r l x s k m t th nd rk ck ll".split()]
_SYLLABLES = (1, 2, 2, 2, 3)


def as_marked(example: Example) -> Varied:
    """Return a headline as it is, with the names marked in it."""
    return example.text, tuple((span.start, span.end, KIND_OF[span.kind]) for span in example.spans)


class Varier:
    """Draws variants of headlines: other names of the same kind, invented ones among them, and other cases of letters.

    ``renamed`` is the share of names that change, ``invented`` the share of those that get a word nobody ever wrote,
    ``upper`` and ``lower`` the shares of headlines written in one case. The same generator draws the same variants.
    """

    def __init__(
        self,
        examples: Iterable[Example],
        random: np.random.Generator,
        *,
        renamed: float,
        invented: float,
        upper: float,
        lower: float,
    ) -> None:
        self._random = random
        self._renamed, self._invented, self._upper, self._lower = renamed, invented, upper, lower
        found: dict[PartyKind, set[str]] = {kind: set() for kind in PartyKind}
        for example in examples:
            for span in example.spans:
                found[KIND_OF[span.kind]].add(example.text[span.start : span.end])
        self._names = {kind: sorted(names) for kind, names in found.items()}

    def vary(self, example: Example) -> Varied:
        """Return a variant of a headline, with the places of its names."""
        text, marked = as_marked(example)
        pieces: list[str] = []
        places: list[Marked] = []
        length = read_to = 0
        for start, end, kind in marked:
            name = self._other(kind) if self._random.random() < self._renamed else text[start:end]
            length += start - read_to
            places.append((length, length + len(name), kind))
            pieces += [text[read_to:start], name]
            length += len(name)
            read_to = end
        return self._cased("".join((*pieces, text[read_to:]))), tuple(places)

    def _cased(self, text: str) -> str:
        drawn = self._random.random()
        if drawn < self._upper:
            changed = text.upper()
        elif drawn < self._upper + self._lower:
            changed = text.lower()
        else:
            return text
        return changed if len(changed) == len(text) else text

    def _other(self, kind: PartyKind) -> str:
        words = self._pick(self._names[kind]).split(" ")
        if self._random.random() < self._invented:
            place = -1 if kind is PartyKind.PERSON else 0
            words[place] = self._like(words[place])
        return " ".join(words)

    def _like(self, word: str) -> str:
        """Invent a word: letters for an acronym, else syllables."""
        if not word[:1].isalpha():
            return word
        if word.isupper() and len(word) <= _ACRONYM_CHARS_MAX:
            return "".join(self._pick(_LETTERS) for _ in word)
        parts = (_ONSETS, _VOWELS, _CODAS)
        invented = "".join(self._pick(part) for _ in range(self._pick(_SYLLABLES)) for part in parts)
        return invented.capitalize() if word[0].isupper() else invented

    def _pick(self, among: Sequence[_PickT]) -> _PickT:
        return among[int(self._random.integers(len(among)))]
