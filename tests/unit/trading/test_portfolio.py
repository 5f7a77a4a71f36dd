from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.taxonomy import Side
from herald.trading.portfolio import Position, with_fill

D = Decimal


def test_adding_averages_the_cost():
    position, realised = with_fill(Position(quantity=D(1), average_price=D(100)), Side.BUY, D(3), D(104))
    assert (position.quantity, position.average_price, realised) == (4, 103, 0)


def test_closing_realises_against_the_average():
    position, realised = with_fill(Position(quantity=D(4), average_price=D(100)), Side.SELL, D(1), D(110))
    assert (position.quantity, position.average_price, realised) == (3, 100, 10)


def test_a_short_gains_when_it_is_bought_back_cheaper():
    position, realised = with_fill(Position(quantity=D(-2), average_price=D(100)), Side.BUY, D(2), D(90))
    assert (position, realised) == (Position(), 20)


def test_what_goes_beyond_flat_opens_at_the_price_of_the_fill():
    position, realised = with_fill(Position(quantity=D(1), average_price=D(100)), Side.SELL, D(3), D(90))
    assert (position.quantity, position.average_price, realised) == (-2, 90, -10)


def test_open_profit_is_signed():
    assert Position(quantity=D(-2), average_price=D(100)).unrealised_usd(D(90)) == 20


@given(
    st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(1, 50), st.integers(1, 1_000)), max_size=30),
    st.integers(1, 1_000),
)
def test_realised_and_open_profit_are_the_cash_and_the_value_of_what_is_left(fills, mark):
    position, realised, cash = Position(), D(0), D(0)
    for side, quantity, price in fills:
        position, gained = with_fill(position, side, D(quantity), D(price))
        realised += gained
        cash -= side.sign * quantity * price
    assert position.quantity == sum(side.sign * quantity for side, quantity, _ in fills)
    total = realised + position.unrealised_usd(D(mark))
    assert float(total) == pytest.approx(float(cash + position.quantity * mark), abs=1e-9)
