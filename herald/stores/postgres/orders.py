"""The routers' record of orders, and the outbox of their reports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from herald.messages import ApprovedOrder, Execution, Order
from herald.stores.postgres.connection import Postgres
from herald.taxonomy import OrderStatus

_REMEMBER = """
INSERT INTO orders (client_order_id, trade_id, event_id, story_id, venue, instrument_key, leg, side, status, is_final,
                    quantity, filled_quantity, sequence, updated_at, approved)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, false, %s, 0, -1, %s, %s::json)
ON CONFLICT DO NOTHING
"""
# One statement, so one transaction and one round trip. Where the report is known, nothing else is touched either.
_RECORD = """
WITH new AS (
    INSERT INTO executions (execution_id, client_order_id, sequence, trade_id, event_id, story_id, venue,
                            instrument_key, event_type, playbook, leg, status, at, document)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::json)
    ON CONFLICT DO NOTHING
    RETURNING execution_id, client_order_id, sequence, trade_id, event_id, story_id, venue, instrument_key, leg,
              status, at
), kept AS (
    INSERT INTO orders (client_order_id, trade_id, event_id, story_id, venue, instrument_key, leg, side, status,
                        is_final, quantity, filled_quantity, sequence, updated_at, approved, document)
    SELECT client_order_id, trade_id, event_id, story_id, venue, instrument_key, leg, %s, status, %s, %s, %s, sequence,
           at, %s::json, %s::json
    FROM new
    ON CONFLICT (client_order_id) DO UPDATE SET
        status = excluded.status, is_final = excluded.is_final, quantity = excluded.quantity,
        filled_quantity = excluded.filled_quantity, sequence = excluded.sequence, updated_at = excluded.updated_at,
        document = excluded.document
    WHERE orders.sequence < excluded.sequence
), filled AS (
    INSERT INTO fills (venue, fill_id, client_order_id, execution_id, trade_id, instrument_key, leg, side, quantity,
                       price, fee_usd, liquidity, at)
    SELECT new.venue, f.fill_id, new.client_order_id, new.execution_id, new.trade_id, new.instrument_key, new.leg,
           f.side, f.quantity, f.price, f.fee_usd, f.liquidity, f.at
    FROM new, unnest(%s::text[], %s::text[], %s::numeric[], %s::numeric[], %s::numeric[], %s::text[],
                     %s::timestamptz[]) AS f (fill_id, side, quantity, price, fee_usd, liquidity, at)
    ON CONFLICT DO NOTHING
)
SELECT EXISTS (SELECT FROM new)
"""
_UNPUBLISHED = """
SELECT document::text FROM executions
WHERE NOT published AND (%s::text IS NULL OR venue = %s::text)
ORDER BY recorded LIMIT %s
"""
_IN_FLIGHT = """
SELECT approved::text, document::text, sequence FROM orders
WHERE NOT is_final AND (%s::text IS NULL OR venue = %s::text)
ORDER BY updated_at, client_order_id
"""
_OPEN = """
SELECT trade_id, instrument_key FROM fills
GROUP BY trade_id, instrument_key
HAVING sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END) <> 0
"""
_APPROVED_OF = """
SELECT DISTINCT ON (trade_id, instrument_key) trade_id, instrument_key, approved::text FROM orders
WHERE trade_id = ANY(%s) AND leg <> 'EXIT'
ORDER BY trade_id, instrument_key, leg, client_order_id
"""
_EXECUTIONS_OF = """
SELECT trade_id, instrument_key, document::text FROM executions WHERE trade_id = ANY(%s)
ORDER BY recorded
"""


class OrderJournal:
    """Orders, reports and fills as the routers wrote them.

    What survives: everything whose ``record`` returned; order, report and fills together or not at all. A report is in
    the outbox from that moment until ``mark_published``, so a crash between the two publishes it once more, under the
    same ``execution_id``.
    """

    def __init__(self, postgres: Postgres) -> None:
        """Read and write through this pool."""
        self._postgres = postgres

    async def remember(self, approved: ApprovedOrder) -> bool:
        """Note an order before it is sent. Returns False where it is known; nothing is changed then."""
        intent = approved.intent
        parameters = (
            approved.client_order_id,
            intent.trade_id,
            intent.event_id,
            intent.story_id,
            intent.instrument.venue,
            intent.instrument.key,
            intent.leg.value,
            intent.side.value,
            OrderStatus.PENDING.value,
            approved.quantity,
            approved.decided_at,
            approved.model_dump_json(),
        )
        return await self._postgres.execute(_REMEMBER, parameters) > 0

    async def record(self, execution: Execution, order: Order, approved: ApprovedOrder) -> bool:
        """Write a report, its fills and the state of its order. Returns False where the report is known."""
        fills = execution.fills
        parameters = (
            *execution_row(execution),
            order.side.value,
            order.status.is_final,
            order.quantity,
            order.filled_quantity,
            approved.model_dump_json(),
            order.model_dump_json(),
            [fill.fill_id for fill in fills],
            [fill.side.value for fill in fills],
            [fill.quantity for fill in fills],
            [fill.price for fill in fills],
            [fill.fee_usd for fill in fills],
            [fill.liquidity for fill in fills],
            [fill.at for fill in fills],
        )
        rows = await self._postgres.rows(_RECORD, parameters)
        return bool(rows[0][0])

    async def unpublished(self, limit: int, venue: str | None = None) -> list[Execution]:
        """Return the reports that are still in the outbox, in the order of their recording."""
        rows = await self._postgres.rows(_UNPUBLISHED, (venue, venue, limit))
        return [Execution.from_wire(row[0]) for row in rows]

    async def mark_published(self, execution_ids: Sequence[str]) -> None:
        """Take reports out of the outbox."""
        await self._postgres.execute(
            "UPDATE executions SET published = true WHERE execution_id = ANY(%s) AND NOT published",
            (list(execution_ids),),
        )

    async def find(self, client_order_id: str) -> tuple[Order, int] | None:
        """Return an order as its venue last gave it, with the sequence of its last report. None where not reported."""
        rows = await self._postgres.rows(
            "SELECT document::text, sequence FROM orders WHERE client_order_id = %s AND document IS NOT NULL",
            (client_order_id,),
        )
        return (Order.from_wire(rows[0][0]), rows[0][1]) if rows else None

    async def approved(self, client_order_id: str) -> ApprovedOrder | None:
        """Return what Risk approved."""
        rows = await self._postgres.rows(
            "SELECT approved::text FROM orders WHERE client_order_id = %s", (client_order_id,)
        )
        return ApprovedOrder.from_wire(rows[0][0]) if rows else None

    async def last_sequence(self, client_order_id: str) -> int:
        """Return the sequence of an order's last report, -1 where there is none."""
        rows = await self._postgres.rows("SELECT sequence FROM orders WHERE client_order_id = %s", (client_order_id,))
        return int(rows[0][0]) if rows else -1

    async def last_execution(self, client_order_id: str) -> Execution | None:
        """Return the last report on an order."""
        rows = await self._postgres.rows(
            "SELECT document::text FROM executions WHERE client_order_id = %s ORDER BY sequence DESC LIMIT 1",
            (client_order_id,),
        )
        return Execution.from_wire(rows[0][0]) if rows else None

    async def in_flight(self, venue: str | None = None) -> list[tuple[ApprovedOrder, Order, int]]:
        """Return the reported orders that are not final, each with what was approved and its last sequence."""
        rows = await self._postgres.rows(_IN_FLIGHT, (venue, venue))
        return [
            (ApprovedOrder.from_wire(approved), Order.from_wire(order), sequence)
            for approved, order, sequence in rows
            if order is not None
        ]

    async def remembered(self, venue: str | None = None) -> list[ApprovedOrder]:
        """Return the orders that were to be sent and have no report: look them up at the venue before anything else."""
        rows = await self._postgres.rows(_IN_FLIGHT, (venue, venue))
        return [ApprovedOrder.from_wire(row[0]) for row in rows if row[1] is None]

    async def open_trades(self) -> list[tuple[ApprovedOrder, list[Execution]]]:
        """Return the trades whose fills do not cancel out, oldest first: what was approved, and all reports."""
        rows = await self._postgres.rows(_OPEN)
        return await self._trades({(row[0], row[1]) for row in rows})

    async def trade(self, trade_id: str) -> tuple[ApprovedOrder, list[Execution]] | None:
        """Return one trade, open or not: what was approved for its entry, and all reports in that instrument."""
        rows = await self._postgres.rows(_APPROVED_OF, ([trade_id],))
        found = await self._trades({(row[0], row[1]) for row in rows})
        entries = sorted(found, key=lambda trade: trade[0].intent.leg)  # ENTRY before HEDGE
        return entries[0] if entries else None

    async def executions_of(self, trade_ids: Sequence[str]) -> list[Execution]:
        """Return all reports of trades, in the order of their recording."""
        return [Execution.from_wire(row[2]) for row in await self._postgres.rows(_EXECUTIONS_OF, (list(trade_ids),))]

    async def _trades(self, wanted: set[tuple[str, str]]) -> list[tuple[ApprovedOrder, list[Execution]]]:
        trade_ids = sorted({trade_id for trade_id, _ in wanted})
        if not trade_ids:
            return []
        reports: dict[tuple[str, str], list[Execution]] = {}
        for trade_id, instrument_key, document in await self._postgres.rows(_EXECUTIONS_OF, (trade_ids,)):
            reports.setdefault((trade_id, instrument_key), []).append(Execution.from_wire(document))
        approved = [
            (ApprovedOrder.from_wire(document), reports.get((trade_id, instrument_key), []))
            for trade_id, instrument_key, document in await self._postgres.rows(_APPROVED_OF, (trade_ids,))
            if (trade_id, instrument_key) in wanted
        ]
        return sorted(approved, key=lambda trade: (trade[0].decided_at, trade[0].client_order_id))


def execution_row(execution: Execution) -> tuple[Any, ...]:
    """Return the columns of ``executions`` in the order of the insert statements."""
    return (
        execution.execution_id,
        execution.client_order_id,
        sequence_of(execution),
        execution.trade_id,
        execution.event_id,
        execution.story_id,
        execution.venue,
        execution.instrument_key,
        execution.event_type.value,
        execution.playbook,
        execution.leg.value,
        execution.status.value,
        execution.ts_iso,
        execution.model_dump_json(),
    )


def sequence_of(execution: Execution) -> int:
    """Read the sequence number at the end of an ``execution_id``. Raises ``ValueError`` where there is none."""
    number = re.search(r"\d+$", execution.execution_id.removeprefix(execution.client_order_id))
    if number is None or not execution.execution_id.startswith(execution.client_order_id):
        raise ValueError(
            f"execution_id '{execution.execution_id}' is not client_order_id '{execution.client_order_id}' and a number"
        )
    return int(number.group())
