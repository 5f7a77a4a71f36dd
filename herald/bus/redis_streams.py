"""The bus on Redis Streams: durable where the server runs with ``appendonly yes`` and ``appendfsync always``."""

from __future__ import annotations

import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import structlog
from redis.asyncio import Redis

from herald.bus.publishing import PublishLanes
from herald.bus.redis_consumer import RedisConsumer, as_delivery
from herald.bus.redis_link import RedisKeys, answering, connect
from herald.bus.redis_scripts import APPEND, BACKLOG
from herald.bus.retrying import insist
from herald.bus.settings import RedisBusSettings
from herald.bus.wire import check_topic, write_mark
from herald.ports import Delivery, Outgoing, Unavailable

_CONNECTIONS = 16
_HELD_FULL = 1
_log = structlog.get_logger(__name__)
ResultT = TypeVar("ResultT")


class RedisStreamsBus:
    """At least once, ordered by key, on one Redis server (version 6.2 or later).

    - A batch is appended by one script, all of it or none. The script remembers the last batch of a producer, so a
      batch whose answer was lost is not appended twice when it is sent again.
    - One member of a group reads a topic at a time, so keys keep their order; others stand by, and the first takes
      over, with all that was not acknowledged, when the lease of a dead member ends. A member that restarts under its
      own name takes over at once. To spread one group over several members use Kafka.
    - A topic keeps its last ``retained_messages`` and whatever some group has not acknowledged. Where that exceeds
      ``length_max``, ``publish`` raises ``Unavailable`` and names the group; nothing unread is ever trimmed.
    - A server that is away is waited for with back-off: ``publish`` within its budget, a consumer within its timeout.
    """

    def __init__(
        self,
        url: str,
        settings: RedisBusSettings | None = None,
        *,
        producer: str | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._url = url
        self._settings = settings or RedisBusSettings()
        self._producer = producer or uuid.uuid4().hex
        self._draw = draw
        self._keys = RedisKeys(self._settings.prefix)
        self._redis: Redis = connect(url, self._settings, connections=_CONNECTIONS)
        self._append = self._redis.register_script(APPEND)
        self._backlog = self._redis.register_script(BACKLOG)
        self._lanes = PublishLanes(self._send, self._settings.publish, self._settings.backoff, draw)
        self._warned: set[str] = set()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Append all, in order; returns when they are durable. Retries within its budget, then ``Unavailable``."""
        await self._lanes.publish(messages)

    async def subscribe(self, topics: Sequence[str], group: str, member: str) -> RedisConsumer:
        """Join a group. Raises ``Unavailable`` where the server cannot be reached within the budget."""
        for topic in topics:
            check_topic(topic)
        consumer = RedisConsumer(
            self._redis,
            connect(self._url, self._settings, connections=1),
            self._settings,
            topics=tuple(topics),
            group=group,
            member=member,
            draw=self._draw,
        )
        try:
            await self._insist(consumer.join)
        except BaseException:
            await consumer.abandon()
            raise
        return consumer

    async def recent(self, topic: str, limit: int) -> list[Delivery]:
        """Return the last ``limit`` messages of a topic, oldest first, outside any group."""

        async def read() -> list[Delivery]:
            async with answering(f"reading {topic}", self._settings.answer_timeout_s):
                entries: Any = await self._redis.xrevrange(self._keys.stream(topic), count=max(1, limit))
            return [as_delivery(topic, entry_id, fields, 1) for entry_id, fields in reversed(entries)][-limit:]

        return await self._insist(read) if limit > 0 else []

    async def backlog(self, topic: str, group: str) -> int:
        """Count the messages of a topic that the group has not committed (0 for an empty topic)."""

        async def count() -> int:
            async with answering(f"counting the backlog of {topic}", self._settings.answer_timeout_s):
                return int(await self._backlog(keys=[self._keys.stream(topic)], args=[group]))

        return await self._insist(count)

    async def ping(self) -> str:
        """Return a word on the server's version. Raises ``Unavailable``."""
        async with answering("asking for its version", self._settings.answer_timeout_s):
            information = await self._redis.info("server")
        return f"Redis {information['redis_version']}"

    async def close(self) -> None:
        """Close connections."""
        await self._redis.aclose()

    async def _send(self, messages: Sequence[Outgoing], batch_no: int) -> None:
        topic = messages[0].topic
        keys = [self._keys.stream(topic), self._keys.counter(topic), self._keys.producer(topic, self._producer)]
        arguments: list[bytes | str | int] = [
            batch_no,
            int(self._settings.producer_memory_s * 1000),
            self._settings.retained_messages,
            self._settings.length_max,
        ]
        for message in messages:
            arguments += (message.key, message.value, write_mark(message.mark))
        async with answering(f"publishing to {topic}", self._settings.answer_timeout_s):
            outcome = cast("list[int | bytes]", await self._append(keys=keys, args=arguments))
        length = int(outcome[1])
        if outcome[0] == _HELD_FULL:
            group = cast("bytes", outcome[2]).decode()
            raise Unavailable(
                f"topic {topic} is full: {length} messages, the limit is {self._settings.length_max}, and group"
                f" {group!r} has not acknowledged the oldest; start its consumer, raise RedisBusSettings.length_max,"
                f" or, if the group is gone for good, XGROUP DESTROY '{self._keys.stream(topic)}' '{group}'"
            )
        self._warn_near_full(topic, length)

    def _warn_near_full(self, topic: str, length: int) -> None:
        if length < self._settings.warn_at_share * self._settings.length_max:
            self._warned.discard(topic)
        elif topic not in self._warned:
            self._warned.add(topic)
            _log.error("bus.topic_nearly_full", topic=topic, length=length, length_max=self._settings.length_max)

    async def _insist(self, ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
        settings = self._settings
        return await insist(ask, budget_s=settings.commit_budget_s, backoff=settings.backoff, draw=self._draw)
