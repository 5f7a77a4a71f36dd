"""Kernels for what trading costs: fees, half the spread, slippage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herald.market.compiled import kernel

_BPS = 1e4


@kernel
def fee(quantity: float, price: float, fee_bps: float) -> float:
    """Return the fee of a fill, in quote currency."""
    return quantity * price * fee_bps / _BPS


@kernel
def half_spread_bps(bid: float, ask: float) -> float:
    """Return the distance from mid to touch, in basis points of the mid."""
    return (ask - bid) / (ask + bid) * _BPS


@kernel
def slippage_bps(side_sign: int, price: float, mid: float) -> float:
    """Return a price against the mid at decision in basis points, positive where it cost money."""
    return side_sign * (price - mid) / mid * _BPS


@kernel
def net_bps(side_sign: int, entry: float, leave: float, fee_bps: float) -> float:
    """Return what a round trip earned in basis points of the entry, after the fee of both ways."""
    return side_sign * (leave - entry) / entry * _BPS - fee_bps * (1.0 + leave / entry)


@kernel
def slippages_bps(
    side_signs: NDArray[np.int64], prices: NDArray[np.float64], mids: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the slippage of n fills."""
    out = np.empty(prices.shape[0])
    for i in range(prices.shape[0]):
        out[i] = slippage_bps(side_signs[i], prices[i], mids[i])
    return out


@kernel
def fees(quantities: NDArray[np.float64], prices: NDArray[np.float64], fee_bps: float) -> NDArray[np.float64]:
    """Return the fee of n fills, in quote currency."""
    out = np.empty(prices.shape[0])
    for i in range(prices.shape[0]):
        out[i] = fee(quantities[i], prices[i], fee_bps)
    return out
