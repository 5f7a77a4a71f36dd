"""A bus whose topics are its own: several runs on one broker, none seeing the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from herald.ports import Bus, Consumer, Delivery, Outgoing


class PrefixedConsumer:
    """A consumer that takes the prefix off again."""

    def __init__(self, consumer: Consumer, prefix: str) -> None:
        """Read from ``consumer``."""
        self._consumer = consumer
        self._prefix = prefix

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        """See ``ports.Consumer``."""
        return [
            replace(delivery, topic=delivery.topic.removeprefix(self._prefix))
            for delivery in await self._consumer.next_batch(limit, timeout_s)
        ]

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        """See ``ports.Consumer``."""
        await self._consumer.commit([replace(one, topic=self._prefix + one.topic) for one in deliveries])

    async def close(self) -> None:
        """See ``ports.Consumer``."""
        await self._consumer.close()


class PrefixedBus:
    """Puts a prefix before every topic of another bus."""

    def __init__(self, bus: Bus, prefix: str) -> None:
        """Use ``bus``; ``prefix`` is part of the topics' names there."""
        self._bus = bus
        self._prefix = prefix

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See ``ports.Bus``."""
        await self._bus.publish([replace(message, topic=self._prefix + message.topic) for message in messages])

    async def subscribe(self, topics: Sequence[str], group: str, member: str) -> Consumer:
        """See ``ports.Bus``."""
        consumer = await self._bus.subscribe([self._prefix + topic for topic in topics], group, member)
        return PrefixedConsumer(consumer, self._prefix)

    async def recent(self, topic: str, limit: int) -> list[Delivery]:
        """See ``ports.Bus``."""
        return [replace(delivery, topic=topic) for delivery in await self._bus.recent(self._prefix + topic, limit)]

    async def backlog(self, topic: str, group: str) -> int:
        """See ``ports.Bus``."""
        return await self._bus.backlog(self._prefix + topic, group)

    async def ping(self) -> str:
        """See ``ports.Bus``."""
        return await self._bus.ping()

    async def close(self) -> None:
        """See ``ports.Bus``."""
        await self._bus.close()
