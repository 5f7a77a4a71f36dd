"""The books of a paper venue in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from herald.messages import Fill, Order
from herald.stores.postgres.connection import Postgres

_CREATE = """
WITH new AS (
    INSERT INTO paper_orders (venue, client_order_id, is_final, submitted_at, document)
    VALUES (%s, %s, %s, %s, %s::json)
    ON CONFLICT DO NOTHING
    RETURNING venue, client_order_id
), filled AS (
    INSERT INTO paper_fills (venue, client_order_id, fill_id, instrument_key, side, quantity, document)
    SELECT new.venue, new.client_order_id, f.*
    FROM new, unnest(%s::text[], %s::text[], %s::text[], %s::numeric[], %s::json[])
        AS f (fill_id, instrument_key, side, quantity, document)
)
SELECT EXISTS (SELECT FROM new)
"""
_UPDATE = """
WITH kept AS (
    INSERT INTO paper_orders (venue, client_order_id, is_final, submitted_at, document)
    VALUES (%s, %s, %s, %s, %s::json)
    ON CONFLICT (venue, client_order_id) DO UPDATE SET is_final = excluded.is_final, document = excluded.document
    RETURNING venue, client_order_id
)
INSERT INTO paper_fills (venue, client_order_id, fill_id, instrument_key, side, quantity, document)
SELECT kept.venue, kept.client_order_id, f.*
FROM kept, unnest(%s::text[], %s::text[], %s::text[], %s::numeric[], %s::json[])
    AS f (fill_id, instrument_key, side, quantity, document)
ON CONFLICT DO NOTHING
"""
_WITH_FILLS = """
SELECT o.document::text, coalesce(
    (SELECT json_agg(f.document ORDER BY f.recorded) FROM paper_fills f
     WHERE f.venue = o.venue AND f.client_order_id = o.client_order_id),
    '[]'
)::text
FROM paper_orders o
"""
_FIND = _WITH_FILLS + "WHERE o.venue = %s AND o.client_order_id = %s"
_OPEN = _WITH_FILLS + "WHERE o.venue = %s AND NOT o.is_final ORDER BY o.submitted_at, o.opened"
_FILLS_SINCE = """
SELECT document::text FROM paper_fills
WHERE venue = %s AND recorded > coalesce((SELECT recorded FROM paper_fills WHERE venue = %s AND fill_id = %s), 0)
ORDER BY recorded LIMIT %s
"""
_POSITIONS = """
SELECT instrument_key, sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END) FROM paper_fills
WHERE venue = %s GROUP BY instrument_key
HAVING sum(CASE side WHEN 'BUY' THEN quantity ELSE -quantity END) <> 0
ORDER BY instrument_key
"""


class PostgresOrderRecord:
    """Fulfils ``ports.OrderRecord`` on the tables ``paper_orders`` and ``paper_fills``.

    What survives: every order and fill whose ``create`` or ``update`` returned, together or not at all. Both may be
    repeated. One process writes for a venue; order and fills keep the sequence of its writes.
    """

    def __init__(self, postgres: Postgres, venue: str) -> None:
        """Keep the books of ``venue`` through this pool."""
        self._postgres = postgres
        self._venue = venue

    async def create(self, order: Order) -> Order:
        """Insert the order with its fills, in one round trip; where its id is known, return what stands."""
        rows = await self._postgres.rows(_CREATE, _parameters(self._venue, order))
        if rows[0][0]:
            return order
        standing = await self.find(order.client_order_id)
        if standing is None:
            raise RuntimeError(f"order {order.client_order_id} is neither new nor known")
        return standing

    async def update(self, order: Order) -> None:
        """Replace an order and add its new fills."""
        await self._postgres.execute(_UPDATE, _parameters(self._venue, order))

    async def find(self, client_order_id: str) -> Order | None:
        """Return an order with its fills."""
        rows = await self._postgres.rows(_FIND, (self._venue, client_order_id))
        return _order(*rows[0]) if rows else None

    async def open_orders(self) -> list[Order]:
        """Return the orders that are not final, oldest first."""
        return [_order(*row) for row in await self._postgres.rows(_OPEN, (self._venue,))]

    async def fills_since(self, after_fill_id: str | None, limit: int) -> list[Fill]:
        """Return fills in the order of their recording, after the given one."""
        rows = await self._postgres.rows(_FILLS_SINCE, (self._venue, self._venue, after_fill_id, limit))
        return [Fill.from_wire(row[0]) for row in rows]

    async def positions(self) -> Mapping[str, Decimal]:
        """Return signed net quantity by instrument key, from all fills; flat ones are left out."""
        return dict(await self._postgres.rows(_POSITIONS, (self._venue,)))


def _parameters(venue: str, order: Order) -> tuple[Any, ...]:
    fills = order.fills
    return (
        venue,
        order.client_order_id,
        order.status.is_final,
        order.submitted_at,
        order.model_dump_json(exclude={"fills"}),
        [fill.fill_id for fill in fills],
        [fill.instrument_key for fill in fills],
        [fill.side.value for fill in fills],
        [fill.quantity for fill in fills],
        [fill.model_dump_json() for fill in fills],
    )


def _order(document: str, fills: str) -> Order:
    return Order.from_wire(f'{document.removesuffix("}")},"fills":{fills}}}')
