"""Fills matched into trades, and the equity after each fill. Exact: all arithmetic is ``Decimal``.

Positions are kept for each pair of trade and instrument at average cost. A fill in the direction of the position adds
to it at its price; a fill against it realises ``quantity x (price - average cost)`` (with the sign of the position)
and, where it is larger than what was open, opens the rest the other way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, localcontext

from herald.reports.figures import EquityPoint, FillRow, Pnl, TradeRow

_DIGITS = 40
_UNIT = Decimal("0.00000001")
_ZERO = Decimal(0)
_BPS = Decimal(10_000)


@dataclass(slots=True)
class _Position:
    """A signed quantity held at ``cost_usd``, and what it came to so far."""

    first: FillRow
    quantity: Decimal = _ZERO
    cost_usd: Decimal = _ZERO
    opened: Decimal = _ZERO
    opened_usd: Decimal = _ZERO
    closed: Decimal = _ZERO
    closed_usd: Decimal = _ZERO
    gross_usd: Decimal = _ZERO
    fees_usd: Decimal = _ZERO
    last_close: FillRow | None = field(default=None)

    def book(self, fill: FillRow) -> Decimal:
        """Book one fill and return what it changed in equity."""
        sign = Decimal(fill.side.sign)
        against = min(abs(self.quantity), fill.quantity) if self.quantity * sign < 0 else _ZERO
        realised = self._close(against, fill) if against else _ZERO
        added = fill.quantity - against
        self.quantity += sign * added
        self.cost_usd += sign * added * fill.price
        self.opened += added
        self.opened_usd += added * fill.price
        self.fees_usd += fill.fee_usd
        return realised - fill.fee_usd

    def _close(self, quantity: Decimal, fill: FillRow) -> Decimal:
        side = 1 if self.quantity > 0 else -1
        cost_usd = self.cost_usd if quantity == abs(self.quantity) else self.cost_usd * quantity / abs(self.quantity)
        realised = side * quantity * fill.price - cost_usd
        self.quantity -= side * quantity
        self.cost_usd -= cost_usd
        self.closed += quantity
        self.closed_usd += quantity * fill.price
        self.gross_usd += realised
        self.last_close = fill
        return realised


@dataclass(frozen=True, slots=True)
class Book:
    """The trades of a run, its equity after each fill, and the signed quantity open by instrument."""

    trades: tuple[TradeRow, ...]
    equity: tuple[EquityPoint, ...]
    open_positions: dict[str, Decimal]
    max_drawdown_usd: Decimal


def book(fills: Sequence[FillRow], started_at: datetime, initial_equity_usd: Decimal) -> Book:
    """Match fills, which are sorted by time, into trades and draw the curve of equity."""
    positions: dict[tuple[str, str], _Position] = {}
    equity, peak, drawdown = initial_equity_usd, initial_equity_usd, _ZERO
    points = [EquityPoint(at=started_at, equity_usd=_rounded(equity))]
    with localcontext(prec=_DIGITS):
        for fill in (fill for fill in fills if fill.quantity > 0):
            position = positions.setdefault((fill.trade_id, fill.instrument_key), _Position(fill))
            equity += position.book(fill)
            peak = max(peak, equity)
            drawdown = max(drawdown, peak - equity)
            points.append(EquityPoint(at=fill.at, equity_usd=_rounded(equity)))
        trades = sorted((_trade_row(position) for position in positions.values()), key=_order_of_trades)
    return Book(tuple(trades), tuple(points), _net_quantities(positions.values()), _rounded(drawdown))


def pnl(group: str, rows: Iterable[TradeRow]) -> Pnl:
    """Add up the rows of a group. Rows of one trade (an entry and its hedge) are won or lost together."""
    by_trade: dict[str, list[TradeRow]] = {}
    for row in rows:
        by_trade.setdefault(row.trade_id, []).append(row)
    every = [row for found in by_trade.values() for row in found]
    closed = [found for found in by_trade.values() if all(row.closed_at is not None for row in found)]
    wins = sum(1 for found in closed if _total(row.net_usd for row in found) > 0)
    return Pnl(
        group=group,
        trades=len(by_trade),
        closed=len(closed),
        wins=wins,
        win_rate=wins / len(closed) if closed else None,
        gross_usd=_total(row.gross_usd for row in every),
        fees_usd=_total(row.fees_usd for row in every),
        net_usd=_total(row.net_usd for row in every),
        turnover_usd=_total(_rounded(row.entry_price * row.quantity) for row in every),
    )


def pnl_by(rows: Iterable[TradeRow], group_of: Callable[[TradeRow], str]) -> tuple[Pnl, ...]:
    """Add up rows by group, best first."""
    found: dict[str, list[TradeRow]] = {}
    for row in rows:
        found.setdefault(group_of(row), []).append(row)
    return tuple(sorted((pnl(group, part) for group, part in found.items()), key=lambda one: (-one.net_usd, one.group)))


def _trade_row(position: _Position) -> TradeRow:
    first, last = position.first, position.last_close
    net_usd = position.gross_usd - position.fees_usd
    flat = position.quantity == 0
    return TradeRow(
        trade_id=first.trade_id,
        event_id=first.event_id,
        event_type=first.event_type,
        playbook=first.playbook,
        leg=first.leg,
        symbol=first.symbol,
        instrument_key=first.instrument_key,
        side=first.side,
        quantity=position.opened,
        entry_price=_rounded(position.opened_usd / position.opened),
        exit_price=_rounded(position.closed_usd / position.closed) if position.closed else None,
        opened_at=first.at,
        closed_at=last.at if last is not None and flat else None,
        gross_usd=_rounded(position.gross_usd),
        fees_usd=_rounded(position.fees_usd),
        net_usd=_rounded(net_usd),
        net_bps=float(_rounded(net_usd / position.opened_usd * _BPS)) if position.opened_usd else 0.0,
        open_quantity=position.quantity,
        open_cost_usd=_rounded(abs(position.cost_usd)),
        exit_reason=last.intent_reason if last is not None else None,
    )


def _order_of_trades(row: TradeRow) -> tuple[datetime, str, str]:
    return (row.opened_at, row.trade_id, row.instrument_key)


def _net_quantities(positions: Iterable[_Position]) -> dict[str, Decimal]:
    """Add up what is open by instrument, leaving out what cancels."""
    net: dict[str, Decimal] = {}
    for position in positions:
        key = position.first.instrument_key
        net[key] = net.get(key, _ZERO) + position.quantity
    return {key: net[key] for key in sorted(net) if net[key] != 0}


def _total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, start=_ZERO)


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_UNIT)
