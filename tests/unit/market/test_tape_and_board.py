from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.market.board import QuoteBoard
from herald.market.quotes import Quote, path_of
from herald.market.tape import TapeMarket
from herald.nanoseconds import from_ns, to_ns
from herald.ports import Market

T0 = datetime(2025, 6, 6, tzinfo=UTC)
KEY = "paper:BTCUSDT"


def quote(seconds: float, price: float = 100.0) -> Quote:
    return Quote(to_ns(T0) + round(seconds * 1e9), price - 1, price + 1, 5.0, 5.0)


def tape(*quotes: Quote) -> Market:
    return TapeMarket({KEY: path_of(quotes)})


def board(*quotes: Quote) -> Market:
    live = QuoteBoard()
    for one in quotes:
        live.put(KEY, one)
    return live


@pytest.fixture(params=[tape, board])
def market_of(request):
    return request.param


def test_a_market_knows_nothing_before_its_first_quote(market_of):
    assert market_of(quote(10)).quote(KEY, T0 + timedelta(seconds=9.999999)) is None


def test_a_quote_is_known_from_its_own_time(market_of):
    assert market_of(quote(10)).quote(KEY, T0 + timedelta(seconds=10)) == quote(10)


def test_the_future_is_not_seen(market_of):
    market = market_of(quote(10, 100), quote(20, 200))
    assert market.quote(KEY, T0 + timedelta(seconds=19.999999)) == quote(10, 100)
    assert market.path(KEY, 0, T0 + timedelta(seconds=19)).at_ns.tolist() == [quote(10).at_ns]


def test_a_path_excludes_its_beginning_and_includes_its_end(market_of):
    market = market_of(quote(10), quote(20), quote(30))
    path = market.path(KEY, quote(10).at_ns, T0 + timedelta(seconds=30))
    assert path.at_ns.tolist() == [quote(20).at_ns, quote(30).at_ns]


def test_an_unknown_instrument_has_no_quotes(market_of):
    market = market_of(quote(10))
    assert market.quote("paper:NOPE", T0 + timedelta(days=1)) is None
    assert len(market.path("paper:NOPE", 0, T0 + timedelta(days=1))) == 0


def test_the_tape_tells_when_the_next_quote_of_any_instrument_comes():
    market = TapeMarket({"a": path_of([quote(10), quote(40)]), "b": path_of([quote(25)])})
    times, now = [], T0
    while (following := market.next_quote_at(now)) is not None:
        times.append((following - T0).total_seconds())
        now = following
    assert times == [10, 25, 40]


def test_a_quote_within_a_microsecond_is_announced_when_it_can_be_seen():
    odd = Quote(to_ns(T0) + 1_500, 1, 2, 1, 1)
    market = tape(odd)
    when = market.next_quote_at(T0)
    assert when == T0 + timedelta(microseconds=2)
    assert market.quote(KEY, when) == odd
    assert market.next_quote_at(when) is None


def test_a_live_market_cannot_tell_when_it_will_quote():
    assert board(quote(10)).next_quote_at(T0) is None


def test_the_board_ignores_what_comes_too_late_and_replaces_what_comes_again():
    live = QuoteBoard()
    assert live.put(KEY, quote(20, 100))
    assert not live.put(KEY, quote(10, 50))
    assert live.put(KEY, quote(20, 101))
    assert live.quote(KEY, T0 + timedelta(minutes=1)) == quote(20, 101)
    assert len(live.path(KEY, 0, T0 + timedelta(minutes=1))) == 1


def test_the_board_remembers_only_so_many():
    live = QuoteBoard(history=3)
    for second in range(10):
        live.put(KEY, quote(second))
    assert live.path(KEY, 0, T0 + timedelta(minutes=1)).at_ns.tolist() == [quote(s).at_ns for s in (7, 8, 9)]


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=20, unique=True), st.integers(0, 6_000))
def test_tape_and_board_agree_at_every_time(offsets, now_us):
    quotes = [Quote(1_000 * offset, 1.0, 2.0, 1.0, 1.0) for offset in sorted(offsets)]
    now = from_ns(now_us * 1_000)
    recorded, live = tape(*quotes), board(*quotes)
    assert recorded.quote(KEY, now) == live.quote(KEY, now)
    assert recorded.path(KEY, 2_000_000, now).at_ns.tolist() == live.path(KEY, 2_000_000, now).at_ns.tolist()
