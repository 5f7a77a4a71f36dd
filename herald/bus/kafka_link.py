"""Connections to a Kafka cluster: options, errors, topics, and questions about them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    AuthenticationFailedError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    for_code,
)

from herald.bus.settings import KafkaBusSettings
from herald.bus.wire import read_mark
from herald.ports import Delivery, Refused, Unavailable

MARK_HEADER: Final = "herald-mark"
_TOPIC_EXISTS: Final = 36
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}\Z")
_FINAL = (
    AuthenticationFailedError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
ResultT = TypeVar("ResultT")


@contextmanager
def answering(what: str) -> Iterator[None]:
    """Turn the errors of the client into those of the port; ``what`` says what was being done."""
    try:
        yield
    except _FINAL as error:
        raise Refused(f"Kafka, {what}: {error!r}; check the cluster's settings and this client's rights") from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unavailable(f"Kafka, {what}: {error!r}") from error


def check_name(kind: str, name: str) -> None:
    """Refuse a group or member that cannot be a Kafka identifier. Raises ``Refused``."""
    if not _NAME.match(name):
        raise Refused(f"{name!r} is no {kind} name; use 1 to 200 of A-Z a-z 0-9 . _ -")


def as_delivery(record: ConsumerRecord) -> Delivery:
    """Read one record; its position is its partition and offset."""
    headers: dict[str, bytes] = dict(record.headers)
    return Delivery(
        topic=record.topic,
        key=(record.key or b"").decode(),
        value=record.value or b"",
        message_id=f"{record.partition}:{record.offset}",
        mark=read_mark(headers.get(MARK_HEADER)),
        position=(record.partition, record.offset),
    )


class KafkaObserver:
    """Makes topics and answers questions outside any group, over two cached connections, one question at a time."""

    def __init__(self, address: str, settings: KafkaBusSettings) -> None:
        self._address = address
        self._settings = settings
        self._lock = asyncio.Lock()
        self._admin: AIOKafkaAdminClient | None = None
        self._reader: AIOKafkaConsumer | None = None
        self._known: set[str] = set()

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        """Create the topics that the cluster does not have. Raises ``Unavailable`` or ``Refused``."""
        if not self._known.issuperset(topics):
            await self._ask("creating topics", lambda admin, _: self._create_missing(admin, topics))
            self._known.update(topics)

    def forget_topic(self, topic: str) -> None:
        """Look again, next time, whether the cluster has the topic."""
        self._known.discard(topic)

    async def backlog(self, topic: str, group: str) -> int:
        """Count what the group has not committed. Committed offsets are read first, so it is never too low."""

        async def count(admin: AIOKafkaAdminClient, reader: AIOKafkaConsumer) -> int:
            partitions = await _partitions(admin, topic)
            if not partitions:
                return 0
            committed = await admin.list_consumer_group_offsets(group, partitions=partitions)
            starts = await reader.beginning_offsets(partitions)
            ends = await reader.end_offsets(partitions)
            read = {tp: max(starts[tp], committed[tp].offset if tp in committed else -1) for tp in partitions}
            return sum(max(0, ends[tp] - read[tp]) for tp in partitions)

        return await self._ask(f"counting the backlog of {topic}", count)

    async def recent(self, topic: str, limit: int) -> list[Delivery]:
        """Return the last messages of a topic by time of append, oldest first."""

        async def read(admin: AIOKafkaAdminClient, reader: AIOKafkaConsumer) -> list[Delivery]:
            partitions = await _partitions(admin, topic)
            if not partitions:
                return []
            starts = await reader.beginning_offsets(partitions)
            ends = await reader.end_offsets(partitions)
            reader.assign(partitions)
            try:
                for tp in partitions:
                    reader.seek(tp, max(starts[tp], ends[tp] - limit))
                records = await _read_until(reader, {tp: end for tp, end in ends.items() if end > starts[tp]})
            finally:
                reader.unsubscribe()
            records.sort(key=lambda record: (record.timestamp, record.partition, record.offset))
            return [as_delivery(record) for record in records[-limit:]]

        return await self._ask(f"reading {topic}", read)

    async def nodes(self) -> int:
        """Count the brokers of the cluster."""
        cluster = await self._ask("describing the cluster", lambda admin, _: admin.describe_cluster())
        return len(cluster["brokers"])

    async def close(self) -> None:
        """Close connections."""
        async with self._lock:
            await self._drop()

    async def _ask(
        self, what: str, question: Callable[[AIOKafkaAdminClient, AIOKafkaConsumer], Awaitable[ResultT]]
    ) -> ResultT:
        async with self._lock:
            try:
                with answering(what):
                    async with asyncio.timeout(self._settings.read_timeout_s):
                        admin, reader = await self._connect()
                        return await question(admin, reader)
            except BaseException:
                await self._drop()
                raise

    async def _connect(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        if self._admin is None or self._reader is None:
            timeout_ms = int(self._settings.request_timeout_s * 1000)
            self._admin = AIOKafkaAdminClient(bootstrap_servers=self._address, request_timeout_ms=timeout_ms)
            self._reader = AIOKafkaConsumer(
                bootstrap_servers=self._address,
                request_timeout_ms=timeout_ms,
                enable_auto_commit=False,
                fetch_max_wait_ms=self._settings.fetch_wait_ms,
                retry_backoff_ms=self._settings.retry_pause_ms,
            )
            await self._admin.start()
            await self._reader.start()
        return self._admin, self._reader

    async def _drop(self) -> None:
        admin, self._admin = self._admin, None
        reader, self._reader = self._reader, None
        if admin is not None:
            await stop_quietly(admin.close)
        if reader is not None:
            await stop_quietly(reader.stop)

    async def _create_missing(self, admin: AIOKafkaAdminClient, topics: Sequence[str]) -> None:
        missing = set(topics) - set(await admin.list_topics())
        if not missing:
            return
        settings = self._settings
        limits = {"max.message.bytes": str(settings.publish.message_bytes_max + 65_536)}
        wanted = [
            NewTopic(topic, settings.partitions, settings.replication, topic_configs=limits)
            for topic in sorted(missing)
        ]
        response = await admin.create_topics(wanted)
        for topic, code, *detail in response.topic_errors:
            if code not in (0, _TOPIC_EXISTS):
                raise for_code(code)(f"topic {topic}: {detail}")


async def stop_quietly(stop: Callable[[], Awaitable[Any]]) -> None:
    """Stop a connection whose other end may be gone; that it is gone is no news then."""
    with suppress(KafkaError, OSError, TimeoutError):
        await stop()


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> list[TopicPartition]:
    (found,) = await admin.describe_topics([topic])
    return [TopicPartition(topic, part["partition"]) for part in found["partitions"]]


async def _read_until(reader: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> list[ConsumerRecord]:
    """Read on from the sought positions until each partition's end; the caller bounds the time."""
    records: list[ConsumerRecord] = []
    open_ = set(ends)
    while open_:
        batches = await reader.getmany(*open_, timeout_ms=100)
        for tp, batch in batches.items():
            records += [record for record in batch if record.offset < ends[tp]]
        open_ = {tp for tp in open_ if await reader.position(tp) < ends[tp]}
    return records
