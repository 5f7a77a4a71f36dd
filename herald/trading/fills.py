# ruff: noqa: PLR0917 - a kernel takes plain numbers by position
"""Kernels that match an order against the top of the book.

One ``fill`` serves live paper trading with one quote, and backtests through ``fill_many`` and ``fill_window``. An order
takes at most the size at the touch. What it takes moves its own average price: a taker of the share s of that size
pays ``impact_bps x s`` more than the touch. A limit order never pays more than its limit: it takes less instead. A
resting limit order is filled at its limit, as a maker, when the touch reaches it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from herald.market.compiled import kernel
from herald.taxonomy import OrderType, TimeInForce

MARKET, LIMIT = 0, 1
GTC, IOC, FOK = 0, 1, 2
ORDER_TYPE_CODES = {OrderType.MARKET: MARKET, OrderType.LIMIT: LIMIT}
TIF_CODES = {TimeInForce.GTC: GTC, TimeInForce.IOC: IOC, TimeInForce.FOK: FOK}

RESTS, RESTS_IN_PART, FILLED, EXPIRED_IN_PART, EXPIRED, KILLED = 0, 1, 2, 3, 4, 5
"""Outcomes: the first two leave the order open, the others end it."""

_BPS = 1e4
_ALMOST = 1e-9


@kernel
def whole_lots(quantity: float, lot: float) -> float:
    """Round a quantity down to whole lots, forgiving the rounding of floats."""
    lots: float = np.floor(quantity / lot + _ALMOST)
    return lots * lot


@kernel
def takeable(
    side_sign: int, order_type: int, quantity: float, limit_price: float, touch: float, size: float, impact_bps: float
) -> float:
    """Return how much an arriving order can take at the touch within its limit."""
    taken = min(quantity, size)
    if order_type == LIMIT:
        room_bps = side_sign * (limit_price - touch) / touch * _BPS
        if room_bps < -_ALMOST:
            return 0.0
        if impact_bps > 0.0:
            taken = min(taken, max(room_bps, 0.0) / impact_bps * size)
    return taken


@kernel
def fill(
    side_sign: int,
    order_type: int,
    tif: int,
    quantity: float,
    limit_price: float,
    bid: float,
    ask: float,
    bid_size: float,
    ask_size: float,
    impact_bps: float,
    lot: float,
    resting: bool,
) -> tuple[float, float, int]:
    """Match one order against one quote; returns quantity filled, average price (0 where none) and outcome."""
    touch = ask if side_sign > 0 else bid
    size = ask_size if side_sign > 0 else bid_size
    taken = 0.0
    if touch > 0.0 and bid <= ask and size > 0.0 and quantity > 0.0:
        if not resting or order_type == MARKET:
            taken = takeable(side_sign, order_type, quantity, limit_price, touch, size, impact_bps)
        elif side_sign * (limit_price - touch) >= 0.0:
            taken = min(quantity, size)
    taken = whole_lots(taken, lot)
    full = taken >= quantity - _ALMOST * lot
    if tif == FOK and not full:
        return 0.0, 0.0, KILLED
    if taken <= 0.0:
        return 0.0, 0.0, RESTS if tif == GTC else EXPIRED
    price = limit_price
    if not resting or order_type == MARKET:
        price = touch * (1.0 + side_sign * impact_bps / _BPS * taken / size)
    if full:
        return quantity, price, FILLED
    return taken, price, RESTS_IN_PART if tif == GTC else EXPIRED_IN_PART


@kernel
def fill_many(
    side_signs: NDArray[np.int64],
    order_type: int,
    tif: int,
    quantities: NDArray[np.float64],
    limit_prices: NDArray[np.float64],
    bid: NDArray[np.float64],
    ask: NDArray[np.float64],
    bid_size: NDArray[np.float64],
    ask_size: NDArray[np.float64],
    impact_bps: float,
    lot: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Match n arriving orders, each against its own quote; returns n quantities, prices and outcomes."""
    n = quantities.shape[0]
    filled, prices, outcomes = np.empty(n), np.empty(n), np.empty(n, dtype=np.int64)
    for i in range(n):
        filled[i], prices[i], outcomes[i] = fill(
            side_signs[i],
            order_type,
            tif,
            quantities[i],
            limit_prices[i],
            bid[i],
            ask[i],
            bid_size[i],
            ask_size[i],
            impact_bps,
            lot,
            False,  # noqa: FBT003 - a kernel takes positions
        )
    return filled, prices, outcomes


@kernel
def fill_window(
    side_sign: int,
    order_type: int,
    tif: int,
    quantity: float,
    limit_price: float,
    bid: NDArray[np.float64],
    ask: NDArray[np.float64],
    bid_size: NDArray[np.float64],
    ask_size: NDArray[np.float64],
    impact_bps: float,
    lot: float,
    resting: bool,
) -> tuple[float, float, int, int]:
    """Match one order against quotes in time order until it ends.

    Returns quantity filled, average price (0 where none), outcome, and the index of the last quote that filled it or
    ended it (-1 where none did).
    """
    filled, spent, last, outcome = 0.0, 0.0, -1, RESTS
    for i in range(bid.shape[0]):
        taken, price, outcome = fill(
            side_sign,
            order_type,
            tif,
            quantity - filled,
            limit_price,
            bid[i],
            ask[i],
            bid_size[i],
            ask_size[i],
            impact_bps,
            lot,
            resting or i > 0,
        )
        filled += taken
        spent += taken * price
        if taken > 0.0 or outcome >= FILLED:
            last = i
        if outcome >= FILLED:
            break
    if filled > 0.0 and outcome == RESTS:
        outcome = RESTS_IN_PART
    return filled, spent / filled if filled > 0.0 else 0.0, outcome, last


@kernel
def next_match(
    side_sign: int,
    order_type: int,
    limit_price: float,
    bid: NDArray[np.float64],
    ask: NDArray[np.float64],
    bid_size: NDArray[np.float64],
    ask_size: NDArray[np.float64],
    lot: float,
) -> int:
    """Return the index of the first quote that fills at least one lot of a resting order; -1 where none does."""
    for i in range(bid.shape[0]):
        taken, _, _ = fill(
            side_sign,
            order_type,
            GTC,
            lot,
            limit_price,
            bid[i],
            ask[i],
            bid_size[i],
            ask_size[i],
            0.0,
            lot,
            True,  # noqa: FBT003 - a kernel takes positions
        )
        if taken > 0.0:
            return i
    return -1
