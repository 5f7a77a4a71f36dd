"""Bars of one instrument, and the quotes that become known from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from herald.market.quotes import QuotePath
from herald.nanoseconds import NS_PER_S

MINUTE_NS = 60 * NS_PER_S
_BPS = 1e4


class BarsError(ValueError):
    """Bars that cannot be used. ``row`` counts from 0, None where no single row is to blame."""

    def __init__(self, row: int | None, problem: str) -> None:
        """Say which row, what is wrong with it and what to do."""
        self.row = row
        self.problem = problem
        super().__init__(problem if row is None else f"row {row}: {problem}")


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars in time order. Arrays of one length n: int64 ns of the opening, then float64.

    ``volume`` is in base units. A bar is known only when it is complete: at ``open_ns + interval_ns``.
    """

    open_ns: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    interval_ns: int = MINUTE_NS

    def __len__(self) -> int:
        """Return the number of bars."""
        return int(self.open_ns.shape[0])


def check_bars(bars: Bars) -> None:
    """Refuse bars that are ragged, unsorted, repeated, not finite, negative or inconsistent. Raises ``BarsError``."""
    columns = {"open": bars.open, "high": bars.high, "low": bars.low, "close": bars.close, "volume": bars.volume}
    for name, column in columns.items():
        if column.shape != bars.open_ns.shape:
            raise BarsError(None, f"{name} has {column.shape[0]} values for {len(bars)} times; give one a bar")
        _refuse_where(~np.isfinite(column), f"{name} is missing or not a number; fill or remove the row")
        if name == "volume":
            _refuse_where(column < 0, "volume is negative; remove the row")
        else:
            _refuse_where(column <= 0, f"{name} is not above zero; remove the row")
    steps = np.diff(bars.open_ns, prepend=bars.open_ns[:1] - 1)
    _refuse_where(steps == 0, "its time is that of the row before; keep one of the two")
    _refuse_where(steps < 0, "its time is before that of the row before; sort the rows by time")
    _refuse_where(
        (steps < bars.interval_ns) & (np.arange(len(bars)) > 0), "it overlaps the bar before; check the interval"
    )
    outside = (np.maximum(bars.open, bars.close) > bars.high) | (np.minimum(bars.open, bars.close) < bars.low)
    _refuse_where(outside, "open or close lies outside low and high; the columns may be in another order")


def quotes_from_bars(bars: Bars, half_spread_bps: float, depth_share: float) -> QuotePath:
    """Make a quote of every bar, known when the bar is complete.

    The mid is the close, the spread ``2 x half_spread_bps`` around it, and the size on either side ``depth_share`` of
    the bar's volume. Raises ``BarsError``.
    """
    if half_spread_bps < 0 or depth_share < 0:
        raise BarsError(None, f"half spread {half_spread_bps} and depth share {depth_share} must not be negative")
    check_bars(bars)
    half = half_spread_bps / _BPS
    size = bars.volume * depth_share
    return QuotePath(
        bars.open_ns + np.int64(bars.interval_ns), bars.close * (1.0 - half), bars.close * (1.0 + half), size, size
    )


def _refuse_where(wrong: NDArray[np.bool_], problem: str) -> None:
    if wrong.any():
        raise BarsError(int(np.argmax(wrong)), problem)
