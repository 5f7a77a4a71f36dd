"""A collector: hosts a group of sources, reads what they give and hands it to the correlator."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import ray
import structlog

from actors.model_following import ModelFollower, open_served
from actors.peers import CorrelatorPeer
from actors.shell import Shell
from herald.bootstrap.adapters import open_bus, open_clock, open_hot, open_postgres
from herald.bootstrap.configuration import gazetteer_of, models_of, rulebook_of, sources_of
from herald.bootstrap.wiring import RECORDED_GROUP, ServedModel, Wiring
from herald.inference.model_path import ModelPath
from herald.inference.shadow import Shadow
from herald.messages import (
    COMPARISONS_TOPIC,
    DEAD_LETTERS_TOPIC,
    ITEMS_TOPIC,
    DeadLetter,
    ItemFate,
    NewsItem,
    RawItem,
    Signal,
    content_hash,
    event_id_of,
)
from herald.news.comparison import ModelComparison
from herald.news.gazetteer import Gazetteer
from herald.news.normalise import MalformedItem
from herald.news.reading import Reading
from herald.news.reading_desk import understand
from herald.news.rulebook import Rulebook
from herald.ports import Batch, Bus, Clock, ClockMark, Outgoing, PortError, Refused, Rejected, Source, Unavailable
from herald.sources.building import SourceTools, build_source, pace_limits
from herald.sources.configuration import SourceConfig, SourcesDocument
from herald.sources.pacing import Outcome, Pace
from herald.stores.hot import HotState
from herald.stores.postgres.source_state import SourceStates
from herald.tasks import end_tasks
from herald.taxonomy import Fate, Reason

HAND_OVER_ATTEMPTS = 40
HAND_OVER_PAUSE_S = 0.5
PAYLOAD_CHARACTERS_MAX = 20_000

log = structlog.get_logger()


class CorrelatorDesk(Protocol):
    """Who takes read items."""

    async def take(self, read: Sequence[tuple[NewsItem, Reading]], mark: ClockMark | None) -> list[Signal]:
        """Take items over; on return they are durable."""


class Collector:
    """Collects from its sources.

    Guarantees: a source's snapshot is stored only after everything before it was taken over, so a crash repeats items
    and loses none. What cannot be read goes to the dead letters with its reason, and is accounted for as an item.
    One source's failure is its own: it backs off, the others go on. With a ``path`` a model reads beside the rules;
    without one, by choice, the rules read alone.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        clock: Clock,
        correlator: CorrelatorDesk,
        states: SourceStates,
        profiles: SourcesDocument,
        rulebook: Rulebook,
        gazetteer: Gazetteer,
        path: ModelPath | None = None,
    ) -> None:
        """Keep what reading an item needs."""
        self._path = path
        self._bus = bus
        self._clock = clock
        self._correlator = correlator
        self._states = states
        self._profiles = profiles
        self._saved: dict[str, dict[str, Any]] = {}
        self._rulebook = rulebook
        self._gazetteer = gazetteer
        self.items = 0
        self.rejected = 0

    def believe(self, profiles: SourcesDocument) -> None:
        """Take over what is believed of the sources."""
        self._profiles = profiles

    async def collect(self, source: Source) -> Batch:
        """Take one batch from a source through to the correlator, then store the source's snapshot."""
        batch = await source.next_batch(self._clock.now())
        mark = self._clock.mark()
        found: list[tuple[NewsItem, Reading]] = []
        letters: list[Outgoing] = []
        for raw in batch.items:
            try:
                found.append(self._understood(raw))
            except MalformedItem as error:
                letters.extend(self._dead_letter(raw.source, Rejected(error.code, str(error), raw.model_dump_json())))
        for rejected in batch.rejected:
            letters.extend(self._dead_letter(source.name, rejected))
        if letters:
            await self._bus.publish(letters)
        if found:
            await self._hand_over(await self._read(found), mark)
        snapshot = source.snapshot()
        if snapshot != self._saved.get(source.name):
            await self._states.save(source.name, snapshot)
            self._saved[source.name] = snapshot
        self.items += len(found)
        self.rejected += len(letters) // 2
        return batch

    def _understood(self, raw: RawItem) -> tuple[NewsItem, Reading]:
        profile = self._profiles.profile_of(raw.source)
        item, reading = understand(raw, profile, self._rulebook, self._gazetteer, self._clock.now())
        return item.stamped(normalised=self._clock.stamp()), reading

    async def _read(self, found: Sequence[tuple[NewsItem, Reading]]) -> list[tuple[NewsItem, Reading]]:
        """Have the model read too, where there is one."""
        readings = [ruled for _, ruled in found] if self._path is None else await self._path.read(found)
        stamp = self._clock.stamp()
        return [(item.stamped(classified=stamp), one) for (item, _), one in zip(found, readings, strict=True)]

    async def _hand_over(self, read: Sequence[tuple[NewsItem, Reading]], mark: ClockMark | None) -> None:
        for attempt in range(HAND_OVER_ATTEMPTS):
            try:
                await self._correlator.take(read, mark)
            except Unavailable as error:
                log.warning("correlator unavailable", attempt=attempt + 1, cause=str(error))
                await asyncio.sleep(HAND_OVER_PAUSE_S)
            else:
                return
        raise Unavailable("the correlator did not come back; the batch will be collected again")

    def _dead_letter(self, source: str, rejected: Rejected) -> list[Outgoing]:
        """Make the dead letter and the fate of something unreadable."""
        now, mark = self._clock.now(), self._clock.mark()
        payload = rejected.payload[:PAYLOAD_CHARACTERS_MAX]
        event_id = event_id_of(content_hash("rejected", source, rejected.code, rejected.detail, payload))
        letter = DeadLetter(
            dead_letter_id=event_id,
            origin=f"source:{source}",
            reason=rejected.code,
            detail=rejected.detail,
            payload=payload,
            at=now,
        )
        fate = ItemFate(
            event_id=event_id,
            item_id=event_id,
            source=source,
            headline=payload[:120],
            fate=Fate.DEAD_LETTER,
            reason=Reason.MALFORMED,
            detail=f"{rejected.code}: {rejected.detail}",
            at=now,
        )
        return [
            Outgoing(DEAD_LETTERS_TOPIC, event_id, letter.to_wire(), mark),
            Outgoing(ITEMS_TOPIC, event_id, fate.to_wire(), mark),
        ]


class CollectorShell(Shell):
    """Owns a group of sources: their connections, their pace and their snapshots."""

    def __init__(self, wiring: Wiring, group: str) -> None:
        """Begin with the addresses and files of ``wiring``."""
        self._wiring = wiring
        self._group = group
        self._configs: dict[str, SourceConfig] = {}
        self._sources: dict[str, Source] = {}
        self._pollers: dict[str, asyncio.Task[Any]] = {}
        self._paces: dict[str, Pace] = {}
        self._models: tuple[ModelPath, Shadow] | None = None
        self._hot: HotState | None = None
        self._polling = asyncio.Lock()
        super().__init__(f"collector-{group}")

    async def poll(self, mark: ClockMark | None) -> tuple[int, bool, datetime | None]:
        """Take the next item of the recorded source; returns items, whether it is done, and when it has more."""
        await self.ready()
        async with self._polling:  # a caller that gave up asks again while a model or the correlator is waited for
            self._clock.observe(mark)
            source = self._sources[RECORDED_GROUP]
            try:
                batch = await self._collector.collect(source)
            except PortError:
                await self._renewed(source)
                raise
            upcoming = None if batch.done else source.next_wake_up(self._clock.now())
            return len(batch.items) + len(batch.rejected), batch.done, upcoming

    async def reload(self) -> dict[str, list[str]]:
        """Read the file of sources again; only those that changed are closed and opened."""
        await self.ready()
        return await self._take_over(sources_of(self._wiring))

    async def _take_over(self, document: SourcesDocument) -> dict[str, list[str]]:
        wanted = {config.name: config for config in document.by_group().get(self._group, ())}
        gone = sorted(name for name in self._configs if wanted.get(name) != self._configs[name])
        come = sorted(name for name in wanted if self._configs.get(name) != wanted[name])
        for name in gone:
            await self._leave(name)
        self._collector.believe(document)
        snapshots = await self._states.load_all()
        for name in come:
            source = self._sources[name] = build_source(wanted[name], self._tools, snapshots.get(name))
            self._configs[name] = wanted[name]
            if not self._wiring.is_replay:
                self._pollers[name] = self._keep(self._poll_forever(source), f"source {name}")
        return {"closed": gone, "opened": come}

    async def _leave(self, name: str) -> None:
        if (poller := self._pollers.pop(name, None)) is not None:
            await end_tasks(poller)
        await self._sources.pop(name).close()
        del self._configs[name]

    async def _begin(self) -> None:
        self._clock = open_clock(self._wiring)
        self._postgres = await open_postgres(self._wiring)
        self._bus = await open_bus(self._wiring)
        document = sources_of(self._wiring)
        self._tools = SourceTools(self._clock, user_agent=document.user_agent)
        self._states = SourceStates(self._postgres)
        gazetteer = gazetteer_of(self._wiring)
        self._collector = Collector(
            bus=self._bus,
            clock=self._clock,
            correlator=CorrelatorPeer(),
            states=self._states,
            profiles=document,
            rulebook=rulebook_of(self._wiring),
            gazetteer=gazetteer,
            path=await self._model_path(gazetteer),
        )
        await self._take_over(document)
        self._follow_models()

    async def _model_path(self, gazetteer: Gazetteer) -> ModelPath | None:
        """Open the way to the models that serve, unless the rules are to read alone."""
        if self._wiring.model is ServedModel.NONE:
            return None
        document = models_of(self._wiring)
        asking, verdict = document.asking, document.verdict
        shadow = Shadow(gazetteer, verdict, waiting_max=asking.shadow_max, now=self._clock.now)
        path = ModelPath(
            gazetteer, asking, verdict, now_s=time.monotonic, shadow=shadow, patient=self._wiring.is_replay
        )
        self._hot = await open_hot(self._wiring)
        self._models = path, shadow
        return path

    def _follow_models(self) -> None:
        """Start the loops last: a beginning that fails before is made again, and they must run once."""
        if self._models is not None and self._hot is not None:
            path, shadow = self._models
            self._keep(ModelFollower(self._hot, path, shadow, open_served).run(), "follow the models")
            self._keep(shadow.run(self._tell), "shadow")

    async def _tell(self, comparisons: Sequence[ModelComparison]) -> None:
        await self._bus.publish([Outgoing(COMPARISONS_TOPIC, one.event_id, one.to_wire()) for one in comparisons])

    async def _poll_forever(self, source: Source) -> None:
        pace = Pace(pace_limits(self._configs[source.name]))
        while True:
            now = self._clock.now()
            wake_up = max(pace.at or now, source.next_wake_up(now))
            await asyncio.sleep(max(0.0, (wake_up - now).total_seconds()))
            pace = pace.begin(self._clock.now())
            outcome, retry_after_s = await self._look(source)
            if outcome is not Outcome.ANSWERED:
                # It has moved on, and what it gave may not have been taken over: begin again from what is stored.
                source = await self._renewed(source)
            jitter = random.random()  # noqa: S311 - spreads requests, keeps no secret
            pace = pace.next_attempt(self._clock.now(), outcome, jitter=jitter, retry_after_s=retry_after_s)
            self._paces[source.name] = pace

    async def _renewed(self, source: Source) -> Source:
        """Make a source anew from its stored snapshot."""
        await source.close()
        snapshots = await self._states.load_all()
        renewed = build_source(self._configs[source.name], self._tools, snapshots.get(source.name))
        self._sources[source.name] = renewed
        return renewed

    async def _look(self, source: Source) -> tuple[Outcome, float | None]:
        try:
            await self._collector.collect(source)
        except Unavailable as error:
            log.warning("source unavailable", source=source.name, cause=str(error))
            return Outcome.UNAVAILABLE, getattr(error, "retry_after_s", None)
        except Refused as error:
            log.warning("source refused", source=source.name, cause=str(error))
            return Outcome.REFUSED, getattr(error, "retry_after_s", None)
        return Outcome.ANSWERED, None

    async def _end(self) -> None:
        for source in self._sources.values():
            await source.close()
        await self._tools.close()
        if self._hot is not None:
            await self._hot.close()
        await self._bus.close()
        await self._postgres.close()

    def _detail(self) -> dict[str, Any]:
        troubled = {name: pace.circuit.value for name, pace in self._paces.items() if pace.failures}
        return {
            "sources": len(self._sources),
            "items": self._collector.items,
            "rejected": self._collector.rejected,
            "troubled": troubled,
            **self._reading(),
        }

    def _reading(self) -> dict[str, Any]:
        """Tell by what headlines are read, and how the challenger compares."""
        if self._models is None:
            return {}
        path, shadow = self._models
        counts = {"judged": path.judged, "remembered": path.remembered, "degraded": path.degraded}
        compared = {"challenger": shadow.version, "compared": shadow.compared, "agreed": shadow.agreed}
        return {"reads_by": path.version, **counts, **(compared if shadow.version else {})}


RemoteCollector = ray.remote(max_restarts=-1, num_cpus=0)(CollectorShell)
