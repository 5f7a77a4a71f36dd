"""The router of one venue: sends what Risk approved, once, and reports what came of it."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import ray
import structlog

from actors.shell import Shell
from herald.bootstrap.adapters import open_bus, open_clock, open_hot, open_market, open_postgres, open_venue
from herald.bootstrap.wiring import Wiring
from herald.market.board import QuoteBoard
from herald.messages import EXECUTIONS_TOPIC, ApprovedOrder, Execution, Order
from herald.ports import Bus, Clock, ClockMark, OutcomeUnknown, Outgoing, Refused, Unavailable, Venue
from herald.stores.postgres.orders import OrderJournal
from herald.taxonomy import OrderStatus
from herald.trading.kernels import warm_up
from herald.trading.orders import execution_of, in_doubt, refused_order

ADVANCE_PERIOD_S = 0.05
RECONCILE_PERIOD_S = 5.0
OUTBOX_LIMIT = 500
OUTBOX_PAUSE_S = 0.2

log = structlog.get_logger()


class Router:
    """Executes approved orders at one venue.

    Guarantees: an order reaches the venue once: its ``client_order_id`` is derived, the venue returns the first order
    for a repeated id, and what was recorded is answered from the record. A report is in PostgreSQL before it is on
    the bus; one that was not yet published when the process died is published by the next. An order whose answer was
    lost is *in doubt*: it is looked up, never resent and never assumed dead; and so is one that was noted but not
    reported when the last process died.
    """

    def __init__(self, venue: Venue, orders: OrderJournal, bus: Bus, clock: Clock) -> None:
        """Keep the venue, the order journal and the bus."""
        self._venue = venue
        self._orders = orders
        self._bus = bus
        self._clock = clock
        self._last: dict[str, tuple[ApprovedOrder, Order, int]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._publishing = asyncio.Lock()
        self._recorded = asyncio.Event()
        self._missed = False
        self.submitted = 0

    @property
    def open_orders(self) -> int:
        """How many orders may still change."""
        return len(self._last)

    async def submit(self, approved: ApprovedOrder, mark: ClockMark | None) -> Execution:
        """Send an order, or return the last report on it where it was sent before."""
        self._clock.observe(mark)
        async with self._locks.setdefault(approved.client_order_id, asyncio.Lock()):
            try:
                return await self._submit(approved)
            finally:
                self._locks.pop(approved.client_order_id, None)

    async def _submit(self, approved: ApprovedOrder) -> Execution:
        if not await self._orders.remember(approved):
            stored = await self._orders.last_execution(approved.client_order_id)
            if stored is not None:
                await self._go_on(approved, stored)
                return stored
            # Noted but never reported: a process died in between. The venue answers a known id with its first order.
            log.warning("order noted before but not reported", client_order_id=approved.client_order_id)
        now = self._clock.now()
        submitted = self._clock.stamp()
        try:
            order = await self._venue.submit(approved, now)
        except Refused as error:
            order = refused_order(approved, str(error), now)
        except OutcomeUnknown as error:
            order = in_doubt(approved, str(error), now)
        stamped = approved.stamped(submitted=submitted, acknowledged=self._clock.stamp())
        self.submitted += 1
        return await self._report(stamped, order, None, 0)

    async def _go_on(self, approved: ApprovedOrder, stored: Execution) -> None:
        """Follow an order again whose report was recorded by a call that failed before it knew."""
        name = approved.client_order_id
        if name not in self._last and not stored.status.is_final and (found := await self._orders.find(name)):
            self._last[name] = (approved, *found)
        self._recorded.set()

    async def advance(self, now: datetime) -> int:
        """Report the orders that changed at the venue; returns how many are still open."""
        if self._missed:
            await self.reconcile()
        self._missed = True  # a venue tells of each change once: where that fails, the orders are looked up
        for order in await self._venue.advance(now):
            await self._changed(order)
        self._missed = False
        await self.publish()
        return self.open_orders

    async def recover(self) -> None:
        """Publish what the last process recorded but did not publish, then reconcile."""
        for approved in await self._orders.remembered(self._venue.name):
            if (found := await self._venue.lookup(approved.client_order_id)) is not None:
                await self._report(approved, found, None, 0)
        for approved, order, sequence in await self._orders.in_flight(self._venue.name):
            self._last[approved.client_order_id] = (approved, order, sequence)
        await self.reconcile()
        await self.publish()

    async def reconcile(self) -> None:
        """Look up every order that is not final and report where the venue knows more than the record."""
        for client_order_id in tuple(self._last):
            found = await self._venue.lookup(client_order_id)
            if found is not None:
                await self._changed(found)
            elif (known := self._last.get(client_order_id)) and known[1].status is OrderStatus.IN_DOUBT:
                log.warning("order in doubt and unknown to its venue", client_order_id=client_order_id)

    async def _changed(self, order: Order) -> None:
        known = self._last.get(order.client_order_id)
        if known is None:
            return
        approved, previous, sequence = known
        if order.status is previous.status and order.filled_quantity == previous.filled_quantity:
            return
        await self._report(approved, order, previous, sequence + 1)

    async def _report(self, approved: ApprovedOrder, order: Order, previous: Order | None, sequence: int) -> Execution:
        execution = execution_of(approved, order, previous, sequence)
        if execution.fills:
            execution = execution.stamped(filled=self._clock.stamp())
        await self._orders.record(execution, order, approved)
        if order.status.is_final:
            self._last.pop(order.client_order_id, None)
        else:
            self._last[order.client_order_id] = (approved, order, sequence)
        self._recorded.set()
        return execution

    async def publish_forever(self) -> None:
        """Publish reports as they are recorded. The sender of an order need not wait for it."""
        while True:
            await self._recorded.wait()
            self._recorded.clear()
            try:
                await self.publish()
            except Unavailable as error:
                log.warning("reports wait in the outbox", cause=str(error))
                await asyncio.sleep(OUTBOX_PAUSE_S)
                self._recorded.set()

    async def publish(self) -> None:
        """Publish the outbox in the order of its recording; on return it was empty at some moment after the call."""
        async with self._publishing:
            waiting = await self._orders.unpublished(OUTBOX_LIMIT, self._venue.name)
            if waiting:
                mark = self._clock.mark()
                await self._bus.publish(
                    [Outgoing(EXECUTIONS_TOPIC, e.client_order_id, e.to_wire(), mark) for e in waiting]
                )
                await self._orders.mark_published([e.execution_id for e in waiting])


class RouterShell(Shell):
    """Owns the connection to one venue."""

    def __init__(self, wiring: Wiring, venue: str) -> None:
        """Begin with the addresses and files of ``wiring``."""
        self._wiring = wiring
        self._venue_name = venue
        super().__init__(f"router-{venue}")

    async def submit(self, approved: ApprovedOrder, mark: ClockMark | None) -> Execution:
        """See ``Router.submit``."""
        await self.ready()
        if not isinstance(approved, ApprovedOrder):
            raise TypeError(f"a router takes an ApprovedOrder, not {type(approved).__name__}; ask Risk for one")
        return await self._router.submit(approved, mark)

    async def on_time(self, mark: ClockMark | None) -> int:
        """Move the venue on to the mark's time; returns how many orders are open."""
        await self.ready()
        self._clock.observe(mark)
        return await self._router.advance(self._clock.now())

    async def publish(self) -> None:
        """See ``Router.publish``."""
        await self.ready()
        await self._router.publish()

    async def _begin(self) -> None:
        await asyncio.to_thread(warm_up)
        self._clock = open_clock(self._wiring)
        self._postgres = await open_postgres(self._wiring)
        self._hot = await open_hot(self._wiring)
        self._bus = await open_bus(self._wiring)
        self._market = open_market(self._wiring)
        self._venue = await open_venue(self._wiring, self._venue_name, self._market, self._postgres)
        self._router = Router(self._venue, OrderJournal(self._postgres), self._bus, self._clock)
        await self._router.recover()
        self._keep(self._router.publish_forever(), "outbox")
        if isinstance(self._market, QuoteBoard):
            self._keep(self._hot.follow_quotes(self._market.put), "quotes")
            self._keep(self._advance(), "advance")
            self._keep(self._reconcile(), "reconcile")

    async def _advance(self) -> None:
        while True:
            await asyncio.sleep(ADVANCE_PERIOD_S)
            if self._router.open_orders:
                await self._router.advance(self._clock.now())

    async def _reconcile(self) -> None:
        while True:
            await asyncio.sleep(RECONCILE_PERIOD_S)
            await self._router.reconcile()

    async def _end(self) -> None:
        await self._venue.close()
        await self._bus.close()
        await self._hot.close()
        await self._postgres.close()

    def _detail(self) -> dict[str, Any]:
        return {"submitted": self._router.submitted, "open": self._router.open_orders}


RemoteRouter = ray.remote(max_restarts=-1, num_cpus=0)(RouterShell)
