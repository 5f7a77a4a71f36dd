from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.trading.exits import (
    STAY,
    STOP_LOSS,
    TAKE_PROFIT,
    TIME_LIMIT,
    TRAILING_STOP,
    exit_many,
    exit_scan,
    exit_step,
)
from herald.trading.kernels import warm_up

S = 1_000_000_000


def look(price, *, side=1, peak=0.0, age_s=1, take=40.0, stop=30.0, trail=0.0, after=0.0):
    """A position entered at 100 that could be closed at ``price``, to be flat after 90 s."""
    return exit_step(side, 100.0, peak, price, price, age_s * S, take, stop, trail, after, 90 * S)


def test_a_quiet_position_stays_open():
    code, price, peak = look(100.1)
    assert (code, price) == (STAY, 100.1)
    assert peak == pytest.approx(10.0)


def test_profit_loss_and_time_close_a_position():
    assert look(100.4)[0] == TAKE_PROFIT
    assert look(99.7)[0] == STOP_LOSS
    assert look(100.0, age_s=90)[0] == TIME_LIMIT


def test_a_short_is_closed_at_the_ask_and_gains_when_it_falls():
    code, price, _ = exit_step(-1, 100.0, 0.0, 99.0, 99.5, S, 40.0, 30.0, 0.0, 0.0, 90 * S)
    assert (code, price) == (TAKE_PROFIT, 99.5)


def test_a_trailing_stop_is_armed_only_by_its_peak():
    assert look(100.1, peak=29.0, trail=15.0, after=30.0, take=0)[0] == STAY
    assert look(100.1, peak=30.0, trail=15.0, after=30.0, take=0)[0] == TRAILING_STOP
    assert look(100.2, peak=30.0, trail=15.0, after=30.0, take=0)[0] == STAY


def test_the_worst_of_several_rules_is_named():
    assert look(99.0, age_s=100)[0] == STOP_LOSS
    assert look(101.0, age_s=100)[0] == TIME_LIMIT
    assert look(101.0, peak=200.0, trail=15.0, after=30.0)[0] == TRAILING_STOP


def test_a_distance_of_zero_switches_its_rule_off():
    assert look(150.0, take=0.0)[0] == STAY
    assert look(50.0, stop=0.0)[0] == STAY


def path(*prices, step_s=10):
    at = np.arange(1, len(prices) + 1, dtype=np.int64) * step_s * S
    values = np.array(prices, dtype=np.float64)
    return at, values, values


def test_a_scan_stops_at_the_first_quote_that_closes():
    code, index, price, peak = exit_scan(1, 100.0, 0, 0.0, *path(100.2, 99.6, 100.9), 40.0, 30.0, 0.0, 0.0, 90 * S)
    assert (code, index, price) == (STOP_LOSS, 1, 99.6)
    assert peak == pytest.approx(20.0)


def test_a_scan_that_finds_nothing_carries_the_peak_on():
    code, index, price, peak = exit_scan(1, 100.0, 0, 5.0, *path(100.2, 100.1), 40.0, 30.0, 0.0, 0.0, 90 * S)
    assert (code, index, price) == (STAY, -1, 100.1)
    assert peak == pytest.approx(20.0)
    assert exit_scan(1, 100.0, 0, 5.0, *path(), 40.0, 30.0, 0.0, 0.0, 90 * S) == (STAY, -1, 0.0, 5.0)


def test_many_positions_follow_one_path_from_their_own_openings():
    at, bid, ask = path(100.5, 99.0, 100.0, 100.0, step_s=30)
    codes, indices, prices = exit_many(
        np.array([1, 1, -1]),
        np.array([100.0, 100.0, 100.0]),
        np.array([0, 30 * S, 119 * S]),
        at,
        bid,
        ask,
        40.0,
        30.0,
        0.0,
        0.0,
        90 * S,
    )
    assert codes.tolist() == [TAKE_PROFIT, STOP_LOSS, STAY]
    assert indices.tolist() == [0, 1, -1]
    assert prices.tolist() == [100.5, 99.0, 100.0]


@given(
    st.sampled_from([1, -1]),
    st.lists(st.floats(98, 102), min_size=1, max_size=30),
    st.integers(1, 29),
    st.floats(0, 60),
    st.floats(0, 60),
)
def test_scanning_in_two_parts_is_scanning_at_once(side, prices, cut, trail, after):
    at, bid, ask = path(*prices)
    rules = (60.0, 80.0, trail, after, 10_000 * S)
    whole = exit_scan(side, 100.0, 0, 0.0, at, bid, ask, *rules)
    first = exit_scan(side, 100.0, 0, 0.0, at[:cut], bid[:cut], ask[:cut], *rules)
    if first[0] != STAY:
        assert first == whole
    elif cut < len(prices):
        code, index, price, peak = exit_scan(side, 100.0, 0, first[3], at[cut:], bid[cut:], ask[cut:], *rules)
        assert (code, index + cut if index >= 0 else -1, price, peak) == whole


def test_warming_up_leaves_nothing_to_compile():
    warm_up()
    before = len(exit_scan.signatures)
    exit_scan(1, 100.0, 0, 0.0, *path(100.0), 40.0, 30.0, 0.0, 0.0, 90 * S)
    assert len(exit_scan.signatures) == before
