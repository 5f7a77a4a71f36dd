"""A small desk that says what the system would say, so that the accounting has something to account for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from herald.messages import (
    ApprovedOrder,
    Execution,
    Fill,
    Instrument,
    ItemFate,
    OrderIntent,
    Passed,
    RefusedOrder,
    Signal,
    intent_id_of,
)
from herald.reports.accounting import account
from herald.reports.figures import Run, RunReport
from herald.taxonomy import (
    Direction,
    EventType,
    Fate,
    Leg,
    OrderStatus,
    Reason,
    Side,
    Stage,
)

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
STAGE_MS = {
    Stage.PUBLISHED: -1500.0,
    Stage.RECEIVED: 0.0,
    Stage.NORMALISED: 1.0,
    Stage.SIGNALLED: 3.0,
    Stage.DECIDED: 8.0,
    Stage.APPROVED: 13.0,
    Stage.SUBMITTED: 15.0,
    Stage.ACKNOWLEDGED: 20.0,
}


class Desk:
    """Builds the messages of a run, one story after another."""

    start = START

    def __init__(self) -> None:
        self.items: list[ItemFate] = []
        self.signals: list[Signal] = []
        self.decisions: list[ApprovedOrder | RefusedOrder | Passed] = []
        self.executions: list[Execution] = []

    def at(self, seconds: float) -> datetime:
        return START + timedelta(seconds=seconds)

    def stamps(self, seconds: float, until: Stage) -> dict[Stage, datetime]:
        stages = list(STAGE_MS)
        return {
            stage: self.at(seconds) + timedelta(milliseconds=STAGE_MS[stage])
            for stage in stages[: stages.index(until) + 1]
        }

    def item(self, event_id: str, seconds: float, fate: Fate, reason: Reason, headline: str = "A headline") -> ItemFate:
        item = ItemFate(
            event_id=event_id,
            item_id=f"{event_id} received {seconds}",
            source="wire",
            headline=headline,
            fate=fate,
            reason=reason,
            story_id=event_id,
            at=self.at(seconds),
            stamps=self.stamps(seconds, Stage.SIGNALLED if fate is Fate.SIGNAL else Stage.NORMALISED),
        )
        self.items.append(item)
        return item

    def signal(self, event_id: str, seconds: float, event_type: EventType = EventType.LISTING) -> Signal:
        headline = f"Story {event_id} <b>&</b>"
        self.item(event_id, seconds, Fate.SIGNAL, Reason.RULE_MATCHED, headline)
        signal = Signal(
            event_id=event_id,
            idempotency_key=event_id,
            story_id=event_id,
            ts_iso=self.at(seconds),
            source="wire",
            headline=headline,
            event_type=event_type,
            primary_entity="BTC",
            severity=0.8,
            direction=Direction.BULL,
            confidence=0.9,
            stamps=self.stamps(seconds, Stage.SIGNALLED),
        )
        self.signals.append(signal)
        return signal

    def passes(self, signal: Signal, reason: Reason = Reason.BELOW_MIN_SEVERITY) -> Passed:
        passed = Passed(
            event_id=signal.event_id,
            story_id=signal.story_id,
            event_type=signal.event_type,
            direction=signal.direction,
            playbook="listing",
            reason=reason,
            decided_at=signal.ts_iso,
            stamps={**signal.stamps, Stage.DECIDED: signal.ts_iso + timedelta(milliseconds=8)},
        )
        self.decisions.append(passed)
        return passed

    def intent(
        self, signal: Signal, seconds: float, leg: Leg, quantity: str, *, reason: Reason, symbol: str
    ) -> OrderIntent:
        entry_id = intent_id_of(signal.story_id, "listing", Leg.ENTRY)
        return OrderIntent(
            intent_id=intent_id_of(signal.story_id, "listing", leg),
            trade_id=entry_id,
            event_id=signal.event_id,
            story_id=signal.story_id,
            event_type=signal.event_type,
            direction=signal.direction,
            source=signal.source,
            news_at=signal.ts_iso,
            playbook="listing",
            playbook_version="1",
            leg=leg,
            instrument=Instrument(venue="paper", symbol=symbol, base=symbol.removesuffix("USDT")),
            side=Side.BUY if leg is Leg.ENTRY else Side.SELL,
            quantity=Decimal(quantity),
            mid=Decimal(100),
            quote_at=self.at(seconds),
            severity=0.8,
            confidence=0.9,
            reason=reason,
            created_at=self.at(seconds),
            stamps=self.stamps(seconds, Stage.DECIDED),
        )

    def refuse(self, signal: Signal, reason: Reason = Reason.COOL_DOWN) -> RefusedOrder:
        intent = self.intent(signal, 0, Leg.ENTRY, "1", reason=Reason.RULE_MATCHED, symbol="BTCUSDT")
        refused = RefusedOrder(intent=intent, reason=reason, decided_at=signal.ts_iso, stamps=intent.stamps)
        self.decisions.append(refused)
        return refused

    def order(
        self,
        signal: Signal,
        seconds: float,
        *fills: tuple[str, str],
        quantity: str = "2",
        leg: Leg = Leg.ENTRY,
        reason: Reason = Reason.RULE_MATCHED,
        symbol: str = "BTCUSDT",
        fee: str = "0.1",
    ) -> Execution:
        """Approve an order and report it as done, with ``fills`` given as (quantity, price)."""
        intent = self.intent(signal, seconds, leg, quantity, reason=reason, symbol=symbol)
        approved = ApprovedOrder(
            intent=intent,
            client_order_id=intent.intent_id,
            quantity=intent.quantity,
            reason=Reason.WITHIN_LIMITS,
            decided_at=self.at(seconds),
            stamps=self.stamps(seconds, Stage.APPROVED),
        )
        self.decisions.append(approved)
        execution = self.executed(approved, seconds, fills, fee)
        self.executions.append(execution)
        return execution

    def executed(
        self, approved: ApprovedOrder, seconds: float, fills: tuple[tuple[str, str], ...], fee: str
    ) -> Execution:
        intent, key = approved.intent, approved.client_order_id
        when = self.at(seconds) + timedelta(milliseconds=250)
        done = tuple(
            Fill(
                fill_id=f"{key}-{index}",
                client_order_id=key,
                instrument_key=intent.instrument.key,
                side=intent.side,
                quantity=Decimal(quantity),
                price=Decimal(price),
                fee_usd=Decimal(fee),
                at=when,
            )
            for index, (quantity, price) in enumerate(fills)
        )
        filled = sum((fill.quantity for fill in done), Decimal(0))
        average = sum((fill.quantity * fill.price for fill in done), Decimal(0)) / filled if filled else None
        in_full = filled == approved.quantity
        return Execution(
            execution_id=f"{key}-1",
            order_id=f"o-{key}",
            client_order_id=key,
            trade_id=intent.trade_id,
            event_id=intent.event_id,
            story_id=intent.story_id,
            event_type=intent.event_type,
            playbook=intent.playbook,
            playbook_version="1",
            leg=intent.leg,
            venue="paper",
            symbol=intent.instrument.symbol,
            instrument_key=intent.instrument.key,
            side=intent.side,
            status=OrderStatus.FILLED if in_full else OrderStatus.EXPIRED,
            quantity=approved.quantity,
            filled_quantity=filled,
            average_price=average,
            arrival_mid=intent.mid,
            slippage_bps=float((average / intent.mid - 1) * 10_000 * intent.side.sign) if average else None,
            fee_usd=Decimal(fee) * len(done),
            fills=done,
            reason=Reason.FILLED_IN_FULL if in_full else Reason.NO_LIQUIDITY_WITHIN_LIMIT,
            ts_iso=when,
            stamps=self.stamps(seconds, Stage.ACKNOWLEDGED),
        )

    def run(self) -> Run:
        return Run(self.items, self.signals, self.decisions, self.executions)

    def account(self, **more: object) -> RunReport:
        return account(
            self.items,
            self.signals,
            self.decisions,
            self.executions,
            started_at=START,
            ended_at=self.at(3600),
            initial_equity_usd=Decimal(10_000),
            **more,  # type: ignore[arg-type]
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def busy_desk() -> Desk:
    """A run with every fate, every kind of decision, a winner, a loser, a hedge and a position left open."""
    desk = Desk()
    desk.item("dup", 1, Fate.DUPLICATE, Reason.EXACT_DUPLICATE)
    desk.item("merged", 2, Fate.MERGED, Reason.SAME_STORY)
    desk.item("nothing", 3, Fate.NO_SIGNAL, Reason.COMMENTARY)
    desk.item("dead", 4, Fate.DEAD_LETTER, Reason.MALFORMED)
    desk.passes(desk.signal("passed", 5, EventType.HACK))
    desk.refuse(desk.signal("refused", 6, EventType.ETF))
    winner = desk.signal("winner", 10)
    desk.order(winner, 10, ("1", "100"), ("1", "101"))
    desk.order(winner, 70, ("2", "105"), leg=Leg.EXIT, reason=Reason.TAKE_PROFIT)
    loser = desk.signal("loser", 100, EventType.HACK)
    desk.order(loser, 100, ("2", "100"))
    desk.order(loser, 101, ("1", "50"), leg=Leg.HEDGE, symbol="ETHUSDT", quantity="1")
    desk.order(loser, 160, ("2", "97"), leg=Leg.EXIT, reason=Reason.STOP_LOSS)
    unfilled = desk.signal("unfilled", 200)
    desk.order(unfilled, 200)
    return desk


@pytest.fixture(scope="session")
def new_desk() -> Callable[[], Desk]:
    return Desk
