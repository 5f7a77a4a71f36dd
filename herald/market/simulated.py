"""A made market for demonstrations: a seeded random walk that reacts to news.

All assets share a common factor through their betas. A shock moves the price at once by a part of its reach and then
drifts on, ever slower; meanwhile the spread is wider and the book thinner. Noise comes from a counter-based
generator keyed by seed and step, so a state alone determines all that follows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from herald.market.quotes import Quote
from herald.nanoseconds import NS_PER_S
from herald.taxonomy import Direction

REACH_BPS = 180.0
"""How far a shock of severity 1 moves a price in the end, in basis points."""
JUMP_SHARE = 0.35
DRIFT_HALF_LIFE_S = 20.0
STRESS_HALF_LIFE_S = 30.0
STRESS_SPREAD = 4.0
STRESS_DEPTH = 0.8
LEADER_SPILL = 0.7
_BPS = 1e4


@dataclass(frozen=True, slots=True)
class SimulatedAsset:
    """One asset's price and mood. Spread and volatility in basis points, the latter a square root of a second.

    ``pending_bps`` is the part of a shock that is still to come; ``stress`` is 0 in calm and near 1 just after a
    shock of severity 1. A ``leader`` takes the others along by their betas.
    """

    price: float
    tick: float
    depth_usd: float = 250_000.0
    half_spread_bps: float = 0.6
    volatility_bps: float = 0.8
    beta: float = 1.0
    leader: bool = False
    pending_bps: float = 0.0
    stress: float = 0.0


@dataclass(frozen=True, slots=True)
class SimulatedState:
    """The whole market at a time, by instrument key."""

    at_ns: int
    seed: int
    assets: Mapping[str, SimulatedAsset]
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Shock:
    """News that reaches an instrument."""

    instrument_key: str
    direction: Direction
    severity: float


def step(state: SimulatedState, dt_ns: int, shocks: Sequence[Shock] = ()) -> tuple[SimulatedState, dict[str, Quote]]:
    """Move the market on by ``dt_ns`` after the shocks; returns the new state and a quote of every asset."""
    for one in shocks:
        state = shock(state, one.instrument_key, one.direction, one.severity)
    at_ns = state.at_ns + dt_ns
    noise = np.random.Generator(np.random.Philox(key=state.seed, counter=state.steps)).standard_normal(
        len(state.assets) + 1
    )
    seconds = dt_ns / NS_PER_S
    assets = {
        key: _moved(asset, seconds, float(noise[0]), float(own))
        for (key, asset), own in zip(state.assets.items(), noise[1:], strict=True)
    }
    quotes = {key: quote_of(asset, at_ns) for key, asset in assets.items()}
    return replace(state, at_ns=at_ns, assets=assets, steps=state.steps + 1), quotes


def shock(state: SimulatedState, instrument_key: str, direction: Direction, severity: float) -> SimulatedState:
    """Let news reach an instrument, and through a leader all others. An unknown instrument changes nothing."""
    struck = state.assets.get(instrument_key)
    if struck is None:
        return state
    sign = {Direction.BULL: 1.0, Direction.BEAR: -1.0, Direction.UNKNOWN: 0.0}[direction]
    assets = {}
    for key, asset in state.assets.items():
        share = 1.0 if key == instrument_key else LEADER_SPILL * asset.beta if struck.leader else 0.0
        assets[key] = _struck(asset, sign * severity * share, severity * min(1.0, share))
    return replace(state, assets=assets)


def quote_of(asset: SimulatedAsset, at_ns: int) -> Quote:
    """Quote an asset on its tick, never with less than one tick between bid and ask."""
    half = asset.half_spread_bps * (1.0 + STRESS_SPREAD * asset.stress) / _BPS
    bid = max(asset.tick, math.floor(asset.price * (1.0 - half) / asset.tick) * asset.tick)
    ask = max(bid + asset.tick, math.ceil(asset.price * (1.0 + half) / asset.tick) * asset.tick)
    size = asset.depth_usd * (1.0 - STRESS_DEPTH * asset.stress) / asset.price
    return Quote(at_ns, round(bid, 10), round(ask, 10), size, size)


def _struck(asset: SimulatedAsset, push: float, stress: float) -> SimulatedAsset:
    reach = push * REACH_BPS
    return replace(
        asset,
        price=asset.price * (1.0 + JUMP_SHARE * reach / _BPS),
        pending_bps=asset.pending_bps + (1.0 - JUMP_SHARE) * reach,
        stress=min(1.0, asset.stress + stress),
    )


def _moved(asset: SimulatedAsset, seconds: float, common: float, own: float) -> SimulatedAsset:
    kept = 0.5 ** (seconds / DRIFT_HALF_LIFE_S)
    drift_bps = asset.pending_bps * (1.0 - kept)
    scale_bps = asset.volatility_bps * math.sqrt(seconds)
    noise_bps = scale_bps * (0.7 * asset.beta * common + 0.7 * own)
    return replace(
        asset,
        price=asset.price * math.exp((drift_bps + noise_bps) / _BPS),
        pending_bps=asset.pending_bps * kept,
        stress=asset.stress * 0.5 ** (seconds / STRESS_HALF_LIFE_S),
    )
