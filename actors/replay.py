"""Recorded news through the live actors, against recorded prices, on simulated time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import structlog

from actors.peers import COLLECTOR, RISK, ROUTER, TRADER, Peer
from herald.bootstrap.adapters import open_bus
from herald.bootstrap.configuration import venue_names
from herald.bootstrap.recordings import tape_of
from herald.bootstrap.wiring import RECORDED_GROUP, Wiring
from herald.messages import EXECUTIONS_TOPIC, SIGNALS_TOPIC
from herald.nanoseconds import to_ns
from herald.ports import Bus, ClockMark, Market, Unavailable
from herald.taxonomy import Reason

SETTLE_PAUSE_S = 0.002
SETTLE_LIMIT_S = 120.0
CALL_ATTEMPTS = 120
CALL_PAUSE_S = 0.25

log = structlog.get_logger()
T = TypeVar("T")


@dataclass
class ReplayProgress:
    """How far a replay has come."""

    items: int = 0
    steps: int = 0
    retried_calls: int = 0
    at: datetime | None = None
    wall_s: float = 0.0
    open_trades: int = 0
    kills: list[str] = field(default_factory=list)


class Replay:
    """Moves simulated time from one event to the next and waits, each time, until all of its effects are done.

    An event is the next item of the recorded news or, while an order or a trade is open, the next quote. The actors
    are those that run live, each reading its topics by itself; the driver never decides anything. Because no step
    begins before every group has committed what the last one caused, the outcome does not depend on how the
    processes interleave, nor on any of them being killed on the way.
    """

    def __init__(self, wiring: Wiring, *, speed: float | None, watch: Callable[[ReplayProgress], None]) -> None:
        """Replay at ``speed`` times real time, None for as fast as it goes; ``watch`` is told of each step."""
        self._wiring = wiring
        self._speed = speed
        self._watch = watch
        self._collector = Peer(f"{COLLECTOR}-{RECORDED_GROUP}")
        self._trader = Peer(TRADER)
        self._risk = Peer(RISK)
        self._routers = [Peer(f"{ROUTER}-{venue}") for venue in venue_names(wiring)]
        self._tape: Market = tape_of(wiring)
        self.progress = ReplayProgress()

    async def run(self, begin: datetime) -> ReplayProgress:
        """Replay everything, then close what is still open at the next quotes there are."""
        started = time.monotonic()
        self._bus: Bus = await open_bus(self._wiring)
        try:
            now, busy = begin, False
            upcoming: datetime | None = begin
            while upcoming is not None or busy:
                quote_at = self._tape.next_quote_at(now) if busy else None
                following = min((t for t in (upcoming, quote_at) if t is not None), default=None)
                if following is None:
                    break
                await self._pace(now, following)
                now = max(now, following)
                busy = await self._trade(now) if busy else False
                if upcoming is not None and upcoming <= now:
                    upcoming = await self._news(now)
                    busy = await self._trade(now)
                self._tell(now, started)
            await self._flatten(now, started)
        finally:
            await self._bus.close()
        return self.progress

    async def _news(self, now: datetime) -> datetime | None:
        """Have one item collected and everything it causes done; returns when the next one comes."""
        mark = _mark(now)
        count, done, upcoming = await self._asked(lambda: self._collector.call("poll", mark))
        self.progress.items += count
        await self._settle()
        return None if done else upcoming

    async def _trade(self, now: datetime, reason: Reason | None = None) -> bool:
        """Let orders fill and exits fall due at ``now``; returns whether anything is open afterwards."""
        mark = _mark(now)
        await self._advance_routers(mark)
        await self._asked(lambda: self._risk.call("on_time", mark))
        trades: int = await self._asked(lambda: self._trader.call("on_time", mark, reason))
        await self._settle()
        orders = await self._advance_routers(mark)
        self.progress.open_trades = trades
        return bool(trades or orders)

    async def _advance_routers(self, mark: ClockMark) -> int:
        still_open = 0
        for router in self._routers:
            still_open += await self._asked(partial(router.call, "on_time", mark))
        await self._settle()
        return still_open

    async def _flatten(self, now: datetime, started: float) -> None:
        busy = await self._trade(now, Reason.END_OF_REPLAY)
        while busy and (quote_at := self._tape.next_quote_at(now)) is not None:
            now = quote_at
            busy = await self._trade(now, Reason.END_OF_REPLAY)
            self._tell(now, started)

    async def _settle(self) -> None:
        """Wait until every group has committed all there is, upstream first."""
        await self._drained(SIGNALS_TOPIC, "trader")
        for router in self._routers:
            await self._asked(partial(router.call, "publish"), settled=False)
        for group in ("risk", "trader-executions"):
            await self._drained(EXECUTIONS_TOPIC, group)

    async def _drained(self, topic: str, group: str) -> None:
        deadline = time.monotonic() + SETTLE_LIMIT_S
        pause = SETTLE_PAUSE_S
        while True:
            try:
                if await self._bus.backlog(topic, group) == 0:
                    return
            except Unavailable as error:
                log.warning("bus unavailable", cause=str(error))
                pause = CALL_PAUSE_S
            if time.monotonic() > deadline:
                raise Unavailable(f"group {group} did not finish {topic} within {SETTLE_LIMIT_S:.0f} s; see the logs")
            await asyncio.sleep(pause)

    async def _asked(self, call: Callable[[], Awaitable[T]], *, settled: bool = True) -> T:
        """Call an actor, again while it is being restarted; what it had begun is ``settled`` before."""
        for attempt in range(CALL_ATTEMPTS):
            try:
                return await call()
            except Unavailable as error:
                self.progress.retried_calls += 1
                log.warning("call repeated", attempt=attempt + 1, cause=str(error))
                await asyncio.sleep(CALL_PAUSE_S)
                if settled:
                    await self._settle()
        raise Unavailable("an actor did not come back; see the logs")

    async def _pace(self, now: datetime, following: datetime) -> None:
        if self._speed is not None:
            await asyncio.sleep(max(0.0, (following - now).total_seconds() / self._speed))

    def _tell(self, now: datetime, started: float) -> None:
        self.progress.steps += 1
        self.progress.at = now
        self.progress.wall_s = time.monotonic() - started
        self._watch(self.progress)


def _mark(now: datetime) -> ClockMark:
    return ClockMark(to_ns(now), time.time_ns())


def summary(progress: ReplayProgress) -> dict[str, Any]:
    """Return what the report says of the run itself."""
    return {
        "items": progress.items,
        "steps": progress.steps,
        "wall_s": round(progress.wall_s, 1),
        "retried_calls": progress.retried_calls,
        "kills": list(progress.kills),
    }
