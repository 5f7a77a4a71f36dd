"""A record of orders in memory, for tests and for research that need not survive the process."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from herald.messages import Fill, Order


class MemoryOrderRecord:
    """Fulfils ``ports.OrderRecord`` for the life of the process."""

    def __init__(self) -> None:
        """Start empty."""
        self._orders: dict[str, Order] = {}
        self._fills: dict[str, Fill] = {}

    async def create(self, order: Order) -> Order:
        """Insert the order with its fills; where its id is known already, change nothing and return what stands."""
        if order.client_order_id not in self._orders:
            await self.update(order)
        return self._orders[order.client_order_id]

    async def update(self, order: Order) -> None:
        """Replace an order and add its new fills."""
        self._orders[order.client_order_id] = order
        for fill in order.fills:
            self._fills.setdefault(fill.fill_id, fill)

    async def find(self, client_order_id: str) -> Order | None:
        """Return an order with its fills."""
        return self._orders.get(client_order_id)

    async def open_orders(self) -> list[Order]:
        """Return the orders that are not final, in the order of submission."""
        pending = [order for order in self._orders.values() if not order.status.is_final]
        return sorted(pending, key=lambda order: order.submitted_at)

    async def fills_since(self, after_fill_id: str | None, limit: int) -> list[Fill]:
        """Return fills in the order of their recording, after the given one."""
        ids = list(self._fills)
        start = 0 if after_fill_id is None else ids.index(after_fill_id) + 1
        return [self._fills[fill_id] for fill_id in ids[start : start + limit]]

    async def positions(self) -> Mapping[str, Decimal]:
        """Return signed net quantity by instrument key, from all fills; flat ones are left out."""
        held: dict[str, Decimal] = {}
        for fill in self._fills.values():
            held[fill.instrument_key] = held.get(fill.instrument_key, Decimal(0)) + fill.quantity * fill.side.sign
        return {key: quantity for key, quantity in held.items() if quantity}
