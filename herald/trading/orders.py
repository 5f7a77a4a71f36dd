"""The life of an order: which step may follow which, and the report that each step makes."""

from __future__ import annotations

from datetime import datetime

from herald.messages import ApprovedOrder, Execution, Order
from herald.taxonomy import OrderStatus, Reason
from herald.trading.costs import slippage_bps
from herald.trading.portfolio import ZERO

_MS_PER_S = 1_000.0
_OPEN_ENDS = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.IN_DOUBT})
_MAY_FOLLOW = {
    OrderStatus.PENDING: frozenset(OrderStatus),
    OrderStatus.IN_DOUBT: frozenset(OrderStatus),
    OrderStatus.ACCEPTED: _OPEN_ENDS | {OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.REJECTED},
    OrderStatus.PARTIALLY_FILLED: _OPEN_ENDS | {OrderStatus.PARTIALLY_FILLED},
    **{status: frozenset({status}) for status in OrderStatus if status.is_final},
}


class IllegalTransition(ValueError):  # noqa: N818 - names the event
    """A report that contradicts what is known of an order. The order must be looked up, not guessed."""


def check_transition(previous: Order, order: Order) -> None:
    """Refuse a step that no order can take. Raises ``IllegalTransition``."""
    name = previous.client_order_id
    if order.client_order_id != name:
        raise IllegalTransition(f"a report on {order.client_order_id} cannot follow one on {name}")
    if order.status not in _MAY_FOLLOW[previous.status]:
        raise IllegalTransition(f"order {name}: {order.status.value} cannot follow {previous.status.value}")
    if order.filled_quantity < previous.filled_quantity:
        fell = f"from {previous.filled_quantity} to {order.filled_quantity}"
        raise IllegalTransition(f"order {name}: the filled quantity fell {fell}")
    if order.filled_quantity > order.quantity:
        raise IllegalTransition(f"order {name}: {order.filled_quantity} filled of {order.quantity}")
    if previous.status.is_final and order.filled_quantity != previous.filled_quantity:
        raise IllegalTransition(f"order {name}: filled after it was {previous.status.value}")


def execution_of(approved: ApprovedOrder, order: Order, previous: Order | None, sequence: int) -> Execution:
    """Report a step of an order. ``previous`` is the order as last reported, None in the first report.

    ``fills`` are those that ``previous`` did not have; ``filled_quantity``, ``average_price`` and ``fee_usd`` are
    those of the whole order. Latency is reported once, with the acknowledgement. Raises ``IllegalTransition``.
    """
    if previous is not None:
        check_transition(previous, order)
    intent = approved.intent
    known = {fill.fill_id for fill in previous.fills} if previous else set()
    average = order.average_price
    return Execution(
        stamps=approved.stamps,
        execution_id=f"{order.client_order_id}-{sequence}",
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        trade_id=intent.trade_id,
        event_id=intent.event_id,
        story_id=intent.story_id,
        event_type=intent.event_type,
        playbook=intent.playbook,
        playbook_version=intent.playbook_version,
        leg=intent.leg,
        venue=intent.instrument.venue,
        symbol=intent.instrument.symbol,
        instrument_key=intent.instrument.key,
        side=order.side,
        status=order.status,
        quantity=order.quantity,
        filled_quantity=order.filled_quantity,
        average_price=average,
        arrival_mid=intent.mid,
        slippage_bps=None if average is None else slippage_bps(order.side.sign, float(average), float(intent.mid)),
        latency_ms=_latency_ms(order) if previous is None else None,
        fee_usd=sum((fill.fee_usd for fill in order.fills), ZERO),
        fills=tuple(fill for fill in order.fills if fill.fill_id not in known),
        reason=order.reason,
        detail=order.detail,
        ts_iso=order.updated_at,
    )


def refused_order(approved: ApprovedOrder, detail: str, now: datetime) -> Order:
    """Return the order that a venue refused to take."""
    return _unanswered(approved, OrderStatus.REJECTED, Reason.VENUE_REJECTED, detail, now)


def in_doubt(approved: ApprovedOrder, detail: str, now: datetime) -> Order:
    """Return the order of which nobody knows whether the venue has it."""
    return _unanswered(approved, OrderStatus.IN_DOUBT, Reason.VENUE_UNREACHABLE, detail, now)


def _unanswered(approved: ApprovedOrder, status: OrderStatus, reason: Reason, detail: str, now: datetime) -> Order:
    intent = approved.intent
    return Order(
        client_order_id=approved.client_order_id,
        order_id="",
        instrument_key=intent.instrument.key,
        side=intent.side,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        quantity=approved.quantity,
        limit_price=intent.limit_price,
        reduce_only=intent.reduce_only,
        status=status,
        reason=reason,
        detail=detail,
        submitted_at=now,
        updated_at=now,
    )


def _latency_ms(order: Order) -> float | None:
    if order.status is OrderStatus.IN_DOUBT or not order.order_id:
        return None
    return (order.updated_at - order.submitted_at).total_seconds() * _MS_PER_S
