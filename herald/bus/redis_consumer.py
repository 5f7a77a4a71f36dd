"""One member of a group on Redis Streams: leases, what was left unacknowledged, and new messages."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from herald.bus.redis_link import GroupMissing, RedisKeys, answering
from herald.bus.redis_scripts import LEASE, RELEASE
from herald.bus.retrying import being_cancelled, insist
from herald.bus.settings import RedisBusSettings
from herald.bus.wire import read_mark
from herald.ports import Delivery, PortError, Unavailable
from herald.tasks import end_tasks

_log = structlog.get_logger(__name__)


class RedisConsumer:
    """Reads the topics whose lease it holds; fulfils ``Consumer``.

    A message is handed out once by one consumer. What is not committed is handed out again, before anything new, to
    the member that holds the topic next: the same member after a restart, or another after ``close`` or the end of
    the lease. A task in the background renews the leases; ``abandon`` stops it as the death of the process would.
    """

    def __init__(
        self,
        redis: Redis,
        reader: Redis,
        settings: RedisBusSettings,
        *,
        topics: tuple[str, ...],
        group: str,
        member: str,
        draw: Callable[[], float],
    ) -> None:
        self._redis = redis
        self._reader = reader
        self._settings = settings
        self._topics = topics
        self._group = group
        self._member = member
        self._draw = draw
        self._keys = RedisKeys(settings.prefix)
        self._topic_of = {self._keys.stream(topic).encode(): topic for topic in topics}
        self._token = f"{member}\n{uuid.uuid4().hex}"
        self._lease = redis.register_script(LEASE)
        self._release = redis.register_script(RELEASE)
        self._held_until: dict[str, float] = {}
        self._recover_from: dict[str, str] = {}
        self._ready: deque[Delivery] = deque()
        self._out: dict[str, set[str]] = {topic: set() for topic in topics}
        self._gained = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def join(self) -> None:
        """Create the groups, take the leases that are free or were this member's, and keep them. Safe to repeat."""
        await self._create_groups()
        await self._take_leases(again=True)
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep_leases(), name=f"leases of {self._group}/{self._member}")

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        """Wait for up to ``timeout_s`` and return at most ``limit`` messages, unacknowledged ones first.

        Raises ``Unavailable`` where the server could not be reached until the end of the timeout.
        """
        deadline = time.monotonic() + timeout_s
        attempt = 0
        while True:
            try:
                batch = await self._look(limit, deadline)
                if batch or time.monotonic() >= deadline:
                    return batch
                attempt = 0
            except GroupMissing:
                await self._start_over()
            except Unavailable as error:
                attempt += 1
                pause = self._settings.backoff.delay_s(attempt, self._draw())
                if time.monotonic() + pause >= deadline:
                    raise
                _log.warning("bus.read_retry", group=self._group, attempt=attempt, error=str(error))
                await asyncio.sleep(pause)

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge. Retries within its budget, then ``Unavailable``."""
        by_topic: dict[str, list[str]] = {}
        for delivery in deliveries:
            by_topic.setdefault(delivery.topic, []).append(delivery.message_id)

        async def acknowledge() -> None:
            for topic, ids in by_topic.items():
                async with self._answering(f"acknowledging on {topic}"):
                    await self._redis.xack(self._keys.stream(topic), self._group, *ids)

        settings = self._settings
        await insist(acknowledge, budget_s=settings.commit_budget_s, backoff=settings.backoff, draw=self._draw)
        for topic, ids in by_topic.items():
            self._out[topic].difference_update(ids)

    async def close(self) -> None:
        """Release the leases, so that another member goes on at once with what was not committed."""
        await self._stop()
        for topic in self._topics:
            with suppress(Unavailable):
                async with self._answering("leaving the group"):
                    await self._release(keys=[self._keys.lease(topic, self._group)], args=[self._token])

    async def abandon(self) -> None:
        """Stop without a word to the server, as the death of the process would."""
        await self._stop()

    async def _stop(self) -> None:
        self._held_until.clear()
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await end_tasks(keeper)
        await self._reader.aclose()

    def _answering(self, what: str, wait_s: float = 0.0) -> AbstractAsyncContextManager[None]:
        return answering(what, self._settings.answer_timeout_s + wait_s)

    # -- reading ---------------------------------------------------------------------------------------------------

    async def _look(self, limit: int, deadline: float) -> list[Delivery]:
        if self._keeper is not None and self._keeper.done():
            self._keeper.result()
        if self._ready:
            return self._hand_out(limit)
        owned = [topic for topic in self._topics if self._holds(topic)]
        for topic in [topic for topic in owned if topic in self._recover_from]:
            await self._recover_page(topic)
            if self._ready:
                return self._hand_out(limit)
        settled = [topic for topic in owned if topic not in self._recover_from]
        remaining = max(0.0, deadline - time.monotonic())
        if settled:
            wait_s = 0.0 if len(settled) < len(owned) else min(remaining, self._settings.block_s_max)
            await self._read_new(settled, limit, wait_s)
            return self._hand_out(limit)
        if not owned:
            self._gained.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining):
                    await self._gained.wait()
        return []

    def _hand_out(self, limit: int) -> list[Delivery]:
        batch: list[Delivery] = []
        while self._ready and len(batch) < limit:
            delivery = self._ready.popleft()
            if self._holds(delivery.topic):
                self._out[delivery.topic].add(delivery.message_id)
                batch.append(delivery)
        return batch

    async def _read_new(self, topics: Sequence[str], limit: int, wait_s: float) -> None:
        command: list[str | int] = ["XREADGROUP", "GROUP", self._group, self._member, "COUNT", limit]
        if wait_s > 0:
            command += ["BLOCK", max(1, int(wait_s * 1000))]
        command += ["STREAMS", *(self._keys.stream(topic) for topic in topics), *(">" for _ in topics)]
        try:
            async with self._answering(f"reading {', '.join(topics)}", wait_s):
                reply: Any = await self._reader.execute_command(*command)  # type: ignore[no-untyped-call]
        except BaseException:
            self._recover_from.update(dict.fromkeys(topics, "-"))  # the answer may be lost, the messages are not
            raise
        for stream, entries in reply or ():
            topic = self._topic_of[stream]
            self._ready.extend(as_delivery(topic, entry_id, fields, 1) for entry_id, fields in entries)

    async def _recover_page(self, topic: str) -> None:
        """Take over a page of what any member of the group has not acknowledged, in order, and make it ready."""
        stream, start = self._keys.stream(topic), self._recover_from[topic]
        async with self._answering(f"looking for unacknowledged messages of {topic}"):
            pending: Any = await self._redis.xpending_range(stream, self._group, start, "+", self._settings.claim_page)
        counts: dict[bytes, int] = {entry["message_id"]: entry["times_delivered"] for entry in pending}
        wanted = [entry_id for entry_id in counts if entry_id.decode() not in self._out[topic]]
        if wanted:
            await self._claim(topic, stream, wanted, counts)
        if len(pending) < self._settings.claim_page:
            self._recover_from.pop(topic, None)
        else:
            self._recover_from[topic] = f"({pending[-1]['message_id'].decode()}"

    async def _claim(self, topic: str, stream: str, wanted: list[bytes], counts: Mapping[bytes, int]) -> None:
        async with self._answering(f"claiming messages of {topic}"):
            entries: Any = await self._redis.xclaim(stream, self._group, self._member, 0, [*wanted])
            found = {entry_id: fields for entry_id, fields in entries if entry_id is not None}
            gone = [entry_id for entry_id in wanted if entry_id not in found]
            if gone:
                await self._redis.xack(stream, self._group, *gone)
        if gone:
            _log.error("bus.messages_deleted_unread", topic=topic, group=self._group, messages=len(gone))
        claimed = [as_delivery(topic, entry_id, fields, counts[entry_id] + 1) for entry_id, fields in found.items()]
        self._ready.extend(claimed)
        _log.info("bus.redelivery", topic=topic, group=self._group, member=self._member, messages=len(claimed))

    async def _start_over(self) -> None:
        """The server lost its groups: make them again and read from the beginning of what there is."""
        _log.error("bus.group_missing", group=self._group, topics=self._topics)
        self._ready.clear()
        for out in self._out.values():
            out.clear()
        await self._create_groups()

    async def _create_groups(self) -> None:
        for topic in self._topics:
            async with self._answering(f"creating group {self._group}"):
                try:
                    await self._redis.xgroup_create(self._keys.stream(topic), self._group, id="0", mkstream=True)
                except ResponseError as error:
                    if "BUSYGROUP" not in str(error):
                        raise

    # -- leases ----------------------------------------------------------------------------------------------------

    def _holds(self, topic: str) -> bool:
        return self._held_until.get(topic, 0.0) > time.monotonic()

    async def _keep_leases(self) -> None:
        while not being_cancelled():
            standing_by = not all(self._holds(topic) for topic in self._topics)
            await asyncio.sleep(self._settings.standby_poll_s if standing_by else self._settings.lease_s / 3)
            try:
                await self._take_leases(again=False)
                await self._find_strays()
            except PortError as error:
                _log.warning("bus.lease_retry", group=self._group, member=self._member, error=str(error))

    async def _take_leases(self, *, again: bool) -> None:
        for topic in self._topics:
            before, asked_at = self._holds(topic), time.monotonic()
            async with self._answering(f"taking the lease of {topic}"):
                held = await self._lease(
                    keys=[self._keys.lease(topic, self._group)],
                    args=[self._token, self._member, int(self._settings.lease_s * 1000), int(again)],
                )
            if not held:
                self._held_until.pop(topic, None)
                continue
            self._held_until[topic] = asked_at + self._settings.lease_s
            if not before:
                self._ready = deque(delivery for delivery in self._ready if delivery.topic != topic)
                self._recover_from[topic] = "-"
                self._gained.set()
                _log.info("bus.lease_taken", topic=topic, group=self._group, member=self._member)

    async def _find_strays(self) -> None:
        """Look for messages that the server gave to a member which does not hold the lease (it hung, then woke)."""
        for topic in self._topics:
            if not self._holds(topic) or topic in self._recover_from:
                continue
            idle_ms = int(self._settings.lease_s * 1000)
            async with self._answering(f"looking for strays of {topic}"):
                found: Any = await self._redis.xpending_range(
                    self._keys.stream(topic), self._group, "-", "+", self._settings.claim_page, idle=idle_ms
                )
            if any(entry["consumer"].decode() != self._member for entry in found):
                self._recover_from[topic] = "-"


def as_delivery(topic: str, entry_id: bytes, fields: Mapping[Any, Any], deliveries: int) -> Delivery:
    """Read one entry of a stream."""
    return Delivery(
        topic=topic,
        key=fields[b"k"].decode(),
        value=fields[b"v"],
        message_id=entry_id.decode(),
        deliveries=deliveries,
        mark=read_mark(fields.get(b"m")),
    )
