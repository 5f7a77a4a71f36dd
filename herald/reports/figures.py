"""The figures of a run: what the accounting computes and the writers show. All frozen, all plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

from herald.messages import (
    ApprovedOrder,
    Execution,
    ItemFate,
    Message,
    Money,
    Passed,
    Quantity,
    RefusedOrder,
    Signal,
    UtcTime,
)
from herald.taxonomy import Direction, EventType, Leg, OrderStatus, OrderType, Reason, Side

Answer = ApprovedOrder | RefusedOrder | Passed


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that a run said, in any order. A message that came twice counts once."""

    items: Sequence[ItemFate] = ()
    signals: Sequence[Signal] = ()
    decisions: Sequence[Answer] = ()
    executions: Sequence[Execution] = ()


class Figures(BaseModel):
    """Base of the parts of a report."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null")


class Check(Figures):
    """One equation that must hold. ``missing`` names at most a few of the ids that break it."""

    name: str
    statement: str
    left: int
    right: int
    ok: bool
    missing: tuple[str, ...] = ()


class Count(Figures):
    """How often a thing happened, and what it means. ``kind`` is a fate or a decision."""

    kind: str
    reason: Reason
    count: int
    sentence: str


class OrderRow(Figures):
    """One order from approval to its end: a line of ``orders.jsonl``.

    ``submitted_at`` is when its first report was made, ``filled_at`` the time of its last fill, ``fee_usd`` the sum
    over its fills. ``reason`` says what the order came to, ``intent_reason`` why it was wanted (for an exit: what
    closed the trade).
    """

    client_order_id: str
    order_id: str
    event_id: str
    story_id: str
    trade_id: str
    event_type: EventType
    playbook: str
    playbook_version: str
    leg: Leg
    venue: str
    symbol: str
    instrument_key: str
    side: Side
    type: OrderType | None
    quantity: Quantity
    limit_price: Quantity | None
    status: OrderStatus
    filled_quantity: Quantity
    average_price: Quantity | None
    arrival_mid: Quantity
    slippage_bps: float | None
    fee_usd: Money
    reason: Reason
    intent_reason: Reason | None
    detail: str
    decided_at: UtcTime | None
    submitted_at: UtcTime
    updated_at: UtcTime
    filled_at: UtcTime | None
    fills: int


class FillRow(Figures):
    """One fill with the trade that it belongs to: a line of ``fills.jsonl``."""

    at: UtcTime
    fill_id: str
    client_order_id: str
    order_id: str
    event_id: str
    trade_id: str
    event_type: EventType
    playbook: str
    leg: Leg
    venue: str
    symbol: str
    instrument_key: str
    side: Side
    quantity: Quantity
    price: Quantity
    fee_usd: Money
    liquidity: str
    intent_reason: Reason | None


class TradeRow(Figures):
    """One instrument of one trade, from its first fill to being flat.

    ``gross_usd`` is what was realised before fees, ``net_usd`` is after all fees paid so far. ``open_quantity`` is
    signed, and is held at ``open_cost_usd``.
    """

    trade_id: str
    event_id: str
    event_type: EventType
    playbook: str
    leg: Leg
    symbol: str
    instrument_key: str
    side: Side
    quantity: Quantity
    entry_price: Money
    exit_price: Money | None
    opened_at: UtcTime
    closed_at: UtcTime | None
    gross_usd: Money
    fees_usd: Money
    net_usd: Money
    net_bps: float
    open_quantity: Money
    open_cost_usd: Money
    exit_reason: Reason | None
    direction: Direction | None = None
    headline: str = ""


class EquityPoint(Figures):
    """Equity after a fill, with open positions held at cost."""

    at: UtcTime
    equity_usd: Money


class Pnl(Figures):
    """Profit and loss of a group of trades. ``win_rate`` is over closed trades, None where there is none."""

    group: str
    trades: int
    closed: int
    wins: int
    win_rate: float | None
    gross_usd: Money
    fees_usd: Money
    net_usd: Money
    turnover_usd: Money


class FillFigures(Figures):
    """How well orders were filled.

    ``fill_ratio`` is notional filled over notional sent, both at the mid at decision. Slippage is the average price
    against that mid, positive where it cost money, over orders with a fill. Time to fill is from the decision of Risk
    to the last fill.
    """

    orders: int
    filled: int
    unfilled: int
    in_doubt: int
    fill_ratio: float | None
    slippage_bps_mean: float | None
    slippage_bps_p50: float | None
    slippage_bps_p95: float | None
    time_to_fill_ms_p50: float | None
    time_to_fill_ms_p95: float | None


class RunReport(Message):
    """What a run came to. It holds no stamps, so that two runs of one replay give equal reports."""

    kind: Literal["run"] = "run"
    started_at: UtcTime
    ended_at: UtcTime
    items: int
    items_by_fate: dict[str, int]
    signals: int
    decisions: int
    approved: int
    refused: int
    passed: int
    orders: int
    fills_count: int
    dead_letters: int
    checks: tuple[Check, ...]
    reasons: tuple[Count, ...]
    fills: FillFigures
    initial_equity_usd: Money
    final_equity_usd: Money
    max_drawdown_usd: Money
    total: Pnl
    by_event_type: tuple[Pnl, ...]
    by_playbook: tuple[Pnl, ...]
    by_symbol: tuple[Pnl, ...]
    trades: tuple[TradeRow, ...]
    open_positions: dict[str, Decimal]
    equity: tuple[EquityPoint, ...]

    @property
    def ok(self) -> bool:
        """True where every check holds."""
        return all(check.ok for check in self.checks)

    @property
    def net_usd(self) -> Decimal:
        """Profit after fees."""
        return self.total.net_usd
