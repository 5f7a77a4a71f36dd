"""What one headline was understood to say."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from herald.messages import Share
from herald.taxonomy import Direction, EventType, Reason

NO_EVENT = frozenset({EventType.PROMOTION, EventType.MARKET_COMMENTARY, EventType.OTHER})


class Reading(BaseModel):
    """The meaning of one headline, with the evidence for it.

    ``reasons`` are ``rule:ID`` and ``words:MATCHED`` for the rule that decided, and ``doubt:KIND:WORDS`` for what
    speaks against trading it. ``fate_reason`` says why it is, or is not, a signal.
    """

    model_config = ConfigDict(frozen=True)

    event_type: EventType = EventType.OTHER
    direction: Direction = Direction.UNKNOWN
    severity: Share = 0.0
    confidence: Share = 0.0
    primary_entity: str = ""
    entities: tuple[str, ...] = ()
    tradable: bool = False
    reasons: tuple[str, ...] = ()
    extras: dict[str, Any] = Field(default_factory=dict)
    fate_reason: Reason = Reason.NO_RULE_MATCHED
    model: str = "rules"
    degraded: bool = False

    @property
    def is_signal(self) -> bool:
        """True for a tradable report of an event that can move a price."""
        return self.tradable and self.event_type not in NO_EVENT
