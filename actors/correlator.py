"""The correlator: what several sources say of one story becomes one stream of signals."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import ray

from actors.shell import Shell
from herald.bootstrap.adapters import open_bus, open_clock, open_meaning
from herald.bootstrap.configuration import story_policy
from herald.bootstrap.wiring import Wiring
from herald.messages import ITEMS_TOPIC, SIGNALS_TOPIC, ItemFate, NewsItem, Signal
from herald.news.correlate import (
    Amended,
    Corrected,
    CorrelationPolicy,
    Outcome,
    Started,
    StoryWindow,
    correlate,
    fate_of,
    rebuild,
)
from herald.news.matching import Same
from herald.news.reading import Reading
from herald.ports import Bus, Clock, ClockMark, Outgoing

REBUILD_SIGNALS = 2_000
REBUILD_ITEMS = 20_000


class Correlator:
    """Dedupes, merges and publishes.

    Guarantees: when ``take`` returns, the fate of each item, and the signal where it has one, is durable on the bus,
    the signal first. A repeated item gets its first fate again, under the same ids. The window of running stories is
    rebuilt from the bus by a process that takes this one's place, so killing it changes no outcome.

    Meaning is asked about in the event loop, 7 ms a new headline: items are taken one after the other anyway, and
    a thread would cost each of them a hop that few need.
    """

    def __init__(self, bus: Bus, clock: Clock, policy: CorrelationPolicy, same: Same | None = None) -> None:
        """Keep the bus, the clock, the rules by which stories are one, and what tells them by their meaning."""
        self._bus = bus
        self._clock = clock
        self._policy = policy
        self._same = same
        self._window: StoryWindow | None = None
        self._one_at_a_time = asyncio.Lock()
        self.taken = 0

    async def take(self, read: Sequence[tuple[NewsItem, Reading]], mark: ClockMark | None) -> list[Signal]:
        """Correlate items in order, publish what they became, and return the signals."""
        self._clock.observe(mark)
        async with self._one_at_a_time:
            window = self._window if self._window is not None else await self._rebuilt()
            # Until the publication has succeeded the window in memory is ahead of the bus: forget it meanwhile.
            self._window = None
            signals: list[Signal] = []
            outgoing: list[Outgoing] = []
            for item, reading in read:
                window, outcome = correlate(window, item, reading, self._clock.now(), self._policy, self._same)
                outgoing.extend(self._messages(item, outcome, signals))
            await self._bus.publish(outgoing)
            self._window = window
            self.taken += len(read)
        return signals

    async def recall(self) -> None:
        """Rebuild the window ahead of the first item."""
        async with self._one_at_a_time:
            self._window = await self._rebuilt()

    def _messages(self, item: NewsItem, outcome: Outcome, signals: list[Signal]) -> list[Outgoing]:
        now, mark = self._clock.stamp(), self._clock.mark()
        messages = []
        if isinstance(outcome, Started | Amended | Corrected):
            signal = outcome.signal.stamped(signalled=now)
            signals.append(signal)
            messages.append(Outgoing(SIGNALS_TOPIC, _key_of(signal), signal.to_wire(), mark))
        fate = fate_of(outcome, item)
        messages.append(Outgoing(ITEMS_TOPIC, fate.event_id, fate.to_wire(), mark))
        return messages

    async def _rebuilt(self) -> StoryWindow:
        signals = await self._bus.recent(SIGNALS_TOPIC, REBUILD_SIGNALS)
        fates = await self._bus.recent(ITEMS_TOPIC, REBUILD_ITEMS)
        return rebuild(
            [Signal.from_wire(delivery.value) for delivery in signals],
            [ItemFate.from_wire(delivery.value) for delivery in fates],
            self._clock.now(),
            self._policy,
        )


def _key_of(signal: Signal) -> str:
    """Return the same key for all signals of a story and for its correction, so that they keep their order."""
    return signal.primary_entity or signal.corrects_story_id or signal.story_id


class CorrelatorShell(Shell):
    """Owns the correlator's connection to the bus, and the encoder."""

    def __init__(self, wiring: Wiring) -> None:
        """Begin with the addresses and files of ``wiring``."""
        self._wiring = wiring
        super().__init__("correlator")

    async def take(self, read: Sequence[tuple[NewsItem, Reading]], mark: ClockMark | None) -> list[Signal]:
        """See ``Correlator.take``."""
        await self.ready()
        return await self._correlator.take(read, mark)

    async def _begin(self) -> None:
        self._bus = await open_bus(self._wiring)
        policy = story_policy(self._wiring)
        same = await asyncio.to_thread(open_meaning, policy)
        self._correlator = Correlator(self._bus, open_clock(self._wiring), policy, same)
        await self._correlator.recall()

    async def _end(self) -> None:
        await self._bus.close()

    def _detail(self) -> dict[str, Any]:
        return {"items": self._correlator.taken}


RemoteCorrelator = ray.remote(max_restarts=-1, num_cpus=0)(CorrelatorShell)
