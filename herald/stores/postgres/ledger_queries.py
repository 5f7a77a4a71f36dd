"""What people ask the ledger: how much came to what, what is open, and why one headline was or was not traded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

from pydantic import TypeAdapter

from herald.messages import Decision, Execution, Fill, ItemFate, Signal
from herald.stores.postgres.connection import Postgres

_decisions: TypeAdapter[Any] = TypeAdapter(Decision)

_OVERVIEW = """
SELECT 'items', fate, count(*) FROM items GROUP BY fate
UNION ALL SELECT 'decisions', decision, count(*) FROM decisions GROUP BY decision
UNION ALL SELECT 'orders', status, count(*) FROM orders GROUP BY status
UNION ALL SELECT 'dead_letters', reason, count(*) FROM dead_letters GROUP BY reason
ORDER BY 1, 2
"""
_FATES = """
SELECT fate, reason, count(*) FROM items WHERE at >= coalesce(%s::timestamptz, '-infinity')
GROUP BY fate, reason ORDER BY count(*) DESC, fate, reason
"""
_DECISION_COUNTS = """
SELECT decision, reason, count(*) FROM decisions WHERE at >= coalesce(%s::timestamptz, '-infinity')
GROUP BY decision, reason ORDER BY count(*) DESC, decision, reason
"""
_OPEN = """
SELECT trade_id, instrument_key, venue, side, net_quantity, entry_price, gross_pnl_usd, fees_usd, opened_at
FROM positions WHERE net_quantity <> 0 ORDER BY opened_at, trade_id, instrument_key
"""
_CLOSED = """
SELECT trade_id, event_id, event_type, playbook, instrument_key, side, opened_at, closed_at, gross_pnl_usd, fees_usd,
       net_pnl_usd
FROM trades WHERE closed_at >= coalesce(%s::timestamptz, '-infinity') ORDER BY closed_at DESC, trade_id LIMIT %s
"""
_BY_EVENT_TYPE = """
SELECT event_type, count(*), coalesce(sum(net_pnl_usd), 0) FROM trades
WHERE closed_at >= coalesce(%s::timestamptz, '-infinity') GROUP BY event_type ORDER BY event_type
"""
_STORY_OF = """
SELECT story_id FROM items WHERE event_id = %s AND story_id <> ''
UNION SELECT story_id FROM signals WHERE event_id = %s OR story_id = %s
UNION SELECT story_id FROM decisions WHERE event_id = %s
UNION SELECT story_id FROM executions WHERE event_id = %s
"""
_LINEAGE_SIGNALS = "SELECT document::text FROM signals WHERE story_id = ANY(%s) ORDER BY at, revision"
_LINEAGE_DECISIONS = "SELECT document::text FROM decisions WHERE story_id = ANY(%s) ORDER BY at, decision_id"
_LINEAGE_EXECUTIONS = "SELECT document::text FROM executions WHERE story_id = ANY(%s) ORDER BY recorded"
_LINEAGE_ITEMS = """
SELECT document::text FROM items WHERE event_id = %s OR (story_id <> '' AND story_id = ANY(%s)) ORDER BY at, item_id
"""
_LINEAGE_FILLS = """
SELECT f.fill_id, f.client_order_id, f.instrument_key, f.side, f.quantity, f.price, f.fee_usd, f.liquidity, f.at
FROM fills f JOIN executions e USING (execution_id)
WHERE e.story_id = ANY(%s) ORDER BY f.at, f.fill_id
"""


@dataclass(frozen=True, slots=True)
class Count:
    """How often one thing came about for one reason."""

    what: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """What is held for one trade in one instrument. ``net_quantity`` is signed."""

    trade_id: str
    instrument_key: str
    venue: str
    side: str
    net_quantity: Decimal
    entry_price: Decimal | None
    gross_pnl_usd: Decimal
    fees_usd: Decimal
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A trade that is flat again, and what it earned."""

    trade_id: str
    event_id: str
    event_type: str
    playbook: str
    instrument_key: str
    side: str
    opened_at: datetime
    closed_at: datetime
    gross_pnl_usd: Decimal
    fees_usd: Decimal
    net_pnl_usd: Decimal


@dataclass(frozen=True, slots=True)
class EventTypeResult:
    """What the closed trades of one event type earned after fees."""

    event_type: str
    trades: int
    net_pnl_usd: Decimal


@dataclass(frozen=True, slots=True)
class Lineage:
    """All that is known of one headline and its story, each list in order of time."""

    event_id: str
    story_ids: tuple[str, ...]
    items: tuple[ItemFate, ...]
    signals: tuple[Signal, ...]
    decisions: tuple[Any, ...]
    executions: tuple[Execution, ...]
    fills: tuple[Fill, ...]

    @property
    def is_known(self) -> bool:
        """Whether anything was ever heard of it."""
        return bool(self.items or self.signals or self.decisions)

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        """Return the messages as JSON, by kind."""
        kinds = ("items", "signals", "decisions", "executions", "fills")
        return {kind: [message.model_dump(mode="json") for message in getattr(self, kind)] for kind in kinds}


class LedgerQueries:
    """Reads the ledger. Writes nothing."""

    def __init__(self, postgres: Postgres) -> None:
        """Read through this pool."""
        self._postgres = postgres

    async def overview(self) -> dict[str, dict[str, int]]:
        """Return counts of items by fate, decisions by kind, orders by status, dead letters by reason."""
        found: dict[str, dict[str, int]] = {"items": {}, "decisions": {}, "orders": {}, "dead_letters": {}}
        for kind, name, count in await self._postgres.rows(_OVERVIEW):
            found[kind][name] = count
        return found

    async def fates(self, since: datetime | None = None) -> list[Count]:
        """Count items by fate and reason."""
        return [Count(*row) for row in await self._postgres.rows(_FATES, (since,))]

    async def decision_counts(self, since: datetime | None = None) -> list[Count]:
        """Count decisions by kind and reason."""
        return [Count(*row) for row in await self._postgres.rows(_DECISION_COUNTS, (since,))]

    async def dead_letter_counts(self) -> list[Count]:
        """Count dead letters by origin and reason."""
        rows = await self._postgres.rows(
            "SELECT origin, reason, count(*) FROM dead_letters GROUP BY origin, reason ORDER BY origin, reason"
        )
        return [Count(*row) for row in rows]

    async def open_positions(self) -> list[OpenPosition]:
        """Return what is held, oldest first."""
        return [OpenPosition(*row) for row in await self._postgres.rows(_OPEN)]

    async def closed_trades(self, since: datetime | None = None, limit: int = 100) -> list[ClosedTrade]:
        """Return trades that are flat again, newest first."""
        return [ClosedTrade(*row) for row in await self._postgres.rows(_CLOSED, (since, limit))]

    async def by_event_type(self, since: datetime | None = None) -> list[EventTypeResult]:
        """Return what each event type's closed trades earned."""
        return [EventTypeResult(*row) for row in await self._postgres.rows(_BY_EVENT_TYPE, (since,))]

    async def last_decisions(self, limit: int) -> list[Any]:
        """Return the last decisions as messages, newest first."""
        rows = await self._postgres.rows(
            "SELECT document::text FROM decisions ORDER BY at DESC, decision_id LIMIT %s", (limit,)
        )
        return [_decisions.validate_json(row[0]) for row in rows]

    async def headlines(self, words: str, limit: int) -> list[ItemFate]:
        """Return the last headlines that hold ``words`` in any letter case, newest first; all where it is empty."""
        pattern = words.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        rows = await self._postgres.rows(
            "SELECT document::text FROM items WHERE document->>'headline' ILIKE %s ORDER BY at DESC, item_id LIMIT %s",
            (f"%{pattern}%", limit),
        )
        return [ItemFate.from_wire(row[0]) for row in rows]

    async def last_signals(self, limit: int) -> list[Signal]:
        """Return the last signals, newest first."""
        rows = await self._postgres.rows(
            "SELECT document::text FROM signals ORDER BY at DESC, event_id, revision LIMIT %s", (limit,)
        )
        return [Signal.from_wire(row[0]) for row in rows]

    async def executions_since(self, since: datetime, limit: int) -> list[Execution]:
        """Return reports from a time on, oldest first."""
        rows = await self._postgres.rows(
            "SELECT document::text FROM executions WHERE at >= %s ORDER BY at, execution_id LIMIT %s", (since, limit)
        )
        return [Execution.from_wire(row[0]) for row in rows]

    async def signals_since(self, since: datetime, limit: int) -> list[Signal]:
        """Return signals from a time on, oldest first."""
        rows = await self._postgres.rows(
            "SELECT document::text FROM signals WHERE at >= %s ORDER BY at, event_id, revision LIMIT %s", (since, limit)
        )
        return [Signal.from_wire(row[0]) for row in rows]

    async def explain(self, event_id: str) -> Lineage:
        """Return the whole lineage of one headline: its items, signals, decisions, reports and fills, with stamps."""
        stories = sorted(str(row[0]) for row in await self._postgres.rows(_STORY_OF, (event_id,) * 5))
        items = await self._texts(_LINEAGE_ITEMS, (event_id, stories))
        signals = await self._texts(_LINEAGE_SIGNALS, (stories,))
        decisions = await self._texts(_LINEAGE_DECISIONS, (stories,))
        executions = await self._texts(_LINEAGE_EXECUTIONS, (stories,))
        fills = await self._postgres.rows(_LINEAGE_FILLS, (stories,))
        return Lineage(
            event_id=event_id,
            story_ids=tuple(stories),
            items=tuple(ItemFate.from_wire(text) for text in items),
            signals=tuple(Signal.from_wire(text) for text in signals),
            decisions=tuple(_decisions.validate_json(text) for text in decisions),
            executions=tuple(Execution.from_wire(text) for text in executions),
            fills=tuple(_fill(row) for row in fills),
        )

    async def _texts(self, statement: LiteralString, parameters: tuple[Any, ...]) -> list[str]:
        return [row[0] for row in await self._postgres.rows(statement, parameters)]


def _fill(row: tuple[Any, ...]) -> Fill:
    names = ("fill_id", "client_order_id", "instrument_key", "side", "quantity", "price", "fee_usd", "liquidity", "at")
    return Fill(**dict(zip(names, row, strict=True)))
