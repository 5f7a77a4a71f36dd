"""The bus in the memory of one process: for unit tests and in-process use. Fulfils the contract of the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

from herald.bus.settings import PublishBounds
from herald.bus.wire import check_outgoing, check_topic
from herald.ports import Delivery, Outgoing, Unavailable


@dataclass(slots=True)
class _Reading:
    """What one group has read of one topic. ``pending`` maps the index of a message to its deliveries."""

    read: int = 0
    pending: dict[int, int] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)
    members: list[MemoryConsumer] = field(default_factory=list)


class MemoryBus:
    """Keeps messages in lists. One member of a group reads a topic at a time, the one that joined first.

    Nothing survives the process, and nothing is ever trimmed up to ``messages_max`` a topic, where ``publish`` raises
    ``Unavailable``.
    """

    def __init__(self, messages_max: int = 1_000_000) -> None:
        self._messages_max = messages_max
        self._bounds = PublishBounds()
        self._topics: dict[str, list[Outgoing]] = {}
        self._readings: dict[tuple[str, str], _Reading] = {}
        self._changed = asyncio.Condition()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Append all, in order."""
        check_outgoing(messages, self._bounds)
        for message in messages:
            topic = self._topics.setdefault(message.topic, [])
            if len(topic) >= self._messages_max:
                raise Unavailable(f"topic {message.topic} holds {len(topic)} messages; raise messages_max")
            topic.append(message)
        await self._tell()

    async def subscribe(self, topics: Sequence[str], group: str, member: str) -> MemoryConsumer:
        """Join a group; a consumer of the same name is replaced, and what it left is delivered again."""
        for topic in topics:
            check_topic(topic)
        consumer = MemoryConsumer(self, tuple(topics), group, member)
        for topic in topics:
            reading = self._reading(topic, group)
            same = [other for other in reading.members if other.member == member]
            if same and same[0] is reading.members[0]:
                reading.members[0] = consumer
                reading.waiting = sorted(reading.pending)
            else:
                reading.members.append(consumer)
            reading.members = [other for other in reading.members if other not in same]
        await self._tell()
        return consumer

    async def recent(self, topic: str, limit: int) -> list[Delivery]:
        """Return the last ``limit`` messages of a topic, oldest first, outside any group."""
        messages = self._topics.get(topic, [])
        first = max(0, len(messages) - max(0, limit))
        return [_delivery(messages[index], index, 1) for index in range(first, len(messages))]

    async def backlog(self, topic: str, group: str) -> int:
        """Count the messages of a topic that the group has not committed."""
        reading = self._readings.get((topic, group), _Reading())
        return len(self._topics.get(topic, [])) - reading.read + len(reading.pending)

    async def ping(self) -> str:
        """Return what this is."""
        return "memory of this process"

    async def close(self) -> None:
        """Close nothing: there are no connections."""

    def _reading(self, topic: str, group: str) -> _Reading:
        return self._readings.setdefault((topic, group), _Reading())

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    # The consumers' side.

    async def wait_for_messages(self, consumer: MemoryConsumer, limit: int, timeout_s: float) -> list[Delivery]:
        """Wait until the consumer may read something, and take it."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_s
        while True:
            batch = self._take(consumer, limit)
            remaining = deadline - clock()
            if batch or remaining <= 0:
                return batch
            with suppress(TimeoutError):
                async with asyncio.timeout(remaining), self._changed:
                    await self._changed.wait()

    def _take(self, consumer: MemoryConsumer, limit: int) -> list[Delivery]:
        batch: list[Delivery] = []
        for topic in consumer.topics:
            reading, messages = self._reading(topic, consumer.group), self._topics.get(topic, [])
            if not reading.members or reading.members[0] is not consumer:
                continue
            again = reading.waiting[: limit - len(batch)]
            del reading.waiting[: len(again)]
            new = list(islice(range(reading.read, len(messages)), limit - len(batch) - len(again)))
            reading.read += len(new)
            for index in [*again, *new]:
                reading.pending[index] = reading.pending.get(index, 0) + 1
                batch.append(_delivery(messages[index], index, reading.pending[index]))
        return batch

    def acknowledge(self, group: str, deliveries: Sequence[Delivery]) -> None:
        """Forget that the messages are pending."""
        for delivery in deliveries:
            self._reading(delivery.topic, group).pending.pop(delivery.position, None)

    async def leave(self, consumer: MemoryConsumer) -> None:
        """Give the consumer's place to the next member, with what it did not commit."""
        for topic in consumer.topics:
            reading = self._reading(topic, consumer.group)
            if consumer in reading.members:
                if reading.members[0] is consumer:
                    reading.waiting = sorted(reading.pending)
                reading.members.remove(consumer)
        await self._tell()


class MemoryConsumer:
    """One member of a group; fulfils ``Consumer``."""

    def __init__(self, bus: MemoryBus, topics: tuple[str, ...], group: str, member: str) -> None:
        self._bus = bus
        self.topics = topics
        self.group = group
        self.member = member

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        """Wait for up to ``timeout_s`` and return at most ``limit`` messages, unacknowledged ones first."""
        return await self._bus.wait_for_messages(self, limit, timeout_s)

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge."""
        self._bus.acknowledge(self.group, deliveries)

    async def close(self) -> None:
        """Leave the group; what was not committed goes to another member."""
        await self._bus.leave(self)

    async def abandon(self) -> None:
        """Vanish; in memory the others see it at once."""
        await self._bus.leave(self)


def _delivery(message: Outgoing, index: int, deliveries: int) -> Delivery:
    return Delivery(message.topic, message.key, message.value, str(index), deliveries, message.mark, index)
