"""Best bid and offer, as one quote and as a path of quotes in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and offer. Prices in quote currency, sizes in base units, ``at_ns`` since the epoch in UTC."""

    at_ns: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float

    @property
    def mid(self) -> float:
        """Half-way between bid and ask."""
        return 0.5 * (self.bid + self.ask)


@dataclass(frozen=True, slots=True)
class QuotePath:
    """Quotes of one instrument in time order. Arrays of one length n: int64 ns, then float64."""

    at_ns: NDArray[np.int64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    bid_size: NDArray[np.float64]
    ask_size: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of quotes."""
        return int(self.at_ns.shape[0])

    def __getitem__(self, index: int) -> Quote:
        """Return one quote as plain numbers."""
        return Quote(
            int(self.at_ns[index]),
            float(self.bid[index]),
            float(self.ask[index]),
            float(self.bid_size[index]),
            float(self.ask_size[index]),
        )

    def between(self, start: int, stop: int) -> QuotePath:
        """Return the quotes of a range of indices, without copying."""
        return QuotePath(
            self.at_ns[start:stop],
            self.bid[start:stop],
            self.ask[start:stop],
            self.bid_size[start:stop],
            self.ask_size[start:stop],
        )


def path_of(quotes: Sequence[Quote]) -> QuotePath:
    """Lay quotes, oldest first, out as arrays."""
    return QuotePath(
        np.array([quote.at_ns for quote in quotes], dtype=np.int64),
        np.array([quote.bid for quote in quotes], dtype=np.float64),
        np.array([quote.ask for quote in quotes], dtype=np.float64),
        np.array([quote.bid_size for quote in quotes], dtype=np.float64),
        np.array([quote.ask_size for quote in quotes], dtype=np.float64),
    )
