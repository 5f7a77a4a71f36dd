"""Orders and their fills, put together from the reports on them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from herald.messages import ApprovedOrder, Execution, Fill
from herald.reports.figures import FillRow, OrderRow
from herald.taxonomy import OrderStatus, Reason

_RANK = {
    OrderStatus.PENDING: 0,
    OrderStatus.IN_DOUBT: 1,
    OrderStatus.ACCEPTED: 2,
    OrderStatus.PARTIALLY_FILLED: 3,
}
_FINAL_RANK = 4


def order_rows(executions: Iterable[Execution], approved: Iterable[ApprovedOrder]) -> tuple[OrderRow, ...]:
    """Make one row an order, sorted by time of submission, then by id.

    Reports may come in any order and more than once: the one that stands is the furthest in the life of the order.
    """
    by_order: dict[str, list[Execution]] = defaultdict(list)
    for execution in executions:
        by_order[execution.client_order_id].append(execution)
    approvals = {order.client_order_id: order for order in approved}
    rows = (_order_row(reports, approvals.get(key)) for key, reports in by_order.items())
    return tuple(sorted(rows, key=lambda row: (row.submitted_at, row.client_order_id)))


def fill_rows(executions: Iterable[Execution], approved: Iterable[ApprovedOrder]) -> tuple[FillRow, ...]:
    """Make one row a fill, sorted by time, then by id. A fill that is reported twice counts once."""
    reasons = {order.client_order_id: order.intent.reason for order in approved}
    seen: dict[tuple[str, str], FillRow] = {}
    for execution in executions:
        for fill in execution.fills:
            seen.setdefault(
                (fill.client_order_id, fill.fill_id), _fill_row(fill, execution, reasons.get(fill.client_order_id))
            )
    return tuple(sorted(seen.values(), key=lambda row: (row.at, row.fill_id, row.client_order_id)))


def distinct_executions(executions: Iterable[Execution]) -> tuple[Execution, ...]:
    """Drop repeats of one report, and sort the rest by time, then by how far the order had come."""
    unique = {execution.execution_id: execution for execution in executions}
    return tuple(sorted(unique.values(), key=lambda report: (report.ts_iso, *_progress(report))))


def _progress(report: Execution) -> tuple[int, object, str]:
    return (_RANK.get(report.status, _FINAL_RANK), report.filled_quantity, report.execution_id)


def _order_row(reports: Sequence[Execution], approval: ApprovedOrder | None) -> OrderRow:
    last = max(reports, key=lambda report: (*_progress(report)[:2], report.ts_iso, report.execution_id))
    fills = {fill.fill_id: fill for report in reports for fill in report.fills}
    intent = approval.intent if approval else None
    return OrderRow(
        client_order_id=last.client_order_id,
        order_id=last.order_id,
        event_id=last.event_id,
        story_id=last.story_id,
        trade_id=last.trade_id,
        event_type=last.event_type,
        playbook=last.playbook,
        playbook_version=last.playbook_version,
        leg=last.leg,
        venue=last.venue,
        symbol=last.symbol,
        instrument_key=last.instrument_key,
        side=last.side,
        type=intent.order_type if intent else None,
        quantity=last.quantity,
        limit_price=intent.limit_price if intent else None,
        status=last.status,
        filled_quantity=last.filled_quantity,
        average_price=last.average_price,
        arrival_mid=last.arrival_mid,
        slippage_bps=last.slippage_bps,
        fee_usd=sum((fill.fee_usd for fill in fills.values()), start=last.fee_usd * 0),
        reason=last.reason,
        intent_reason=intent.reason if intent else None,
        detail=last.detail,
        decided_at=approval.decided_at if approval else None,
        submitted_at=min(report.ts_iso for report in reports),
        updated_at=last.ts_iso,
        filled_at=max((fill.at for fill in fills.values()), default=None),
        fills=len(fills),
    )


def _fill_row(fill: Fill, execution: Execution, intent_reason: Reason | None) -> FillRow:
    return FillRow(
        at=fill.at,
        fill_id=fill.fill_id,
        client_order_id=fill.client_order_id,
        order_id=execution.order_id,
        event_id=execution.event_id,
        trade_id=execution.trade_id,
        event_type=execution.event_type,
        playbook=execution.playbook,
        leg=execution.leg,
        venue=execution.venue,
        symbol=execution.symbol,
        instrument_key=execution.instrument_key,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        fee_usd=fill.fee_usd,
        liquidity=fill.liquidity,
        intent_reason=intent_reason,
    )
