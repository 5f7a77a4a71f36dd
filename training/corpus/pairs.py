"""The project's own pairs of headlines: one pair a line, labelled whether both report one and the same event."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.corpus.headlines import CorpusError

FILE = Path(__file__).parent / "pairs" / "pairs.tsv"
HEADER = "same\ta\tb"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two headlines, and whether they report one event. ``place`` is file and line, for messages."""

    same: bool
    a: str
    b: str
    place: str = ""


def load_pairs(file: Path = FILE) -> tuple[Pair, ...]:
    """Read all pairs in the order of lines. Raises ``CorpusError`` naming file and line."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{file}: cannot be read ({error}); give the path of a UTF-8 file") from error
    pairs = tuple(_read(lines, file.name))
    if not pairs:
        raise CorpusError(f"{file.name}:2: there is no pair; write one a line")
    _refuse_repeats(pairs)
    return pairs


def parse_pair(line: str, place: str) -> Pair:
    """Read one line of three fields. Raises ``CorpusError`` naming the field and the cure."""
    fields = line.split("\t")
    if len(fields) != len(HEADER.split("\t")):
        raise CorpusError(f"{place}: has {len(fields)} fields; write {HEADER!r}")
    same, a, b = fields
    if same not in {"0", "1"}:
        raise CorpusError(f"{place}: same is {same!r}; write 0 or 1")
    for name, text in (("a", a), ("b", b)):
        if not text.strip() or text != text.strip():
            raise CorpusError(f"{place}: {name} is empty or padded: {text!r}")
    if _plain(a) == _plain(b):
        raise CorpusError(f"{place}: a and b are the same words, which teaches nothing; remove the line")
    return Pair(same == "1", a, b, place)


def _read(lines: list[str], name: str) -> Iterator[Pair]:
    if not lines or lines[0] != HEADER:
        raise CorpusError(f"{name}:1: is not the header; write {HEADER!r}")
    for number, line in enumerate(lines[1:], start=2):
        yield parse_pair(line, f"{name}:{number}")


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\S+", text.casefold()))


def _refuse_repeats(pairs: Iterable[Pair]) -> None:
    seen: dict[frozenset[str], Pair] = {}
    for pair in pairs:
        key = frozenset((_plain(pair.a), _plain(pair.b)))
        first = seen.setdefault(key, pair)
        if first is not pair:
            fault = "repeats" if first.same == pair.same else "contradicts"
            raise CorpusError(f"{pair.place}: {fault} {first.place}; keep one")
