"""A router: each sentence of its guarantees, with a death between any two of its steps."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from actors import router as module
from actors.router import Router, RouterShell
from herald.messages import ApprovedOrder, Order
from herald.ports import OutcomeUnknown, Refused, Unavailable
from herald.taxonomy import OrderStatus, Reason, TimeInForce

EXECUTIONS = "trades.executions.v1"


class Died(BaseException):
    """Stands for SIGKILL: no handler catches it."""


class Exchange:
    """A paper venue whose answers can be spoiled; counts what really was sent to it."""

    def __init__(self, venue: Any) -> None:
        self._venue = venue
        self.name = "paper"
        self.before: BaseException | None = None
        self.after: BaseException | None = None
        self.hides = False
        self.sent: list[str] = []

    async def submit(self, order: ApprovedOrder, now: Any) -> Order:
        self.sent.append(order.client_order_id)
        before, self.before = self.before, None
        if before is not None:
            raise before
        answer = await self._venue.submit(order, now)
        after, self.after = self.after, None
        if after is not None:
            raise after
        return answer

    async def lookup(self, client_order_id: str) -> Order | None:
        return None if self.hides else await self._venue.lookup(client_order_id)

    async def advance(self, now: Any) -> list[Order]:
        return await self._venue.advance(now)


class Failing:
    """Passes everything on to a store or bus but the calls that are named, each of which fails once."""

    def __init__(self, target: Any, **failures: BaseException) -> None:
        self._target = target
        self._failures = failures

    def __getattr__(self, name: str) -> Any:
        failure = self._failures.pop(name, None)
        if failure is None:
            return getattr(self._target, name)

        async def failing(*_: Any, **__: Any) -> None:
            raise failure

        return failing


@pytest.fixture
def exchange(house) -> Exchange:
    house.quote(0, 100.0)
    return Exchange(house.venue())


def router_on(house: Any, exchange: Exchange, **failures: BaseException) -> Router:
    """Make a router that dies, or fails, at the named call of a store or of the bus."""
    orders = Failing(house.orders, **{name: one for name, one in failures.items() if name != "publish"})
    bus = Failing(house.bus, **{name: one for name, one in failures.items() if name == "publish"})
    return Router(exchange, orders, bus, house.clock)


async def test_an_order_submitted_twice_is_one_order_with_one_report(house, exchange, approved_of) -> None:
    router = router_on(house, exchange)
    first = await router.submit(approved_of(), None)
    assert first.status is OrderStatus.FILLED
    assert await router.submit(approved_of(), None) == first
    assert exchange.sent == ["i1"]
    await router.publish()
    await router.publish()
    assert await house.told(EXECUTIONS) == [first]
    assert await house.venue().positions() == {"paper:SOLUSDT": Decimal(10)}


async def test_an_order_submitted_twice_at_once_is_one_order(house, exchange, approved_of) -> None:
    router = router_on(house, exchange)
    answers = await asyncio.gather(*(router.submit(approved_of(), None) for _ in range(4)))
    assert {answer.execution_id for answer in answers} == {"i1-0"}
    assert exchange.sent == ["i1"]


async def test_a_report_is_recorded_before_it_is_on_the_bus(house, exchange, approved_of) -> None:
    router = router_on(house, exchange, publish=Died())
    await router.submit(approved_of(), None)
    with pytest.raises(Died):
        await router.publish()
    assert [one.execution_id for one in await house.orders.unpublished(9)] == ["i1-0"]
    assert await house.told(EXECUTIONS) == []


async def test_what_the_last_process_recorded_and_did_not_publish_the_next_one_publishes(
    house, exchange, approved_of
) -> None:
    await router_on(house, exchange).submit(approved_of(), None)
    heir = router_on(house, exchange)
    await heir.recover()
    assert [one.execution_id for one in await house.told(EXECUTIONS)] == ["i1-0"]
    assert await house.orders.unpublished(9) == []
    await heir.recover()
    assert len(await house.told(EXECUTIONS)) == 1


async def test_a_report_that_was_published_but_not_ticked_off_goes_out_again_under_its_id(
    house, exchange, approved_of
) -> None:
    dying = router_on(house, exchange, mark_published=Died())
    await dying.submit(approved_of(), None)
    with pytest.raises(Died):
        await dying.publish()
    await router_on(house, exchange).recover()
    assert [one.execution_id for one in await house.told(EXECUTIONS)] == ["i1-0", "i1-0"]


async def test_died_between_note_and_venue_the_order_is_sent_by_its_repetition(house, exchange, approved_of) -> None:
    exchange.before = Died()
    with pytest.raises(Died):
        await router_on(house, exchange).submit(approved_of(), None)
    heir = router_on(house, exchange)
    await heir.recover()
    assert await house.told(EXECUTIONS) == []
    assert (await heir.submit(approved_of(), None)).status is OrderStatus.FILLED
    assert len(await house.record.fills_since(None, 9)) == 1


async def test_died_between_venue_and_record_the_next_process_reports_the_order_that_the_venue_has(
    house, exchange, approved_of
) -> None:
    with pytest.raises(Died):
        await router_on(house, exchange, record=Died()).submit(approved_of(), None)
    heir = router_on(house, exchange)
    await heir.recover()
    (told,) = await house.told(EXECUTIONS)
    assert (told.execution_id, told.status, told.filled_quantity) == ("i1-0", OrderStatus.FILLED, 10)
    assert await heir.submit(approved_of(), None) == told
    assert exchange.sent == ["i1"]


async def test_an_order_whose_answer_was_lost_is_in_doubt_until_it_is_looked_up_and_never_sent_again(
    house, exchange, approved_of
) -> None:
    exchange.after = OutcomeUnknown("timed out")
    router = router_on(house, exchange)
    doubtful = await router.submit(approved_of(), None)
    assert (doubtful.status, doubtful.reason, doubtful.filled_quantity) == (
        OrderStatus.IN_DOUBT, Reason.VENUE_UNREACHABLE, 0
    )  # fmt: skip
    assert (await router.submit(approved_of(), None), router.open_orders) == (doubtful, 1)
    await router.reconcile()
    await router.publish()
    told = await house.told(EXECUTIONS)
    assert [(one.execution_id, one.status) for one in told] == [
        ("i1-0", OrderStatus.IN_DOUBT),
        ("i1-1", OrderStatus.FILLED),
    ]
    assert sum(fill.quantity for one in told for fill in one.fills) == 10
    assert (router.open_orders, exchange.sent) == (0, ["i1"])


async def test_an_order_in_doubt_that_its_venue_does_not_know_stays_in_doubt(house, exchange, approved_of) -> None:
    exchange.before, exchange.hides = OutcomeUnknown("timed out"), True
    router = router_on(house, exchange)
    await router.submit(approved_of(), None)
    await router.reconcile()
    assert (await house.orders.last_execution("i1")).status is OrderStatus.IN_DOUBT
    assert (router.open_orders, exchange.sent) == (1, ["i1"])


async def test_the_next_process_resolves_what_was_in_doubt(house, exchange, approved_of) -> None:
    exchange.after = OutcomeUnknown("timed out")
    await router_on(house, exchange).submit(approved_of(), None)
    heir = router_on(house, exchange)
    await heir.recover()
    assert [one.status for one in await house.told(EXECUTIONS)] == [OrderStatus.IN_DOUBT, OrderStatus.FILLED]
    assert heir.open_orders == 0


async def test_a_venue_that_says_no_makes_a_rejected_report(house, exchange, approved_of) -> None:
    exchange.before = Refused("insufficient margin")
    router = router_on(house, exchange)
    told = await router.submit(approved_of(), None)
    assert (told.status, told.reason, told.detail) == (
        OrderStatus.REJECTED, Reason.VENUE_REJECTED, "insufficient margin"
    )  # fmt: skip
    assert await router.submit(approved_of(), None) == told
    assert (router.open_orders, exchange.sent) == (0, ["i1"])


async def test_a_venue_that_cannot_be_reached_leaves_the_order_to_be_sent_again(house, exchange, approved_of) -> None:
    exchange.before = Unavailable("no route")
    router = router_on(house, exchange)
    with pytest.raises(Unavailable):
        await router.submit(approved_of(), None)
    assert await house.orders.unpublished(9) == []
    assert (await router.submit(approved_of(), None)).status is OrderStatus.FILLED
    assert exchange.sent == ["i1", "i1"]


async def test_a_resting_order_is_reported_when_it_fills(house, exchange, approved_of) -> None:
    router = router_on(house, exchange)
    resting = approved_of(limit_price=Decimal("99.50"), time_in_force=TimeInForce.GTC)
    assert (await router.submit(resting, None)).status is OrderStatus.ACCEPTED
    assert await router.advance(house.at(1)) == 1
    house.quote(5, 99.0)
    assert await router.advance(house.at(5)) == 0
    assert [one.execution_id for one in await house.told(EXECUTIONS)] == ["i1-0", "i1-1"]


async def test_a_change_that_could_not_be_recorded_is_looked_up_though_the_venue_tells_it_once(
    house, exchange, approved_of
) -> None:
    await router_on(house, exchange).submit(
        approved_of(limit_price=Decimal("99.50"), time_in_force=TimeInForce.GTC), None
    )
    router = router_on(house, exchange)
    await router.recover()
    router._orders = Failing(house.orders, record=Unavailable("database away"))
    house.quote(5, 99.0)
    with pytest.raises(Unavailable):
        await router.advance(house.at(5))
    assert await router.advance(house.at(5)) == 0
    assert [one.status for one in await house.told(EXECUTIONS)] == [OrderStatus.ACCEPTED, OrderStatus.FILLED]


async def test_a_report_whose_recording_was_not_confirmed_is_followed_and_published_all_the_same(
    house, exchange, approved_of
) -> None:
    class Unconfirmed(Failing):
        async def record(self, *told: Any) -> None:
            await house.orders.record(*told)
            raise Unavailable("no answer")

    router = router_on(house, exchange)
    router._orders = Unconfirmed(house.orders)
    resting = approved_of(limit_price=Decimal("99.50"), time_in_force=TimeInForce.GTC)
    with pytest.raises(Unavailable):
        await router.submit(resting, None)
    router._orders = house.orders
    assert (await router.submit(resting, None)).status is OrderStatus.ACCEPTED
    house.quote(5, 99.0)
    assert (router.open_orders, await router.advance(house.at(5))) == (1, 0)
    assert [one.execution_id for one in await house.told(EXECUTIONS)] == ["i1-0", "i1-1"]


async def test_reports_wait_in_the_outbox_while_the_bus_is_away(house, exchange, approved_of, monkeypatch) -> None:
    monkeypatch.setattr(module, "OUTBOX_PAUSE_S", 0.0)
    router = router_on(house, exchange, publish=Unavailable("broker away"))
    publishing = asyncio.create_task(router.publish_forever())
    consumer = await house.bus.subscribe([EXECUTIONS], "test", "test")
    await router.submit(approved_of(), None)
    (delivery,) = await consumer.next_batch(9, 5.0)
    assert b"i1-0" in delivery.value
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)


async def test_a_router_takes_nothing_but_approved_orders(house, intent_of, monkeypatch) -> None:
    def opener(target: Any) -> Any:
        async def opened(*_: Any) -> Any:
            return target

        return opened

    class Pool:
        async def close(self) -> None:
            """Hold nothing."""

    for name, target in {
        "open_bus": house.bus, "open_hot": house.hot, "open_postgres": Pool(), "open_venue": house.venue(),
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, opener(target))
    monkeypatch.setattr(module, "open_clock", lambda _: house.clock)
    monkeypatch.setattr(module, "open_market", lambda _: house.board)
    monkeypatch.setattr(module, "OrderJournal", lambda _: house.orders)
    shell = RouterShell(None, "paper")
    with pytest.raises(TypeError, match="takes an ApprovedOrder, not OrderIntent; ask Risk"):
        await shell.submit(intent_of(), None)
    await shell.close()
