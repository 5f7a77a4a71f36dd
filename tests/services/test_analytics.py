"""The analytical store, on the real engine in this process."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from herald.messages import Execution, Fill, Signal
from herald.ports import Quote
from herald.stores.clickhouse import Analytics
from herald.taxonomy import Direction, EventType, Leg, OrderStatus, Reason, Side, Stage

pytestmark = pytest.mark.services

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
async def analytics(tmp_path: Path) -> AsyncIterator[Analytics]:
    store = Analytics(f"chdb://{tmp_path}/clickhouse")
    await store.open()
    yield store
    await store.close()


def after(ms: float) -> datetime:
    return AT + timedelta(milliseconds=ms)


def signal(event_id: str, taken_ms: float) -> Signal:
    return Signal(
        event_id=event_id,
        idempotency_key=event_id,
        story_id=event_id,
        ts_iso=AT,
        source="wire",
        headline="quotes ' \" ; -- and\nlines",
        event_type=EventType.HACK,
        severity=0.9,
        direction=Direction.BEAR,
        confidence=0.8,
        stamps={Stage.RECEIVED: AT, Stage.SIGNALLED: after(taken_ms)},
    )


def execution(trade: str, leg: Leg, side: Side, price: str, **values: Any) -> Execution:
    fill = Fill(
        fill_id=f"{trade}-{leg}",
        client_order_id=f"{trade}-{leg}",
        instrument_key="paper:BTC",
        side=side,
        quantity=Decimal("0.1"),
        price=Decimal(price),
        fee_usd=Decimal("0.5"),
        at=AT,
    )
    fields: dict[str, Any] = {
        "execution_id": f"{trade}-{leg}-0",
        "order_id": "v1",
        "client_order_id": f"{trade}-{leg}",
        "trade_id": trade,
        "event_id": "e1",
        "story_id": "e1",
        "event_type": EventType.HACK,
        "playbook": "hack",
        "playbook_version": "1",
        "leg": leg,
        "venue": "paper",
        "symbol": "BTC",
        "instrument_key": "paper:BTC",
        "side": side,
        "status": OrderStatus.FILLED,
        "quantity": Decimal("0.1"),
        "filled_quantity": Decimal("0.1"),
        "arrival_mid": Decimal(60000),
        "fills": (fill,),
        "reason": Reason.FILLED_IN_FULL,
        "ts_iso": AT,
        "stamps": {Stage.RECEIVED: AT, Stage.SIGNALLED: after(4), Stage.ACKNOWLEDGED: after(30)},
    }
    return Execution(**fields | values)


async def test_latency_is_counted_once_a_stage_however_often_a_message_comes(analytics: Analytics) -> None:
    messages = [
        *(signal(f"e{n}", n) for n in range(1, 101)),
        execution("t1", Leg.ENTRY, Side.SELL, "60000"),
        execution("t1", Leg.EXIT, Side.BUY, "59000"),
    ]
    assert await analytics.insert(messages) == 2 + 100 + 100 + 2
    await analytics.insert(messages)
    found = {row.pop("stage"): row for row in await analytics.stage_latency()}
    assert list(found) == ["signalled", "acknowledged", "whole_way"]
    assert found["signalled"] == {"count": 100, "p50": 50.0, "p95": 95.0, "p99": 99.0}
    assert found["whole_way"] == {"count": 1, "p50": 30.0, "p95": 30.0, "p99": 30.0}
    assert await analytics.stage_latency(since=AT + timedelta(days=1)) == []


async def test_profit_is_that_of_trades_that_are_flat_again(analytics: Analytics) -> None:
    await analytics.insert(
        [
            execution("short", Leg.ENTRY, Side.SELL, "60000"),
            execution("short", Leg.EXIT, Side.BUY, "59000"),
            execution("open", Leg.ENTRY, Side.BUY, "60000"),
        ]
    )
    [row] = await analytics.pnl_by_event_type()
    assert (row["event_type"], row["trades"], round(row["net_pnl_usd"], 6)) == ("HACK", 1, 99.0)


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    dsn = f"chdb://{tmp_path}/clickhouse"
    for quotes in (1, 1):
        store = await Analytics(dsn).open()
        assert (await store.ping()).startswith("ClickHouse ")
        await store.insert_quotes([("paper:BTC", Quote(1_772_366_400_123_456_789, 1.0, 2.0, 3.0, 4.0))] * quotes)
        rows = await store._ask("SELECT toString(at), bid FROM quotes FINAL WHERE at >= {since:String}", None)
        assert [tuple(row) for row in rows] == [("2026-03-01 12:00:00.123456", 1.0)]
        await store.close()


async def test_writing_nothing_is_no_write(analytics: Analytics) -> None:
    assert await analytics.insert([]) == 0
    assert await analytics.insert_quotes([]) == 0


async def test_the_first_insert_does_not_wait_for_pandas(analytics: Analytics) -> None:
    there = "pandas" in sys.modules
    await analytics.insert([signal("e1", 1)])
    assert ("pandas" in sys.modules) is there
