"""The bus on Apache Kafka (aiokafka): idempotent producer, ``acks=all``, manual commits."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaProducer

from herald.bus.kafka_consumer import KafkaConsumer
from herald.bus.kafka_link import MARK_HEADER, KafkaObserver, answering, check_name, stop_quietly
from herald.bus.kafka_noise import spare_the_log
from herald.bus.publishing import PublishLanes
from herald.bus.retrying import insist
from herald.bus.settings import KafkaBusSettings
from herald.bus.wire import check_topic, write_mark
from herald.ports import Delivery, Outgoing, Unavailable

_BATCH_BYTES = 262_144
_log = structlog.get_logger(__name__)
ResultT = TypeVar("ResultT")


class KafkaBus:
    """At least once, ordered by key, on a Kafka cluster (brokers from 2.4 on).

    - The producer is idempotent, waits for all in-sync replicas and tries again by itself until the budget is spent, so
      a message is there once and in its place. Only where the cluster disowns the producer a new one sends the batch
      again, and then it may be there twice.
    - Topics are created with the configured partitions where the cluster lacks them, and left alone otherwise.
    - ``Delivery.deliveries`` counts from 1 in each process: Kafka itself keeps no count.
    """

    def __init__(
        self,
        address: str,
        settings: KafkaBusSettings | None = None,
        *,
        name: str = "herald",
        draw: Callable[[], float] = random.random,
    ) -> None:
        spare_the_log()
        self._address = address
        self._settings = settings or KafkaBusSettings()
        self._name = name
        self._draw = draw
        self._observer = KafkaObserver(address, self._settings)
        self._lanes = PublishLanes(self._send, self._settings.publish, self._settings.backoff, draw)
        self._producer: Any = None
        self._starting = asyncio.Lock()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Append all, in order; returns when they are durable. Retries within its budget, then ``Unavailable``."""
        await self._lanes.publish(messages)

    async def subscribe(self, topics: Sequence[str], group: str, member: str) -> KafkaConsumer:
        """Join a group. Raises ``Unavailable`` where the cluster cannot be reached within the budget."""
        check_name("group", group)
        check_name("member", member)
        for topic in topics:
            check_topic(topic)
        await self._insist(lambda: self._observer.ensure_topics(topics))
        consumer = KafkaConsumer(
            self._address, self._settings, topics=tuple(topics), group=group, member=member, draw=self._draw
        )
        await self._insist(consumer.join)
        return consumer

    async def recent(self, topic: str, limit: int) -> list[Delivery]:
        """Return the last ``limit`` messages of a topic, oldest first, outside any group."""
        check_topic(topic)
        return await self._insist(lambda: self._observer.recent(topic, limit)) if limit > 0 else []

    async def backlog(self, topic: str, group: str) -> int:
        """Count the messages of a topic that the group has not committed (0 for an empty topic)."""
        check_topic(topic)
        return await self._insist(lambda: self._observer.backlog(topic, group))

    async def ping(self) -> str:
        """Return a word on the cluster. Raises ``Unavailable``."""
        nodes = await self._observer.nodes()
        return f"Kafka at {self._address}, {nodes} broker{'' if nodes == 1 else 's'}"

    async def close(self) -> None:
        """Close connections."""
        async with self._starting:
            await self._discard(self._producer)
        await self._observer.close()

    async def _send(self, messages: Sequence[Outgoing], _batch_no: int) -> None:
        topic = messages[0].topic
        await self._observer.ensure_topics([topic])
        producer = await self._ready_producer()
        try:
            with answering(f"publishing to {topic}"):
                async with asyncio.timeout(self._settings.publish.budget_s):
                    sent = [await _hand_over(producer, message) for message in messages]
                    await asyncio.gather(*sent)
        except Unavailable as error:
            self._observer.forget_topic(topic)
            if not isinstance(error.__cause__, TimeoutError):
                await self._discard(producer)
            raise

    async def _ready_producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._address,
                    client_id=self._name,
                    enable_idempotence=True,
                    acks="all",
                    linger_ms=0,
                    max_batch_size=_BATCH_BYTES,
                    max_request_size=self._settings.publish.message_bytes_max + 65_536,
                    request_timeout_ms=int(self._settings.request_timeout_s * 1000),
                    retry_backoff_ms=self._settings.retry_pause_ms,
                )
                try:
                    with answering("starting the producer"):
                        async with asyncio.timeout(self._settings.start_timeout_s):
                            await producer.start()
                except BaseException:
                    await stop_quietly(producer.stop)
                    raise
                self._producer = producer
            return self._producer

    async def _discard(self, producer: Any) -> None:
        """Drop a producer that cannot go on, or is no longer needed, with what it could not send in time."""
        if producer is None:
            return
        if producer is self._producer:
            self._producer = None
        try:
            async with asyncio.timeout(self._settings.close_timeout_s):
                await stop_quietly(producer.stop)
        except TimeoutError:
            _log.warning("bus.producer_dropped", address=self._address, reason="the cluster does not answer")
            await stop_quietly(producer._sender.close)  # noqa: SLF001 - its own stop waits for the cluster for ever
            await stop_quietly(producer.client.close)

    async def _insist(self, ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
        settings = self._settings
        return await insist(ask, budget_s=settings.commit_budget_s, backoff=settings.backoff, draw=self._draw)


async def _hand_over(producer: AIOKafkaProducer, message: Outgoing) -> Awaitable[object]:
    mark = write_mark(message.mark)
    headers = [(MARK_HEADER, mark)] if mark else None
    sent: Awaitable[object] = await producer.send(
        message.topic, value=message.value, key=message.key.encode(), headers=headers
    )
    return sent
