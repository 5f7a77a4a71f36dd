"""From what a source sent to what it means: the collector's one call, and the same for bare text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from herald.messages import NewsItem, RawItem
from herald.news.evidence import evidence_of
from herald.news.gazetteer import Gazetteer
from herald.news.normalise import normalise
from herald.news.profiles import SourceProfile
from herald.news.reading import Reading
from herald.news.rulebook import Rulebook
from herald.news.rules import read
from herald.taxonomy import Direction, Reason

NO_SOURCE = SourceProfile(name="text")
"""A source of which nothing is known."""


def understand(
    raw: RawItem, profile: SourceProfile, rulebook: Rulebook, gazetteer: Gazetteer, now: datetime
) -> tuple[NewsItem, Reading]:
    """Normalise an entry and read it by the rules. Raises ``MalformedItem`` for an entry without text.

    An entry without a time that a source had already when it was first looked at may be of any age: it is read, and
    not traded.
    """
    item = normalise(raw, profile, now)
    reading = read(item, rulebook, gazetteer)
    if item.extras.get("backlog"):
        update = {"tradable": False, "direction": Direction.UNKNOWN, "fate_reason": Reason.TOO_OLD}
        reading = reading.model_copy(update=update)
    return item, reading


@dataclass(frozen=True, slots=True)
class ReadText:
    """A headline as the rules read it, with the evidence that a model may weigh."""

    item: NewsItem
    reading: Reading
    evidence: tuple[str, ...]


class TextDesk:
    """Reads headlines that come from no source: typed by a person, or labelled for training."""

    def __init__(self, rulebook: Rulebook, gazetteer: Gazetteer) -> None:
        self._rulebook, self._gazetteer = rulebook, gazetteer

    def read(self, text: str, now: datetime, profile: SourceProfile = NO_SOURCE) -> ReadText:
        """Read one headline as if ``profile`` had sent it at ``now``. Raises ``MalformedItem`` for an empty one."""
        raw = RawItem(source=profile.name, title=text, published_at=now, received_at=now)
        item, reading = understand(raw, profile, self._rulebook, self._gazetteer, now)
        return ReadText(item, reading, evidence_of(item, reading, self._gazetteer))
