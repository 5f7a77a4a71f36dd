from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.messages import DeadLetter
from herald.reports.accounting import account
from herald.reports.reasons import SENTENCES, explain
from herald.taxonomy import EventType, Fate, Leg, OrderStatus, Reason


def check_of(report, name: str):
    return next(check for check in report.checks if check.name == name)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_one_sentence(reason: Reason) -> None:
    sentence = explain(reason)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert list(SENTENCES.values()).count(sentence) == 1


def test_a_busy_run_balances(busy_desk) -> None:
    report = busy_desk.account(received=9)
    assert [check.name for check in report.checks if not check.ok] == []
    assert report.ok
    assert report.items_by_fate == {"signal": 5, "duplicate": 1, "merged": 1, "no_signal": 1, "dead_letter": 1}
    assert (report.signals, report.approved, report.refused, report.passed) == (5, 6, 1, 1)
    assert (report.orders, report.fills_count, report.dead_letters) == (6, 6, 1)


def test_reasons_are_counted_with_their_sentences(busy_desk) -> None:
    counts = {(row.kind, row.reason): row for row in busy_desk.account().reasons}
    assert counts["signal", Reason.RULE_MATCHED].count == 5
    assert counts["refused", Reason.COOL_DOWN].sentence == explain(Reason.COOL_DOWN)
    assert [row.kind for row in busy_desk.account().reasons][-3:] == ["passed", "refused", "approved"]


def test_the_order_of_messages_and_their_repeats_change_nothing(busy_desk) -> None:
    expected = busy_desk.account()
    shuffle = random.Random(3).shuffle
    for messages in (busy_desk.items, busy_desk.signals, busy_desk.decisions, busy_desk.executions):
        messages.extend(messages[: len(messages) // 2])
        shuffle(messages)
    assert busy_desk.account() == expected


def test_an_item_that_was_lost_shows(busy_desk) -> None:
    check = check_of(busy_desk.account(received=10), "items")
    assert (check.ok, check.left, check.right) == (False, 10, 9)


def test_a_signal_that_was_never_decided_is_named(desk) -> None:
    desk.signal("forgotten", 1)
    check = check_of(desk.account(), "decisions")
    assert not check.ok
    assert check.missing == ("forgotten",)


def test_an_approval_without_an_order_is_named(desk) -> None:
    lost = desk.order(desk.signal("one", 1), 1, ("2", "100"))
    desk.executions.clear()
    check = check_of(desk.account(), "orders")
    assert check.missing == (lost.client_order_id,)


def test_an_order_without_an_approval_is_named(desk) -> None:
    stray = desk.order(desk.signal("one", 1), 1, ("2", "100"))
    desk.decisions.clear()
    report = desk.account()
    assert check_of(report, "strays").missing == (stray.client_order_id,)
    assert not report.ok


def test_an_intent_with_two_verdicts_is_named(desk) -> None:
    signal = desk.signal("one", 1)
    order = desk.order(signal, 1, ("2", "100"))
    desk.refuse(signal)
    assert check_of(desk.account(), "verdicts").missing == (order.client_order_id,)


def test_fills_that_do_not_add_up_are_named(desk) -> None:
    order = desk.order(desk.signal("one", 1), 1, ("2", "100"))
    desk.executions[0] = order.model_copy(update={"fills": ()})
    assert check_of(desk.account(), "fills").missing == (order.client_order_id,)


def test_an_order_in_doubt_breaks_the_balance(desk) -> None:
    order = desk.order(desk.signal("one", 1), 1)
    desk.executions[0] = order.model_copy(update={"status": OrderStatus.IN_DOUBT})
    report = desk.account()
    assert not check_of(report, "doubts").ok
    assert report.fills.in_doubt == 1


def test_a_dead_item_must_be_kept_among_the_dead_letters(busy_desk) -> None:
    letter = DeadLetter(
        dead_letter_id="d", origin="wire", reason="MALFORMED", detail="", payload="", at=busy_desk.start
    )
    assert check_of(busy_desk.account(dead_letters=[letter, letter]), "dead letters").ok
    assert not check_of(busy_desk.account(dead_letters=[]), "dead letters").ok


def test_a_later_report_of_an_order_stands_whatever_the_order_of_arrival(desk) -> None:
    done = desk.order(desk.signal("one", 1), 1, ("2", "100"))
    resting = {"execution_id": "earlier", "status": OrderStatus.ACCEPTED, "filled_quantity": Decimal(0), "fills": ()}
    desk.executions.append(done.model_copy(update=resting))
    report = desk.account()
    assert (report.orders, report.fills.filled) == (1, 1)


def test_profit_is_matched_by_trade_and_net_of_every_fee(busy_desk) -> None:
    report = busy_desk.account()
    winner, hedged, hedge = report.trades
    assert (winner.gross_usd, winner.fees_usd, winner.net_usd) == (Decimal(9), Decimal("0.3"), Decimal("8.7"))
    assert winner.exit_reason is Reason.TAKE_PROFIT
    assert winner.entry_price == Decimal("100.5")
    assert winner.headline == "Story winner <b>&</b>"
    assert hedged.net_usd == Decimal("-6.2")
    assert hedge.leg is Leg.HEDGE
    assert hedge.closed_at is None
    assert report.open_positions == {"paper:ETHUSDT": Decimal(-1)}
    assert report.net_usd == Decimal("2.4")
    assert report.final_equity_usd == Decimal("10002.4")


def test_groups_add_up_to_the_whole(busy_desk) -> None:
    report = busy_desk.account()
    for groups in (report.by_event_type, report.by_playbook, report.by_symbol):
        assert sum(group.net_usd for group in groups) == report.net_usd
    assert [group.group for group in report.by_event_type] == [EventType.LISTING.value, EventType.HACK.value]
    assert (report.total.trades, report.total.closed, report.total.wins, report.total.win_rate) == (2, 1, 1, 1.0)


def test_fill_figures_count_what_was_sent_and_what_came_back(busy_desk) -> None:
    fills = busy_desk.account().fills
    assert (fills.orders, fills.filled, fills.unfilled) == (6, 5, 1)
    assert fills.fill_ratio == pytest.approx(9 / 11)
    assert fills.time_to_fill_ms_p50 == 250.0
    assert fills.slippage_bps_p95 is not None


def test_an_empty_run_has_figures_and_no_divisions_by_zero(desk) -> None:
    report = desk.account()
    assert report.ok
    assert report.fills.fill_ratio is None
    assert report.total.win_rate is None
    assert [point.equity_usd for point in report.equity] == [Decimal(10_000)]


def test_the_deepest_fall_is_from_the_highest_equity_before_it(desk) -> None:
    for index, price in enumerate(("110", "90", "105")):
        signal = desk.signal(str(index), index * 100)
        desk.order(signal, index * 100, ("1", "100"), quantity="1", fee="0")
        desk.order(signal, index * 100 + 50, ("1", price), quantity="1", leg=Leg.EXIT, fee="0")
    report = desk.account()
    assert report.max_drawdown_usd == Decimal(10)
    assert [point.equity_usd for point in report.equity][-1] == Decimal(10_005)


@given(
    entries=st.lists(
        st.tuples(st.decimals("0.001", 10, places=3), st.decimals("0.01", 1000, places=2)), min_size=1, max_size=8
    ),
    exit_price=st.decimals("0.01", 1000, places=2),
)
def test_a_trade_that_is_flat_earns_exactly_what_came_in_less_what_went_out(new_desk, entries, exit_price) -> None:
    desk = new_desk()
    bought = [(str(quantity), str(price)) for quantity, price in entries]
    total = sum(quantity for quantity, _ in entries)
    signal = desk.signal("one", 0)
    desk.order(signal, 0, *bought, quantity=str(total), fee="0")
    desk.order(signal, 60, (str(total), str(exit_price)), quantity=str(total), leg=Leg.EXIT, fee="0")
    report = desk.account()
    paid = sum(quantity * price for quantity, price in entries)
    assert report.net_usd == total * exit_price - paid
    assert report.open_positions == {}


def test_partial_exits_realise_at_average_cost(desk) -> None:
    signal = desk.signal("one", 0)
    desk.order(signal, 0, ("1", "100"), ("2", "103"), quantity="3", fee="0")
    desk.order(signal, 60, ("1", "105"), quantity="1", leg=Leg.EXIT, fee="0")
    (trade,) = desk.account().trades
    assert trade.gross_usd == Decimal(3)
    assert (trade.open_quantity, trade.open_cost_usd) == (Decimal(2), Decimal(204))


def test_more_than_was_open_opens_the_rest_the_other_way(desk) -> None:
    signal = desk.signal("one", 0)
    desk.order(signal, 0, ("1", "100"), quantity="1", fee="0")
    desk.order(signal, 60, ("3", "110"), quantity="3", leg=Leg.EXIT, fee="0")
    report = desk.account()
    (trade,) = report.trades
    assert trade.gross_usd == Decimal(10)
    assert report.open_positions == {"paper:BTCUSDT": Decimal(-2)}


def test_a_report_survives_its_own_json(busy_desk) -> None:
    report = busy_desk.account()
    assert type(report).model_validate_json(report.model_dump_json()) == report


def test_one_text_delivered_twice_is_two_items_and_a_repeat_of_one_is_not(desk) -> None:
    desk.item("same", 1, Fate.DUPLICATE, Reason.EXACT_DUPLICATE)
    desk.item("same", 2, Fate.DUPLICATE, Reason.EXACT_DUPLICATE)
    desk.items.append(desk.items[0])
    assert desk.account(received=2).ok


def test_an_amendment_that_asks_for_the_intent_of_its_story_again_breaks_nothing(desk) -> None:
    first = desk.signal("first", 1)
    desk.order(first, 1, ("2", "100"))
    amendment = first.model_copy(update={"event_id": "second", "revision": 2})
    desk.signals.append(amendment)
    refused = desk.refuse(amendment, Reason.STORY_ALREADY_TRADED)
    assert refused.intent.intent_id == desk.executions[0].client_order_id
    report = desk.account()
    assert report.ok
    assert (report.approved, report.refused) == (1, 1)


def test_a_correction_that_closes_a_trade_breaks_nothing(desk) -> None:
    story = desk.signal("story", 1)
    desk.order(story, 1, ("2", "100"))
    correction = desk.signal("correction", 5).model_copy(update={"corrects_story_id": "story", "tradable": False})
    desk.passes(correction.model_copy(update={"story_id": "story"}), Reason.STORY_CORRECTED)
    desk.order(story, 5, ("2", "101"), leg=Leg.EXIT, reason=Reason.STORY_CORRECTED)
    report = desk.account()
    assert report.ok
    assert (report.signals, report.passed, report.approved) == (2, 1, 2)
    assert [row.exit_reason for row in report.trades] == [Reason.STORY_CORRECTED]


def test_accounting_needs_no_dead_letters_and_no_number_of_items(desk) -> None:
    report = account((), (), (), (), started_at=desk.start, ended_at=desk.start, initial_equity_usd=Decimal(1))
    assert report.dead_letters == 0
