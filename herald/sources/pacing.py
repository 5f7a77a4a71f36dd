"""When a source may be asked next: its own rhythm, back-off with jitter after a failure, a circuit breaker. Pure.

closed ──failures_max failures in a row──► open ──its time is over──► half open ──success──► closed
                                            ▲                            │
                                            └───────────failure──────────┘  (open for twice as long, bounded)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Circuit(StrEnum):
    """Whether a source is asked at all: CLOSED yes, OPEN no, HALF_OPEN once, to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Outcome(StrEnum):
    """How a look at a source ended: an answer, no answer (``Unavailable``), or a no (``Refused``)."""

    ANSWERED = "answered"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PaceLimits:
    """The bounds. ``every_s`` 0 lets a source that waits by itself (a WebSocket) be asked at once again."""

    every_s: float = 5.0
    backoff_s: float = 1.0
    backoff_max_s: float = 300.0
    refused_s: float = 60.0
    failures_max: int = 5
    open_s: float = 60.0
    open_max_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Pace:
    """The state of one source's pace. Each method returns the next state; ``at`` is when it may be asked again."""

    limits: PaceLimits
    circuit: Circuit = Circuit.CLOSED
    failures: int = 0
    opened: int = 0
    at: datetime | None = None
    begun_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """True where the source may be asked."""
        return self.at is None or now >= self.at

    def begin(self, now: datetime) -> Pace:
        """Note that the source is being asked; an open circuit whose time is over becomes half open."""
        circuit = Circuit.HALF_OPEN if self.circuit is Circuit.OPEN else self.circuit
        return replace(self, circuit=circuit, begun_at=now)

    def next_attempt(
        self, now: datetime, outcome: Outcome, *, jitter: float, retry_after_s: float | None = None
    ) -> Pace:
        """Return the state after an outcome; ``jitter`` is a random number in [0, 1).

        Never sooner than ``every_s`` after the last look began, nor than the server asked with ``retry_after_s``.
        """
        earliest = (self.begun_at or now) + timedelta(seconds=self.limits.every_s)
        if outcome is Outcome.ANSWERED:
            return replace(self, circuit=Circuit.CLOSED, failures=0, opened=0, at=max(now, earliest))
        failed = replace(self, failures=self.failures + 1)
        trips = self.circuit is Circuit.HALF_OPEN or failed.failures >= self.limits.failures_max
        if trips:
            failed = replace(failed, circuit=Circuit.OPEN, opened=self.opened + 1)
        delay_s = max(_delay_s(failed, outcome) * (0.5 + 0.5 * jitter), retry_after_s or 0.0)
        return replace(failed, at=max(now + timedelta(seconds=delay_s), earliest))


def backoff_s(failures: int, base_s: float, most_s: float) -> float:
    """Return the delay after the given count of failures in a row: doubled each time, bounded."""
    return min(most_s, base_s * 2.0 ** min(max(failures, 1) - 1, 32))


def _delay_s(pace: Pace, outcome: Outcome) -> float:
    limits = pace.limits
    if pace.circuit is Circuit.OPEN:
        return backoff_s(pace.opened, limits.open_s, limits.open_max_s)
    base_s = limits.refused_s if outcome is Outcome.REFUSED else limits.backoff_s
    return backoff_s(pace.failures, base_s, max(base_s, limits.backoff_max_s))
