"""What a venue's announcement lists: which assets, on which market, and when trading opens."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal

from herald.news.entities import JOINED_QUOTES, QUOTES

ASSETS_MAX = 20
OPENING_AHEAD_MAX = timedelta(days=7)

_NAMED = re.compile(r"\(([A-Z0-9]{1,10})\)")
_PAIR = re.compile(r"\b([A-Z0-9]{2,10})/([A-Z]{3,5})\b")
_JOINED = re.compile(rf"\b([A-Z0-9]{{2,10}}?)[-_]?(?:{'|'.join(JOINED_QUOTES)})\b")
_CAPITALS = re.compile(r"(?<![\w(/-])([A-Z][A-Z0-9]{1,9})(?![\w/])")
_NOT_TICKERS = frozenset(
    {*QUOTES, "UTC", "NEW", "US", "EU", "UK", "VIP", "API", "AND", "OTC", "KYC", "NFT", "AMM", "FAQ", "ETF", "COIN",
     "SPOT", "P2P", "TRADING", "PAIRS", "OKX", "MEXC", "HTX", "CME", "FTX", "PERP", "BULL", "BEAR", "AM", "PM", "IEO",
     "APR", "DEFI", "FUTURES", "MARGIN", "LISTING", "LISTS", "WILL", "ON", "THE", "FOR"}
    - {"BTC", "ETH", "BNB", "XRP", "TRX"}
)  # fmt: skip
_OPENS_AT = re.compile(
    r"(?P<date>\d{4}[-/]\d{1,2}[-/]\d{1,2})[,\s]+(?:at\s+)?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?"
    r"\s?(?P<half>AM|PM|am|pm)?\s*\(?UTC"
)
_PERP = re.compile(r"perpetual|perps?\b|futures|contracts?\b|leverage", re.IGNORECASE)
_NOON = 12


def listed_assets(headline: str) -> tuple[str, ...]:
    """Return the tickers that a listing or removal names, in order: ``(LINK)``, bases of pairs, else capitals."""
    marked = [(match.start(), match[1]) for match in _NAMED.finditer(headline)]
    marked += [(match.start(), match[1]) for match in _PAIR.finditer(headline) if match[2] in QUOTES]
    marked += [(match.start(), match[1]) for match in _JOINED.finditer(headline) if match[1] not in _NOT_TICKERS]
    if not marked:
        marked = [(m.start(), m[1]) for m in _CAPITALS.finditer(headline) if m[1] not in _NOT_TICKERS]
    usable = (code for _, code in sorted(marked) if not code.isdigit() and code not in {"USD", "EUR", "UTC"})
    return tuple(dict.fromkeys(usable))[:ASSETS_MAX]


def market_of(headline: str) -> Literal["spot", "perp"]:
    """Tell a perpetual or future from spot by the words of the headline."""
    return "perp" if _PERP.search(headline) else "spot"


def listing_time(text: str, published_at: datetime) -> str:
    """Return ``immediate``, or ``T+Nm`` where the text states a later opening in UTC."""
    for match in _OPENS_AT.finditer(text):
        opens_at = _moment(match)
        if opens_at is not None and published_at < opens_at <= published_at + OPENING_AHEAD_MAX:
            minutes = -(-(opens_at - published_at) // timedelta(minutes=1))
            return f"T+{minutes}m"
    return "immediate"


def _moment(match: re.Match[str]) -> datetime | None:
    hour = int(match["hour"])
    half = (match["half"] or "").lower()
    if half:
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    try:
        year, month, day = (int(part) for part in re.split(r"[-/]", match["date"]))
        return datetime(year, month, day, hour, int(match["minute"]), tzinfo=UTC)
    except ValueError:
        return None
