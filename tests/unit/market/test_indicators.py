from __future__ import annotations

import math

import numpy as np
import pytest

from herald.market.indicators import ewma_step, ewma_volatility_bps, mid_returns_bps, move_after_bps


def test_returns_are_in_basis_points_and_begin_at_zero():
    assert mid_returns_bps(np.array([100.0, 101.0, 100.0])).tolist() == pytest.approx([0.0, 100.0, -99.00990099])


def test_volatility_of_a_constant_move_is_that_move():
    mids = 100.0 * 1.001 ** np.arange(10)
    assert ewma_volatility_bps(mids, 5.0)[1:] == pytest.approx(10.0)


def test_a_quiet_half_life_halves_the_variance():
    assert ewma_step(8.0, 0.0, 1.0) == pytest.approx(4.0)
    quiet = ewma_volatility_bps(np.array([100.0, 101.0, 101.0]), 1.0)
    assert quiet[2] == pytest.approx(quiet[1] / math.sqrt(2))


def test_a_move_is_measured_from_what_was_known_at_the_start():
    at, mids = np.array([0, 60, 120], dtype=np.int64), np.array([100.0, 102.0, 104.0])
    assert move_after_bps(at, mids, 59, 61) == pytest.approx(400.0)
    assert move_after_bps(at, mids, 60, 30) == 0.0
    assert math.isnan(move_after_bps(at, mids, -1, 10))
