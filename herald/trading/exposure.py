"""What the account could come to hold if every order that it has out were filled."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from herald.taxonomy import Side
from herald.trading.portfolio import ZERO
from herald.trading.risk_state import RiskState


@dataclass(frozen=True, slots=True)
class Exposure:
    """One instrument, in USD: the signed position, and what orders may still buy and sell beyond it."""

    position_usd: Decimal
    buys_usd: Decimal
    sells_usd: Decimal

    @property
    def worst_usd(self) -> Decimal:
        """The largest absolute position that can come of it."""
        return max(self.position_usd + self.buys_usd, self.sells_usd - self.position_usd)

    def on(self, side: Side) -> Decimal:
        """Return the position in the direction of a side if its orders fill; negative where it is on the other."""
        if side is Side.BUY:
            return self.position_usd + self.buys_usd
        return self.sells_usd - self.position_usd


def exposure_of(state: RiskState, instrument_key: str, price: Decimal | None = None) -> Exposure:
    """Return the exposure in an instrument, its position valued at ``price`` or at its mark.

    Orders that only reduce are not counted: they can do nothing but shrink it.
    """
    held = state.positions.get(instrument_key)
    value = held.quantity * (state.mark_of(instrument_key) if price is None else price) if held else ZERO
    opening = [
        one for one in state.reservations.values() if one.instrument_key == instrument_key and not one.reduce_only
    ]
    buys = sum((one.remaining * one.price for one in opening if one.side is Side.BUY), ZERO)
    sells = sum((one.remaining * one.price for one in opening if one.side is Side.SELL), ZERO)
    return Exposure(value, buys, sells)


def exposed_keys(state: RiskState) -> set[str]:
    """Return the instruments that are held or may come to be."""
    opening = {one.instrument_key for one in state.reservations.values() if not one.reduce_only}
    return opening | set(state.positions)


def gross_usd(state: RiskState) -> Decimal:
    """Return the largest sum of absolute positions that can come of the account's orders."""
    return sum((exposure_of(state, key).worst_usd for key in sorted(exposed_keys(state))), ZERO)


def reducible(state: RiskState, instrument_key: str, side: Side) -> Decimal:
    """Return how much an order on ``side`` may close that no other order is closing already."""
    held = state.positions.get(instrument_key)
    if held is None or held.quantity * side.sign >= 0:
        return ZERO
    closing = sum(
        (
            one.remaining
            for one in state.reservations.values()
            if one.instrument_key == instrument_key and one.reduce_only and one.side is side
        ),
        ZERO,
    )
    return max(ZERO, abs(held.quantity) - closing)
