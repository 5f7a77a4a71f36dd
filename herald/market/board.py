"""The live market: what has been heard so far, for as long as it is remembered."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from herald.market.quotes import Quote, QuotePath, path_of
from herald.nanoseconds import to_ns

HISTORY = 4_096


class QuoteBoard:
    """Takes quotes as they come and answers as ``ports.Market``. Remembers the last ``history`` of an instrument."""

    def __init__(self, history: int = HISTORY) -> None:
        """Start empty."""
        self._history = history
        self._quotes: dict[str, deque[Quote]] = {}

    def put(self, instrument_key: str, quote: Quote) -> bool:
        """Add a quote. One older than the last is ignored, which is what False says; one of its time replaces it."""
        quotes = self._quotes.setdefault(instrument_key, deque(maxlen=self._history))
        if quotes and quote.at_ns <= quotes[-1].at_ns:
            if quote.at_ns < quotes[-1].at_ns:
                return False
            quotes.pop()
        quotes.append(quote)
        return True

    def quote(self, instrument_key: str, now: datetime) -> Quote | None:
        """Return the last quote known at ``now``; None where there is none yet."""
        now_ns = to_ns(now)
        quotes = self._quotes.get(instrument_key, ())
        return next((quote for quote in reversed(quotes) if quote.at_ns <= now_ns), None)

    def path(self, instrument_key: str, after_ns: int, until: datetime) -> QuotePath:
        """Return the remembered quotes with ``after_ns < at_ns <= until``, oldest first."""
        until_ns = to_ns(until)
        found: list[Quote] = []
        for quote in reversed(self._quotes.get(instrument_key, ())):
            if quote.at_ns <= after_ns:
                break
            if quote.at_ns <= until_ns:
                found.append(quote)
        found.reverse()
        return path_of(found)

    def next_quote_at(self, after: datetime) -> datetime | None:  # noqa: ARG002 - the port's signature
        """Return None: nobody knows when a live market will quote."""
        return None
