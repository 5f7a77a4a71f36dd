"""What is written to PostgreSQL is written once, whole, and comes back as it was."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from herald.messages import (
    ApprovedOrder,
    DeadLetter,
    Execution,
    Fill,
    Instrument,
    ItemFate,
    Order,
    OrderIntent,
    Passed,
    RefusedOrder,
    Signal,
)
from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.ledger import Ledger
from herald.stores.postgres.ledger_queries import LedgerQueries
from herald.stores.postgres.orders import OrderJournal
from herald.taxonomy import (
    Direction,
    EventType,
    Fate,
    Leg,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    Stage,
    TimeInForce,
)

pytestmark = pytest.mark.services

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
BTC = Instrument(venue="paper", symbol="BTC/USDT", base="BTC")


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
    intent = OrderIntent(**fields | values)
    return ApprovedOrder(
        intent=intent,
        client_order_id=name,
        quantity=Decimal("1.500"),
        reason=Reason.WITHIN_LIMITS,
        decided_at=AT,
        stamps={Stage.APPROVED: AT},
    )


def order_of(order: ApprovedOrder, status: OrderStatus, fills: tuple[Fill, ...] = ()) -> Order:
    return Order(
        client_order_id=order.client_order_id,
        order_id=f"v-{order.client_order_id}",
        instrument_key=order.intent.instrument.key,
        side=order.intent.side,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=order.quantity,
        status=status,
        filled_quantity=sum((fill.quantity for fill in fills), Decimal(0)),
        reason=Reason.FILLED_IN_FULL,
        submitted_at=AT,
        updated_at=AT,
        fills=fills,
    )


def fill_of(order: ApprovedOrder, number: int, quantity: str, price: str) -> Fill:
    return Fill(
        fill_id=f"{order.client_order_id}-f{number}",
        client_order_id=order.client_order_id,
        instrument_key=order.intent.instrument.key,
        side=order.intent.side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee_usd=Decimal("0.25"),
        at=AT + timedelta(seconds=number),
    )


def execution_of(order: ApprovedOrder, state: Order, sequence: int, new: tuple[Fill, ...] = ()) -> Execution:
    intent = order.intent
    return Execution(
        execution_id=f"{order.client_order_id}-{sequence}",
        order_id=state.order_id,
        client_order_id=order.client_order_id,
        trade_id=intent.trade_id,
        event_id=intent.event_id,
        story_id=intent.story_id,
        event_type=intent.event_type,
        playbook=intent.playbook,
        playbook_version=intent.playbook_version,
        leg=intent.leg,
        venue="paper",
        symbol=BTC.symbol,
        instrument_key=intent.instrument.key,
        side=intent.side,
        status=state.status,
        quantity=order.quantity,
        filled_quantity=state.filled_quantity,
        arrival_mid=intent.mid,
        fills=new,
        reason=state.reason,
        ts_iso=AT + timedelta(seconds=sequence),
        stamps={Stage.RECEIVED: AT, Stage.ACKNOWLEDGED: AT + timedelta(milliseconds=20)},
    )


def step(
    order: ApprovedOrder, sequence: int, status: OrderStatus, *fills: Fill, before: tuple[Fill, ...] = ()
) -> tuple[Execution, Order, ApprovedOrder]:
    state = order_of(order, status, (*before, *fills))
    return execution_of(order, state, sequence, fills), state, order


# -- orders ---------------------------------------------------------------------------------------------------------


async def test_a_report_is_recorded_once_with_its_order_and_fills(postgres: Postgres) -> None:
    journal, entry = OrderJournal(postgres), approved()
    first = fill_of(entry, 1, "0.5", "60000.10")
    report = step(entry, 0, OrderStatus.PARTIALLY_FILLED, first)
    assert await journal.record(*report)
    assert not await journal.record(*report)
    assert await journal.find("entry") == (report[1], 0)
    assert await journal.approved("entry") == entry
    assert await journal.last_execution("entry") == report[0]
    assert await journal.in_flight("paper") == [(entry, report[1], 0)]
    assert await journal.in_flight("elsewhere") == []
    assert await postgres.rows("SELECT quantity, price, fee_usd FROM fills") == [
        (first.quantity, first.price, first.fee_usd)
    ]


async def test_the_outbox_gives_reports_in_order_until_they_are_published(postgres: Postgres) -> None:
    journal, entry = OrderJournal(postgres), approved()
    first = fill_of(entry, 1, "0.5", "60000")
    one = step(entry, 0, OrderStatus.PARTIALLY_FILLED, first)
    two = step(entry, 1, OrderStatus.FILLED, fill_of(entry, 2, "1.0", "60001"), before=(first,))
    await journal.record(*one)
    await journal.record(*two)
    assert await journal.unpublished(10) == [one[0], two[0]]
    assert await journal.unpublished(1, "paper") == [one[0]]
    await journal.mark_published([one[0].execution_id])
    assert await journal.unpublished(10) == [two[0]]
    assert await journal.in_flight() == []
    assert await journal.last_sequence("entry") == 1


async def test_an_older_report_does_not_take_an_order_back(postgres: Postgres) -> None:
    journal, entry = OrderJournal(postgres), approved()
    await journal.record(*step(entry, 1, OrderStatus.FILLED))
    await journal.record(*step(entry, 0, OrderStatus.ACCEPTED))
    found = await journal.find("entry")
    assert found is not None
    assert found[0].status is OrderStatus.FILLED
    assert await journal.last_sequence("entry") == 1


async def test_an_order_can_be_remembered_before_it_is_sent(postgres: Postgres) -> None:
    journal, entry = OrderJournal(postgres), approved()
    assert await journal.remember(entry)
    assert not await journal.remember(entry)
    assert await journal.remembered("paper") == [entry]
    assert await journal.in_flight() == []
    assert await journal.last_sequence("entry") == -1
    await journal.record(*step(entry, 0, OrderStatus.ACCEPTED))
    assert await journal.remembered("paper") == []


async def test_a_trade_is_open_until_its_fills_cancel_out(postgres: Postgres) -> None:
    journal, entry = OrderJournal(postgres), approved()
    leave = approved("leave", Leg.EXIT, Side.SELL)
    opened = step(entry, 0, OrderStatus.FILLED, fill_of(entry, 1, "1.5", "60000"))
    half = fill_of(leave, 2, "1.0", "60100")
    closing = step(leave, 0, OrderStatus.PARTIALLY_FILLED, half)
    assert await journal.open_trades() == []
    await journal.record(*opened)
    await journal.record(*closing)
    assert await journal.open_trades() == [(entry, [opened[0], closing[0]])]
    closed = step(leave, 1, OrderStatus.FILLED, fill_of(leave, 3, "0.5", "60200"), before=(half,))
    await journal.record(*closed)
    assert await journal.open_trades() == []
    assert await journal.trade("entry") == (entry, [opened[0], closing[0], closed[0]])
    assert await journal.trade("unknown") is None
    assert await journal.executions_of(["entry"]) == [opened[0], closing[0], closed[0]]


async def test_reports_recorded_at_once_are_recorded_once(postgres: Postgres) -> None:
    journal, entry = OrderJournal(postgres), approved()
    report = step(entry, 0, OrderStatus.FILLED, fill_of(entry, 1, "1.5", "60000"))
    assert sorted(await asyncio.gather(*(journal.record(*report) for _ in range(6)))) == [False] * 5 + [True]


# -- ledger ---------------------------------------------------------------------------------------------------------


def item(event_id: str = "e1", fate: Fate = Fate.SIGNAL, **values: Any) -> ItemFate:
    fields: dict[str, Any] = {
        "event_id": event_id,
        "source": "wire",
        "headline": "BTC listed",
        "fate": fate,
        "reason": Reason.RULE_MATCHED,
        "story_id": "s1",
        "at": AT,
    }
    return ItemFate(**fields | values)


def signal() -> Signal:
    return Signal(
        event_id="e1",
        idempotency_key="e1",
        story_id="s1",
        ts_iso=AT,
        source="wire",
        headline="nul \x00 and \\u0000 text",
        event_type=EventType.LISTING,
        severity=0.9,
        direction=Direction.BULL,
        confidence=0.8,
        stamps={Stage.RECEIVED: AT},
    )


def passed() -> Passed:
    return Passed(
        event_id="e2",
        story_id="s2",
        event_type=EventType.OTHER,
        direction=Direction.UNKNOWN,
        reason=Reason.NO_PLAYBOOK,
        decided_at=AT + timedelta(seconds=9),
    )


async def test_the_ledger_keeps_each_message_once_and_counts(postgres: Postgres) -> None:
    ledger, entry = Ledger(postgres), approved()
    refused = RefusedOrder(intent=approved("other").intent, reason=Reason.COOL_DOWN, decided_at=AT)
    letter = DeadLetter(
        dead_letter_id="d1", origin="wire", reason="MALFORMED", detail="\x00", payload="<\x00\ud800", at=AT
    )
    report, _, _ = step(entry, 0, OrderStatus.FILLED, fill_of(entry, 1, "1.5", "60000"))
    messages = [item(), item("e2", Fate.NO_SIGNAL), signal(), entry, refused, passed(), report, letter]
    await ledger.store(*messages)
    for message in messages:
        await ledger.store(message)
    assert await ledger.overview() == {
        "items": {"no_signal": 1, "signal": 1},
        "decisions": {"approved": 1, "passed": 1, "refused": 1},
        "orders": {},
        "dead_letters": {"MALFORMED": 1},
    }
    assert await postgres.rows("SELECT payload FROM dead_letters") == [
        (letter.payload.encode("utf-8", "surrogatepass"),)
    ]
    assert await OrderJournal(postgres).unpublished(9) == [], "what came over the bus is not sent there again"
    queries = LedgerQueries(postgres)
    assert [one.decision for one in await queries.last_decisions(1)] == ["passed"]
    assert [(one.what, one.count) for one in await queries.fates()] == [("no_signal", 1), ("signal", 1)]
    assert await queries.fates(since=AT + timedelta(days=1)) == []


async def test_an_item_that_became_a_signal_stays_one(postgres: Postgres) -> None:
    ledger = Ledger(postgres)
    await ledger.store(item())
    await ledger.store(item(fate=Fate.DUPLICATE, reason=Reason.EXACT_DUPLICATE, at=AT + timedelta(seconds=5)))
    assert (await ledger.overview())["items"] == {"signal": 1}


async def test_the_same_words_from_two_sources_are_two_items_of_one_story(postgres: Postgres) -> None:
    ledger = Ledger(postgres)
    copy = item(fate=Fate.DUPLICATE, reason=Reason.EXACT_DUPLICATE, item_id="i2", source="other", at=AT)
    for message in (item(item_id="i1"), copy, copy):
        await ledger.store(message)
    assert (await ledger.overview())["items"] == {"duplicate": 1, "signal": 1}
    lineage = await LedgerQueries(postgres).explain("e1")
    assert [(one.item_id, one.source) for one in lineage.items] == [("i1", "wire"), ("i2", "other")]


async def test_an_amendment_that_asks_for_the_intent_of_its_story_is_a_decision_of_its_own(postgres: Postgres) -> None:
    ledger, entry = Ledger(postgres), approved()
    again = entry.intent.model_copy(update={"event_id": "amendment"})
    refused = RefusedOrder(intent=entry.intent, reason=Reason.COOL_DOWN, decided_at=AT)
    amendment = RefusedOrder(intent=again, reason=Reason.AMENDMENT_OF_TRADED_STORY, decided_at=AT)
    await ledger.store(refused, amendment, amendment)
    assert (await ledger.overview())["decisions"] == {"refused": 2}


async def test_the_ledger_refuses_what_it_does_not_keep(postgres: Postgres) -> None:
    with pytest.raises(TypeError, match="does not keep Instrument"):
        await Ledger(postgres).store(BTC)


async def test_headlines_are_found_by_their_words_whatever_they_hold(postgres: Postgres) -> None:
    ledger, queries = Ledger(postgres), LedgerQueries(postgres)
    await ledger.store(
        item("e1", headline="BTC up 5% in a_day"),
        item("e2", headline="btc up 50 in aXday", at=AT + timedelta(seconds=1)),
        item("e3", headline="path C:\\temp", at=AT + timedelta(seconds=2)),
    )

    async def found(words: str, limit: int = 9) -> list[str]:
        return [one.event_id for one in await queries.headlines(words, limit)]

    assert await found("") == ["e3", "e2", "e1"]
    assert await found("", 1) == ["e3"]
    assert await found("BTC UP") == ["e2", "e1"]
    assert await found("5%") == ["e1"]
    assert await found("a_day") == ["e1"]
    assert await found("C:\\t") == ["e3"]
    assert await found("'; DROP TABLE items; --") == []


async def test_explain_returns_the_whole_lineage_of_a_headline(postgres: Postgres) -> None:
    ledger, entry = Ledger(postgres), approved()
    bought = fill_of(entry, 1, "1.5", "60000")
    report, state, _ = step(entry, 0, OrderStatus.FILLED, bought)
    await OrderJournal(postgres).record(report, state, entry)
    await ledger.store(item(), item("e9", Fate.MERGED), signal(), entry, report, passed())
    lineage = await LedgerQueries(postgres).explain("e1")
    assert lineage.story_ids == ("s1",)
    assert [one.event_id for one in lineage.items] == ["e1", "e9"]
    assert [one.headline for one in lineage.signals] == ["nul \ufffd and \\u0000 text"]
    assert lineage.decisions == (entry,)
    assert lineage.executions == (report,)
    assert lineage.fills == (bought,)
    merged = await ledger.explain("e9")
    assert merged is not None
    assert merged["executions"][0]["stamps"]["acknowledged"] == "2026-03-01T12:00:00.143456Z"
    assert await ledger.explain("nothing") is None


async def test_positions_and_trades_come_from_fills_alone(postgres: Postgres) -> None:
    journal, queries, entry = OrderJournal(postgres), LedgerQueries(postgres), approved()
    leave = approved("leave", Leg.EXIT, Side.SELL)
    await journal.record(*step(entry, 0, OrderStatus.FILLED, fill_of(entry, 1, "1.5", "60000")))
    half = fill_of(leave, 2, "0.5", "60100")
    await journal.record(*step(leave, 0, OrderStatus.PARTIALLY_FILLED, half))
    [held] = await queries.open_positions()
    assert (held.net_quantity, held.entry_price, held.gross_pnl_usd) == (Decimal(1), Decimal(60000), Decimal(50))
    assert await queries.closed_trades() == []
    await journal.record(*step(leave, 1, OrderStatus.FILLED, fill_of(leave, 3, "1.0", "59990"), before=(half,)))
    assert await queries.open_positions() == []
    [trade] = await queries.closed_trades()
    assert (trade.event_type, trade.playbook, trade.side) == ("LISTING", "listing", "BUY")
    assert (trade.gross_pnl_usd, trade.fees_usd, trade.net_pnl_usd) == (40, Decimal("0.75"), Decimal("39.25"))
    [result] = await queries.by_event_type()
    assert (result.event_type, result.trades, result.net_pnl_usd) == ("LISTING", 1, Decimal("39.25"))
