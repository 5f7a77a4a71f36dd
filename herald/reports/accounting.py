"""The accounting of a run: what came in, what became of it, what it earned, and the proof that nothing is missing.

Pure: everything is computed from the messages of the run. Their order does not matter, and a message that was
delivered twice counts once: the keys below say when two messages are one. The same text received at two times is two
items with one ``event_id``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from herald.messages import ApprovedOrder, DeadLetter, Execution, ItemFate, Passed, RefusedOrder, Signal
from herald.reports.checks import Evidence, checks
from herald.reports.figures import Answer, Count, FillFigures, OrderRow, RunReport, TradeRow
from herald.reports.latency import milliseconds, quantile
from herald.reports.orders import distinct_executions, fill_rows, order_rows
from herald.reports.reasons import explain
from herald.reports.trades import book, pnl, pnl_by
from herald.taxonomy import Fate, OrderStatus, Reason


def account(
    items: Sequence[ItemFate],
    signals: Sequence[Signal],
    decisions: Sequence[Answer],
    executions: Sequence[Execution],
    *,
    started_at: datetime,
    ended_at: datetime,
    initial_equity_usd: Decimal,
    dead_letters: Sequence[DeadLetter] | None = None,
    received: int | None = None,
) -> RunReport:
    """Account for a run.

    ``received`` is how many items the run was given, where the caller knows it; it is checked against the fates.
    ``dead_letters`` are checked against the items of that fate where they are given.
    """
    items, answers = distinct_items(items), distinct_decisions(decisions)
    approved = tuple(one for one in answers if isinstance(one, ApprovedOrder))
    reports = distinct_executions(executions)
    orders, fills = order_rows(reports, approved), fill_rows(reports, approved)
    known = {signal.event_id: signal for signal in signals}
    evidence = Evidence(items, tuple(known.values()), answers, orders, fills, received, dead_letters)
    booked = book(fills, started_at, initial_equity_usd)
    trades = tuple(_with_news(row, known) for row in booked.trades)
    fates = Counter(item.fate for item in items)
    return RunReport(
        started_at=started_at,
        ended_at=ended_at,
        items=len(items),
        items_by_fate={fate.value: fates[fate] for fate in Fate},
        signals=len(known),
        decisions=len(answers),
        approved=len(approved),
        refused=sum(isinstance(one, RefusedOrder) for one in answers),
        passed=sum(isinstance(one, Passed) for one in answers),
        orders=len(orders),
        fills_count=len(fills),
        dead_letters=len(dead_letters) if dead_letters is not None else fates[Fate.DEAD_LETTER],
        checks=checks(evidence),
        reasons=count_reasons(items, answers),
        fills=fill_figures(orders),
        initial_equity_usd=booked.equity[0].equity_usd,
        final_equity_usd=booked.equity[-1].equity_usd,
        max_drawdown_usd=booked.max_drawdown_usd,
        total=pnl("all", trades),
        by_event_type=pnl_by(trades, lambda row: row.event_type.value),
        by_playbook=pnl_by(trades, lambda row: row.playbook),
        by_symbol=pnl_by(trades, lambda row: row.symbol),
        trades=trades,
        open_positions=booked.open_positions,
        equity=booked.equity,
    )


def item_key(item: ItemFate) -> str:
    """Name an item: this one delivery by its source, where that is known, else its content."""
    return item.item_id or item.event_id


def decision_key(decision: Answer) -> tuple[str, ...]:
    """Name a decision: a verdict by the event and the intent, a pass by the event, playbook and reason.

    An amendment asks for the intent of its story again, under its own event, and is refused.
    """
    if isinstance(decision, Passed):
        return ("passed", decision.event_id, decision.playbook, decision.reason)
    return (decision.decision, decision.intent.event_id, decision.intent.intent_id)


def distinct_items(items: Iterable[ItemFate]) -> tuple[ItemFate, ...]:
    """Drop repeats and sort the rest by time, then by id."""
    unique: dict[str, ItemFate] = {}
    for item in items:
        unique.setdefault(item_key(item), item)
    return tuple(
        sorted(unique.values(), key=lambda item: (item.at, item.event_id, item.fate, item.source, item.reason))
    )


def distinct_decisions(decisions: Iterable[Answer]) -> tuple[Answer, ...]:
    """Drop repeats and sort the rest by time, then by name."""
    unique = {decision_key(decision): decision for decision in decisions}
    return tuple(unique[key] for key in sorted(unique, key=lambda key: (unique[key].decided_at, key)))


def count_reasons(items: Iterable[ItemFate], decisions: Iterable[Answer]) -> tuple[Count, ...]:
    """Count the reasons of fates and decisions, in the order of the way of a headline, the most frequent first."""
    fates = Counter((item.fate.value, item.reason) for item in items)
    verdicts = Counter((str(decision.decision), decision.reason) for decision in decisions)
    return (*_counts([fate.value for fate in Fate], fates), *_counts(["passed", "refused", "approved"], verdicts))


def fill_figures(orders: Sequence[OrderRow]) -> FillFigures:
    """Measure how well orders were filled."""
    filled = [order for order in orders if order.filled_quantity > 0]
    sent_usd = sum((order.quantity * order.arrival_mid for order in orders), start=Decimal(0))
    filled_usd = sum((order.filled_quantity * order.arrival_mid for order in filled), start=Decimal(0))
    slippage = sorted(order.slippage_bps for order in filled if order.slippage_bps is not None)
    waits = sorted(
        milliseconds(order.decided_at or order.submitted_at, order.filled_at) for order in filled if order.filled_at
    )
    return FillFigures(
        orders=len(orders),
        filled=sum(order.status is OrderStatus.FILLED for order in orders),
        unfilled=len(orders) - len(filled),
        in_doubt=sum(order.status is OrderStatus.IN_DOUBT for order in orders),
        fill_ratio=float(filled_usd / sent_usd) if sent_usd else None,
        slippage_bps_mean=sum(slippage) / len(slippage) if slippage else None,
        slippage_bps_p50=quantile(slippage, 50) if slippage else None,
        slippage_bps_p95=quantile(slippage, 95) if slippage else None,
        time_to_fill_ms_p50=quantile(waits, 50) if waits else None,
        time_to_fill_ms_p95=quantile(waits, 95) if waits else None,
    )


def _counts(kinds: Sequence[str], found: Counter[tuple[str, Reason]]) -> list[Count]:
    ordered = sorted(found, key=lambda pair: (kinds.index(pair[0]), -found[pair], pair[1]))
    return [Count(kind=kind, reason=why, count=found[kind, why], sentence=explain(why)) for kind, why in ordered]


def _with_news(row: TradeRow, signals: dict[str, Signal]) -> TradeRow:
    signal = signals.get(row.event_id)
    if signal is None:
        return row
    return row.model_copy(update={"direction": signal.direction, "headline": signal.headline})
