"""Everything that a run publishes, gathered in one process for the screen and the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from actors.consumption import consume_topic
from actors.ledger import parse
from herald.messages import COMPARISONS_TOPIC, TOPICS, DeadLetter, Execution, ItemFate, Message, Passed, Signal
from herald.ports import Bus, Clock, Delivery
from herald.reports.accounting import item_key

GROUP = "screen"
RECORDED = tuple(topic for topic in TOPICS if topic != COMPARISONS_TOPIC)
"""What a run is made of; what a challenger thinks of its headlines is not."""


@dataclass
class Records:
    """The messages of a run, each once, in the order of their first arrival."""

    items: dict[str, ItemFate] = field(default_factory=dict)
    signals: dict[str, Signal] = field(default_factory=dict)
    decisions: dict[str, Any] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    dead_letters: dict[str, DeadLetter] = field(default_factory=dict)

    def add(self, message: Message) -> bool:
        """Keep a message; returns False where it was known."""
        book, key = self._place(message)
        if key in book:
            return False
        book[key] = message
        return True

    def _place(self, message: Message) -> tuple[dict[str, Any], str]:
        if isinstance(message, ItemFate):
            return self.items, item_key(message)
        if isinstance(message, Signal):
            return self.signals, message.event_id
        if isinstance(message, Execution):
            return self.executions, message.execution_id
        if isinstance(message, DeadLetter):
            return self.dead_letters, message.dead_letter_id
        return self.decisions, decision_key(message)


def decision_key(decision: Any) -> str:
    """Return the id of a decision: of the signal that was passed, or of the intent with its event."""
    if isinstance(decision, Passed):
        return f"passed:{decision.event_id}"
    return f"{decision.intent.event_id}:{decision.intent.intent_id}"


class Recorder:
    """Reads all topics in a group of its own and passes each message on once."""

    def __init__(self, bus: Bus, clock: Clock, since: datetime, notice: Callable[[Message], None]) -> None:
        """Ignore what is older than ``since``: an earlier run in the same home."""
        self._bus = bus
        self._clock = clock
        self._since = since
        self._notice = notice
        self.records = Records()

    async def run(self) -> None:
        """Record until cancelled."""
        await consume_topic(self._bus, list(RECORDED), GROUP, self._record, self._clock)

    async def backlog(self) -> int:
        """Count what is not recorded yet."""
        return sum([await self._bus.backlog(topic, GROUP) for topic in RECORDED])

    async def _record(self, delivery: Delivery) -> None:
        message = parse(delivery.topic, delivery.value)
        if time_of(message) >= self._since and self.records.add(message):
            self._notice(message)


def time_of(message: Any) -> datetime:
    """Return when a message was made."""
    for name in ("at", "ts_iso", "decided_at"):
        if (value := getattr(message, name, None)) is not None:
            return value  # type: ignore[no-any-return]
    raise TypeError(f"{type(message).__name__} has no time")
