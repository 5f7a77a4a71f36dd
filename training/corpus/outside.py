"""Labelled headlines from outside, by path: they judge a model, and never train the one that is shipped."""

from __future__ import annotations

import csv
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from herald.inference.text_model import DIRECTIONS, TYPES
from herald.taxonomy import Direction, EventType
from training.corpus.headlines import CorpusError
from training.targets import Targets

LABELS = Path(__file__).parent / "development" / "labels.csv"
TYPE, DIRECTION, TRADABLE = "type", "direction", "tradable"
_UNSAID = Direction.UNKNOWN


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """Headlines with the labels that a set has. ``what`` names them; the others in ``targets`` mean nothing."""

    name: str
    texts: tuple[str, ...]
    targets: Targets
    what: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Row:
    text: str
    event_type: EventType = EventType.OTHER
    direction: Direction = _UNSAID
    tradable: bool = False


def outside_sets(data: Path) -> list[LabelledSet]:
    """Read every set that the folder holds, in a fixed order. Raises ``CorpusError`` for one that cannot be read."""
    found = []
    for name, folder, read, what in _SETS:
        if (data / folder).is_dir():
            try:
                rows = list(read(data / folder))
            except (OSError, KeyError, TypeError, ValueError, csv.Error, pl.exceptions.PolarsError) as error:
                raise CorpusError(f"{data / folder}: cannot be read ({error}); restore the set or remove it") from error
            if rows:
                found.append(LabelledSet(name, tuple(row.text for row in rows), _targets(rows), frozenset(what)))
    return found


def _targets(rows: list[_Row]) -> Targets:
    return Targets(
        types=np.asarray([TYPES.index(row.event_type) for row in rows], dtype=np.int64),
        directions=np.asarray([DIRECTIONS.index(row.direction) for row in rows], dtype=np.int64),
        tradable=np.asarray([row.tradable for row in rows], dtype=np.float32),
        severity=np.zeros(len(rows), dtype=np.float32),
    )


def _crypto_news(folder: Path) -> Iterator[_Row]:
    """Headlines of two months, labelled by hand; the labels are keyed by the SHA-256 of the headline as it came."""
    titles: dict[str, str] = {}
    for file in sorted(folder.glob("*.parquet")):
        for title in pl.read_parquet(file, columns=["headline"])["headline"]:
            if title:
                titles[hashlib.sha256(title.encode()).hexdigest()] = title
    with LABELS.open(encoding="utf-8", newline="") as labels:
        for row in csv.DictReader(labels):
            if (title := titles.get(row["sha256"])) is not None:
                text = html.unescape(title).strip()
                yield _Row(text, EventType(row["event_type"]), Direction(row["direction"]), row["tradable"] == "1")


def _cryptolin(folder: Path) -> Iterator[_Row]:
    signs = {"1": Direction.BULL, "-1": Direction.BEAR, "0": _UNSAID}
    for row in _csv(folder):
        yield _Row(row["headline"], direction=signs[row["direction"]])


def _fomc(folder: Path) -> Iterator[_Row]:
    """Dovish is good for risk assets, hawkish bad."""
    stances = {"0": Direction.BULL, "1": Direction.BEAR, "2": _UNSAID}
    for row in _csv(folder):
        yield _Row(row["sentence"], EventType.FED_SPEECH, stances[row["label"]])


def _phrasebank(folder: Path) -> Iterator[_Row]:
    tones = {"positive": Direction.BULL, "negative": Direction.BEAR, "neutral": _UNSAID}
    for file in sorted(folder.glob("*.txt")):
        for line in file.read_text("utf-8", errors="replace").split("\n"):
            text, _, tone = line.rpartition("@")
            if text:
                yield _Row(text.strip(), direction=tones[tone.strip()])


def _sentfin(folder: Path) -> Iterator[_Row]:
    """Headlines whose entities all have one sentiment; the others have no one direction."""
    tones = {"positive": Direction.BULL, "negative": Direction.BEAR, "neutral": _UNSAID}
    for row in _csv(folder):
        said = set(re.findall(r"'(positive|negative|neutral)'", row["Decisions"]))
        if len(said) == 1:
            yield _Row(row["Title"], direction=tones[said.pop()])


def _announcements(folder: Path) -> Iterator[_Row]:
    """An exchange's own announcements; the type by a labelling function, so it is weak."""
    for file in sorted(folder.glob("*.jsonl")):
        for line in filter(str.strip, file.read_text("utf-8").split("\n")):
            title = str(json.loads(line)["title"])
            if re.search(r"\b(delist|removal of|will remove|cease trading)", title, re.IGNORECASE):
                yield _Row(title, EventType.DELIST)
            elif re.search(r"\b(lists|will list|adds?|launch(?:es)? .*(?:perpetual|contract))\b", title, re.IGNORECASE):
                yield _Row(title, EventType.LISTING)


def _csv(folder: Path) -> Iterator[dict[str, str]]:
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if None in row.values():
                    raise ValueError(f"{path.name}: a row has too few fields: {list(row.values())}")
                yield row


_SETS: tuple[tuple[str, str, Callable[[Path], Iterator[_Row]], tuple[str, ...]], ...] = (
    ("crypto news, labelled by hand", "crypto_news_2025", _crypto_news, (TYPE, DIRECTION, TRADABLE)),
    ("exchange announcements, weak labels", "binance_announcements", _announcements, (TYPE,)),
    ("crypto headlines, direction", "direction_cryptolin", _cryptolin, (DIRECTION,)),
    ("central bank sentences", "fomc_stance", _fomc, (TYPE, DIRECTION)),
    ("company news", "fin_phrasebank", _phrasebank, (DIRECTION,)),
    ("Indian equities", "entity_sentiment_sentfin", _sentfin, (DIRECTION,)),
)
