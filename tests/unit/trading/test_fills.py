from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.trading.fills import (
    EXPIRED,
    EXPIRED_IN_PART,
    FILLED,
    FOK,
    GTC,
    IOC,
    KILLED,
    LIMIT,
    MARKET,
    RESTS,
    RESTS_IN_PART,
    fill,
    fill_many,
    fill_window,
    next_match,
    whole_lots,
)

ARRIVES = False


def match(  # noqa: PLR0917
    side=1, order_type=LIMIT, tif=IOC, quantity=10.0, limit=101.0, size=50.0, impact=0.0, lot=0.01, resting=False
):
    """An order against a market of 99 bid and 101 offered."""
    return fill(side, order_type, tif, quantity, limit, 99.0, 101.0, size, size, impact, lot, resting)


def test_a_marketable_order_trades_at_the_touch():
    assert match() == (10.0, 101.0, FILLED)
    assert match(side=-1, limit=99.0) == (10.0, 99.0, FILLED)


def test_a_limit_short_of_the_touch_finds_nothing():
    assert match(limit=100.9) == (0.0, 0.0, EXPIRED)
    assert match(limit=100.9, tif=GTC) == (0.0, 0.0, RESTS)


def test_no_more_than_the_size_at_the_touch_is_taken():
    assert match(size=4.0) == (4.0, 101.0, EXPIRED_IN_PART)
    assert match(size=4.0, tif=GTC) == (4.0, 101.0, RESTS_IN_PART)


def test_all_or_nothing_is_nothing_where_the_size_is_short():
    assert match(size=9.99, tif=FOK) == (0.0, 0.0, KILLED)
    assert match(size=10.0, tif=FOK) == (10.0, 101.0, FILLED)


def test_a_market_order_needs_no_limit():
    assert match(order_type=MARKET, limit=0.0) == (10.0, 101.0, FILLED)
    assert match(order_type=MARKET, limit=0.0, size=4.0, tif=GTC) == (4.0, 101.0, RESTS_IN_PART)


def test_impact_costs_in_proportion_to_the_share_of_the_size_taken():
    _, price, _ = match(order_type=MARKET, quantity=25.0, impact=10.0)
    assert price == pytest.approx(101.0 * (1 + 10e-4 * 0.5))
    _, price, _ = match(side=-1, order_type=MARKET, quantity=50.0, impact=10.0)
    assert price == pytest.approx(99.0 * (1 - 10e-4))


def test_a_limit_order_takes_less_rather_than_pay_more_than_its_limit():
    limit = 101.0 * (1 + 5e-4)
    taken, price, outcome = match(quantity=50.0, limit=limit, impact=10.0)
    assert outcome == EXPIRED_IN_PART
    assert taken == pytest.approx(25.0)
    assert price <= limit * (1 + 1e-12)


def test_a_resting_order_is_filled_at_its_limit_when_the_touch_reaches_it():
    assert match(limit=102.0, resting=True, tif=GTC) == (10.0, 102.0, FILLED)
    assert match(limit=100.0, resting=True, tif=GTC) == (0.0, 0.0, RESTS)


def test_what_is_taken_is_whole_lots():
    assert match(size=4.567, lot=0.5) == (4.5, 101.0, EXPIRED_IN_PART)
    assert whole_lots(0.3, 0.1) == pytest.approx(0.3)


@pytest.mark.parametrize("book", [(0.0, 0.0, 5.0, 5.0), (102.0, 101.0, 5.0, 5.0), (np.nan, np.nan, 5.0, 5.0)])
def test_an_impossible_quote_fills_nothing(book):
    assert fill(1, MARKET, IOC, 1.0, 0.0, *book, 0.0, 0.01, ARRIVES)[2] == EXPIRED


def arrays(*columns):
    return [np.array(column, dtype=np.float64) for column in columns]


def test_many_orders_meet_each_its_own_quote():
    bid, ask, size = arrays([99, 49], [101, 51], [50, 1])
    filled, prices, outcomes = fill_many(
        np.array([1, -1]), LIMIT, IOC, np.array([10.0, 10.0]), np.array([101.0, 49.0]), bid, ask, size, size, 0.0, 0.01
    )
    assert filled.tolist() == [10.0, 1.0]
    assert prices.tolist() == [101.0, 49.0]
    assert outcomes.tolist() == [FILLED, EXPIRED_IN_PART]


def test_a_window_fills_an_order_over_several_quotes_at_their_average():
    bid, ask, size = arrays([99, 100, 101], [101, 102, 103], [5, 0, 5])
    filled, price, outcome, last = fill_window(1, MARKET, GTC, 10.0, 0.0, bid, ask, size, size, 0.0, 0.01, ARRIVES)
    assert (filled, price, outcome, last) == (10.0, 102.0, FILLED, 2)


def test_an_immediate_order_sees_only_the_first_quote_of_a_window():
    bid, ask, size = arrays([99, 99], [101, 100], [5, 5])
    assert fill_window(1, LIMIT, IOC, 1.0, 100.0, bid, ask, size, size, 0.0, 0.01, ARRIVES) == (0.0, 0.0, EXPIRED, 0)


def test_a_resting_order_waits_in_a_window_for_its_price():
    bid, ask, size = arrays([99, 98, 97], [101, 100, 99], [5, 5, 5])
    assert fill_window(1, LIMIT, GTC, 1.0, 99.5, bid, ask, size, size, 0.0, 0.01, ARRIVES) == (1.0, 99.5, FILLED, 2)
    assert next_match(1, LIMIT, 99.5, bid, ask, size, size, 0.01) == 2
    assert next_match(1, LIMIT, 90.0, bid, ask, size, size, 0.01) == -1


def test_an_empty_window_leaves_an_order_resting():
    none = np.empty(0)
    assert fill_window(1, LIMIT, GTC, 1.0, 99.5, none, none, none, none, 0.0, 0.01, ARRIVES) == (0.0, 0.0, RESTS, -1)


@given(
    side=st.sampled_from([1, -1]),
    order_type=st.sampled_from([MARKET, LIMIT]),
    tif=st.sampled_from([GTC, IOC, FOK]),
    lots=st.integers(1, 10_000),
    limit=st.floats(90, 110),
    spread=st.floats(0, 5),
    size=st.floats(0, 100),
    impact=st.floats(0, 50),
    resting=st.booleans(),
)
def test_no_order_takes_more_or_pays_worse_than_it_may(
    *, side, order_type, tif, lots, limit, spread, size, impact, resting
):
    quantity = lots * 0.01
    taken, price, outcome = fill(
        side, order_type, tif, quantity, limit, 100.0, 100.0 + spread, size, size, impact, 0.01, resting
    )
    assert 0.0 <= taken <= min(quantity, size) + 1e-9
    if taken and order_type == LIMIT:
        assert side * (limit - price) >= -1e-9
    if taken and not (resting and order_type == LIMIT):
        touch = 100.0 + spread if side > 0 else 100.0
        assert side * (price - touch) >= -1e-9
    if tif == FOK:
        assert (taken == quantity) == (outcome == FILLED)
    assert (outcome in {RESTS, RESTS_IN_PART}) == (tif == GTC and outcome != FILLED)
