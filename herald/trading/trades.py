"""Open trades: what was entered, how it does, when and how it is closed.

A trade is a fold of the reports on its orders, which carry totals; so a report seen twice or late changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from herald.market.quotes import Quote, QuotePath
from herald.messages import ApprovedOrder, Execution, ExitPlan, Instrument, OrderIntent, intent_id_of
from herald.nanoseconds import NS_PER_S, from_ns, to_ns
from herald.taxonomy import Leg, OrderType, Reason, Side, TimeInForce
from herald.trading.exits import EXIT_REASONS, STAY, exit_scan
from herald.trading.portfolio import ZERO
from herald.trading.rounding import decimal_of, limit_within

EXIT_SLIPPAGE_BPS = 20.0
"""How far beyond the touch the first attempt to close may trade; each further one may go twice as far."""
LIMITED_ATTEMPTS = 3
"""After so many attempts with a limit a trade is closed at the market."""


class ExitOrder(BaseModel):
    """What an order that closes has come to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    filled: Decimal = ZERO
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class ExitDecision:
    """That a trade is to be closed, why, and since when."""

    reason: Reason
    at_ns: int


class OpenTrade(BaseModel):
    """One trade, from its approved entry until it is flat. Serialisable; compare with ``==``.

    ``peak_bps`` is the best gain seen, ``cursor_ns`` the time of the last quote looked at, ``due`` the rule that
    closed the trade once it has, or why else it must be closed: what has spoken stands until the trade is flat.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    approved: ApprovedOrder
    filled_quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    entry_is_final: bool = False
    opened_at_ns: int
    exits: dict[str, ExitOrder] = {}
    refusals: int = 0
    peak_bps: float = 0.0
    cursor_ns: int
    due: Reason | None = None

    @property
    def trade_id(self) -> str:
        """The id of the entry."""
        return self.approved.intent.trade_id

    @property
    def story_id(self) -> str:
        """The story that is traded."""
        return self.approved.intent.story_id

    @property
    def instrument(self) -> Instrument:
        """What is traded."""
        return self.approved.intent.instrument

    @property
    def side(self) -> Side:
        """The side of the entry."""
        return self.approved.intent.side

    @property
    def plan(self) -> ExitPlan:
        """When to close; the plan's defaults where the entry states none."""
        return self.approved.intent.exit_plan or ExitPlan()

    @property
    def open_quantity(self) -> Decimal:
        """What is filled and not yet closed."""
        return self.filled_quantity - sum((one.filled for one in self.exits.values()), ZERO)

    @property
    def is_flat(self) -> bool:
        """True where nothing is open and nothing more can come."""
        return self.entry_is_final and self.open_quantity <= 0

    @property
    def is_exiting(self) -> bool:
        """True while an order that closes is out."""
        return any(not one.is_final for one in self.exits.values())

    @property
    def attempts(self) -> int:
        """How often closing was tried."""
        return len(self.exits) + self.refusals

    @property
    def deadline_ns(self) -> int:
        """When the trade must be closed at the latest."""
        return self.opened_at_ns + round(self.plan.flat_after_s * NS_PER_S)

    def closing(self, reason: Reason) -> Self:
        """Have the trade closed for ``reason`` as soon as it can be, unless a rule has spoken before."""
        return self if self.due is not None else self.model_copy(update={"due": reason})

    def exit_sent(self, client_order_id: str) -> Self:
        """Note that an order to close is out."""
        return self.model_copy(update={"exits": {client_order_id: ExitOrder(), **self.exits}})

    def exit_refused(self) -> Self:
        """Note that an order to close was not allowed, so that the next attempt has an id of its own."""
        return self.model_copy(update={"refusals": self.refusals + 1})

    def mark(self) -> dict[str, Any]:
        """Return what the reports on orders do not say of this trade, as JSON-able data."""
        return {
            "peak_bps": self.peak_bps,
            "cursor_ns": self.cursor_ns,
            "refusals": self.refusals,
            "due": self.due.value if self.due else None,
        }

    def resumed(self, mark: dict[str, Any] | None) -> Self:
        """Take over a mark; without one the quotes since the entry are looked at again."""
        if not mark:
            return self
        due = Reason(mark["due"]) if mark.get("due") else None
        update = {
            "peak_bps": float(mark["peak_bps"]),
            "cursor_ns": int(mark["cursor_ns"]),
            "refusals": int(mark.get("refusals", 0)),
            "due": due,
        }
        return self.model_copy(update=update)


def opened(approved: ApprovedOrder) -> OpenTrade:
    """Begin a trade with its approved entry."""
    at_ns = to_ns(approved.decided_at)
    return OpenTrade(approved=approved, opened_at_ns=at_ns, cursor_ns=at_ns)


def with_execution(trade: OpenTrade, execution: Execution) -> OpenTrade:
    """Apply a report on the entry or on an exit of the trade."""
    if execution.leg is Leg.EXIT:
        known = trade.exits.get(execution.client_order_id, ExitOrder())
        order = ExitOrder(
            filled=max(known.filled, execution.filled_quantity),
            is_final=known.is_final or execution.status.is_final,
        )
        return trade.model_copy(update={"exits": {**trade.exits, execution.client_order_id: order}})
    update: dict[str, Any] = {"entry_is_final": trade.entry_is_final or execution.status.is_final}
    if execution.average_price is not None and execution.filled_quantity > trade.filled_quantity:
        update["filled_quantity"] = execution.filled_quantity
        update["average_price"] = execution.average_price
        if trade.filled_quantity == 0:
            first = min((fill.at for fill in execution.fills), default=execution.ts_iso)
            update["opened_at_ns"] = to_ns(first)
            update["cursor_ns"] = max(trade.cursor_ns, to_ns(first))
    return trade.model_copy(update=update)


def exit_due(trade: OpenTrade, path: QuotePath, now: datetime, forced: Reason | None = None) -> ExitDecision | None:
    """Return whether a trade is to be closed now. ``path`` holds the quotes after ``cursor_ns``, up to ``now``.

    ``forced`` closes whatever the rules say. None while nothing is open or an order to close is out.
    """
    if trade.open_quantity <= 0 or trade.is_exiting:
        return None
    now_ns = to_ns(now)
    if forced is not None:
        return ExitDecision(forced, now_ns)
    if trade.due is not None or trade.attempts:
        return ExitDecision(trade.due or Reason.FLATTEN, now_ns)
    code, index, _, _ = _scan(trade, path)
    if code != STAY:
        return ExitDecision(EXIT_REASONS[code], int(path.at_ns[index]))
    return ExitDecision(Reason.TIME_LIMIT, now_ns) if now_ns >= trade.deadline_ns else None


def advance_trade(trade: OpenTrade, path: QuotePath) -> OpenTrade:
    """Return the trade with the quotes of ``path`` looked at; the same object where there are none to look at."""
    if trade.open_quantity <= 0 or not len(path):
        return trade
    code, index, _, peak = _scan(trade, path)
    cursor = int(path.at_ns[-1 if code == STAY else index])
    due = trade.due or EXIT_REASONS.get(code)
    return trade.model_copy(update={"peak_bps": peak, "cursor_ns": max(trade.cursor_ns, cursor), "due": due})


def exit_intent(trade: OpenTrade, due: ExitDecision, quote: Quote, now: datetime) -> OrderIntent:
    """Return the next order that closes what is open.

    The first attempts are limit orders that trade at once or not at all, each with twice the room of the last; then
    a market order that stays until it is filled. The id is derived from trade and attempt.
    """
    entry = trade.approved.intent
    side = trade.side.opposite
    limited = trade.attempts < LIMITED_ATTEMPTS
    touch = decimal_of(quote.ask if side is Side.BUY else quote.bid)
    room_bps = EXIT_SLIPPAGE_BPS * 2**trade.attempts if limited else 0.0
    return OrderIntent(
        intent_id=intent_id_of(trade.trade_id, entry.playbook, Leg.EXIT, trade.attempts),
        trade_id=trade.trade_id,
        event_id=entry.event_id,
        story_id=entry.story_id,
        event_type=entry.event_type,
        direction=entry.direction,
        source=entry.source,
        primary_entity=entry.primary_entity,
        news_at=entry.news_at,
        playbook=entry.playbook,
        playbook_version=entry.playbook_version,
        leg=Leg.EXIT,
        leg_index=trade.attempts,
        instrument=trade.instrument,
        side=side,
        order_type=OrderType.LIMIT if limited else OrderType.MARKET,
        time_in_force=TimeInForce.IOC if limited else TimeInForce.GTC,
        quantity=trade.open_quantity,
        limit_price=limit_within(touch, room_bps, trade.instrument.tick_size, side) if limited else None,
        mid=decimal_of(quote.mid),
        quote_at=from_ns(quote.at_ns),
        severity=entry.severity,
        confidence=entry.confidence,
        reduce_only=True,
        reason=due.reason,
        created_at=now,
    )


def _scan(trade: OpenTrade, path: QuotePath) -> tuple[int, int, float, float]:
    plan = trade.plan
    return exit_scan(
        trade.side.sign,
        float(trade.average_price),
        trade.opened_at_ns,
        trade.peak_bps,
        path.at_ns,
        path.bid,
        path.ask,
        plan.take_profit_bps,
        plan.stop_loss_bps,
        plan.trail_bps,
        plan.trail_after_bps,
        round(plan.flat_after_s * NS_PER_S),
    )
