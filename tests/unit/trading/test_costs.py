from __future__ import annotations

import numpy as np
import pytest

from herald.trading import costs


def test_a_fee_is_basis_points_of_the_notional():
    assert costs.fee(2.0, 100.0, 4.0) == pytest.approx(0.08)


def test_half_the_spread_is_measured_from_the_mid():
    assert costs.half_spread_bps(99.0, 101.0) == pytest.approx(100.0)


@pytest.mark.parametrize(("sign", "price", "cost"), [(1, 101.0, 100.0), (1, 99.0, -100.0), (-1, 99.0, 100.0)])
def test_slippage_is_positive_where_it_cost_money(sign, price, cost):
    assert costs.slippage_bps(sign, price, 100.0) == pytest.approx(cost)


def test_a_round_trip_pays_the_fee_twice():
    assert costs.net_bps(1, 100.0, 101.0, 4.0) == pytest.approx(100.0 - 4.0 * 2.01)
    assert costs.net_bps(-1, 100.0, 101.0, 0.0) == pytest.approx(-100.0)


def test_the_loops_agree_with_the_single_kernels():
    signs, prices, mids = np.array([1, -1]), np.array([101.0, 98.0]), np.array([100.0, 100.0])
    assert costs.slippages_bps(signs, prices, mids).tolist() == pytest.approx([100.0, 200.0])
    assert costs.fees(np.array([1.0, 2.0]), prices, 10.0).tolist() == pytest.approx([0.101, 0.196])
