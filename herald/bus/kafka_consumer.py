"""One member of a consumer group on Kafka: static membership, commits by hand, safe over rebalances."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from herald.bus.kafka_link import answering, as_delivery, stop_quietly
from herald.bus.kafka_offsets import OffsetTracker
from herald.bus.retrying import insist
from herald.bus.settings import KafkaBusSettings
from herald.messages import content_hash
from herald.ports import Delivery, Unavailable

_log = structlog.get_logger(__name__)


class KafkaConsumer:
    """Fulfils ``Consumer``.

    ``member`` is the group's static name of this consumer: started again under it, the broker gives it its partitions
    back at once, without a rebalance and without waiting for the session of its dead self to end. Two living consumers
    of the same topics must not share a name. What a dead member held goes to another after ``session_s``; after
    ``close`` at once. The topics are part of the static name, because the broker gives a known name what it had before
    without asking what it reads now: a member that comes back with other topics waits for the session of its old self.
    """

    def __init__(
        self,
        address: str,
        settings: KafkaBusSettings,
        *,
        topics: tuple[str, ...],
        group: str,
        member: str,
        draw: Callable[[], float],
    ) -> None:
        self._address = address
        self._settings = settings
        self._topics = topics
        self._group = group
        self._member = member
        self._draw = draw
        self._kafka: AIOKafkaConsumer | None = None
        self._trackers: dict[TopicPartition, OffsetTracker] = {}

    async def join(self) -> None:
        """Connect and join the group; the partitions come later. Raises ``Unavailable``."""
        await self._connected()

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        """Wait for up to ``timeout_s`` and return at most ``limit`` messages, in order within each partition.

        A cluster that is away shows as an empty batch while the client reconnects; ``Unavailable`` is raised where a
        connection cannot be made until the end of the timeout.
        """
        deadline = time.monotonic() + timeout_s
        attempt = 0
        while True:
            try:
                batch = await self._look(limit, max(0.0, deadline - time.monotonic()))
                if batch or time.monotonic() >= deadline:
                    return batch
                attempt = 0
            except Unavailable as error:
                await self._drop()
                attempt += 1
                pause = self._settings.backoff.delay_s(attempt, self._draw())
                if time.monotonic() + pause >= deadline:
                    raise
                _log.warning("bus.read_retry", group=self._group, attempt=attempt, error=str(error))
                await asyncio.sleep(pause)

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Commit what is done, for partitions still held; retries within its budget, then ``Unavailable``.

        A message of a partition that has gone to another member is not committed: that member handles it again.
        """
        touched = set()
        for delivery in deliveries:
            partition, offset = delivery.position
            tp = TopicPartition(delivery.topic, partition)
            if tp in self._trackers:
                self._trackers[tp].done(offset)
                touched.add(tp)
        if touched:
            settings = self._settings
            await insist(
                lambda: self._commit_touched(touched),
                budget_s=settings.commit_budget_s,
                backoff=settings.backoff,
                draw=self._draw,
            )

    async def close(self) -> None:
        """Leave the group; what was not committed goes to another member at once."""
        if self._kafka is not None:
            coordinator = self._kafka._coordinator  # noqa: SLF001 - the client has no public way for a static member
            coordinator._group_instance_id = None  # noqa: SLF001 - to leave before its session ends
        await self._drop()

    async def abandon(self) -> None:
        """Stop without leaving the group, as the death of the process would."""
        await self._drop()

    async def _look(self, limit: int, wait_s: float) -> list[Delivery]:
        kafka = await self._connected()
        with answering(f"reading {', '.join(self._topics)}"):
            batches = await kafka.getmany(timeout_ms=int(wait_s * 1000), max_records=limit)
        return [
            as_delivery(record)
            for tp, records in batches.items()
            for record in records
            if self._trackers.setdefault(tp, OffsetTracker()).hand_out(record.offset)
        ]

    async def _commit_touched(self, touched: Collection[TopicPartition]) -> None:
        kafka = await self._connected()
        assigned = kafka.assignment()
        offsets = {tp: self._trackers[tp].committable for tp in touched if tp in assigned and tp in self._trackers}
        offsets = {tp: offset for tp, offset in offsets.items() if offset is not None}
        if not offsets and assigned:
            _log.warning("bus.commit_after_reassignment", group=self._group, member=self._member)
            return
        with answering(f"committing for {self._group}"):
            async with asyncio.timeout(self._settings.request_timeout_s):
                await kafka.commit(offsets)

    async def _connected(self) -> AIOKafkaConsumer:
        if self._kafka is None:
            settings = self._settings
            kafka = AIOKafkaConsumer(
                bootstrap_servers=self._address,
                client_id=f"{self._group}.{self._member}",
                group_id=self._group,
                group_instance_id=f"{self._member}.{content_hash(*sorted(self._topics))[:8]}",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=int(settings.session_s * 1000),
                heartbeat_interval_ms=int(settings.heartbeat_s * 1000),
                request_timeout_ms=int(settings.request_timeout_s * 1000),
                retry_backoff_ms=settings.retry_pause_ms,
                fetch_max_wait_ms=settings.fetch_wait_ms,
                max_partition_fetch_bytes=settings.publish.message_bytes_max + 65_536,
            )
            kafka.subscribe(list(self._topics), listener=_Assignments(self._trackers, self._group, self._member))
            try:
                with answering(f"joining group {self._group}"):
                    async with asyncio.timeout(settings.start_timeout_s):
                        await kafka.start()
            except BaseException:
                await stop_quietly(kafka.stop)
                raise
            self._kafka = kafka
        return self._kafka

    async def _drop(self) -> None:
        kafka, self._kafka = self._kafka, None
        if kafka is not None:
            await stop_quietly(kafka.stop)


class _Assignments(ConsumerRebalanceListener):  # type: ignore[misc]  # the client is not typed
    """Keeps the trackers in step with the partitions that the group gave to this member."""

    def __init__(self, trackers: dict[TopicPartition, OffsetTracker], group: str, member: str) -> None:
        self._trackers = trackers
        self._group = group
        self._member = member

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Do nothing: what is still out is settled when the partitions come, or do not come, again."""

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Forget partitions that went elsewhere; expect the others to start where the group last committed."""
        for tp in [tp for tp in self._trackers if tp not in assigned]:
            del self._trackers[tp]
        for tp in assigned:
            self._trackers.setdefault(tp, OffsetTracker()).resume()
        _log.info("bus.assigned", group=self._group, member=self._member, partitions=len(assigned))
