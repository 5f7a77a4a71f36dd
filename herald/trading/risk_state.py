"""The account as Risk knows it: a fold of its journal, plus the latest marks.

Everything here is a pure function. What the journal records (verdicts and executions) is the whole state; marks are
laid over it from the market and only value what is held, so a state rebuilt from the journal equals the one that was
lost, and equals it in every field once both are marked alike. Day and peak are therefore measured on booked equity
(without open profit), while the loss that is compared with them includes open positions at their marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter

from herald.messages import ApprovedOrder, Execution, OrderIntent, UtcTime, Verdict
from herald.taxonomy import OrderStatus, Side
from herald.trading.portfolio import ZERO, Position, with_fill
from herald.trading.risk_limits import RiskLimits

REVIEWED, EXECUTED = "reviewed", "executed"
STORY_MEMORY = timedelta(days=7)
MEMORY = timedelta(minutes=10)
MEMORY_MAX = 4_096

_verdicts: TypeAdapter[list[Verdict]] = TypeAdapter(list[Verdict])


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reservation(_Record):
    """What an approved order may still do. ``price`` is the worst that it may pay."""

    instrument_key: str
    side: Side
    story_id: str
    reduce_only: bool
    approved: Decimal
    remaining: Decimal
    price: Decimal


class StoryUse(_Record):
    """When a story was first traded, and the notional approved for it since."""

    at: UtcTime
    notional_usd: Decimal


class LastTrade(_Record):
    """When a symbol was last traded, and for which story."""

    at: UtcTime
    story_id: str


class Outcome(_Record):
    """How an order ended."""

    at: UtcTime
    rejected: bool


class Acknowledgement(_Record):
    """How long a venue took to acknowledge an order."""

    at: UtcTime
    latency_ms: float


class RiskState(_Record):
    """The account. Compare with ``==``; ``to_json`` and ``from_json`` are exact."""

    starting_equity_usd: Decimal
    realised_usd: Decimal = ZERO
    fees_usd: Decimal = ZERO
    positions: dict[str, Position] = {}
    reservations: dict[str, Reservation] = {}
    stories: dict[str, StoryUse] = {}
    last_trades: dict[str, LastTrade] = {}
    outcomes: tuple[Outcome, ...] = ()
    acknowledgements: tuple[Acknowledgement, ...] = ()
    day: date | None = None
    day_start_usd: Decimal = ZERO
    peak_usd: Decimal = ZERO
    marks: dict[str, Decimal] = {}

    @classmethod
    def opening(cls, limits: RiskLimits) -> Self:
        """Return the empty account."""
        equity = limits.starting_equity_usd
        return cls(starting_equity_usd=equity, day_start_usd=equity, peak_usd=equity)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Restore what ``to_json`` gave."""
        return cls.model_validate(data)

    def to_json(self) -> dict[str, Any]:
        """Return the state as JSON-able data, decimals as strings."""
        return self.model_dump(mode="json")

    @property
    def booked_usd(self) -> Decimal:
        """Equity without open profit."""
        return self.starting_equity_usd + self.realised_usd - self.fees_usd

    @property
    def unrealised_usd(self) -> Decimal:
        """Open profit at the marks."""
        return sum((held.unrealised_usd(self.mark_of(key)) for key, held in self.positions.items()), ZERO)

    @property
    def equity_usd(self) -> Decimal:
        """Equity at the marks."""
        return self.booked_usd + self.unrealised_usd

    def mark_of(self, instrument_key: str) -> Decimal:
        """Return the mark of an instrument, its average price where it has none, 0 where nothing is held."""
        held = self.positions.get(instrument_key)
        return self.marks.get(instrument_key, held.average_price if held else ZERO)

    def marked(self, instrument_key: str, mid: Decimal) -> Self:
        """Lay a mark over an instrument that is held or about to be."""
        return self.model_copy(update={"marks": {**self.marks, instrument_key: mid}})

    def unmarked(self) -> Self:
        """Return the state without marks: what the journal alone says."""
        return self.model_copy(update={"marks": {}})

    def day_loss_usd(self, now: datetime) -> Decimal:
        """Return the loss since the UTC day of ``now`` began; negative for a gain."""
        return self.rolled(now).day_start_usd - self.equity_usd

    def drawdown_usd(self) -> Decimal:
        """Return the loss since the highest booked equity; negative where open profit is above it."""
        return self.peak_usd - self.equity_usd

    def rolled(self, now: datetime) -> Self:
        """Begin a new day where ``now`` is in one."""
        today = now.astimezone(UTC).date()
        if self.day is not None and today <= self.day:
            return self
        return self.model_copy(update={"day": today, "day_start_usd": self.booked_usd})

    def summary(self) -> dict[str, Any]:
        """Return the account for people, decimals as strings."""
        return {
            "equity_usd": str(self.equity_usd),
            "booked_usd": str(self.booked_usd),
            "realised_usd": str(self.realised_usd),
            "unrealised_usd": str(self.unrealised_usd),
            "fees_usd": str(self.fees_usd),
            "day": self.day.isoformat() if self.day else None,
            "day_loss_usd": str(self.day_start_usd - self.equity_usd),
            "drawdown_usd": str(self.drawdown_usd()),
            "open_orders": len(self.reservations),
            "positions": {
                key: {
                    "quantity": str(held.quantity),
                    "average_price": str(held.average_price),
                    "mark": str(self.mark_of(key)),
                    "unrealised_usd": str(held.unrealised_usd(self.mark_of(key))),
                }
                for key, held in sorted(self.positions.items())
            },
        }


def worst_price(intent: OrderIntent) -> Decimal:
    """Return the price at which an order is counted: its limit where that is above the mid."""
    return max(intent.mid, intent.limit_price or intent.mid)


def apply_verdict(state: RiskState, verdict: Verdict) -> RiskState:
    """Reserve what a verdict allowed. A refusal changes nothing but the day."""
    state = state.rolled(verdict.decided_at)
    if not isinstance(verdict, ApprovedOrder):
        return state
    intent, price = verdict.intent, worst_price(verdict.intent)
    reservation = Reservation(
        instrument_key=intent.instrument.key,
        side=intent.side,
        story_id=intent.story_id,
        reduce_only=intent.reduce_only,
        approved=verdict.quantity,
        remaining=verdict.quantity,
        price=price,
    )
    update: dict[str, Any] = {"reservations": {**state.reservations, verdict.client_order_id: reservation}}
    if not intent.reduce_only:
        used = state.stories.get(intent.story_id)
        notional = verdict.quantity * price + (used.notional_usd if used else ZERO)
        story = StoryUse(at=used.at if used else verdict.decided_at, notional_usd=notional)
        kept = {key: one for key, one in state.stories.items() if verdict.decided_at - one.at < STORY_MEMORY}
        update["stories"] = {**kept, intent.story_id: story}
        last = LastTrade(at=verdict.decided_at, story_id=intent.story_id)
        update["last_trades"] = {**state.last_trades, intent.instrument.key: last}
    return state.model_copy(update=update)


def apply_execution(state: RiskState, execution: Execution) -> RiskState:
    """Book the new fills of a report and release what its order can no longer do. To be applied once a report."""
    state = state.rolled(execution.ts_iso)
    key = execution.instrument_key
    position, realised = state.positions.get(key, Position()), ZERO
    for fill in execution.fills:
        position, gained = with_fill(position, fill.side, fill.quantity, fill.price)
        realised += gained
    positions = {**state.positions, key: position}
    marks = state.marks
    if position.quantity == 0:
        del positions[key]
        marks = {other: mark for other, mark in marks.items() if other != key}
    update: dict[str, Any] = {
        "positions": positions,
        "marks": marks,
        "realised_usd": state.realised_usd + realised,
        "fees_usd": state.fees_usd + sum((fill.fee_usd for fill in execution.fills), ZERO),
        "reservations": _released(state.reservations, execution),
    }
    if execution.latency_ms is not None:
        recent = [one for one in state.acknowledgements if execution.ts_iso - one.at < MEMORY]
        answer = Acknowledgement(at=execution.ts_iso, latency_ms=execution.latency_ms)
        update["acknowledgements"] = (*recent, answer)[-MEMORY_MAX:]
    if execution.fills:
        last = LastTrade(at=execution.ts_iso, story_id=execution.story_id)
        update["last_trades"] = {**state.last_trades, key: last}
    if execution.status.is_final and execution.client_order_id in state.reservations:
        outcome = Outcome(at=execution.ts_iso, rejected=execution.status is OrderStatus.REJECTED)
        kept = [one for one in state.outcomes if execution.ts_iso - one.at < MEMORY]
        update["outcomes"] = (*kept, outcome)[-MEMORY_MAX:]
    state = state.model_copy(update=update)
    return state.model_copy(update={"peak_usd": max(state.peak_usd, state.booked_usd)})


def _released(reservations: dict[str, Reservation], execution: Execution) -> dict[str, Reservation]:
    held = reservations.get(execution.client_order_id)
    if held is None:
        return reservations
    others = {key: one for key, one in reservations.items() if key != execution.client_order_id}
    if execution.status.is_final:
        return others
    remaining = max(ZERO, held.approved - execution.filled_quantity)
    return {**others, execution.client_order_id: held.model_copy(update={"remaining": min(held.remaining, remaining)})}


class Entry(Protocol):
    """What the fold reads of a journal entry."""

    @property
    def kind(self) -> str:
        """``reviewed`` or ``executed``."""

    @property
    def payload(self) -> dict[str, Any]:
        """``{"verdicts": [...]}`` or ``{"execution": {...}}``."""


def apply_entry(state: RiskState, entry: Entry) -> RiskState:
    """Apply one entry of the journal. Raises ``ValueError`` for a kind or payload that it does not know."""
    if entry.kind == REVIEWED:
        for verdict in _verdicts.validate_python(entry.payload["verdicts"]):
            state = apply_verdict(state, verdict)
        return state
    if entry.kind == EXECUTED:
        return apply_execution(state, Execution.model_validate(entry.payload["execution"]))
    raise ValueError(f"the risk journal holds an entry of kind '{entry.kind}'; this version knows reviewed, executed")


def fold(state: RiskState, entries: Iterable[Entry]) -> RiskState:
    """Apply entries in order."""
    for entry in entries:
        state = apply_entry(state, entry)
    return state
