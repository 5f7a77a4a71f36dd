"""A small house of plain classes: the real Risk, Router and Trader on stores in memory, and a market to move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.ledger import parse
from actors.risk import Risk
from actors.router import Router
from actors.trader import Trader
from herald.bus.memory import MemoryBus
from herald.clocks import SimulatedClock
from herald.market.board import QuoteBoard
from herald.market.quotes import Quote
from herald.messages import ApprovedOrder, Execution, ExitPlan, OrderIntent, Signal
from herald.nanoseconds import to_ns
from herald.ports import ClockMark, Delivery
from herald.stores.memory import MemoryJournal, MemoryOrderJournal, MemoryTradingStates
from herald.stores.memory_hot import MemoryHotState
from herald.taxonomy import Direction, EventType, Leg, OrderType, Reason, Side
from herald.trading.directory import Directory, Instruments, InstrumentSpec
from herald.trading.playbooks import PlaybookBook
from herald.trading.risk_limits import RiskLimits
from herald.trading.venue_rules import VenueRules
from herald.venues.memory import MemoryOrderRecord
from herald.venues.paper import PaperVenue

D = Decimal
T0 = datetime(2025, 6, 7, 12, 0, tzinfo=UTC)
SPECS = tuple(
    InstrumentSpec(symbol=f"{base}USDT", base=base, tick_size=D("0.01"), lot_size=D("0.1"), min_notional_usd=D(5))
    for base in ("SOL", "BTC")
)
SOL = SPECS[0].instrument()
DIRECTORY = Directory(Instruments(instruments=SPECS))
PLAYBOOKS = PlaybookBook.model_validate(
    {
        "notional_caps_usd": {"HACK": 10_000},
        "playbooks": [
            {
                "id": "hack-short",
                "event_types": ["HACK"],
                "directions": ["BEAR"],
                "side": "sell",
                "min_severity": 0.5,
                "min_confidence": 0.6,
                "size": {"equity_share": 0.05, "k_usd": 20_000},
                "exit": {"take_profit_bps": 60, "stop_loss_bps": 40, "trail_bps": 20, "trail_after_bps": 30},
            }
        ],
    }
)


@dataclass
class House:
    """What outlives the processes, and makers of the processes."""

    bus: MemoryBus = field(default_factory=MemoryBus)
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(T0))
    board: QuoteBoard = field(default_factory=QuoteBoard)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    states: MemoryTradingStates = field(default_factory=MemoryTradingStates)
    orders: MemoryOrderJournal = field(default_factory=MemoryOrderJournal)
    hot: MemoryHotState = field(default_factory=MemoryHotState)
    record: MemoryOrderRecord = field(default_factory=MemoryOrderRecord)
    limits: RiskLimits = field(default_factory=RiskLimits)

    def at(self, seconds: float) -> datetime:
        """Make it ``seconds`` after the start."""
        now = T0 + timedelta(seconds=seconds)
        self.clock.observe(ClockMark(to_ns(now), 0))
        return now

    def quote(self, seconds: float, price: float, base: str = "SOL", size: float = 1_000.0) -> None:
        """Make it ``seconds`` after the start, at which a quote is known."""
        at_ns = to_ns(self.at(seconds))
        self.board.put(f"paper:{base}USDT", Quote(at_ns, price - 0.01, price + 0.01, size, size))

    def risk(self, **changed: Any) -> Risk:
        limits = self.limits.model_copy(update=changed)
        return Risk(self.journal, self.states, limits, self.board, self.clock)

    def venue(self) -> PaperVenue:
        return PaperVenue("paper", self.board, self.record, VenueRules(latency_ms=0, impact_bps=0.0), DIRECTORY)

    def router(self, venue: Any = None) -> Router:
        return Router(venue or self.venue(), self.orders, self.bus, self.clock)

    def trader(self, risk: Any, router: Any, **changed: Any) -> Trader:
        given = {
            "bus": self.bus, "clock": self.clock, "market": self.board, "risk": risk, "router": router,
            "orders": self.orders, "hot": self.hot, "playbooks": PLAYBOOKS, "directory": DIRECTORY,
            "stale_after_ms": 2_000,
        }  # fmt: skip
        return Trader(**given | changed)

    async def told(self, topic: str) -> list[Any]:
        """Return the messages of a topic."""
        return [parse(topic, delivery.value) for delivery in await self.bus.recent(topic, 1_000)]

    async def deliver(self, trader: Trader, risk: Risk) -> None:
        """Give every report on the bus to those who read it, as if for the first time."""
        for delivery in await self.bus.recent("trades.executions.v1", 1_000):
            await risk.executed(Execution.from_wire(delivery.value))
            await trader.on_execution(delivery)
        await self.hot.put_account(risk.state.summary())

    async def entered(self, desk: tuple[Risk, Router, Trader], delivery: Delivery) -> None:
        """Enter the trade of a signal and have everyone hear of it."""
        risk, router, trader = desk
        await trader.on_signal(delivery)
        await router.publish()
        await self.deliver(trader, risk)
        assert len(trader.trades) == 1


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
async def desk(house: House) -> tuple[Risk, Router, Trader]:
    """Risk, router and trader, with SOL at 100."""
    house.quote(0, 100.0)
    risk, router = house.risk(), house.router()
    await house.hot.put_account(risk.state.summary())
    return risk, router, house.trader(risk, router)


@pytest.fixture(scope="session")
def signal_of() -> Callable[..., Signal]:
    def make(**fields: Any) -> Signal:
        given: dict[str, Any] = {
            "event_id": "e1", "idempotency_key": "e1", "story_id": "e1", "ts_iso": T0, "source": "wire",
            "headline": "Solana hacked", "event_type": EventType.HACK, "primary_entity": "SOL", "severity": 0.8,
            "direction": Direction.BEAR, "confidence": 0.9,
        }  # fmt: skip
        return Signal(**given | fields)

    return make


@pytest.fixture(scope="session")
def delivery_of() -> Callable[..., Delivery]:
    def make(message: Any, topic: str = "news.signals.v1", mark: ClockMark | None = None) -> Delivery:
        return Delivery(topic, "key", message.to_wire(), "1", mark=mark)

    return make


@pytest.fixture(scope="session")
def intent_of() -> Callable[..., OrderIntent]:
    def make(name: str = "i1", **fields: Any) -> OrderIntent:
        given: dict[str, Any] = {
            "intent_id": name, "trade_id": name, "event_id": "e1", "story_id": "e1", "event_type": EventType.HACK,
            "direction": Direction.BEAR, "source": "wire", "news_at": T0, "playbook": "p", "playbook_version": "1",
            "leg": Leg.ENTRY, "instrument": SOL, "side": Side.BUY, "order_type": OrderType.LIMIT, "quantity": D(10),
            "limit_price": D("100.10"), "mid": D(100), "quote_at": T0, "severity": 0.8, "confidence": 0.9,
            "exit_plan": ExitPlan(take_profit_bps=60, stop_loss_bps=40, trail_bps=20, trail_after_bps=30),
            "created_at": T0,
        }  # fmt: skip
        return OrderIntent(**given | fields)

    return make


@pytest.fixture(scope="session")
def approved_of(intent_of: Callable[..., OrderIntent]) -> Callable[..., ApprovedOrder]:
    def make(name: str = "i1", **fields: Any) -> ApprovedOrder:
        intent = intent_of(name, **fields)
        return ApprovedOrder(
            intent=intent,
            client_order_id=name,
            quantity=intent.quantity,
            reason=Reason.WITHIN_LIMITS,
            decided_at=intent.created_at,
        )

    return make
