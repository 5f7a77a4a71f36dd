"""How the paper venue treats an order: what it refuses, and what a quote makes of what it took."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from herald.market.quotes import Quote
from herald.messages import ApprovedOrder, Fill, Instrument, Order
from herald.nanoseconds import NS_PER_US, from_ns
from herald.taxonomy import OrderStatus, OrderType, Reason, Side, TimeInForce
from herald.trading import fills
from herald.trading.portfolio import ZERO
from herald.trading.rounding import decimal_of, is_whole, nearest_lot, worst_tick
from herald.trading.venue_rules import VenueRules

_CENTS = Decimal("1e-8")
_AVERAGE = Decimal("1e-10")
_ENDS = {
    fills.EXPIRED: Reason.NO_LIQUIDITY_WITHIN_LIMIT,
    fills.KILLED: Reason.NOT_FILLABLE_IN_FULL,
    fills.EXPIRED_IN_PART: Reason.FILLED_IN_PART,
    fills.FILLED: Reason.FILLED_IN_PART,  # all that a position left to reduce, yet less than was ordered
}


def placed(
    approved: ApprovedOrder,
    now: datetime,
    *,
    venue: str,
    instrument: Instrument | None,
    position: Decimal,
    rules: VenueRules,
) -> Order:
    """Return an order as the venue takes it, waiting for a quote, or as it rejects it."""
    intent = approved.intent
    reason, detail = _objection(approved, instrument, position) or (Reason.AWAITING_QUOTE, "")
    waits = reason is Reason.AWAITING_QUOTE
    return Order(
        client_order_id=approved.client_order_id,
        order_id=f"{venue}-{approved.client_order_id}",
        instrument_key=intent.instrument.key,
        side=intent.side,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        quantity=approved.quantity,
        limit_price=intent.limit_price,
        reduce_only=intent.reduce_only,
        status=OrderStatus.ACCEPTED if waits else OrderStatus.REJECTED,
        reason=reason,
        detail=detail,
        submitted_at=now,
        updated_at=now + timedelta(milliseconds=rules.latency_ms),
    )


def matched(
    order: Order, quote: Quote, at: datetime, *, instrument: Instrument, position: Decimal, rules: VenueRules
) -> Order:
    """Match an open order against one quote; ``position`` is the signed one before, ``at`` becomes the fill's time."""
    remaining = order.quantity - order.filled_quantity
    allowed = min(remaining, closable(position, order.side)) if order.reduce_only else remaining
    if allowed <= 0:
        return _changed(order, OrderStatus.CANCELLED, Reason.NOTHING_TO_REDUCE, at)
    resting = order.reason is Reason.RESTING
    if order.time_in_force is TimeInForce.FOK and allowed < remaining:
        return _changed(order, OrderStatus.EXPIRED, Reason.NOT_FILLABLE_IN_FULL, at)
    taken, price, outcome = fills.fill(
        order.side.sign,
        fills.ORDER_TYPE_CODES[order.order_type],
        fills.TIF_CODES[order.time_in_force],
        float(allowed),
        float(order.limit_price or 0),
        quote.bid,
        quote.ask,
        quote.bid_size,
        quote.ask_size,
        rules.impact_bps,
        float(instrument.lot_size),
        resting,
    )
    quantity = allowed if outcome == fills.FILLED else min(allowed, nearest_lot(taken, instrument.lot_size))
    if quantity > 0:
        order = _filled(order, quantity, _booked_price(order, price, instrument), rules, at, resting=resting)
    if order.filled_quantity == order.quantity:
        return _changed(order, OrderStatus.FILLED, Reason.FILLED_IN_FULL, at)
    if outcome in _ENDS:
        return _changed(order, OrderStatus.EXPIRED, _ENDS[outcome], at)
    status = OrderStatus.PARTIALLY_FILLED if order.fills else OrderStatus.ACCEPTED
    return _changed(order, status, Reason.RESTING, at)


def cancelled(order: Order, at: datetime) -> Order:
    """Return the order with what was open of it cancelled."""
    return _changed(order, OrderStatus.CANCELLED, Reason.CANCELLED_BY_USER, max(at, order.updated_at))


def closable(position: Decimal, side: Side) -> Decimal:
    """Return how much an order on ``side`` may reduce a signed position by."""
    return max(ZERO, -position * side.sign)


def match_time(order: Order, quote_at_ns: int) -> datetime:
    """Return when a quote fills an order: at the quote, on a whole microsecond, but not before the order arrived."""
    return max(from_ns(-(-quote_at_ns // NS_PER_US) * NS_PER_US), order.updated_at)


def _objection(approved: ApprovedOrder, instrument: Instrument | None, position: Decimal) -> tuple[Reason, str] | None:
    intent, quantity, limit = approved.intent, approved.quantity, approved.intent.limit_price
    if instrument is None:
        return Reason.VENUE_REJECTED, f"{intent.instrument.key} is not traded here; add it to instruments.yaml"
    if quantity <= 0 or not is_whole(quantity, instrument.lot_size):
        return Reason.VENUE_REJECTED, f"quantity {quantity} is not whole lots of {instrument.lot_size}"
    if intent.order_type is OrderType.LIMIT and (not limit or not is_whole(limit, instrument.tick_size)):
        return Reason.VENUE_REJECTED, f"limit price {limit} is not on the tick of {instrument.tick_size}"
    notional = quantity * (limit or intent.mid)
    if intent.reduce_only and closable(position, intent.side) <= 0:
        return Reason.NOTHING_TO_REDUCE, f"no {instrument.key} is held that a {intent.side.value} would reduce"
    if not intent.reduce_only and notional < instrument.min_notional_usd:
        return Reason.BELOW_VENUE_MINIMUM, f"{notional:.2f} USD, at least {instrument.min_notional_usd} are taken"
    return None


def _booked_price(order: Order, price: float, instrument: Instrument) -> Decimal:
    """Round a simulated price to the worse tick, but not beyond the limit."""
    booked = worst_tick(decimal_of(price), instrument.tick_size, order.side)
    if order.limit_price is None or order.order_type is OrderType.MARKET:
        return booked
    return min(booked, order.limit_price) if order.side is Side.BUY else max(booked, order.limit_price)


def _filled(
    order: Order, quantity: Decimal, price: Decimal, rules: VenueRules, at: datetime, *, resting: bool
) -> Order:
    maker = resting and order.order_type is OrderType.LIMIT
    fee_bps = rules.fee_maker_bps if maker else rules.fee_taker_bps
    fill = Fill(
        fill_id=f"{order.client_order_id}-{len(order.fills) + 1}",
        client_order_id=order.client_order_id,
        instrument_key=order.instrument_key,
        side=order.side,
        quantity=quantity,
        price=price,
        fee_usd=(quantity * price * decimal_of(fee_bps) / 10_000).quantize(_CENTS),
        liquidity="maker" if maker else "taker",
        at=at,
    )
    total = order.filled_quantity + quantity
    spent = sum((one.quantity * one.price for one in (*order.fills, fill)), ZERO)
    update: dict[str, Any] = {
        "fills": (*order.fills, fill),
        "filled_quantity": total,
        "average_price": (spent / total).quantize(_AVERAGE),
    }
    return order.model_copy(update=update)


def _changed(order: Order, status: OrderStatus, reason: Reason, at: datetime) -> Order:
    return order.model_copy(update={"status": status, "reason": reason, "detail": "", "updated_at": at})
