"""A headline as the rules see it: lower case, with every known name replaced by a tag such as ``<venue:binance>``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from herald.news.entities import EntitiesFound, find_in_tokens
from herald.news.gazetteer import Gazetteer
from herald.news.words import tokens_of

REMEMBERED = 8

_SUBORDINATE = re.compile(
    r"\s+(?:[—–|-]\s+)?(?:after|as|amid|amidst|following|while|despite|because|since|ahead of|before|when|even as|"
    r"due to|thanks to|in wake of|weeks after|days after|hours after)\s|\s*(?:;|—|–|\||!|\.\.\.)\s*|"
    r"(?<=[a-z]{3})\.\s+|\s-\s"
)
_HEAD_FIRST = re.compile(r"^(?:as|after|amid|despite|while|following|with|when|since|in|on|at|from)\s[^,]{3,80},\s+")
_OPENER = re.compile(
    r"^(?:\W*(?:breaking(?: news)?|just in|exclusive|update|urgent|flash|alert|new|news|hot moments|official|confirmed|"
    r"big|important)\s*(?:[:!|-]+)\s*)+"
)
_LABEL = re.compile(r"^(?P<label>[^:!?]{2,60}?)(?::\s+|!\s+)(?P<rest>.{20,})$")
_TAIL = re.compile(r"^(?P<rest>.{20,}?)(?::|\s[—–|-])\s+(?P<tail>[^:—–|]{2,50})$")
_LABEL_WORDS_MAX = 5
_TAIL_WORDS_MAX = 6
_TAG = re.compile(r"<[a-z_]+:([^>]*)>")


@dataclass(frozen=True, slots=True)
class Annotated:
    """``whole`` is the tagged headline; ``main`` its main clause without opener, label and attribution.

    Both are in lower case. ``cased`` is ``whole`` as written and of the same length, to quote from. ``keys`` are the
    words of the headline; ``entities`` what it names.
    """

    whole: str
    main: str
    cased: str
    keys: tuple[str, ...]
    entities: EntitiesFound


@lru_cache(maxsize=REMEMBERED)
def annotate(headline: str, gazetteer: Gazetteer) -> Annotated:
    """Find the names of a headline, tag them and cut out its main clause. Remembers the latest: several parts ask."""
    tokens = tokens_of(headline)
    found = find_in_tokens(headline, tokens, gazetteer)
    parts: list[str] = []
    at = 0
    previous = ""
    for mention in found.mentions:
        gap = headline[at : mention.start]
        again = mention.entry.code == previous and gap.strip() == "(" and headline[mention.end : mention.end + 1] == ")"
        if again:
            at = mention.end + 1
            continue
        parts += (gap, f"<{mention.entry.kind}:{mention.entry.code}>")
        at, previous = mention.end, mention.entry.code
    parts.append(headline[at:])
    cased = "".join(parts)
    whole = cased.lower()
    if len(whole) != len(cased):
        whole = "".join(low if len(low := char.lower()) == 1 else char for char in cased)
    return Annotated(whole, main_clause(whole), cased, tuple(token.key for token in tokens), found)


def main_clause(whole: str) -> str:
    """Cut openers, a leading label, a trailing attribution and subordinate clauses off a tagged headline."""
    text = _OPENER.sub("", whole)
    if (tail := _TAIL.match(text)) and _words(tail["tail"]) <= _TAIL_WORDS_MAX < _words(tail["rest"]):
        text = tail["rest"]
    elif (label := _LABEL.match(text)) and _words(label["label"]) <= _LABEL_WORDS_MAX < _words(label["rest"]):
        text = label["rest"]
    text = _HEAD_FIRST.sub("", text)
    cut = _SUBORDINATE.search(text, 1)
    return text[: cut.start()] if cut and cut.start() else text


def _words(text: str) -> int:
    return len(text.split())


def untagged(text: str) -> str:
    """Write the codes in place of the tags."""
    return _TAG.sub(r"\1", text)
