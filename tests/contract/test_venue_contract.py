"""What any venue must do, whatever it is made of. A kit makes one venue on one market that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from herald.market.board import QuoteBoard
from herald.market.quotes import Quote
from herald.messages import ApprovedOrder, Instrument, OrderIntent
from herald.nanoseconds import to_ns
from herald.ports import OrderRecord, Refused, Venue
from herald.stores.postgres.paper_record import PostgresOrderRecord
from herald.taxonomy import Direction, EventType, Leg, OrderStatus, OrderType, Reason, Side, TimeInForce
from herald.trading.directory import Directory, Instruments, InstrumentSpec
from herald.trading.venue_rules import VenueRules
from herald.venues.memory import MemoryOrderRecord
from herald.venues.paper import PaperVenue

D = Decimal
T0 = datetime(2025, 6, 7, 12, 0, tzinfo=UTC)
SPEC = InstrumentSpec(symbol="SOLUSDT", base="SOL", tick_size=D("0.01"), lot_size=D("0.1"), min_notional_usd=D(5))
SOL = SPEC.instrument()
DIRECTORY = Directory(Instruments(instruments=(SPEC,)))
RULES = VenueRules(latency_ms=0, impact_bps=0.0)


RECORDS: dict[str, Callable[[pytest.FixtureRequest], OrderRecord]] = {
    "memory": lambda _: MemoryOrderRecord(),
    "postgres": lambda request: PostgresOrderRecord(request.getfixturevalue("postgres"), "paper"),
}


@dataclass
class Kit:
    """One venue, and the market and record behind it."""

    venue: Venue
    board: QuoteBoard
    record: OrderRecord

    def quote(self, seconds: float, price: float, size: float = 100.0) -> None:
        at_ns = to_ns(T0) + round(seconds * 1e9)
        self.board.put(SOL.key, Quote(at_ns, price - 0.01, price + 0.01, size, size))

    def restarted(self) -> Kit:
        return Kit(PaperVenue("paper", self.board, self.record, RULES, DIRECTORY), self.board, self.record)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.services)])
def kit(request) -> Kit:
    board, record = QuoteBoard(), RECORDS[request.param](request)
    return Kit(PaperVenue("paper", board, record, RULES, DIRECTORY), board, record)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def order(name: str = "a", instrument: Instrument = SOL, **fields: Any) -> ApprovedOrder:
    given: dict[str, Any] = {
        "intent_id": name,
        "trade_id": name,
        "event_id": "e",
        "story_id": "e",
        "event_type": EventType.HACK,
        "direction": Direction.BULL,
        "source": "wire",
        "news_at": T0,
        "playbook": "p",
        "playbook_version": "1",
        "leg": Leg.ENTRY,
        "instrument": instrument,
        "side": Side.BUY,
        "quantity": D(10),
        "limit_price": D("100.10"),
        "mid": D(100),
        "quote_at": T0,
        "severity": 1,
        "confidence": 1,
        "created_at": T0,
    }
    intent = OrderIntent(**given | fields)
    return ApprovedOrder(
        intent=intent,
        client_order_id=name,
        quantity=intent.quantity,
        reason=Reason.WITHIN_LIMITS,
        decided_at=T0,
    )


async def test_a_marketable_order_is_filled_at_the_touch(kit):
    kit.quote(0, 100.0)
    got = await kit.venue.submit(order(), at(0))
    assert (got.status, got.filled_quantity, got.average_price) == (OrderStatus.FILLED, 10, D("100.01"))
    assert sum(fill.quantity for fill in got.fills) == 10
    assert await kit.venue.positions() == {SOL.key: D(10)}


async def test_an_order_sent_twice_is_the_first_order(kit):
    kit.quote(0, 100.0)
    first = await kit.venue.submit(order(), at(0))
    again = await kit.venue.submit(order(quantity=D(99)), at(30))
    assert again == first
    assert await kit.venue.positions() == {SOL.key: D(10)}


async def test_an_order_is_found_by_its_client_id_and_an_unknown_one_is_not(kit):
    kit.quote(0, 100.0)
    sent = await kit.venue.submit(order(), at(0))
    assert await kit.venue.lookup("a") == sent
    assert await kit.venue.lookup("b") is None


async def test_an_immediate_order_takes_what_there_is_and_lets_the_rest_go(kit):
    kit.quote(0, 100.0, size=4.0)
    got = await kit.venue.submit(order(), at(0))
    assert (got.status, got.filled_quantity) == (OrderStatus.EXPIRED, 4)
    assert await kit.venue.open_orders() == []


async def test_all_or_nothing_is_nothing(kit):
    kit.quote(0, 100.0, size=4.0)
    got = await kit.venue.submit(order(time_in_force=TimeInForce.FOK), at(0))
    assert (got.status, got.filled_quantity) == (OrderStatus.EXPIRED, 0)


async def test_no_order_trades_beyond_its_limit(kit):
    kit.quote(0, 100.0)
    got = await kit.venue.submit(order(limit_price=D("99.99")), at(0))
    assert (got.status, got.fills) == (OrderStatus.EXPIRED, ())


async def test_a_resting_order_is_filled_when_the_market_comes_to_it(kit):
    kit.quote(0, 100.0)
    resting = await kit.venue.submit(order(limit_price=D("99.50"), time_in_force=TimeInForce.GTC), at(0))
    assert resting.status is OrderStatus.ACCEPTED
    assert [one.client_order_id for one in await kit.venue.open_orders()] == ["a"]
    kit.quote(5, 99.8)
    assert await kit.venue.advance(at(5)) == []
    kit.quote(10, 99.4)
    (got,) = await kit.venue.advance(at(10))
    assert (got.status, got.average_price) == (OrderStatus.FILLED, D("99.50"))
    assert await kit.venue.advance(at(20)) == []


async def test_a_cancelled_order_fills_no_more(kit):
    kit.quote(0, 100.0)
    await kit.venue.submit(order(limit_price=D("99.50"), time_in_force=TimeInForce.GTC), at(0))
    got = await kit.venue.cancel("a", at(1))
    assert got.status is OrderStatus.CANCELLED
    kit.quote(10, 90.0)
    assert await kit.venue.advance(at(10)) == []
    assert await kit.venue.cancel("a", at(11)) == got


async def test_cancelling_a_filled_order_returns_it_as_it_is(kit):
    kit.quote(0, 100.0)
    filled = await kit.venue.submit(order(), at(0))
    assert await kit.venue.cancel("a", at(1)) == filled


async def test_cancelling_an_unknown_order_is_refused(kit):
    with pytest.raises(Refused, match="no order"):
        await kit.venue.cancel("nope", at(0))


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": D("0.05")},
        {"quantity": D("10.05")},
        {"limit_price": D("100.105")},
        {"quantity": D("0.1"), "limit_price": D(10)},
        {"side": Side.SELL, "reduce_only": True},
        {"instrument": SOL.model_copy(update={"symbol": "NOPEUSDT"})},
    ],
)
async def test_what_breaks_the_filters_is_rejected_with_a_reason_and_remembered(kit, fields):
    kit.quote(0, 100.0)
    got = await kit.venue.submit(order(**fields), at(0))
    assert got.status is OrderStatus.REJECTED
    assert got.detail
    assert await kit.venue.lookup("a") == got
    assert await kit.venue.positions() == {}


async def test_an_order_that_reduces_closes_no_more_than_is_held(kit):
    kit.quote(0, 100.0)
    await kit.venue.submit(order(), at(0))
    leave = order("x", side=Side.SELL, quantity=D(15), limit_price=D(99), reduce_only=True)
    got = await kit.venue.submit(leave, at(0))
    assert (got.filled_quantity, got.status.is_final) == (10, True)
    assert {key: held for key, held in (await kit.venue.positions()).items() if held} == {}


async def test_fills_are_read_in_the_order_of_execution_from_any_point(kit):
    kit.quote(0, 100.0)
    for name in ("a", "b", "c"):
        await kit.venue.submit(order(name), at(0))
    everything = await kit.venue.fills_since(None, 10)
    assert [fill.client_order_id for fill in everything] == ["a", "b", "c"]
    assert await kit.venue.fills_since(everything[0].fill_id, 1) == everything[1:2]
    assert await kit.venue.fills_since(everything[-1].fill_id, 10) == []


async def test_a_market_order_needs_no_limit(kit):
    kit.quote(0, 100.0)
    got = await kit.venue.submit(order(order_type=OrderType.MARKET, limit_price=None), at(0))
    assert got.status is OrderStatus.FILLED


async def test_a_venue_made_anew_knows_its_orders(kit):
    kit.quote(0, 100.0)
    sent = await kit.venue.submit(order(limit_price=D("99.50"), time_in_force=TimeInForce.GTC), at(0))
    anew = kit.restarted().venue
    assert await anew.lookup("a") == sent
    assert await anew.submit(order(), at(5)) == sent
    assert await anew.open_orders() == [sent]
    await anew.close()
