"""Amounts of money and coins as headlines write them: ``$220M``, ``$1.5 billion``, ``162,000,000 USDC``, ``40%``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mln": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "bln": 1e9,
    "billion": 1e9, "t": 1e12, "tn": 1e12, "trillion": 1e12,
}  # fmt: skip
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_DOLLARS = frozenset({"usd", "dollar", "dollars", "usdt", "usdc", "dai", "busd"})
# Rough worth of one unit in USD: enough to choose a step of severity, never to book money.
_USD_WORTH = {"USD": 1.0, "EUR": 1.1, "GBP": 1.3, "JPY": 0.0067}
_AMOUNT = re.compile(
    r"(?<![\w.])(?P<sign>(?:us|c|a|hk|s)?[$€£¥])?\s?(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:[\s-]?(?P<scale>thousand|million|billion|trillion|mln|bln|mn|bn|tn|k|m|b|t)(?![a-z]))?"
    r"(?:\s?(?P<unit>%|[a-z]{2,10}\b))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number with its unit: a currency code, ``%``, the lower-case word that follows, or empty."""

    value: float
    unit: str

    @property
    def usd(self) -> float | None:
        """Worth in USD, roughly; None where the unit is not a currency."""
        worth = _USD_WORTH.get(self.unit)
        return None if worth is None else self.value * worth

    @property
    def token(self) -> str:
        """Three significant digits: equal for ``$2.5B`` and ``2.5 billion dollars``."""
        return f"{self.value:.3g}"


def amounts_in(text: str) -> tuple[Amount, ...]:
    """Find all amounts in order of appearance."""
    return tuple(_amount(match) for match in _AMOUNT.finditer(text))


def usd_in(text: str) -> float | None:
    """Return the first amount of money named in a text, in USD; None where none is. Totals tend to come second."""
    return next((amount.usd for amount in amounts_in(text) if amount.usd is not None), None)


def _amount(match: re.Match[str]) -> Amount:
    value = float(match["number"].replace(",", "")) * _SCALES.get((match["scale"] or "").lower(), 1.0)
    unit = (match["unit"] or "").lower()
    if match["sign"]:
        return Amount(value, _SIGNS[match["sign"][-1]])
    return Amount(value, "USD" if unit in _DOLLARS else unit)
