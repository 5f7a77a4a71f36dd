"""Positions at average cost: what is held, what a fill realises, what the rest is worth."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from herald.taxonomy import Side

ZERO = Decimal(0)


class Position(BaseModel):
    """A net position. ``quantity`` is signed, ``average_price`` is what the open quantity cost on average."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quantity: Decimal = ZERO
    average_price: Decimal = ZERO

    def unrealised_usd(self, mark: Decimal) -> Decimal:
        """Return the profit at a price, before fees."""
        return self.quantity * (mark - self.average_price)


def with_fill(position: Position, side: Side, quantity: Decimal, price: Decimal) -> tuple[Position, Decimal]:
    """Apply a fill at average cost; returns the new position and the profit realised, before fees.

    What closes realises (price - average) x quantity; what goes beyond flat opens anew at the fill's price.
    """
    signed = quantity * side.sign
    if position.quantity * signed >= 0:
        total = position.quantity + signed
        cost = position.quantity * position.average_price + signed * price
        return Position(quantity=total, average_price=cost / total if total else ZERO), ZERO
    closed = min(quantity, abs(position.quantity))
    realised = closed * (price - position.average_price) * -side.sign
    remaining = position.quantity + signed
    if remaining == 0:
        return Position(), realised
    flipped = remaining * position.quantity < 0
    return Position(quantity=remaining, average_price=price if flipped else position.average_price), realised
