"""How numbers and times are written for people."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

_NONE = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def usd(value: Decimal) -> str:
    """Write money with cents and a true minus sign."""
    return f"{value:,.2f}".replace("-", _MINUS)


def amount(value: Decimal | None) -> str:
    """Write a price or quantity without trailing zeros."""
    if value is None:
        return _NONE
    text = f"{value:,f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", _MINUS)


def figure(value: float | None, digits: int = 1) -> str:
    """Write a number, or a dash where there is none."""
    return _NONE if value is None else f"{value:,.{digits}f}".replace("-", _MINUS)


def share(value: float | None) -> str:
    """Write a share as a percentage, or a dash where there is none."""
    return _NONE if value is None else f"{value:.1%}"


def moment(value: datetime | None) -> str:
    """Write a time to the second, or a dash where there is none."""
    return _NONE if value is None else f"{value:%Y-%m-%d %H:%M:%S}"
