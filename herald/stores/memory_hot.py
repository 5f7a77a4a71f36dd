"""Hot state in memory: for tests, and for runs that need to leave nothing behind."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from herald.messages import Signal
from herald.ports import Quote
from herald.stores.hot import SIGNAL_TTL_S, OnNotice, OnQuote


class MemoryHotState:
    """Does what ``HotState`` does, within one event loop. Lives as long as its object; cached signals do not expire."""

    def __init__(self) -> None:
        """Begin empty."""
        self._account: str | None = None
        self._positions: dict[str, Decimal] = {}
        self._rests: dict[str, float] = {}
        self._marks: dict[str, str] = {}
        self._signals: dict[str, bytes] = {}
        self._quotes: dict[str, Quote] = {}
        self._heard_quotes: list[asyncio.Queue[Mapping[str, Quote]]] = []
        self._heard_notices: list[asyncio.Queue[tuple[str, str]]] = []

    async def ping(self) -> str:
        """Return what this is."""
        return "memory of this process"

    async def close(self) -> None:
        """Close nothing: there are no connections."""

    async def put_account(self, summary: Mapping[str, Any]) -> None:
        """Publish the account as Risk sees it. ``equity_usd`` is one of its values."""
        self._account = json.dumps(dict(summary), default=str)

    async def account(self) -> dict[str, Any] | None:
        """Return the account as last published, None where it never was."""
        return json.loads(self._account) if self._account is not None else None

    async def equity_usd(self) -> Decimal | None:
        """Return the account's equity, None where it is not known."""
        account = await self.account()
        return Decimal(str(account["equity_usd"])) if account and "equity_usd" in account else None

    async def put_positions(self, positions: Mapping[str, Decimal]) -> None:
        """Replace the signed net quantities by instrument key."""
        self._positions = dict(positions)

    async def positions(self) -> dict[str, Decimal]:
        """Return the signed net quantities by instrument key."""
        return dict(self._positions)

    async def start_cool_down(self, subject: str, seconds: float) -> None:
        """Let a subject (a symbol, a story) rest. A running cool-down is replaced."""
        self._rests[subject] = time.monotonic() + seconds

    async def cool_down_left_s(self, subject: str) -> float:
        """Return how long a subject still rests, 0 where it does not."""
        return max(0.0, self._rests.get(subject, 0.0) - time.monotonic())

    async def mark_trade(self, trade_id: str, mark: Mapping[str, Any]) -> None:
        """Keep how far an open trade has been watched: its peak and its cursor, as JSON."""
        self._marks[trade_id] = json.dumps(dict(mark), default=str)

    async def trade_mark(self, trade_id: str) -> dict[str, Any] | None:
        """Return the mark of a trade, None where there is none."""
        mark = self._marks.get(trade_id)
        return json.loads(mark) if mark is not None else None

    async def forget_trade(self, trade_id: str) -> None:
        """Drop the mark of a trade that is flat."""
        self._marks.pop(trade_id, None)

    async def cache_signal(self, signal: Signal, ttl_s: int = SIGNAL_TTL_S) -> None:  # noqa: ARG002 - see the class
        """Keep a signal."""
        self._signals[signal.event_id] = signal.to_wire()

    async def cached_signal(self, event_id: str) -> Signal | None:
        """Return a signal of late, None where it is not kept."""
        found = self._signals.get(event_id)
        return Signal.from_wire(found) if found is not None else None

    async def publish_quotes(self, quotes: Mapping[str, Quote]) -> None:
        """Tell followers, and keep the last quote of each instrument for those who come later."""
        self._quotes.update(quotes)
        for queue in self._heard_quotes:
            queue.put_nowait(dict(quotes))

    async def publish_quote(self, key: str, quote: Quote) -> None:
        """Tell followers of one quote."""
        await self.publish_quotes({key: quote})

    async def last_quotes(self) -> dict[str, Quote]:
        """Return the last quote of each instrument."""
        return dict(self._quotes)

    async def follow_quotes(self, take: OnQuote) -> None:
        """Give ``take`` the last quotes and then every new one, until cancelled."""
        queue: asyncio.Queue[Mapping[str, Quote]] = asyncio.Queue()
        queue.put_nowait(await self.last_quotes())
        self._heard_quotes.append(queue)
        try:
            while True:
                for key, quote in (await queue.get()).items():
                    await _given(take(key, quote))
        finally:
            self._heard_quotes.remove(queue)

    async def announce(self, what: str, **detail: Any) -> None:
        """Tell all followers that something has changed: the trading state, the sources."""
        for queue in self._heard_notices:
            queue.put_nowait((what, json.dumps(detail, default=str)))

    async def follow_notices(self, take: OnNotice) -> None:
        """Give ``take`` a first ``"connected"`` and then every notice, until cancelled."""
        queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        queue.put_nowait(("connected", "{}"))
        self._heard_notices.append(queue)
        try:
            while True:
                what, detail = await queue.get()
                await _given(take(what, json.loads(detail)))
        finally:
            self._heard_notices.remove(queue)


async def _given(answer: Any) -> None:
    if inspect.isawaitable(answer):
        await answer
