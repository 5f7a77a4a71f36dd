"""Quantities in whole lots, prices on the tick, and floats as decimals."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from herald.taxonomy import Side

_SIGNIFICANT_DIGITS = 12


def decimal_of(value: float) -> Decimal:
    """Write a float as a decimal of twelve significant digits, beyond which a price holds only noise."""
    return Decimal(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def down_to_lot(quantity: Decimal, lot: Decimal) -> Decimal:
    """Round a quantity down to whole lots."""
    return (quantity / lot).to_integral_value(ROUND_FLOOR) * lot


def nearest_lot(quantity: float, lot: Decimal) -> Decimal:
    """Turn a simulated quantity, which is in whole lots but for the rounding of floats, into a booked one."""
    return (decimal_of(quantity) / lot).to_integral_value(ROUND_HALF_EVEN) * lot


def is_whole(value: Decimal, unit: Decimal) -> bool:
    """True where ``value`` is a multiple of ``unit``."""
    return value % unit == 0


def worst_tick(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """Round a price to the tick that is worse for the side: up for a buyer, down for a seller."""
    return _to_tick(price, tick, ROUND_CEILING if side is Side.BUY else ROUND_FLOOR)


def limit_within(touch: Decimal, cap_bps: float, tick: Decimal, side: Side) -> Decimal:
    """Return the limit price that is at most ``cap_bps`` beyond the touch, on the tick within."""
    limit = touch * (1 + side.sign * decimal_of(cap_bps) / 10_000)
    return _to_tick(limit, tick, ROUND_FLOOR if side is Side.BUY else ROUND_CEILING)


def _to_tick(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    return (price / tick).to_integral_value(rounding) * tick
