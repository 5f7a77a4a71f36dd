"""What the serving model and its challenger made of the same live headline."""

from __future__ import annotations

from herald.messages import Message, Share, UtcTime
from herald.taxonomy import Direction, EventType


class ModelAnswer(Message):
    """What one model, with the rules, made of a headline. ``model`` names its version."""

    model: str
    event_type: EventType
    direction: Direction
    tradable: bool
    tradable_p: Share
    severity: Share

    def agrees_with(self, other: ModelAnswer) -> bool:
        """Tell whether both would be traded alike: the same type and side where either is tradable, else neither."""
        if not (self.tradable or other.tradable):
            return True
        ours = self.tradable, self.event_type, self.direction
        return ours == (other.tradable, other.event_type, other.direction)


class ModelComparison(Message):
    """``news.comparisons.v1``: champion and challenger on one live headline. Keyed by ``event_id``.

    ``comparison_id`` is made of the event and both versions, so that a repetition changes nothing.
    """

    comparison_id: str
    event_id: str
    source: str
    headline: str
    champion: ModelAnswer
    challenger: ModelAnswer
    agree: bool
    at: UtcTime
