"""The project's own headlines: one a line, labelled, with their entities marked in the text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from herald.taxonomy import Direction, EventType

FOLDER = Path(__file__).parent / "headlines"
HEADER = "event_type\tdirection\ttradable\tseverity\theadline"
SEVERITIES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Nothing, minor, moderate, major, moves the whole market."""

_MARK = re.compile(r"\{(?P<surface>[^{}|]+)\|(?P<primary>\*?)(?P<kind>[A-Z])(?::(?P<value>[^{}|]*))?\}")


class CorpusError(ValueError):
    """A corpus file that cannot be used. Its text names file, line and cure."""


class SpanKind(StrEnum):
    """What a marked piece of a headline names."""

    ASSET = "A"
    COMPANY = "C"
    VENUE = "V"
    PERSON = "P"
    ORGANISATION = "O"


@dataclass(frozen=True, slots=True)
class Span:
    """A named party: characters ``start`` to ``end`` of the text. ``code`` is its ticker where it has one."""

    start: int
    end: int
    kind: SpanKind
    code: str


@dataclass(frozen=True, slots=True)
class Example:
    """One headline with its labels. ``place`` is file and line, for messages; ``severity`` is from 0 to 1."""

    text: str
    event_type: EventType
    direction: Direction
    tradable: bool
    severity: float
    spans: tuple[Span, ...] = ()
    primary_entity: str = ""
    place: str = ""


def load_headlines(path: Path = FOLDER) -> tuple[Example, ...]:
    """Read a file, or every .tsv file of a folder, in the order of names and lines. Raises ``CorpusError``."""
    files = [path] if path.is_file() else sorted(path.glob("*.tsv"))
    if not files:
        raise CorpusError(f"{path}: is no file, and no folder that holds a .tsv file of headlines")
    examples = tuple(example for file in files for example in _read(file))
    _refuse_repeats(examples)
    return examples


def corpus_hash(examples: Iterable[Example]) -> str:
    """Return the SHA-256 of texts and labels, the version of what a model was trained on."""
    digest = hashlib.sha256()
    for example in examples:
        labels = (example.event_type, example.direction, str(example.tradable), str(example.severity))
        digest.update("\t".join((*labels, example.primary_entity, example.text)).encode() + b"\n")
    return digest.hexdigest()


def parse_line(line: str, place: str) -> Example:
    """Read one line of five fields. Raises ``CorpusError`` naming the field and the cure."""
    fields = line.split("\t")
    if len(fields) != len(HEADER.split("\t")):
        raise CorpusError(f"{place}: has {len(fields)} fields; write {HEADER!r}")
    event_type, direction, tradable, severity, marked = fields
    if event_type not in EventType.__members__:
        raise CorpusError(f"{place}: {event_type!r} is no event type; take one of {', '.join(EventType)}")
    if direction not in Direction.__members__:
        raise CorpusError(f"{place}: {direction!r} is no direction; take one of {', '.join(Direction)}")
    if tradable not in {"0", "1"}:
        raise CorpusError(f"{place}: tradable is {tradable!r}; write 0 or 1")
    if severity not in {str(step) for step in SEVERITIES}:
        raise CorpusError(f"{place}: severity is {severity!r}; take one of {SEVERITIES}")
    text, spans, primary = _unmark(marked, place)
    return Example(
        text=text,
        event_type=EventType(event_type),
        direction=Direction(direction),
        tradable=tradable == "1",
        severity=float(severity),
        spans=spans,
        primary_entity=primary,
        place=place,
    )


def _read(file: Path) -> Iterator[Example]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise CorpusError(f"{file.name}: is not UTF-8 ({error}); save it as UTF-8") from error
    if not lines or lines[0] != HEADER:
        raise CorpusError(f"{file.name}:1: is not the header; write {HEADER!r}")
    for number, line in enumerate(lines[1:], start=2):
        yield parse_line(line, f"{file.name}:{number}")


def _unmark(marked: str, place: str) -> tuple[str, tuple[Span, ...], str]:
    """Return the bare text, the spans in it and the primary entity."""
    pieces: list[str] = []
    spans: list[Span] = []
    primaries: list[str] = []
    length = read_to = 0
    for mark in _MARK.finditer(marked):
        before = marked[read_to : mark.start()]
        kinds = {kind.value for kind in SpanKind}
        if mark["kind"] not in kinds:
            raise CorpusError(f"{place}: {mark[0]!r} is of no known kind; take one of {', '.join(sorted(kinds))}")
        start = length + len(before)
        length = start + len(mark["surface"])
        spans.append(Span(start, length, SpanKind(mark["kind"]), (mark["value"] or "").strip()))
        if mark["primary"]:
            primaries.append((mark["value"] or "").strip() or mark["surface"])
        pieces += [before, mark["surface"]]
        read_to = mark.end()
    text = "".join((*pieces, marked[read_to:]))
    if not text.strip() or text != text.strip() or set("{}|") & set(text):
        raise CorpusError(f"{place}: a mark is not well formed, or the text is empty or padded: {marked!r}")
    if len(primaries) > 1:
        raise CorpusError(f"{place}: has {len(primaries)} primary entities; star at most one")
    return text, tuple(spans), primaries[0] if primaries else ""


def key_of(text: str) -> str:
    """Return the words alone, by which two headlines say the same."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def _refuse_repeats(examples: Iterable[Example]) -> None:
    seen: dict[str, str] = {}
    for example in examples:
        key = key_of(example.text)
        if key in seen:
            raise CorpusError(f"{example.place}: says the same as {seen[key]}; keep one")
        seen[key] = example.place
