"""Words of a headline: tokens with their places, keys that ignore case and possessives, stems, and what to skip."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"[$#@]?\w+(?:[.&']\w+)*")
_POSSESSIVE = re.compile(r"(?:'s|')$")
_ENDINGS = ("ings", "ing", "edly", "ed", "es", "s")
_STEM_LETTERS_MIN = 4

STOP_WORDS = frozenset(
    "a an the and or but nor of in on at by for from to into onto with within without over under after before amid "
    "as is are was were be been being it its this that these those their his her he she they we you i our your has "
    "have had will would can could may might do does did not no than then so such about up down out off more most "
    "here there what which who whom why how when where new latest just now breaking says said say report reports "
    "reportedly via per us amp".split()
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word as written, the key that it is looked up by, and where it stands."""

    text: str
    key: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """Split text into words. A cash tag, hash tag or handle keeps its mark in ``text`` and loses it in ``key``."""
    return [Token(match[0], key_of(match[0]), match.start(), match.end()) for match in _TOKEN.finditer(text)]


def key_of(word: str) -> str:
    """Fold case and drop a leading mark and a trailing possessive."""
    return _POSSESSIVE.sub("", word.lstrip("$#@").casefold())


def stem(key: str) -> str:
    """Cut the commonest English endings, so that "lists", "listed" and "listing" meet. Short words stay whole."""
    if key.isalpha():
        for ending in _ENDINGS:
            if key.endswith(ending) and len(key) - len(ending) >= _STEM_LETTERS_MIN - 1:
                key = key[: -len(ending)]
                break
        if key.endswith("e") and len(key) >= _STEM_LETTERS_MIN:
            return key[:-1]
    return key


def plain_form(text: str) -> str:
    """Return the words of a text in lower case with single spaces: equal for texts that differ only in dress."""
    return " ".join(key_of(match[0]) for match in _TOKEN.finditer(text))
