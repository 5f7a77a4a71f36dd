"""Kernels on mids: returns, volatility, and what happened after a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herald.market.compiled import kernel

_BPS = 1e4


@kernel
def mid_returns_bps(mids: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the simple returns of n mids in basis points: n values, the first 0."""
    out = np.zeros(mids.shape[0])
    for i in range(1, mids.shape[0]):
        out[i] = (mids[i] / mids[i - 1] - 1.0) * _BPS
    return out


@kernel
def ewma_step(variance: float, value: float, half_life: float) -> float:
    """Move an exponentially weighted variance on by one return; ``half_life`` is in steps."""
    keep: float = 0.5 ** (1.0 / half_life)
    return keep * variance + (1.0 - keep) * value * value


@kernel
def ewma_volatility_bps(mids: NDArray[np.float64], half_life: float) -> NDArray[np.float64]:
    """Return the exponentially weighted volatility of n mids, in basis points a step: n values, the first 0.

    RiskMetrics form: variance_t = w variance_(t-1) + (1 - w) r_t^2 with w = 2^(-1/half_life), begun at the first
    squared return.
    """
    out = np.zeros(mids.shape[0])
    variance = 0.0
    for i in range(1, mids.shape[0]):
        value = (mids[i] / mids[i - 1] - 1.0) * _BPS
        variance = value * value if i == 1 else ewma_step(variance, value, half_life)
        out[i] = np.sqrt(variance)
    return out


@kernel
def move_after_bps(at_ns: NDArray[np.int64], mids: NDArray[np.float64], start_ns: int, horizon_ns: int) -> float:
    """Return the move in basis points from the last mid at ``start_ns`` to the last at ``start_ns + horizon_ns``.

    NaN where nothing was known at the start. No quote in between means no move.
    """
    first = np.searchsorted(at_ns, start_ns, side="right") - 1
    last = np.searchsorted(at_ns, start_ns + horizon_ns, side="right") - 1
    if first < 0:
        return np.nan
    return float((mids[last] / mids[first] - 1.0) * _BPS)
