"""The loop by which an actor reads its topics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from herald.bus.consuming import BusDeadLetters, ConsumePolicy, consume, consume_batches
from herald.ports import Bus, Clock, Delivery

SIDE_BY_SIDE = ConsumePolicy(concurrency=16)
"""For a reader that waits for others: messages of different keys are handled at the same time."""
IN_BULK = ConsumePolicy(batch_max=500, linger_s=0.1)
"""For a reader that writes down what others did, and may be a moment late."""
PROMPTLY = ConsumePolicy(batch_max=500)
"""For a reader that gains by taking what has come together, and waits for nothing."""


async def consume_topic(
    bus: Bus,
    topics: Sequence[str],
    group: str,
    handle: Callable[[Delivery], Awaitable[None]],
    clock: Clock,
    *,
    policy: ConsumePolicy | None = None,
) -> None:
    """Consume ``topics`` for ever as the one member of ``group``; what cannot be handled goes to the dead letters."""
    consumer = await bus.subscribe(topics, group, member=group)
    try:
        await consume(consumer, handle, BusDeadLetters(bus, group, clock), policy or ConsumePolicy(), clock)
    finally:
        await consumer.close()


async def record_topics(
    bus: Bus,
    topics: Sequence[str],
    group: str,
    handle_all: Callable[[Sequence[Delivery]], Awaitable[None]],
    clock: Clock,
    *,
    policy: ConsumePolicy,
) -> None:
    """Consume ``topics`` in batches for ever as the one member of ``group``."""
    consumer = await bus.subscribe(topics, group, member=group)
    try:
        await consume_batches(consumer, handle_all, BusDeadLetters(bus, group, clock), policy, clock)
    finally:
        await consumer.close()
