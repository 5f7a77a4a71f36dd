from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.market.bars import MINUTE_NS, Bars, BarsError, check_bars, quotes_from_bars


def bars_of(closes: list[float], volumes: list[float] | None = None, opens_ns: list[int] | None = None) -> Bars:
    close = np.array(closes, dtype=np.float64)
    times = opens_ns if opens_ns is not None else [index * MINUTE_NS for index in range(len(closes))]
    volume = np.array(volumes if volumes is not None else [10.0] * len(closes))
    return Bars(np.array(times, dtype=np.int64), close, close, close, close, volume)


def test_a_bar_becomes_a_quote_only_when_it_is_complete():
    quotes = quotes_from_bars(bars_of([100.0, 101.0]), half_spread_bps=1.0, depth_share=0.1)
    assert quotes.at_ns.tolist() == [MINUTE_NS, 2 * MINUTE_NS]


def test_the_quote_lies_around_the_close_with_a_share_of_the_volume():
    quote = quotes_from_bars(bars_of([200.0], [30.0]), half_spread_bps=5.0, depth_share=0.1)[0]
    assert quote.mid == pytest.approx(200.0)
    assert (quote.ask - quote.bid) / quote.mid * 1e4 == pytest.approx(10.0)
    assert quote.bid_size == quote.ask_size == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("bars", "row", "word"),
    [
        (bars_of([1.0, 1.0], opens_ns=[0, 0]), 1, "keep one"),
        (bars_of([1.0, 1.0], opens_ns=[MINUTE_NS, 0]), 1, "sort"),
        (bars_of([1.0, 1.0], opens_ns=[0, MINUTE_NS // 2]), 1, "overlaps"),
        (bars_of([1.0, float("nan")]), 1, "not a number"),
        (bars_of([1.0, 1.0, -1.0]), 2, "not above zero"),
        (bars_of([0.0]), 0, "not above zero"),
        (bars_of([1.0], [-1.0]), 0, "volume is negative"),
        (bars_of([1.0], [float("inf")]), 0, "volume"),
    ],
)
def test_an_impossible_row_is_refused_by_its_number(bars, row, word):
    with pytest.raises(BarsError, match=word) as caught:
        check_bars(bars)
    assert caught.value.row == row
    assert f"row {row}" in str(caught.value)


def test_a_close_above_the_high_is_refused():
    one = np.array([1.0])
    with pytest.raises(BarsError, match="outside low and high"):
        check_bars(Bars(np.array([0], dtype=np.int64), one, one, one, one * 2, one))


def test_columns_of_unequal_length_are_refused():
    one = np.array([1.0])
    with pytest.raises(BarsError, match="low has 2 values"):
        check_bars(Bars(np.array([0], dtype=np.int64), one, one, np.array([1.0, 1.0]), one, one))


def test_a_negative_spread_is_refused():
    with pytest.raises(BarsError, match="must not be negative"):
        quotes_from_bars(bars_of([1.0]), half_spread_bps=-1.0, depth_share=0.1)


def test_no_bars_make_no_quotes():
    assert len(quotes_from_bars(bars_of([]), 1.0, 0.1)) == 0


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30), st.floats(0, 100))
def test_bid_never_exceeds_ask(closes, half_spread):
    quotes = quotes_from_bars(bars_of(closes), half_spread, 0.1)
    assert (quotes.bid <= quotes.ask).all()
