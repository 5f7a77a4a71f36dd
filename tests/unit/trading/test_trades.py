from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from herald.market.quotes import Quote, path_of
from herald.nanoseconds import to_ns
from herald.taxonomy import Leg, OrderStatus, OrderType, Reason, Side, TimeInForce
from herald.trading.rounding import is_whole
from herald.trading.trades import (
    LIMITED_ATTEMPTS,
    ExitDecision,
    OpenTrade,
    advance_trade,
    exit_due,
    exit_intent,
    opened,
    with_execution,
)

D = Decimal


@pytest.fixture
def approved(intent_of, approve):
    return approve(intent_of())


@pytest.fixture
def trade(approved, report_of) -> OpenTrade:
    """Long 10 at 100, take profit at 40 bps, stop at 30 bps, flat after 90 s."""
    return with_execution(opened(approved), report_of(approved, OrderStatus.FILLED, D(10)))


@pytest.fixture
def path(now):
    def make(*prices, start_s=10.0, step_s=10.0):
        start = to_ns(now)
        return path_of(
            [Quote(start + round((start_s + step_s * n) * 1e9), p, p, 9.0, 9.0) for n, p in enumerate(prices)]
        )

    return make


@pytest.fixture
def after(now):
    return lambda seconds: now + timedelta(seconds=seconds)


@pytest.fixture
def exit_report(trade, approve, report_of, now):
    """Report on the exit that the trade asks for next."""

    def make(current, status, filled, **fields):
        quote = Quote(to_ns(now), 99.0, 101.0, 9.0, 9.0)
        intent = exit_intent(current, ExitDecision(Reason.STOP_LOSS, 0), quote, now)
        return intent, report_of(approve(intent), status, filled, **fields)

    return make


def test_a_filled_entry_is_an_open_trade(trade, now):
    assert (trade.open_quantity, trade.average_price) == (10, 100)
    assert trade.opened_at_ns == to_ns(now)
    assert not trade.is_flat


def test_an_entry_that_ended_empty_is_flat(approved, report_of):
    assert with_execution(opened(approved), report_of(approved, OrderStatus.EXPIRED)).is_flat
    assert not with_execution(opened(approved), report_of(approved, OrderStatus.ACCEPTED)).is_flat


def test_a_report_seen_twice_or_late_changes_nothing(trade, approved, report_of):
    again = with_execution(trade, report_of(approved, OrderStatus.FILLED, D(10)))
    late = with_execution(trade, report_of(approved, OrderStatus.PARTIALLY_FILLED, D(4)))
    assert again == late == trade


def test_a_quiet_trade_stays_open_and_remembers_its_peak(trade, path, after):
    quotes = path(100.1, 100.3, 100.2)
    assert exit_due(trade, quotes, after(30)) is None
    moved = advance_trade(trade, quotes)
    assert moved.peak_bps == pytest.approx(30.0)
    assert moved.cursor_ns == quotes.at_ns[-1]
    assert advance_trade(moved, path()) is moved


def test_the_first_rule_that_holds_closes(trade, path, after):
    quotes = path(99.6, 101.0)
    assert exit_due(trade, quotes, after(30)) == ExitDecision(Reason.STOP_LOSS, int(quotes.at_ns[0]))
    assert exit_due(trade, path(100.5), after(30)).reason is Reason.TAKE_PROFIT


def test_time_closes_even_where_no_quote_comes(trade, path, after):
    assert exit_due(trade, path(), after(89.999)) is None
    assert exit_due(trade, path(), after(90)).reason is Reason.TIME_LIMIT


def test_a_rule_that_has_spoken_stands_though_the_price_comes_back(trade, path, after):
    moved = advance_trade(trade, path(99.6)).exit_refused()
    assert exit_due(moved, path(100.0, start_s=20), after(20)).reason is Reason.STOP_LOSS


def test_a_trade_is_closed_by_force(trade, path, after):
    assert exit_due(trade, path(), after(1), forced=Reason.FLATTEN) == ExitDecision(Reason.FLATTEN, to_ns(after(1)))


def test_what_must_be_closed_is_due_whatever_the_price_and_after_a_restart(trade, path, after):
    closing = trade.closing(Reason.STORY_CORRECTED)
    assert exit_due(closing, path(99.6), after(10)) == ExitDecision(Reason.STORY_CORRECTED, to_ns(after(10)))
    assert advance_trade(closing, path(99.6)).due is Reason.STORY_CORRECTED
    assert exit_due(trade.resumed(closing.mark()), path(), after(1)).reason is Reason.STORY_CORRECTED


def test_a_rule_that_has_spoken_before_is_the_one_that_is_named(trade, path):
    assert advance_trade(trade, path(99.6)).closing(Reason.STORY_CORRECTED).due is Reason.STOP_LOSS


def test_nothing_is_due_before_a_fill_or_while_an_exit_is_out(trade, approved, path, after):
    assert exit_due(opened(approved), path(50.0), after(100), forced=Reason.FLATTEN) is None
    assert exit_due(trade.exit_sent("x"), path(50.0), after(100)) is None


def test_an_exit_closes_what_is_open_on_the_other_side(trade, now):
    quote = Quote(to_ns(now), 99.0, 101.0, 9.0, 9.0)
    intent = exit_intent(trade, ExitDecision(Reason.STOP_LOSS, 0), quote, now)
    assert (intent.side, intent.quantity, intent.leg, intent.reduce_only) == (Side.SELL, 10, Leg.EXIT, True)
    assert (intent.order_type, intent.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
    assert intent.limit_price == D("98.81")
    assert is_whole(intent.limit_price, intent.instrument.tick_size)
    assert (intent.trade_id, intent.reason) == (trade.trade_id, Reason.STOP_LOSS)


def test_each_attempt_has_its_own_id_and_more_room_and_the_last_goes_to_market(trade, now):
    quote = Quote(to_ns(now), 99.0, 101.0, 9.0, 9.0)
    intents = []
    for _ in range(LIMITED_ATTEMPTS + 1):
        intents.append(exit_intent(trade, ExitDecision(Reason.STOP_LOSS, 0), quote, now))
        trade = trade.exit_refused()
    assert len({one.intent_id for one in intents}) == len(intents)
    limits = [one.limit_price for one in intents[:-1]]
    assert limits == sorted(limits, reverse=True)
    assert (intents[-1].order_type, intents[-1].time_in_force) == (OrderType.MARKET, TimeInForce.GTC)
    assert intents[-1].limit_price is None


def test_an_exit_filled_in_full_makes_the_trade_flat(trade, exit_report):
    intent, report = exit_report(trade, OrderStatus.FILLED, D(10))
    assert with_execution(trade.exit_sent(intent.intent_id), report).is_flat


def test_what_an_exit_left_is_closed_by_the_next(trade, exit_report, path, after):
    intent, report = exit_report(trade, OrderStatus.EXPIRED, D(4))
    trade = with_execution(trade.exit_sent(intent.intent_id), report)
    assert (trade.open_quantity, trade.is_exiting, trade.attempts) == (6, False, 1)
    assert exit_due(trade, path(), after(1)) is not None
    following, report = exit_report(trade, OrderStatus.FILLED, D(6))
    assert following.intent_id != intent.intent_id
    assert with_execution(trade, report).is_flat


def test_the_report_of_an_exit_may_come_before_the_note_that_it_was_sent(trade, exit_report):
    intent, report = exit_report(trade, OrderStatus.FILLED, D(10))
    assert with_execution(trade, report).exit_sent(intent.intent_id).is_flat


def test_a_trade_survives_json(trade, path):
    moved = advance_trade(trade, path(100.2)).exit_sent("x")
    assert OpenTrade.model_validate(json.loads(moved.model_dump_json())) == moved


def test_a_trade_rebuilt_from_reports_goes_on_from_its_mark(trade, approved, report_of, path):
    moved = advance_trade(trade, path(99.6)).exit_refused()
    rebuilt = with_execution(opened(approved), report_of(approved, OrderStatus.FILLED, D(10)))
    assert rebuilt.resumed(json.loads(json.dumps(moved.mark()))) == moved
    assert rebuilt.resumed(None) == rebuilt


def test_a_short_is_bought_back(intent_of, approve, report_of, path, *, after, now):
    approved = approve(intent_of(side=Side.SELL))
    short = with_execution(opened(approved), report_of(approved, OrderStatus.FILLED, D(10)))
    assert exit_due(short, path(99.5), after(20)).reason is Reason.TAKE_PROFIT
    quote = Quote(to_ns(now), 99.0, 101.0, 9.0, 9.0)
    intent = exit_intent(short, ExitDecision(Reason.TAKE_PROFIT, 0), quote, now)
    assert (intent.side, intent.limit_price) == (Side.BUY, D("101.20"))
