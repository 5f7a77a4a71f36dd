"""The two clocks: the wall, and simulated time that rides on the messages of a replay."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from herald.nanoseconds import from_ns as from_ns  # noqa: PLC0414 - offered here too
from herald.nanoseconds import to_ns as to_ns  # noqa: PLC0414 - offered here too
from herald.ports import ClockMark


class WallClock:
    """The machine's own time."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def stamp(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def mark(self) -> ClockMark | None:
        """Return None: wall time need not ride along."""
        return None

    def observe(self, mark: ClockMark | None) -> None:
        """Ignore marks: nobody moves the wall clock."""


class SimulatedClock:
    """Time that moves only when a mark is observed.

    ``now`` is exactly the mark's simulated time, so that decisions repeat. ``stamp`` adds the real time spent since
    the mark began, so that the stages of a replay show what the machine really took.
    """

    def __init__(self, start: datetime | None = None) -> None:
        """Start at the epoch, or at ``start``."""
        self._mark = ClockMark(to_ns(start) if start else 0, time.time_ns())

    def now(self) -> datetime:
        """Return the simulated time."""
        return from_ns(self._mark.simulated_ns)

    def stamp(self) -> datetime:
        """Return the simulated time plus the real time since its mark began."""
        return from_ns(self._mark.simulated_ns + max(0, time.time_ns() - self._mark.wall_ns))

    def mark(self) -> ClockMark | None:
        """Return the mark that stands."""
        return self._mark

    def observe(self, mark: ClockMark | None) -> None:
        """Take over a mark that is not older than the one that stands."""
        if mark is not None and mark.simulated_ns >= self._mark.simulated_ns:
            self._mark = mark
