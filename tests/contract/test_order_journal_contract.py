"""The order journal and the small stores beside it keep their promises, on PostgreSQL, on Redis and in memory alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from herald.messages import ApprovedOrder, Execution, Fill, Instrument, Order, OrderIntent, Signal
from herald.ports import Quote
from herald.stores.hot import HotState
from herald.stores.memory import MemoryOrderJournal, MemorySourceStates, MemoryTradingStates
from herald.stores.memory_hot import MemoryHotState
from herald.stores.postgres.orders import OrderJournal
from herald.stores.postgres.source_state import SourceStates
from herald.stores.postgres.trading_state import StateChange, TradingStates
from herald.taxonomy import (
    Direction,
    EventType,
    Leg,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    TimeInForce,
    TradingState,
)
from herald.trading.orders import execution_of

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
BTC = Instrument(venue="paper", symbol="BTCUSDT", base="BTC")
QUOTE = Quote(1_772_366_400_123_456_789, 60000.1, 60000.2, 1.5, 2.5)
ON_BOTH = ["memory", pytest.param("real", marks=pytest.mark.services)]
_prefixes = count()


@pytest.fixture(params=ON_BOTH)
def orders(request: pytest.FixtureRequest) -> Any:
    return MemoryOrderJournal() if request.param == "memory" else OrderJournal(request.getfixturevalue("postgres"))


@pytest.fixture(params=ON_BOTH)
def states(request: pytest.FixtureRequest) -> Any:
    return MemoryTradingStates() if request.param == "memory" else TradingStates(request.getfixturevalue("postgres"))


@pytest.fixture(params=ON_BOTH)
def snapshots(request: pytest.FixtureRequest) -> Any:
    return MemorySourceStates() if request.param == "memory" else SourceStates(request.getfixturevalue("postgres"))


@pytest.fixture(params=ON_BOTH)
def redis_url(request: pytest.FixtureRequest) -> str:
    """The address of a real server, none for the memory."""
    return "" if request.param == "memory" else request.getfixturevalue("redis_server").url


@pytest.fixture
async def hot(redis_url: str) -> AsyncIterator[Any]:
    state = HotState(redis_url, prefix=f"contract-{next(_prefixes)}") if redis_url else MemoryHotState()
    yield state
    await state.close()


def approved(name: str = "entry", leg: Leg = Leg.ENTRY, side: Side = Side.BUY, **values: Any) -> ApprovedOrder:
    fields: dict[str, Any] = {
        "intent_id": name,
        "trade_id": "entry",
        "event_id": "e1",
        "story_id": "s1",
        "event_type": EventType.LISTING,
        "direction": Direction.BULL,
        "source": "wire",
        "news_at": AT,
        "playbook": "listing",
        "playbook_version": "1",
        "leg": leg,
        "instrument": BTC,
        "side": side,
        "quantity": Decimal("1.500"),
        "mid": Decimal("60000.10"),
        "quote_at": AT,
        "severity": 0.9,
        "confidence": 0.9,
        "created_at": AT,
    }
    at = values.pop("decided_at", AT)
    intent = OrderIntent(**fields | values)
    return ApprovedOrder(
        intent=intent, client_order_id=name, quantity=intent.quantity, reason=Reason.WITHIN_LIMITS, decided_at=at
    )


def order(ticket: ApprovedOrder, status: OrderStatus, *fills: Fill, seconds: float = 0) -> Order:
    return Order(
        client_order_id=ticket.client_order_id,
        order_id=f"v-{ticket.client_order_id}",
        instrument_key=ticket.intent.instrument.key,
        side=ticket.intent.side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=ticket.quantity,
        status=status,
        filled_quantity=sum((fill.quantity for fill in fills), Decimal(0)),
        reason=Reason.RESTING,
        submitted_at=AT,
        updated_at=AT + timedelta(seconds=seconds),
        fills=fills,
    )


def fill(ticket: ApprovedOrder, number: int, quantity: str) -> Fill:
    return Fill(
        fill_id=f"{ticket.client_order_id}-f{number}",
        client_order_id=ticket.client_order_id,
        instrument_key=ticket.intent.instrument.key,
        side=ticket.intent.side,
        quantity=Decimal(quantity),
        price=Decimal("60000.10"),
        fee_usd=Decimal("0.25"),
        at=AT + timedelta(seconds=number),
    )


def report(
    ticket: ApprovedOrder, sequence: int, now: Order, before: Order | None = None
) -> tuple[Execution, Order, ApprovedOrder]:
    return execution_of(ticket, now, before, sequence), now, ticket


# -- orders ---------------------------------------------------------------------------------------------------------


async def test_an_empty_journal_knows_nothing(orders: Any) -> None:
    assert await orders.find("entry") is None
    assert await orders.approved("entry") is None
    assert await orders.last_execution("entry") is None
    assert await orders.last_sequence("entry") == -1
    assert await orders.trade("entry") is None
    assert [await orders.unpublished(9), await orders.in_flight(), await orders.remembered()] == [[], [], []]
    assert [await orders.open_trades(), await orders.executions_of(["entry"])] == [[], []]


async def test_a_noted_order_waits_for_its_first_report(orders: Any) -> None:
    entry = approved()
    assert await orders.remember(entry)
    assert not await orders.remember(approved(quantity=Decimal(9)))
    assert await orders.remembered("paper") == [entry]
    assert await orders.remembered("elsewhere") == []
    assert await orders.in_flight() == []
    assert (await orders.approved("entry"), await orders.find("entry")) == (entry, None)
    accepted = order(entry, OrderStatus.ACCEPTED)
    assert await orders.record(*report(entry, 0, accepted))
    assert await orders.remembered("paper") == []
    assert await orders.in_flight("paper") == [(entry, accepted, 0)]
    assert await orders.in_flight("elsewhere") == []


async def test_a_report_is_recorded_once_with_its_order_and_fills(orders: Any) -> None:
    entry = approved()
    told = report(entry, 0, order(entry, OrderStatus.PARTIALLY_FILLED, fill(entry, 1, "0.5")))
    assert await orders.record(*told)
    assert not await orders.record(*told)
    assert await orders.find("entry") == (told[1], 0)
    assert await orders.last_execution("entry") == told[0]
    assert await orders.executions_of(["entry", "other"]) == [told[0]]


async def test_reports_recorded_at_once_are_recorded_once(orders: Any) -> None:
    entry = approved()
    told = report(entry, 0, order(entry, OrderStatus.FILLED, fill(entry, 1, "1.5")))
    assert sorted(await asyncio.gather(*(orders.record(*told) for _ in range(6)))) == [False] * 5 + [True]


async def test_the_outbox_gives_reports_in_order_until_they_are_published(orders: Any) -> None:
    entry = approved()
    part = order(entry, OrderStatus.PARTIALLY_FILLED, fill(entry, 1, "0.5"))
    one = report(entry, 0, part)
    two = report(entry, 1, order(entry, OrderStatus.FILLED, *part.fills, fill(entry, 2, "1.0")), part)
    await orders.record(*one)
    await orders.record(*two)
    assert await orders.unpublished(9) == [one[0], two[0]]
    assert await orders.unpublished(1, "paper") == [one[0]]
    assert await orders.unpublished(9, "elsewhere") == []
    await orders.mark_published([one[0].execution_id, "unknown"])
    assert await orders.unpublished(9) == [two[0]]
    assert await orders.last_sequence("entry") == 1
    assert await orders.last_execution("entry") == two[0]


async def test_an_older_report_does_not_take_an_order_back(orders: Any) -> None:
    entry = approved()
    await orders.record(*report(entry, 1, order(entry, OrderStatus.FILLED)))
    await orders.record(*report(entry, 0, order(entry, OrderStatus.ACCEPTED)))
    found = await orders.find("entry")
    assert (found[0].status, found[1]) == (OrderStatus.FILLED, 1)
    assert await orders.in_flight() == []


async def test_orders_in_flight_come_in_the_order_of_their_last_change(orders: Any) -> None:
    names = {"b": 2.0, "a": 2.0, "c": 1.0}
    for name, seconds in names.items():
        ticket = approved(name, trade_id=name)
        await orders.record(*report(ticket, 0, order(ticket, OrderStatus.ACCEPTED, seconds=seconds)))
    await orders.remember(approved("noted", trade_id="noted"))
    assert [one[0].client_order_id for one in await orders.in_flight()] == ["c", "a", "b"]


async def test_a_trade_is_open_until_its_fills_cancel_out(orders: Any) -> None:
    entry, leave = approved(), approved("leave", Leg.EXIT, Side.SELL)
    opened = report(entry, 0, order(entry, OrderStatus.FILLED, fill(entry, 1, "1.5")))
    half = order(leave, OrderStatus.PARTIALLY_FILLED, fill(leave, 2, "1.0"))
    closing = report(leave, 0, half)
    await orders.record(*opened)
    await orders.record(*closing)
    assert await orders.open_trades() == [(entry, [opened[0], closing[0]])]
    closed = report(leave, 1, order(leave, OrderStatus.FILLED, *half.fills, fill(leave, 3, "0.5")), half)
    await orders.record(*closed)
    assert await orders.open_trades() == []
    assert await orders.trade("entry") == (entry, [opened[0], closing[0], closed[0]])


async def test_open_trades_come_oldest_first_and_an_order_without_a_fill_opens_none(orders: Any) -> None:
    for name, seconds in {"late": 5, "early": 1, "b": 3, "a": 3}.items():
        ticket = approved(name, trade_id=name, decided_at=AT + timedelta(seconds=seconds))
        await orders.record(*report(ticket, 0, order(ticket, OrderStatus.FILLED, fill(ticket, 1, "1.5"))))
    unfilled = approved("unfilled", trade_id="unfilled")
    await orders.record(*report(unfilled, 0, order(unfilled, OrderStatus.ACCEPTED)))
    assert [one[0].client_order_id for one in await orders.open_trades()] == ["early", "a", "b", "late"]


async def test_a_trade_that_was_noted_is_found_before_its_first_report(orders: Any) -> None:
    entry = approved()
    await orders.remember(entry)
    assert await orders.trade("entry") == (entry, [])


# -- trading state --------------------------------------------------------------------------------------------------


async def test_trading_is_active_until_it_is_set_otherwise_and_the_last_change_stands(states: Any) -> None:
    assert await states.current() is TradingState.ACTIVE
    await states.set(TradingState.HALTED, Reason.MANUAL, by="ops", at=AT)
    await states.set(TradingState.REDUCING, Reason.MANUAL, by="ops", at=AT - timedelta(seconds=1))
    assert await states.current() is TradingState.REDUCING


async def test_a_repeated_change_is_one_change_and_the_history_has_the_newest_first(states: Any) -> None:
    for _ in range(2):
        await states.set(TradingState.HALTED, Reason.DRAWDOWN_LIMIT, by="risk", at=AT)
    later = AT + timedelta(seconds=1)
    await states.set(TradingState.ACTIVE, Reason.MANUAL, by="ops", at=later)
    newest = StateChange(TradingState.ACTIVE, Reason.MANUAL, "ops", later)
    assert await states.history() == [newest, StateChange(TradingState.HALTED, Reason.DRAWDOWN_LIMIT, "risk", AT)]
    assert await states.history(1) == [newest]


# -- snapshots of sources -------------------------------------------------------------------------------------------


async def test_the_last_snapshot_of_each_source_is_kept_as_it_was(snapshots: Any) -> None:
    assert (await snapshots.load("wire"), await snapshots.load_all()) == (None, {})
    await snapshots.save("wire", {"position": 1})
    given = {"etag": 'W/"ü\u2028"', "seen": ["b", "a"], "deep": {"n": 10**18, "none": None}}
    await snapshots.save("wire", given)
    await snapshots.save("other", {})
    given["seen"].append("later")
    assert await snapshots.load("wire") == {**given, "seen": ["b", "a"]}
    assert set(await snapshots.load_all()) == {"wire", "other"}


# -- hot state ------------------------------------------------------------------------------------------------------


async def test_what_was_never_put_is_not_known(hot: Any) -> None:
    assert [await hot.account(), await hot.equity_usd(), await hot.trade_mark("t"), await hot.cached_signal("e")] == [
        None
    ] * 4
    assert [await hot.positions(), await hot.last_quotes(), await hot.cool_down_left_s("BTC")] == [{}, {}, 0]


async def test_account_positions_and_marks_come_back_as_json_gives_them(hot: Any) -> None:
    await hot.put_account({"equity_usd": Decimal("100000.10"), "day": 1})
    await hot.put_positions({"paper:BTC": Decimal("-0.50")})
    await hot.mark_trade("t", {"peak": 60000.1, "cursor_ns": QUOTE.at_ns, "due": None})
    assert (await hot.equity_usd(), (await hot.account())["equity_usd"]) == (Decimal("100000.10"), "100000.10")
    assert await hot.positions() == {"paper:BTC": Decimal("-0.50")}
    assert await hot.trade_mark("t") == {"peak": 60000.1, "cursor_ns": QUOTE.at_ns, "due": None}
    await hot.forget_trade("t")
    await hot.put_positions({})
    assert (await hot.trade_mark("t"), await hot.positions()) == (None, {})


async def test_a_cool_down_ends_by_itself(hot: Any) -> None:
    await hot.start_cool_down("BTC", 120)
    assert 119 < await hot.cool_down_left_s("BTC") <= 120
    await hot.start_cool_down("BTC", 0.02)
    async with asyncio.timeout(5):
        while await hot.cool_down_left_s("BTC"):
            pass


async def test_a_signal_is_cached_whole(hot: Any) -> None:
    signal = Signal(
        event_id="e1", idempotency_key="e1", story_id="e1", ts_iso=AT, source="wire", headline="h",
        event_type=EventType.HACK, severity=1, direction=Direction.BEAR, confidence=1,
    )  # fmt: skip
    await hot.cache_signal(signal)
    assert await hot.cached_signal("e1") == signal


async def test_a_follower_of_quotes_begins_with_the_last_and_hears_the_next(hot: Any) -> None:
    heard: asyncio.Queue[tuple[str, Quote]] = asyncio.Queue()
    later = Quote(QUOTE.at_ns + 1, 1.0, 2.0, 3.0, 4.0)
    await hot.publish_quotes({"paper:BTC": QUOTE})
    following = asyncio.create_task(hot.follow_quotes(lambda key, quote: heard.put_nowait((key, quote))))
    async with asyncio.timeout(10):
        assert await heard.get() == ("paper:BTC", QUOTE)
        await hot.publish_quote("paper:ETH", later)
        assert await heard.get() == ("paper:ETH", later)
    assert await hot.last_quotes() == {"paper:BTC": QUOTE, "paper:ETH": later}
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_follower_of_notices_hears_that_it_is_connected_and_every_notice(hot: Any) -> None:
    heard: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue()

    async def take(what: str, detail: dict[str, Any]) -> None:
        await heard.put((what, detail))

    following = asyncio.create_task(hot.follow_notices(take))
    async with asyncio.timeout(10):
        assert await heard.get() == ("connected", {})
        await hot.announce("trading state changed", at=AT)
        assert await heard.get() == ("trading state changed", {"at": str(AT)})
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
