"""A recorded market: quotes of the past, of which only those up to ``now`` can be seen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from herald.market.quotes import Quote, QuotePath
from herald.nanoseconds import NS_PER_US, from_ns, to_ns


class TapeMarket:
    """Answers from recorded paths, by instrument key. Every answer is a binary search."""

    def __init__(self, paths: Mapping[str, QuotePath]) -> None:
        """Keep the paths, which must be in time order."""
        self._paths = dict(paths)

    def quote(self, instrument_key: str, now: datetime) -> Quote | None:
        """Return the last quote known at ``now``; None before the first and for an unknown instrument."""
        path = self._paths.get(instrument_key)
        if path is None:
            return None
        known = _known_at(path, to_ns(now))
        return path[known - 1] if known else None

    def path(self, instrument_key: str, after_ns: int, until: datetime) -> QuotePath:
        """Return the quotes with ``after_ns < at_ns <= until``, oldest first."""
        path = self._paths.get(instrument_key, NO_QUOTES)
        return path.between(_known_at(path, after_ns), _known_at(path, to_ns(until)))

    def next_quote_at(self, after: datetime) -> datetime | None:
        """Return the time of the next quote of any instrument, on a whole microsecond; None at the end."""
        after_ns = to_ns(after)
        upcoming = [
            int(path.at_ns[known]) for path in self._paths.values() if (known := _known_at(path, after_ns)) < len(path)
        ]
        return from_ns(-(-min(upcoming) // NS_PER_US) * NS_PER_US) if upcoming else None


def _known_at(path: QuotePath, ns: int) -> int:
    return int(np.searchsorted(path.at_ns, ns, side="right"))


NO_QUOTES = QuotePath(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0), np.empty(0), np.empty(0))
