"""The paper venue: an exchange that fills orders against the quotes of a market, and remembers them durably."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from herald.market.quotes import QuotePath
from herald.messages import ApprovedOrder, Fill, Instrument, Order
from herald.nanoseconds import NS_PER_MS, to_ns
from herald.ports import InstrumentDirectory, Market, OrderRecord, Refused
from herald.taxonomy import Reason
from herald.trading.fills import ORDER_TYPE_CODES, next_match
from herald.trading.matching import cancelled, match_time, matched, placed
from herald.trading.venue_rules import VenueRules
from herald.trading.venue_rules import VenuesDocument as VenuesDocument  # noqa: PLC0414 - offered here too

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Match:
    """The next quote that changes an order. Matches are taken in the order of time, then of submission."""

    at_ns: int
    rank: int
    order: Order
    path: QuotePath
    index: int


class PaperVenue:
    """Fulfils ``ports.Venue``.

    An order is matched on arrival where the standing quote is at most ``fresh_ms`` old, else against the next quote:
    an immediate order then trades or expires, others rest and meet every later quote in the order of time. Orders do
    not compete for the size of one quote.

    Guarantees: every answer is in the record before it is given, and nothing is kept elsewhere, so an instance made
    anew on the same record goes on exactly where the last one died; at worst a change is recorded whose answer was
    lost, which ``lookup`` then shows. Ids of fills are derived. An order sent twice is the first order.
    """

    def __init__(
        self, name: str, market: Market, record: OrderRecord, rules: VenueRules, directory: InstrumentDirectory
    ) -> None:
        """Play the venue ``name`` on a market, with its rules and the filters of its instruments."""
        self.name = name
        self._market = market
        self._record = record
        self._rules = rules
        self._directory = directory
        self._one_at_a_time = asyncio.Lock()

    async def submit(self, order: ApprovedOrder, now: datetime) -> Order:
        """Take an order, or return the first one of its id. What breaks the venue's rules is recorded as REJECTED."""
        async with self._one_at_a_time:
            known = await self._record.find(order.client_order_id)
            if known is not None:
                return known
            key = order.intent.instrument.key
            instrument = self._directory.get(key) if order.intent.instrument.venue == self.name else None
            position = (await self._record.positions()).get(key, ZERO) if order.intent.reduce_only else ZERO
            rules = self._rules
            taken = placed(order, now, venue=self.name, instrument=instrument, position=position, rules=rules)
            quote = self._market.quote(key, now)
            if quote is not None and instrument is not None and not taken.status.is_final:
                age_ns = to_ns(now) - quote.at_ns
                if age_ns <= rules.fresh_ms * NS_PER_MS:
                    at = taken.updated_at
                    taken = matched(taken, quote, at, instrument=instrument, position=position, rules=rules)
            return await self._record.create(taken)

    async def lookup(self, client_order_id: str) -> Order | None:
        """Return the record of an order, None where there is none."""
        return await self._record.find(client_order_id)

    async def cancel(self, client_order_id: str, now: datetime) -> Order:
        """Cancel what is open of an order, after what the quotes up to ``now`` have filled of it."""
        async with self._one_at_a_time:
            order = await self._record.find(client_order_id)
            if order is None:
                raise Refused(f"{self.name} has no order {client_order_id}; submit it first")
            if order.status.is_final:
                return order
            for changed in await self._match([order], now):
                order = changed
            if not order.status.is_final:
                order = cancelled(order, now)
                await self._record.update(order)
            return order

    async def advance(self, now: datetime) -> list[Order]:
        """Match open orders against the quotes up to ``now``; returns those that changed, oldest change first."""
        async with self._one_at_a_time:
            return await self._match(await self._record.open_orders(), now)

    async def open_orders(self) -> list[Order]:
        """Return the orders that may still fill."""
        return await self._record.open_orders()

    async def fills_since(self, after_fill_id: str | None, limit: int) -> list[Fill]:
        """Return fills in the order of their recording, for reconciliation."""
        return await self._record.fills_since(after_fill_id, limit)

    async def positions(self) -> Mapping[str, Any]:
        """Return signed net quantity (Decimal) by instrument key."""
        return await self._record.positions()

    async def close(self) -> None:
        """Do nothing: the record belongs to its owner."""

    async def _match(self, orders: Sequence[Order], now: datetime) -> list[Order]:
        """Take one match after the other in the order of time, recording each before the next."""
        positions: dict[str, Any] = {}
        if any(order.reduce_only for order in orders):
            positions = dict(await self._record.positions())
        upcoming = [one for rank, order in enumerate(orders) if (one := self._next(order, rank, now)) is not None]
        changed: dict[str, Order] = {}
        while upcoming:
            match = min(upcoming, key=lambda one: (one.at_ns, one.rank))
            upcoming.remove(match)
            before, key = match.order, match.order.instrument_key
            at = match_time(before, match.at_ns)
            position = positions.get(key, ZERO)
            order = matched(
                before,
                match.path[match.index],
                at,
                instrument=self._instrument(key),
                position=position,
                rules=self._rules,
            )
            if order == before:
                raise RuntimeError(f"order {before.client_order_id} did not change at a quote that should fill it")
            await self._record.update(order)
            traded = (order.filled_quantity - before.filled_quantity) * order.side.sign
            positions[key] = position + traded
            changed.pop(order.client_order_id, None)
            changed[order.client_order_id] = order
            if not order.status.is_final and (again := self._next(order, match.rank, now)) is not None:
                upcoming.append(again)
        return list(changed.values())

    def _next(self, order: Order, rank: int, now: datetime) -> _Match | None:
        """Find the next quote that changes an order: its first one, or the next that fills it while it rests."""
        waits = order.reason is Reason.AWAITING_QUOTE
        after = order.submitted_at if waits else order.updated_at
        path = self._market.path(order.instrument_key, to_ns(after), now)
        if not len(path):
            return None
        index = 0
        if not waits:
            index = next_match(
                order.side.sign,
                ORDER_TYPE_CODES[order.order_type],
                float(order.limit_price or 0),
                path.bid,
                path.ask,
                path.bid_size,
                path.ask_size,
                float(self._instrument(order.instrument_key).lot_size),
            )
        return _Match(int(path.at_ns[index]), rank, order, path, index) if index >= 0 else None

    def _instrument(self, key: str) -> Instrument:
        instrument = self._directory.get(key)
        if instrument is None:
            raise Refused(f"{self.name} has an open order in {key}, which is no longer listed; put it back")
        return instrument
