"""The collector's one call: from what a source sent to what it means."""

from __future__ import annotations

from datetime import datetime

from herald.messages import NewsItem, RawItem
from herald.news.gazetteer import Gazetteer
from herald.news.normalise import normalise
from herald.news.profiles import SourceProfile
from herald.news.reading import Reading
from herald.news.rulebook import Rulebook
from herald.news.rules import read
from herald.taxonomy import Direction, Reason


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
