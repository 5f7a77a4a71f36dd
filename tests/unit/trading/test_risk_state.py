from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from herald.messages import RefusedOrder
from herald.taxonomy import Leg, OrderStatus, Reason, Side
from herald.trading.exposure import exposure_of, gross_usd, reducible
from herald.trading.portfolio import Position
from herald.trading.risk_limits import RiskLimits
from herald.trading.risk_state import RiskState, apply_entry, apply_execution, apply_verdict

D = Decimal
KEY = "paper:SOLUSDT"


@pytest.fixture
def empty() -> RiskState:
    return RiskState.opening(RiskLimits())


@pytest.fixture
def entered(empty, intent_of, approve, report_of) -> RiskState:
    """Long 10 at 100, with 1 USD of fees."""
    approved = approve(intent_of())
    state = apply_verdict(empty, approved)
    return apply_execution(state, report_of(approved, OrderStatus.FILLED, D(10), fee_usd=D(1)))


def test_an_approval_is_set_aside_and_counted(empty, intent_of, approve):
    state = apply_verdict(empty, approve(intent_of()))
    assert gross_usd(state) == 1_000
    assert state.stories["s1"].notional_usd == 1_000
    assert state.last_trades[KEY].story_id == "s1"


def test_a_refusal_sets_nothing_aside(empty, intent_of, now):
    refused = RefusedOrder(intent=intent_of(), reason=Reason.COOL_DOWN, decided_at=now)
    assert apply_verdict(empty, refused) == empty.rolled(now)


def test_a_fill_moves_what_was_set_aside_into_the_position(empty, intent_of, approve, report_of):
    approved = approve(intent_of())
    state = apply_verdict(empty, approved)
    state = apply_execution(state, report_of(approved, OrderStatus.PARTIALLY_FILLED, D(4)))
    assert state.positions[KEY] == Position(quantity=D(4), average_price=D(100))
    assert state.reservations["i1"].remaining == 6
    assert gross_usd(state) == 1_000
    final = report_of(approved, OrderStatus.CANCELLED, D(4), D(0), sequence=1)
    state = apply_execution(state, final)
    assert state.reservations == {}
    assert gross_usd(state) == 400


def test_a_rejected_order_releases_all_and_is_remembered(empty, intent_of, approve, report_of):
    approved = approve(intent_of())
    state = apply_execution(apply_verdict(empty, approved), report_of(approved, OrderStatus.REJECTED))
    assert gross_usd(state) == 0
    assert [one.rejected for one in state.outcomes] == [True]


def test_an_order_in_doubt_keeps_what_is_set_aside(empty, intent_of, approve, report_of):
    approved = approve(intent_of())
    state = apply_execution(apply_verdict(empty, approved), report_of(approved, OrderStatus.IN_DOUBT))
    assert gross_usd(state) == 1_000


def test_equity_is_booked_plus_open_profit(entered):
    assert entered.booked_usd == entered.equity_usd == 99_999
    assert entered.marked(KEY, D(110)).equity_usd == 100_099
    assert entered.marked(KEY, D(110)).booked_usd == 99_999


def test_closing_realises_and_raises_the_peak(entered, intent_of, approve, report_of):
    exit_order = approve(intent_of("x1", side=Side.SELL, leg=Leg.EXIT, reduce_only=True, trade_id="i1"))
    state = apply_verdict(entered, exit_order)
    assert reducible(state, KEY, Side.SELL) == 0
    state = apply_execution(state, report_of(exit_order, OrderStatus.FILLED, D(10), price=D(120)))
    assert state.positions == {}
    assert (state.realised_usd, state.equity_usd, state.peak_usd) == (200, 100_199, 100_199)


def test_a_new_day_measures_its_loss_from_its_own_beginning(entered, now):
    losing = entered.marked(KEY, D(90))
    assert losing.day_loss_usd(now) == 101
    assert losing.day_loss_usd(now + timedelta(days=1)) == 100
    assert losing.rolled(now - timedelta(days=1)) == losing


def test_orders_that_only_reduce_are_no_exposure(entered, intent_of, approve):
    state = apply_verdict(entered, approve(intent_of("x1", side=Side.SELL, leg=Leg.EXIT, reduce_only=True)))
    assert exposure_of(state, KEY).sells_usd == 0
    assert gross_usd(state) == 1_000


def test_orders_on_both_sides_are_each_taken_at_their_worst(entered, intent_of, approve):
    state = apply_verdict(entered, approve(intent_of("b", side=Side.BUY, quantity=D(5))))
    state = apply_verdict(state, approve(intent_of("s", side=Side.SELL, quantity=D(30))))
    assert exposure_of(state, KEY).worst_usd == 2_000


def test_the_state_survives_json_exactly(entered, intent_of, approve, report_of):
    state = apply_verdict(entered, approve(intent_of("i2", story_id="s2", quantity=D("0.10"))))
    state = state.marked(KEY, D("101.10"))
    restored = RiskState.from_json(json.loads(json.dumps(state.to_json())))
    assert restored == state
    assert restored.to_json() == state.to_json()


def test_the_journal_rebuilds_the_state(empty, intent_of, approve, report_of, now):
    approved = approve(intent_of())
    report = report_of(approved, OrderStatus.FILLED, D(10))
    expected = apply_execution(apply_verdict(empty, approved), report)
    reviewed = SimpleNamespace(kind="reviewed", payload={"verdicts": [approved.model_dump(mode="json")]})
    executed = SimpleNamespace(kind="executed", payload={"execution": report.model_dump(mode="json")})
    assert apply_entry(apply_entry(empty, reviewed), executed) == expected


def test_an_unknown_kind_of_entry_is_refused(empty):
    with pytest.raises(ValueError, match="'audited'"):
        apply_entry(empty, SimpleNamespace(kind="audited", payload={}))


def test_the_summary_is_for_people(entered):
    summary = entered.marked(KEY, D(110)).summary()
    assert summary["equity_usd"] == "100099"
    assert summary["positions"][KEY]["unrealised_usd"] == "100"


def test_what_is_remembered_of_stories_and_orders_is_bounded(empty, intent_of, approve, report_of, now):
    state = empty
    for day in range(12):
        at = now + timedelta(days=day)
        approved = approve(intent_of(f"i{day}", story_id=f"s{day}")).model_copy(update={"decided_at": at})
        state = apply_verdict(state, approved)
        state = apply_execution(state, report_of(approved, OrderStatus.EXPIRED, at=at, latency_ms=1.0))
    assert len(state.stories) == 7
    assert len(state.outcomes) == len(state.acknowledgements) == 1
