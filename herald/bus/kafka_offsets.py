"""Which offset of a partition may be committed, given what was handed out and what was handled. Pure."""

from __future__ import annotations


class OffsetTracker:
    """Kafka knows one number a partition: all before it is done. This keeps it below whatever is still out.

    After a rebalance the partition may come back with its position set back to that number, while the caller still
    holds messages; ``resume`` makes the tracker expect that, so that held messages are not handed out twice.
    """

    def __init__(self) -> None:
        self._out: set[int] = set()
        self._next: int | None = None
        self._resumed = True

    def resume(self) -> None:
        """Expect the next record to be the first that the group has not committed."""
        self._resumed = True

    def hand_out(self, offset: int) -> bool:
        """Note a record that was received; False where the caller holds it already."""
        if self._resumed:
            self._resumed = False
            self._out = {held for held in self._out if held >= offset}
            self._next = max(self._out, default=offset - 1) + 1
        if offset in self._out:
            return False
        self._out.add(offset)
        self._next = max(self._next or 0, offset + 1)
        return True

    def done(self, offset: int) -> None:
        """Note a record that was handled."""
        self._out.discard(offset)

    @property
    def committable(self) -> int | None:
        """The offset to commit: of the oldest record that is out, or after the last one; None before any."""
        return min(self._out) if self._out else self._next
