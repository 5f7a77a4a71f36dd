"""Chooses and opens the bus that carries the messages."""

from __future__ import annotations

from typing import Literal

from herald.bus.kafka import KafkaBus
from herald.bus.redis_streams import RedisStreamsBus
from herald.bus.settings import KafkaBusSettings, RedisBusSettings
from herald.ports import Bus, Refused


async def open_bus(
    kind: Literal["redis", "kafka"],
    *,
    redis_url: str | None = None,
    kafka: str | None = None,
    name: str = "herald",
    redis_settings: RedisBusSettings | None = None,
    kafka_settings: KafkaBusSettings | None = None,
) -> Bus:
    """Make the bus and see that its server answers.

    Raises ``Refused`` where the address of the chosen bus is missing, ``Unavailable`` where nobody answers there.
    """
    bus: Bus
    if kind == "kafka":
        if kafka is None:
            raise Refused("the bus is Kafka, and there is no address; set HERALD_KAFKA=host:port, or HERALD_BUS=redis")
        bus = KafkaBus(kafka, kafka_settings, name=name)
    else:
        if redis_url is None:
            raise Refused("the bus is Redis Streams, and there is no address; set HERALD_REDIS_URL=redis://host:port/0")
        bus = RedisStreamsBus(redis_url, redis_settings)
    try:
        await bus.ping()
    except BaseException:
        await bus.close()
        raise
    return bus
