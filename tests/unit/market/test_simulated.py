from __future__ import annotations

import pytest

from herald.market.simulated import REACH_BPS, Shock, SimulatedAsset, SimulatedState, shock, step
from herald.taxonomy import Direction

S = 1_000_000_000
BTC, SOL = "paper:BTCUSDT", "paper:SOLUSDT"


def calm() -> SimulatedState:
    return SimulatedState(
        at_ns=0,
        seed=7,
        assets={
            BTC: SimulatedAsset(100_000.0, 0.1, volatility_bps=0.0, leader=True),
            SOL: SimulatedAsset(150.0, 0.01, volatility_bps=0.0, beta=1.5),
        },
    )


def run(state: SimulatedState, steps: int, shocks=()) -> tuple[SimulatedState, dict]:
    state, quotes = step(state, S, shocks)
    for _ in range(steps - 1):
        state, quotes = step(state, S)
    return state, quotes


def test_the_same_seed_makes_the_same_market():
    noisy = SimulatedState(0, 3, {BTC: SimulatedAsset(100.0, 0.01, volatility_bps=5.0)})
    assert run(noisy, 50) == run(noisy, 50)
    other = SimulatedState(0, 4, noisy.assets)
    assert run(noisy, 50)[1] != run(other, 50)[1]


def test_a_market_goes_on_from_its_state_alone():
    noisy = SimulatedState(0, 3, {BTC: SimulatedAsset(100.0, 0.01, volatility_bps=5.0)})
    half, _ = run(noisy, 10)
    assert run(half, 10) == run(noisy, 20)


@pytest.mark.parametrize(("direction", "sign"), [(Direction.BULL, 1), (Direction.BEAR, -1)])
def test_a_shock_jumps_and_then_drifts_to_its_reach(direction, sign):
    state, soon = run(calm(), 1, [Shock(SOL, direction, 1.0)])
    _, late = run(state, 300)
    moved = [(quotes[SOL].mid / 150.0 - 1) * 1e4 * sign for quotes in (soon, late)]
    assert 0 < moved[0] < moved[1]
    assert moved[1] == pytest.approx(REACH_BPS, rel=0.05)


def test_a_shock_widens_the_spread_and_thins_the_book_for_a_while():
    before = run(calm(), 1)[1][SOL]
    state, struck = run(calm(), 1, [Shock(SOL, Direction.BULL, 1.0)])
    _, after = run(state, 600)
    assert struck[SOL].ask - struck[SOL].bid > before.ask - before.bid
    assert struck[SOL].bid_size < before.bid_size
    assert after[SOL].ask_size == pytest.approx(before.ask_size * 150.0 / after[SOL].mid, rel=0.01)


def test_the_leader_takes_the_others_along_and_not_the_reverse():
    by_leader = run(calm(), 300, [Shock(BTC, Direction.BEAR, 1.0)])[1]
    by_other = run(calm(), 300, [Shock(SOL, Direction.BEAR, 1.0)])[1]
    assert by_leader[SOL].mid < 149.0
    assert by_other[BTC].mid == pytest.approx(100_000.0, rel=1e-5)


def test_an_unknown_direction_stresses_without_moving():
    state = shock(calm(), SOL, Direction.UNKNOWN, 1.0)
    assert state.assets[SOL].price == 150.0
    assert state.assets[SOL].stress == 1.0


def test_news_of_an_unknown_instrument_changes_nothing():
    assert shock(calm(), "paper:NOPE", Direction.BULL, 1.0) == calm()


def test_quotes_lie_on_the_tick_and_never_cross():
    quotes = run(calm(), 20, [Shock(SOL, Direction.BULL, 0.7)])[1]
    for key, tick in ((BTC, 0.1), (SOL, 0.01)):
        assert quotes[key].ask >= quotes[key].bid + tick * 0.999
        assert quotes[key].bid / tick == pytest.approx(round(quotes[key].bid / tick), abs=1e-6)
