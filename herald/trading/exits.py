# ruff: noqa: PLR0917 - a kernel takes plain numbers by position
"""Kernels that decide when a position is closed.

A position is worth its closing price: the bid for a long, the ask for a short. Where several rules hold at one quote,
the one that puts the trade in the worse light is named, in the order stop, trailing stop, time, profit; the price is
that of the quote, never the better one of the rule.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herald.market.compiled import kernel
from herald.taxonomy import Reason

STAY, STOP_LOSS, TRAILING_STOP, TIME_LIMIT, TAKE_PROFIT = 0, 1, 2, 3, 4
EXIT_REASONS = {
    STOP_LOSS: Reason.STOP_LOSS,
    TRAILING_STOP: Reason.TRAILING_STOP,
    TIME_LIMIT: Reason.TIME_LIMIT,
    TAKE_PROFIT: Reason.TAKE_PROFIT,
}

_BPS = 1e4
_ALMOST_BPS = 1e-9


@kernel
def exit_step(
    side_sign: int,
    entry: float,
    peak_bps: float,
    bid: float,
    ask: float,
    age_ns: int,
    take_profit_bps: float,
    stop_loss_bps: float,
    trail_bps: float,
    trail_after_bps: float,
    flat_after_ns: int,
) -> tuple[int, float, float]:
    """Look at a position at one quote; returns exit code, closing price and new peak.

    ``peak_bps`` is the best gain so far in basis points of the entry, at least 0. The trailing stop is armed once
    the peak has reached ``trail_after_bps``. A distance of 0 switches its rule off.
    """
    price = bid if side_sign > 0 else ask
    gain_bps = side_sign * (price - entry) / entry * _BPS
    peak = max(peak_bps, gain_bps)
    code = STAY
    if stop_loss_bps > 0.0 and gain_bps <= -stop_loss_bps + _ALMOST_BPS:
        code = STOP_LOSS
    elif trail_bps > 0.0 and peak >= trail_after_bps - _ALMOST_BPS and peak - gain_bps >= trail_bps - _ALMOST_BPS:
        code = TRAILING_STOP
    elif age_ns >= flat_after_ns:
        code = TIME_LIMIT
    elif take_profit_bps > 0.0 and gain_bps >= take_profit_bps - _ALMOST_BPS:
        code = TAKE_PROFIT
    return code, price, peak


@kernel
def exit_scan(
    side_sign: int,
    entry: float,
    opened_ns: int,
    peak_bps: float,
    at_ns: NDArray[np.int64],
    bid: NDArray[np.float64],
    ask: NDArray[np.float64],
    take_profit_bps: float,
    stop_loss_bps: float,
    trail_bps: float,
    trail_after_bps: float,
    flat_after_ns: int,
) -> tuple[int, int, float, float]:
    """Look at a position at n quotes in time order; returns exit code, index, closing price and peak.

    Where nothing is due the code is ``STAY``, the index -1 and the price the last one (0 for no quotes).
    """
    peak, price = peak_bps, 0.0
    for i in range(at_ns.shape[0]):
        code, price, peak = exit_step(
            side_sign,
            entry,
            peak,
            bid[i],
            ask[i],
            at_ns[i] - opened_ns,
            take_profit_bps,
            stop_loss_bps,
            trail_bps,
            trail_after_bps,
            flat_after_ns,
        )
        if code != STAY:
            return code, i, price, peak
    return STAY, -1, price, peak


@kernel
def exit_many(
    side_signs: NDArray[np.int64],
    entries: NDArray[np.float64],
    opened_ns: NDArray[np.int64],
    at_ns: NDArray[np.int64],
    bid: NDArray[np.float64],
    ask: NDArray[np.float64],
    take_profit_bps: float,
    stop_loss_bps: float,
    trail_bps: float,
    trail_after_bps: float,
    flat_after_ns: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Follow n positions along one path, each from the quote after its opening; returns n codes, indices, prices."""
    n = entries.shape[0]
    codes, indices, prices = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty(n)
    for i in range(n):
        start = np.searchsorted(at_ns, opened_ns[i], side="right")
        code, index, price, _ = exit_scan(
            side_signs[i],
            entries[i],
            opened_ns[i],
            0.0,
            at_ns[start:],
            bid[start:],
            ask[start:],
            take_profit_bps,
            stop_loss_bps,
            trail_bps,
            trail_after_bps,
            flat_after_ns,
        )
        codes[i], prices[i] = code, price
        indices[i] = start + index if code != STAY else -1
    return codes, indices, prices
