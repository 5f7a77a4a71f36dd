"""Amounts of money and coins as headlines write them: ``$220M``, ``$1.5 billion``, ``162,000,000 USDC``, ``40%``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mln": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9, "bln": 1e9,
    "billion": 1e9, "t": 1e12, "tn": 1e12, "trillion": 1e12,
}  # fmt: skip
WORDS_ABOUT_CHARS = 48

_SIGNS = {"$": "USD", "us$": "USD", "c$": "CAD", "a$": "AUD", "hk$": "HKD", "s$": "SGD", "€": "EUR", "£": "GBP",
          "¥": "JPY"}  # fmt: skip
_CURRENCIES = {
    "usd": "USD", "dollar": "USD", "dollars": "USD", "usdt": "USD", "usdc": "USD", "dai": "USD", "busd": "USD",
    "eur": "EUR", "euro": "EUR", "euros": "EUR", "gbp": "GBP", "yen": "JPY", "jpy": "JPY",
    "cad": "CAD", "aud": "AUD", "hkd": "HKD", "sgd": "SGD", "krw": "KRW",
}  # fmt: skip
# Rough worth of one unit in USD: enough to tell how severe an event is, never to book money.
_USD_WORTH = {
    "USD": 1.0, "EUR": 1.1, "GBP": 1.3, "JPY": 0.0067, "CAD": 0.73, "AUD": 0.65, "HKD": 0.128, "SGD": 0.75,
    "KRW": 0.00072,
}  # fmt: skip
_AMOUNT = re.compile(
    r"(?<![\w.])(?P<sign>(?:us|c|a|hk|s)?[$€£¥])?\s?(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:[\s-]?(?P<scale>thousand|million|billion|trillion|mln|bln|mn|bn|tn|k|m|b|t)(?![a-z]))?"
    r"(?:\s?(?P<unit>%|[a-z]{2,10}\b))?",
    re.IGNORECASE,
)
# An amount that says how large a party is, what something is worth, or what it had been before: not what happened.
_SIZE_AFTER = re.compile(
    r"^[\s-]?(?:in (?:assets|aum)|market cap|tvl|valuation|aum|valued|price|level|"
    r"(?:\w+ )?(?:company|giant|firm|asset manager|startup|unicorn|fund|bank|exchange|protocol|industry)\b"
    r"(?!\W+(?:hack|exploit|heist|attack|theft|breach)))",
    re.IGNORECASE,
)
_SIZE_BEFORE = re.compile(
    r"(?:valued at|valuation of|market cap of|tvl of|priced? (?:at|of)|trad(?:es|ing) at|up from|down from|"
    r"compared (?:to|with)|versus|vs\.?)\s?$",
    re.IGNORECASE,
)
_RANGE_START = re.compile(r"\bfrom\s?$", re.IGNORECASE)
_RANGE_END = re.compile(r"^\s?to\s?(?:us|c|a|hk|s)?[$€£¥]?\d", re.IGNORECASE)


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


def amount_places(text: str) -> tuple[tuple[int, int], ...]:
    """Return where the amounts of a text stand, first and last character, each with its unit if that is a currency."""
    return tuple((match.start(), _end(match)) for match in _AMOUNT.finditer(text))


def usd_in(text: str) -> float | None:
    """Return the first amount of money that a text reports, in USD; None where it names none.

    Totals tend to come second. An amount that says how large a party is, or what a figure had been before, counts only
    where there is no other.
    """
    found = [(match, usd) for match in _AMOUNT.finditer(text) if (usd := _amount(match).usd) is not None]
    stated = (usd for match, usd in found if not _is_beside(text, match.start(), _end(match)))
    return next(stated, found[0][1] if found else None)


def _end(match: re.Match[str]) -> int:
    """Return where an amount ends: after its unit only where that is a currency."""
    if (match["unit"] or "").lower() in _CURRENCIES:
        return match.end()
    return match.end("scale") if match["scale"] else match.end("number")


def _is_beside(text: str, start: int, end: int) -> bool:
    """Tell an amount that is not what happened by the words about it."""
    before, after = text[max(0, start - WORDS_ABOUT_CHARS) : start], text[end : end + WORDS_ABOUT_CHARS]
    if _RANGE_START.search(before) and _RANGE_END.search(after):
        return True
    return _SIZE_BEFORE.search(before) is not None or _SIZE_AFTER.search(after) is not None


def _amount(match: re.Match[str]) -> Amount:
    value = float(match["number"].replace(",", "")) * _SCALES.get((match["scale"] or "").lower(), 1.0)
    unit = (match["unit"] or "").lower()
    if match["sign"]:
        sign = match["sign"].lower()
        return Amount(value, _SIGNS.get(sign, _SIGNS[sign[-1]]))
    return Amount(value, _CURRENCIES.get(unit, unit))
