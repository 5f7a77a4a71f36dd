"""A consumer in a process of its own, for the tests that kill it.

Arguments: bus (redis or kafka), address, topic, group, member, sink file, number of handled messages after which it
kills itself between handling and commit (0: never). It handles a message by appending its value to the sink.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from herald.bus.consuming import BusDeadLetters, ConsumePolicy, consume
from herald.bus.kafka import KafkaBus
from herald.bus.redis_streams import RedisStreamsBus
from herald.bus.settings import KafkaBusSettings
from herald.clocks import WallClock
from herald.ports import Bus, Delivery


async def main(arguments: list[str]) -> None:
    kind, address, topic, group, member, sink_path, crash_after = arguments
    bus: Bus = RedisStreamsBus(address) if kind == "redis" else KafkaBus(address, KafkaBusSettings(partitions=1))
    consumer = await bus.subscribe([topic], group, member)
    handled = 0

    async def handle(delivery: Delivery) -> None:
        nonlocal handled
        with Path(sink_path).open("ab") as sink:  # noqa: ASYNC230 - this process does nothing else
            sink.write(delivery.value + b"\n")
        handled += 1
        if handled == int(crash_after):
            os.kill(os.getpid(), signal.SIGKILL)

    await consume(consumer, handle, BusDeadLetters(bus, group, WallClock()), ConsumePolicy(batch_max=16), WallClock())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
