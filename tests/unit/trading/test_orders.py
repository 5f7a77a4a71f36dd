from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from herald.messages import Fill, Order
from herald.taxonomy import OrderStatus, Reason, Side
from herald.trading.orders import (
    IllegalTransition,
    check_transition,
    execution_of,
    in_doubt,
    refused_order,
)

D = Decimal
S = OrderStatus


@pytest.fixture
def approved(intent_of, approve):
    return approve(intent_of())


@pytest.fixture
def order_of(approved, now):
    """An order of 10 at a status, filled by ``quantities`` at 101."""

    def make(status, *quantities, **fields) -> Order:
        fills = tuple(
            Fill(
                fill_id=f"i1-{n}",
                client_order_id="i1",
                instrument_key="paper:SOLUSDT",
                side=Side.BUY,
                quantity=D(quantity),
                price=D(101),
                fee_usd=D("0.5"),
                at=now,
            )
            for n, quantity in enumerate(quantities, 1)
        )
        base = refused_order(approved, "", now).model_dump()
        given = {
            "order_id": "o1",
            "status": status,
            "fills": fills,
            "filled_quantity": D(sum(quantities)),
            "average_price": D(101) if quantities else None,
            "updated_at": now + timedelta(milliseconds=7),
        }
        return Order(**base | given | fields)

    return make


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (S.PENDING, S.ACCEPTED),
        (S.ACCEPTED, S.PARTIALLY_FILLED),
        (S.ACCEPTED, S.REJECTED),
        (S.PARTIALLY_FILLED, S.CANCELLED),
        (S.ACCEPTED, S.IN_DOUBT),
        (S.IN_DOUBT, S.FILLED),
        (S.IN_DOUBT, S.PENDING),
        (S.FILLED, S.FILLED),
    ],
)
def test_an_order_may_take_these_steps(order_of, before, after):
    check_transition(order_of(before), order_of(after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (S.FILLED, S.CANCELLED),
        (S.REJECTED, S.ACCEPTED),
        (S.EXPIRED, S.IN_DOUBT),
        (S.ACCEPTED, S.PENDING),
        (S.PARTIALLY_FILLED, S.ACCEPTED),
        (S.PARTIALLY_FILLED, S.REJECTED),
    ],
)
def test_an_order_never_takes_these_steps(order_of, before, after):
    with pytest.raises(IllegalTransition, match=f"{after.value} cannot follow {before.value}"):
        check_transition(order_of(before), order_of(after))


def test_what_is_filled_never_shrinks_nor_exceeds_the_order(order_of):
    with pytest.raises(IllegalTransition, match="fell from 4 to 0"):
        check_transition(order_of(S.PARTIALLY_FILLED, 4), order_of(S.CANCELLED))
    with pytest.raises(IllegalTransition, match="11 filled of 10"):
        check_transition(order_of(S.ACCEPTED), order_of(S.PARTIALLY_FILLED, 11))
    with pytest.raises(IllegalTransition, match="filled after it was CANCELLED"):
        check_transition(order_of(S.CANCELLED, 4), order_of(S.CANCELLED, 5))


def test_reports_of_different_orders_do_not_follow_one_another(order_of):
    with pytest.raises(IllegalTransition, match="i2"):
        check_transition(order_of(S.ACCEPTED), order_of(S.ACCEPTED, client_order_id="i2"))


def test_the_first_report_carries_the_latency_and_all_fills(approved, order_of):
    report = execution_of(approved, order_of(S.FILLED, 4, 6), None, 0)
    assert report.execution_id == "i1-0"
    assert report.latency_ms == pytest.approx(7.0)
    assert report.slippage_bps == pytest.approx(100.0)
    assert (report.filled_quantity, report.fee_usd) == (10, 1)
    assert [fill.quantity for fill in report.fills] == [4, 6]


def test_a_later_report_carries_only_new_fills_and_the_totals(approved, order_of):
    before = order_of(S.PARTIALLY_FILLED, 4)
    report = execution_of(approved, order_of(S.FILLED, 4, 6), before, 1)
    assert [fill.quantity for fill in report.fills] == [6]
    assert (report.filled_quantity, report.average_price, report.fee_usd) == (10, 101, 1)
    assert report.latency_ms is None


def test_a_report_that_contradicts_the_last_is_refused(approved, order_of):
    with pytest.raises(IllegalTransition):
        execution_of(approved, order_of(S.ACCEPTED), order_of(S.FILLED, 10), 1)


def test_a_sale_below_the_mid_cost_money(intent_of, approve, order_of):
    approved = approve(intent_of(side=Side.SELL))
    sold = order_of(S.FILLED, 10, side=Side.SELL, average_price=D(99))
    assert execution_of(approved, sold, None, 0).slippage_bps == pytest.approx(100.0)


def test_an_order_without_an_answer_is_in_doubt_and_has_no_latency(approved, now):
    report = execution_of(approved, in_doubt(approved, "timed out", now), None, 0)
    assert (report.status, report.reason, report.detail) == (S.IN_DOUBT, Reason.VENUE_UNREACHABLE, "timed out")
    assert report.latency_ms is None


def test_a_refused_order_is_rejected_with_the_words_of_the_venue(approved, now):
    order = refused_order(approved, "margin", now)
    assert (order.status, order.reason, order.detail) == (S.REJECTED, Reason.VENUE_REJECTED, "margin")
    assert order.filled_quantity == 0
