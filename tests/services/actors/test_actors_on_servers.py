"""The actors on a real PostgreSQL, a real Redis and its streams, in one process instead of many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any

import pytest

from actors import peers
from actors.correlator import CorrelatorShell
from actors.risk import Risk, RiskShell
from actors.router import RouterShell
from actors.trader import TraderShell
from herald.bootstrap import configuration
from herald.bootstrap.adapters import open_bus, open_hot
from herald.bootstrap.wiring import NOWHERE, Wiring
from herald.market.board import QuoteBoard
from herald.messages import DECISIONS_TOPIC, EXECUTIONS_TOPIC, Execution, Instrument, OrderIntent, RawItem
from herald.nanoseconds import to_ns
from herald.news.reading_desk import understand
from herald.ports import JournalConflict, Quote, Unavailable
from herald.settings import load_settings
from herald.stores.embedded.addresses import Addresses
from herald.stores.embedded.redis_server import RedisServer
from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.journal import PostgresJournal
from herald.stores.postgres.orders import OrderJournal
from herald.stores.postgres.paper_record import PostgresOrderRecord
from herald.stores.postgres.trading_state import TradingStates
from herald.taxonomy import Direction, EventType, Leg, OrderStatus, Reason, Side, TradingState
from herald.trading.risk_limits import RiskLimits

pytestmark = pytest.mark.services

PATIENCE_S = 20.0
_databases = count(1)  # of the one Redis, which has 16
KEY = "paper:UNIUSDT"
UNI = Instrument(venue="paper", symbol="UNIUSDT", base="UNI", lot_size=Decimal("0.1"), tick_size=Decimal("0.001"))


class House:
    """The shells of one wiring, which find each other without Ray."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.shells: dict[str, Any] = {}

    async def begin(self) -> None:
        self.shells = {
            "risk": RiskShell(self.wiring),
            "router-paper": RouterShell(self.wiring, "paper"),
            "trader": TraderShell(self.wiring),
            "correlator": CorrelatorShell(self.wiring),
        }
        await asyncio.gather(*(shell.ready() for shell in self.shells.values()))

    async def end(self) -> None:
        for name in ("correlator", "trader", "router-paper", "risk"):
            if name in self.shells:
                await self.shells.pop(name).close()

    async def call(self, name: str, method: str, *args: Any) -> Any:
        if name not in self.shells:
            raise Unavailable(f"{name} is not running")
        return await getattr(self.shells[name], method)(*args)


@pytest.fixture
async def house(postgres: Postgres, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    redis_url = redis_server.url.replace("db=0", f"db={next(_databases)}")
    made = House(Wiring(load_settings(), Addresses(postgres.url, redis_url, "")))

    async def call(peer: Any, method: str, *args: Any, timeout_s: float = 0.0) -> Any:
        return await made.call(peer.name, method, *args)

    monkeypatch.setattr(peers.Peer, "call", call)
    monkeypatch.setattr("actors.shell._die", lambda *what: pytest.fail(f"a process ended itself: {what}"))
    await made.begin()
    yield made
    await made.end()


async def until(holds: Callable[[], Awaitable[Any]]) -> Any:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await holds()):  # noqa: ASYNC110 - servers tell only when asked
            await asyncio.sleep(0.01)
    return found


async def quote(house: House, price: float) -> None:
    """Publish a quote and wait until every process has heard it."""
    told = Quote(to_ns(datetime.now(UTC)), price * 0.9999, price * 1.0001, 5_000.0, 5_000.0)
    hot = await open_hot(house.wiring)
    await hot.publish_quote(KEY, told)
    await hot.close()
    boards = [shell._market for shell in house.shells.values() if hasattr(shell, "_market")]

    async def heard() -> bool:
        return all(board.quote(KEY, datetime.now(UTC)) == told for board in boards)

    await until(heard)


@cache
def reading() -> tuple[Any, ...]:
    """Load once what it takes to read a headline."""
    wiring = Wiring(load_settings(), NOWHERE)
    sources = configuration.sources_of(wiring)
    return sources, configuration.rulebook_of(wiring), configuration.gazetteer_of(wiring)


async def headline(house: House, text: str) -> None:
    """Have a headline read and taken over, at a fresh price."""
    sources, rulebook, gazetteer = reading()
    await quote(house, 8.0)
    now = datetime.now(UTC)
    raw = RawItem(source="coindesk", title=text, published_at=now, received_at=now)
    read = understand(raw, sources.profile_of("coindesk"), rulebook, gazetteer, now)
    await house.call("correlator", "take", [read], None)


async def held(postgres: Postgres) -> Decimal:
    return (await PostgresOrderRecord(postgres, "paper").positions()).get(KEY, Decimal(0))


async def test_a_trade_outlives_all_processes_and_is_closed_by_their_heirs(house: House, postgres: Postgres) -> None:
    await headline(house, "Uniswap Hacked for $120M, Team Pauses Contracts")

    async def opened() -> bool:
        await quote(house, 8.0)
        return bool(house.shells["trader"]._trader.trades) and bool(house.shells["risk"]._risk.state.positions)

    await until(opened)
    short = await held(postgres)
    assert short < 0
    before = house.shells["risk"]._risk.state.unmarked()
    trades = house.shells["trader"]._trader.trades

    await house.end()
    await house.begin()
    assert house.shells["risk"]._risk.state.unmarked() == before
    heirs = house.shells["trader"]._trader.trades
    assert {key: trade.open_quantity for key, trade in heirs.items()} == {
        key: trade.open_quantity for key, trade in trades.items()
    }

    async def flat() -> bool:
        await quote(house, 8.0)
        return await house.call("trader", "on_time", None, Reason.FLATTEN) == 0

    await until(flat)
    assert await held(postgres) == 0
    await until(lambda: _closed(house))
    account = await house.call("risk", "account")
    assert (account["positions"], account["open_orders"]) == ({}, 0)
    assert Decimal(account["fees_usd"]) > 0
    orders = OrderJournal(postgres)
    assert [await orders.unpublished(9), await orders.in_flight(), await orders.open_trades()] == [[], [], []]
    bus = await open_bus(house.wiring)
    legs = [Execution.from_wire(one.value).leg for one in await bus.recent(EXECUTIONS_TOPIC, 99)]
    await bus.close()
    assert set(legs) == {Leg.ENTRY, Leg.EXIT}


async def _closed(house: House) -> bool:
    return not house.shells["risk"]._risk.state.positions


async def test_a_signal_that_came_while_nobody_traded_is_handled_by_the_next_trader(
    house: House, postgres: Postgres
) -> None:
    await house.shells.pop("trader").close()
    await headline(house, "Uniswap Hacked for $120M, Team Pauses Contracts")
    await quote(house, 8.0)
    house.shells["trader"] = TraderShell(house.wiring)

    async def decided() -> Any:
        bus = await open_bus(house.wiring)
        found = await bus.recent(DECISIONS_TOPIC, 9)
        await bus.close()
        return found

    assert len(await until(decided)) == 1


async def test_a_halt_in_the_database_stops_the_next_order(house: House, postgres: Postgres) -> None:
    await TradingStates(postgres).set(TradingState.HALTED, Reason.MANUAL, by="ops", at=datetime.now(UTC))
    (verdict,) = await house.call("risk", "review", [intent("e1")], None)
    assert verdict.reason is Reason.TRADING_HALTED


def intent(name: str) -> OrderIntent:
    now = datetime.now(UTC) - timedelta(seconds=1)
    return OrderIntent(
        intent_id=name, trade_id=name, event_id=name, story_id=name, event_type=EventType.HACK,
        direction=Direction.BEAR, source="wire", news_at=now, playbook="p", playbook_version="1", leg=Leg.ENTRY,
        instrument=UNI, side=Side.SELL, quantity=Decimal(10), limit_price=Decimal("7.9"), mid=Decimal(8), quote_at=now,
        severity=0.9, confidence=0.9, created_at=now,
    )  # fmt: skip


def risk_on(postgres: Postgres, house: House) -> Risk:
    clock = house.shells["risk"]._clock
    return Risk(PostgresJournal(postgres), TradingStates(postgres), RiskLimits(), QuoteBoard(), clock)


async def test_the_journal_of_the_database_gives_back_the_same_verdicts_and_the_same_state(
    house: House, postgres: Postgres
) -> None:
    first = risk_on(postgres, house)
    verdicts = await first.review([intent("e1")], None)
    heir = risk_on(postgres, house)
    assert await heir.rebuild() == 1
    assert await heir.review([intent("e1")], None) == verdicts
    assert heir.state == first.state.unmarked()


async def test_of_two_risk_processes_on_one_database_the_one_behind_is_fenced(house: House, postgres: Postgres) -> None:
    old, new = risk_on(postgres, house), risk_on(postgres, house)
    await new.review([intent("e1")], None)
    with pytest.raises(JournalConflict, match="must stop and rebuild"):
        await old.review([intent("e2")], None)


async def test_an_order_sent_to_two_routers_at_once_is_one_order(house: House, postgres: Postgres) -> None:
    await quote(house, 8.0)
    other = RouterShell(house.wiring, "paper")
    (approved,) = await house.call("risk", "review", [intent("e1")], None)
    await quote(house, 8.0)
    answers = await asyncio.gather(
        other.submit(approved, None), *(house.call("router-paper", "submit", approved, None) for _ in range(3))
    )
    assert {answer.client_order_id for answer in answers} == {"e1"}
    fills = await PostgresOrderRecord(postgres, "paper").fills_since(None, 9)
    assert sum(fill.quantity for fill in fills) in {0, 10}
    last = await OrderJournal(postgres).last_execution("e1")
    assert last is not None
    assert last.status in {OrderStatus.FILLED, OrderStatus.ACCEPTED}
    await other.close()
