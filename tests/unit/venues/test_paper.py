from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herald.market.quotes import Quote, path_of
from herald.market.tape import TapeMarket
from herald.messages import ApprovedOrder, Order, OrderIntent
from herald.nanoseconds import to_ns
from herald.ports import Refused
from herald.taxonomy import Direction, EventType, Leg, OrderStatus, OrderType, Reason, Side, TimeInForce
from herald.trading.directory import Directory, Instruments, InstrumentSpec
from herald.trading.venue_rules import VenueRules
from herald.venues.memory import MemoryOrderRecord
from herald.venues.paper import PaperVenue

D = Decimal
T0 = datetime(2025, 6, 7, 12, 0, tzinfo=UTC)
SPECS = tuple(
    InstrumentSpec(symbol=f"{base}USDT", base=base, tick_size=D("0.01"), lot_size=D("0.1")) for base in ("SOL", "ETH")
)
DIRECTORY = Directory(Instruments(instruments=SPECS))
SOL, ETH = DIRECTORY.all()
RULES = VenueRules(fee_taker_bps=4, fee_maker_bps=2, fresh_ms=1_000, latency_ms=5, impact_bps=0.0)


def quote(seconds: float, price: float, size: float = 100.0) -> Quote:
    return Quote(to_ns(T0) + round(seconds * 1e9), price - 0.01, price + 0.01, size, size)


def venue(*quotes: Quote, record=None, rules=RULES, eth=()) -> PaperVenue:
    market = TapeMarket({SOL.key: path_of(quotes), ETH.key: path_of(eth)})
    return PaperVenue("paper", market, record or MemoryOrderRecord(), rules, DIRECTORY)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def order(name: str = "a", **fields: Any) -> ApprovedOrder:
    given_fields: dict[str, Any] = {
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
        "instrument": SOL,
        "side": Side.BUY,
        "quantity": D(10),
        "limit_price": D("100.10"),
        "mid": D(100),
        "quote_at": T0,
        "severity": 1,
        "confidence": 1,
        "created_at": T0,
    }
    intent = OrderIntent(**given_fields | fields)
    return ApprovedOrder(
        intent=intent, client_order_id=name, quantity=intent.quantity, reason=Reason.WITHIN_LIMITS, decided_at=T0
    )


def resting(name: str = "a", **fields: Any) -> ApprovedOrder:
    return order(name, time_in_force=TimeInForce.GTC, **fields)


async def test_a_fresh_quote_is_matched_on_arrival_after_the_latency():
    got = await venue(quote(0, 100)).submit(order(), at(1))
    assert got.status is OrderStatus.FILLED
    assert got.updated_at == got.fills[0].at == at(1.005)
    assert got.submitted_at == at(1)


async def test_on_an_old_quote_an_order_waits_for_the_next_one():
    paper = venue(quote(0, 100), quote(60, 100.05))
    waiting = await paper.submit(order(), at(1.001))
    assert (waiting.status, waiting.reason) == (OrderStatus.ACCEPTED, Reason.AWAITING_QUOTE)
    assert await paper.advance(at(59)) == []
    (got,) = await paper.advance(at(60))
    assert (got.status, got.average_price) == (OrderStatus.FILLED, D("100.06"))
    assert got.fills[0].at == at(60)


async def test_a_waiting_immediate_order_expires_at_the_next_quote_not_later():
    paper = venue(quote(60, 101), quote(120, 100))
    await paper.submit(order(), at(0))
    (got,) = await paper.advance(at(120))
    assert (got.status, got.reason, got.updated_at) == (
        OrderStatus.EXPIRED,
        Reason.NO_LIQUIDITY_WITHIN_LIMIT,
        at(60),
    )


async def test_a_waiting_order_that_may_rest_pays_the_touch_first_and_its_limit_later():
    paper = venue(quote(60, 100, size=4.0), quote(120, 99, size=50.0))
    await paper.submit(resting(), at(0))
    (got,) = await paper.advance(at(120))
    assert [(fill.quantity, fill.price, fill.liquidity) for fill in got.fills] == [
        (4, D("100.01"), "taker"),
        (6, D("100.10"), "maker"),
    ]
    assert got.status is OrderStatus.FILLED


async def test_a_market_order_that_may_rest_is_filled_over_the_following_quotes():
    paper = venue(quote(0, 100, size=4.0), quote(60, 110, size=4.0), quote(120, 120, size=4.0))
    sent = await paper.submit(resting(order_type=OrderType.MARKET, limit_price=None), at(0))
    assert sent.status is OrderStatus.PARTIALLY_FILLED
    (got,) = await paper.advance(at(120))
    assert [fill.price for fill in got.fills] == [D("100.01"), D("110.01"), D("120.01")]
    assert {fill.liquidity for fill in got.fills} == {"taker"}


async def test_fees_follow_the_side_of_the_book():
    paper = venue(quote(0, 100), quote(60, 99))
    taker = await paper.submit(order("t"), at(0))
    await paper.submit(resting("m", limit_price=D("99.50")), at(0))
    (maker,) = await paper.advance(at(60))
    assert taker.fills[0].fee_usd == D("0.40004")
    assert maker.fills[0].fee_usd == D("0.199")


async def test_ids_of_fills_are_derived():
    paper = venue(quote(0, 100, size=4.0), quote(60, 100))
    await paper.submit(resting(), at(0))
    (got,) = await paper.advance(at(60))
    assert [fill.fill_id for fill in got.fills] == ["a-1", "a-2"]
    assert got.order_id == "paper-a"


async def test_impact_is_booked_on_the_worse_tick_within_the_limit():
    rules = RULES.model_copy(update={"impact_bps": 3.3})
    got = await venue(quote(0, 100, size=20.0), rules=rules).submit(order(), at(0))
    assert got.average_price == D("100.03")


async def test_too_small_a_notional_is_rejected_unless_it_reduces():
    paper = venue(quote(0, 20))
    small = await paper.submit(order("s", quantity=D("0.2"), limit_price=D(20.01)), at(0))
    assert (small.status, small.reason) == (OrderStatus.REJECTED, Reason.VENUE_REJECTED)
    small = await paper.submit(order("s2", quantity=D("0.2"), limit_price=D("20.01")), at(0))
    assert (small.status, small.reason) == (OrderStatus.REJECTED, Reason.BELOW_VENUE_MINIMUM)
    await paper.submit(order("e", quantity=D("0.3"), limit_price=D("20.01")), at(0))
    leave = order("x", side=Side.SELL, quantity=D("0.1"), limit_price=D(19), reduce_only=True)
    assert (await paper.submit(leave, at(0))).status is OrderStatus.FILLED


async def test_an_order_for_another_venue_is_rejected():
    paper = venue(quote(0, 100))
    got = await paper.submit(order(instrument=SOL.model_copy(update={"venue": "kraken"})), at(0))
    assert (got.status, got.reason) == (OrderStatus.REJECTED, Reason.VENUE_REJECTED)


async def test_two_waiting_exits_cannot_close_one_position_twice():
    paper = venue(quote(0, 100), quote(60, 100))
    await paper.submit(order(), at(0))
    leave = {"side": Side.SELL, "limit_price": D(99), "reduce_only": True}
    await paper.submit(order("x", **leave), at(10))
    await paper.submit(order("y", **leave), at(11))
    first, second = await paper.advance(at(60))
    assert (first.client_order_id, first.status) == ("x", OrderStatus.FILLED)
    assert (second.status, second.reason) == (OrderStatus.CANCELLED, Reason.NOTHING_TO_REDUCE)
    assert await paper.positions() == {}


async def test_all_or_nothing_that_may_only_reduce_dies_where_less_is_held():
    paper = venue(quote(0, 100))
    await paper.submit(order(), at(0))
    leave = order(
        "x", side=Side.SELL, limit_price=D(99), quantity=D(11), reduce_only=True, time_in_force=TimeInForce.FOK
    )
    got = await paper.submit(leave, at(0))
    assert (got.status, got.reason) == (OrderStatus.EXPIRED, Reason.NOT_FILLABLE_IN_FULL)


async def test_changes_of_several_instruments_come_in_the_order_of_time():
    paper = venue(quote(90, 100), eth=[quote(60, 100)])
    await paper.submit(order("sol"), at(0))
    await paper.submit(order("eth", instrument=ETH), at(1))
    assert [one.client_order_id for one in await paper.advance(at(100))] == ["eth", "sol"]


async def test_cancelling_first_takes_what_the_market_had_filled():
    paper = venue(quote(0, 100), quote(60, 99, size=3.0))
    await paper.submit(resting(limit_price=D("99.50")), at(0))
    got = await paper.cancel("a", at(70))
    assert (got.status, got.filled_quantity, got.reason) == (OrderStatus.CANCELLED, 3, Reason.CANCELLED_BY_USER)


async def test_an_open_order_in_an_instrument_no_longer_listed_says_how_to_go_on():
    record = MemoryOrderRecord()
    market = TapeMarket({SOL.key: path_of([quote(60, 100)])})
    await PaperVenue("paper", market, record, RULES, DIRECTORY).submit(order(), at(0))
    anew = PaperVenue("paper", market, record, RULES, Directory(Instruments(instruments=SPECS[1:])))
    with pytest.raises(Refused, match="put it back"):
        await anew.advance(at(60))


async def test_a_quote_between_microseconds_fills_once():
    odd = Quote(to_ns(at(60)) + 500, 99.0, 99.5, 3.0, 3.0)
    paper = venue(quote(0, 100), odd)
    await paper.submit(resting(limit_price=D("99.50")), at(0))
    await paper.advance(at(61))
    await paper.advance(at(62))
    assert (await paper.lookup("a")).filled_quantity == 3


class CrashError(Exception):
    """The process died."""


class FragileRecord(MemoryOrderRecord):
    """Dies after so many writes, each of which is durable."""

    def __init__(self) -> None:
        super().__init__()
        self.writes_left = 10**9

    async def update(self, order: Order) -> None:
        await super().update(order)
        self.writes_left -= 1
        if self.writes_left < 0:
            self.writes_left = 10**9
            raise CrashError


names = st.sampled_from(["a", "b", "c", "d"])
submit = st.tuples(
    st.just("submit"),
    names,
    st.sampled_from(list(Side)),
    st.integers(1, 200),
    st.integers(9_950, 10_050),
    st.sampled_from(list(TimeInForce)),
    st.sampled_from(list(OrderType)),
    st.booleans(),
)
move = st.tuples(st.just("advance"), st.integers(1, 90))
cancel = st.tuples(st.just("cancel"), names)
tapes = st.lists(st.tuples(st.integers(1, 40), st.integers(9_900, 10_100), st.integers(0, 15)), min_size=5, max_size=25)


def tape_of(rows) -> list[Quote]:
    quotes, seconds = [], 0
    for gap, cents, size in rows:
        seconds += gap
        quotes.append(quote(seconds, cents / 100, float(size)))
    return quotes


async def play(steps, quotes, crashes) -> list[Order]:
    """Run steps on a venue that dies after the given numbers of writes and is made anew; returns all orders."""
    record, pending = FragileRecord(), list(crashes)
    record.writes_left = pending.pop() if pending else 10**9
    paper, now = venue(*quotes, record=record), 0.0
    for kind, *arguments in steps:
        now += arguments[0] if kind == "advance" else 0
        while True:
            try:
                await once(paper, kind, arguments, now)
                break
            except CrashError:
                record.writes_left = pending.pop() if pending else 10**9
                paper = venue(*quotes, record=record)
    return [found for name in "abcd" if (found := await paper.lookup(name)) is not None]


async def once(paper, kind, arguments, now):
    if kind == "advance":
        await paper.advance(at(now))
    elif kind == "cancel":
        if await paper.lookup(arguments[0]) is not None:
            await paper.cancel(arguments[0], at(now))
    else:
        name, side, lots, cents, tif, order_type, reduces = arguments
        sent = order(
            name,
            side=side,
            quantity=D(lots) / 10,
            limit_price=D(cents) / 100 if order_type is OrderType.LIMIT else None,
            time_in_force=tif,
            order_type=order_type,
            reduce_only=reduces,
        )
        await paper.submit(sent, at(now))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(submit, move, move, cancel), max_size=12), tapes, st.lists(st.integers(0, 3), max_size=6))
async def test_a_venue_killed_between_any_two_writes_ends_where_it_would_have(steps, rows, crashes):
    quotes = tape_of(rows)
    assert await play(steps, quotes, crashes) == await play(steps, quotes, [])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(submit, move, move, cancel), max_size=12), tapes, st.integers(1, 89))
async def test_advancing_in_small_steps_or_large_ones_is_the_same(steps, rows, cut):
    quotes = tape_of(rows)
    finer = []
    for step in steps:
        if step[0] == "advance" and step[1] > cut:
            finer += [("advance", cut), ("advance", step[1] - cut)]
        else:
            finer.append(step)
    assert await play(finer, quotes, []) == await play(steps, quotes, [])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(submit, move, cancel), max_size=12), tapes)
async def test_no_order_fills_beyond_its_quantity_or_limit_or_before_it_was_sent(steps, rows):
    for one in await play(steps, tape_of(rows), []):
        assert sum(fill.quantity for fill in one.fills) == one.filled_quantity <= one.quantity
        for fill in one.fills:
            assert fill.at >= one.submitted_at
            if one.limit_price is not None:
                assert one.side.sign * (one.limit_price - fill.price) >= 0
        if one.status is OrderStatus.FILLED:
            assert one.filled_quantity == one.quantity
