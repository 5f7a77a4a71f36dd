"""The equations that must hold of a run, so that nothing was lost and nothing came twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from herald.messages import ApprovedOrder, DeadLetter, ItemFate, Passed, Signal
from herald.reports.figures import Answer, Check, FillRow, OrderRow
from herald.taxonomy import Fate, OrderStatus

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Evidence:
    """A run with its repeats dropped: what the equations are about."""

    items: Sequence[ItemFate]
    signals: Sequence[Signal]
    decisions: Sequence[Answer]
    orders: Sequence[OrderRow]
    fills: Sequence[FillRow]
    received: int | None = None
    dead_letters: Sequence[DeadLetter] | None = None


def checks(evidence: Evidence) -> tuple[Check, ...]:
    """Return every equation with its numbers, in the order of the way of a headline."""
    found = [
        _every_item_has_one_fate(evidence),
        _every_signal_item_is_a_signal(evidence),
        _every_signal_is_decided(evidence),
        _every_intent_has_one_verdict(evidence),
        _every_approval_is_an_order(evidence),
        _no_order_without_approval(evidence),
        _every_fill_is_reported(evidence),
        _no_order_in_doubt(evidence),
    ]
    if evidence.dead_letters is not None:
        found.append(_every_dead_item_is_kept(evidence))
    return tuple(found)


def _every_item_has_one_fate(evidence: Evidence) -> Check:
    received = len(evidence.items) if evidence.received is None else evidence.received
    fates = Counter(item.fate for item in evidence.items)
    return _equal(
        "items",
        "items received = signal + duplicate + merged + no_signal + dead_letter",
        received,
        sum(fates[fate] for fate in Fate),
    )


def _every_signal_item_is_a_signal(evidence: Evidence) -> Check:
    fated = {item.event_id for item in evidence.items if item.fate is Fate.SIGNAL}
    published = {signal.event_id for signal in evidence.signals if signal.revision == 1}
    return _same("signals", "items that became a signal = stories published", fated, published)


def _every_signal_is_decided(evidence: Evidence) -> Check:
    published = {signal.event_id for signal in evidence.signals}
    decided = {one.event_id if isinstance(one, Passed) else one.intent.event_id for one in evidence.decisions}
    return _same("decisions", "signals = signals decided", published, decided & published, decided - published)


def _every_intent_has_one_verdict(evidence: Evidence) -> Check:
    """An amendment asks for its story's intent again under an event of its own, which is another question."""
    intents = [one.intent for one in evidence.decisions if not isinstance(one, Passed)]
    verdicts = [(intent.event_id, intent.intent_id) for intent in intents]
    twice = [intent_id for (_, intent_id), count in Counter(verdicts).items() if count > 1]
    return _equal("verdicts", "intents = approved + refused", len(set(verdicts)), len(verdicts), twice)


def _every_approval_is_an_order(evidence: Evidence) -> Check:
    approved = {one.client_order_id for one in evidence.decisions if isinstance(one, ApprovedOrder)}
    sent = {order.client_order_id for order in evidence.orders}
    return _same("orders", "approved = orders reported", approved, sent & approved)


def _no_order_without_approval(evidence: Evidence) -> Check:
    approved = {one.client_order_id for one in evidence.decisions if isinstance(one, ApprovedOrder)}
    stray = [order.client_order_id for order in evidence.orders if order.client_order_id not in approved]
    return _equal("strays", "orders without an approval = 0", len(stray), 0, stray)


def _every_fill_is_reported(evidence: Evidence) -> Check:
    filled: dict[str, Decimal] = {}
    for fill in evidence.fills:
        filled[fill.client_order_id] = filled.get(fill.client_order_id, Decimal(0)) + fill.quantity
    wrong = [
        order.client_order_id
        for order in evidence.orders
        if filled.get(order.client_order_id, Decimal(0)) != order.filled_quantity
        or order.filled_quantity > order.quantity
    ]
    statement = "orders = orders whose fills add up to their filled quantity and not above what was sent"
    return _equal("fills", statement, len(evidence.orders), len(evidence.orders) - len(wrong), wrong)


def _no_order_in_doubt(evidence: Evidence) -> Check:
    doubtful = [order.client_order_id for order in evidence.orders if order.status is OrderStatus.IN_DOUBT]
    return _equal("doubts", "orders in doubt = 0", len(doubtful), 0, doubtful)


def _every_dead_item_is_kept(evidence: Evidence) -> Check:
    """A dead letter may also be a document or a message that never became an item, so there may be more of them."""
    dead = [item.event_id for item in evidence.items if item.fate is Fate.DEAD_LETTER]
    kept = min(len(evidence.dead_letters or ()), len(dead))
    return _equal("dead letters", "items of fate dead_letter = those kept among the dead letters", len(dead), kept)


def _same(name: str, statement: str, left: set[str], right: set[str], extra: Iterable[str] = ()) -> Check:
    wrong = sorted((left ^ right) | set(extra))
    return Check(
        name=name,
        statement=statement,
        left=len(left),
        right=len(right),
        ok=not wrong,
        missing=tuple(wrong[:_NAMED_AT_MOST]),
    )


def _equal(name: str, statement: str, left: int, right: int, wrong: Sequence[str] = ()) -> Check:
    return Check(
        name=name,
        statement=statement,
        left=left,
        right=right,
        ok=left == right and not wrong,
        missing=tuple(sorted(wrong)[:_NAMED_AT_MOST]),
    )
