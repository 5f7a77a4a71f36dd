"""Stores in memory that fulfil the ports: for tests, and for runs that need to leave nothing behind.

Each has the public methods of the store whose name it bears, and passes the same contract.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from herald.messages import ApprovedOrder, Execution, Fill, Order
from herald.ports import JournalConflict, JournalEntry
from herald.stores.postgres.orders import sequence_of
from herald.stores.postgres.trading_state import StateChange
from herald.taxonomy import Leg, Reason, TradingState


class MemoryJournal:
    """Fulfils ``ports.Journal``. It lives as long as its object does; two owners may share one, and are fenced."""

    def __init__(self) -> None:
        """Begin empty."""
        self._by_seq: dict[int, JournalEntry] = {}
        self._by_key: dict[str, JournalEntry] = {}

    async def load(self, after_seq: int = 0) -> list[JournalEntry]:
        """Return all entries with a greater ``seq``, in order."""
        return [self._by_seq[seq] for seq in sorted(self._by_seq) if seq > after_seq]

    async def find(self, key: str) -> JournalEntry | None:
        """Return the entry of a key."""
        return self._by_key.get(key)

    async def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append all or none. Raises ``JournalConflict`` where a ``seq`` or ``key`` is taken."""
        seqs = {entry.seq for entry in entries}
        keys = {entry.key for entry in entries}
        taken = seqs & self._by_seq.keys() or keys & self._by_key.keys()
        if taken or len(seqs) < len(entries) or len(keys) < len(entries):
            raise JournalConflict(f"memory journal: taken already: {sorted(map(str, taken))}; stop and rebuild")
        for entry in entries:
            self._by_seq[entry.seq] = entry
            self._by_key[entry.key] = entry


class MemoryTradingStates:
    """Does what ``TradingStates`` does. Lives as long as its object."""

    def __init__(self) -> None:
        """Begin ACTIVE."""
        self._changes: list[StateChange] = []

    async def current(self) -> TradingState:
        """Return the state that stands; ACTIVE where none was ever set."""
        return self._changes[-1].state if self._changes else TradingState.ACTIVE

    async def set(self, state: TradingState, reason: Reason, by: str, at: datetime) -> None:
        """Change the state. The last change stands; a repeated one is one change."""
        change = StateChange(state, reason, by, at)
        if change not in self._changes:
            self._changes.append(change)

    async def history(self, limit: int = 20) -> list[StateChange]:
        """Return the last changes, newest first."""
        return self._changes[::-1][:limit]


class MemorySourceStates:
    """Does what ``SourceStates`` does. Lives as long as its object."""

    def __init__(self) -> None:
        """Begin empty."""
        self._snapshots: dict[str, str] = {}

    async def save(self, source: str, snapshot: dict[str, Any]) -> None:
        """Replace the snapshot of a source."""
        self._snapshots[source] = json.dumps(snapshot)

    async def load(self, source: str) -> dict[str, Any] | None:
        """Return the snapshot of a source, None where it has none."""
        return (await self.load_all()).get(source)

    async def load_all(self) -> dict[str, dict[str, Any]]:
        """Return all snapshots by the name of their source."""
        return {source: json.loads(snapshot) for source, snapshot in self._snapshots.items()}


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of an order: ``order`` is None and ``sequence`` -1 before its first report."""

    approved: ApprovedOrder
    updated_at: datetime
    order: Order | None = None
    sequence: int = -1

    @property
    def is_final(self) -> bool:
        return self.order is not None and self.order.status.is_final


class MemoryOrderJournal:
    """Does what ``OrderJournal`` does. Lives as long as its object."""

    def __init__(self) -> None:
        """Begin empty."""
        self._orders: dict[str, _Known] = {}
        self._executions: dict[str, Execution] = {}
        self._published: set[str] = set()
        self._fills: dict[tuple[str, str], tuple[Execution, Fill]] = {}

    async def remember(self, approved: ApprovedOrder) -> bool:
        """Note an order before it is sent. Returns False where it is known; nothing is changed then."""
        if approved.client_order_id in self._orders:
            return False
        self._orders[approved.client_order_id] = _Known(approved, approved.decided_at)
        return True

    async def record(self, execution: Execution, order: Order, approved: ApprovedOrder) -> bool:
        """Write a report, its fills and the state of its order. Returns False where the report is known."""
        if execution.execution_id in self._executions:
            return False
        sequence = sequence_of(execution)
        known = self._orders.get(execution.client_order_id) or _Known(approved, execution.ts_iso)
        if known.sequence < sequence:
            known = replace(known, updated_at=execution.ts_iso, order=order, sequence=sequence)
        self._orders[execution.client_order_id] = known
        self._executions[execution.execution_id] = execution
        for fill in execution.fills:
            self._fills.setdefault((execution.venue, fill.fill_id), (execution, fill))
        return True

    async def unpublished(self, limit: int, venue: str | None = None) -> list[Execution]:
        """Return the reports that are still in the outbox, in the order of their recording."""
        waiting = [
            execution
            for name, execution in self._executions.items()
            if name not in self._published and venue in {None, execution.venue}
        ]
        return waiting[:limit]

    async def mark_published(self, execution_ids: Sequence[str]) -> None:
        """Take reports out of the outbox."""
        self._published.update(execution_ids)

    async def find(self, client_order_id: str) -> tuple[Order, int] | None:
        """Return an order as its venue last gave it, with the sequence of its last report. None where not reported."""
        known = self._orders.get(client_order_id)
        return (known.order, known.sequence) if known and known.order else None

    async def approved(self, client_order_id: str) -> ApprovedOrder | None:
        """Return what Risk approved."""
        known = self._orders.get(client_order_id)
        return known.approved if known else None

    async def last_sequence(self, client_order_id: str) -> int:
        """Return the sequence of an order's last report, -1 where there is none."""
        known = self._orders.get(client_order_id)
        return known.sequence if known else -1

    async def last_execution(self, client_order_id: str) -> Execution | None:
        """Return the last report on an order."""
        reports = [one for one in self._executions.values() if one.client_order_id == client_order_id]
        return max(reports, key=sequence_of, default=None)

    async def in_flight(self, venue: str | None = None) -> list[tuple[ApprovedOrder, Order, int]]:
        """Return the reported orders that are not final, each with what was approved and its last sequence."""
        return [(one.approved, one.order, one.sequence) for one in self._not_final(venue) if one.order is not None]

    async def remembered(self, venue: str | None = None) -> list[ApprovedOrder]:
        """Return the orders that were to be sent and have no report."""
        return [one.approved for one in self._not_final(venue) if one.order is None]

    async def open_trades(self) -> list[tuple[ApprovedOrder, list[Execution]]]:
        """Return the trades whose fills do not cancel out, oldest first: what was approved, and all reports."""
        held: dict[tuple[str, str], Decimal] = {}
        for execution, fill in self._fills.values():
            key = execution.trade_id, execution.instrument_key
            held[key] = held.get(key, Decimal(0)) + fill.quantity * fill.side.sign
        return self._trades(key for key, quantity in held.items() if quantity)

    async def trade(self, trade_id: str) -> tuple[ApprovedOrder, list[Execution]] | None:
        """Return one trade, open or not: what was approved for its entry, and all reports in that instrument."""
        keys = {self._key(one.approved) for one in self._orders.values() if one.approved.intent.trade_id == trade_id}
        found = sorted(self._trades(keys), key=lambda trade: trade[0].intent.leg)  # ENTRY before HEDGE
        return found[0] if found else None

    async def executions_of(self, trade_ids: Sequence[str]) -> list[Execution]:
        """Return all reports of trades, in the order of their recording."""
        return [execution for execution in self._executions.values() if execution.trade_id in trade_ids]

    def _not_final(self, venue: str | None) -> list[_Known]:
        waiting = [
            one
            for one in self._orders.values()
            if not one.is_final and venue in {None, one.approved.intent.instrument.venue}
        ]
        return sorted(waiting, key=lambda one: (one.updated_at, one.approved.client_order_id))

    def _trades(self, keys: Iterable[tuple[str, str]]) -> list[tuple[ApprovedOrder, list[Execution]]]:
        trades = []
        for key in keys:
            entries = [
                one.approved
                for one in self._orders.values()
                if self._key(one.approved) == key and one.approved.intent.leg is not Leg.EXIT
            ]
            if entries:
                first = min(entries, key=lambda one: (one.intent.leg, one.client_order_id))
                trades.append((first, [e for e in self._executions.values() if (e.trade_id, e.instrument_key) == key]))
        return sorted(trades, key=lambda trade: (trade[0].decided_at, trade[0].client_order_id))

    @staticmethod
    def _key(approved: ApprovedOrder) -> tuple[str, str]:
        return approved.intent.trade_id, approved.intent.instrument.key
