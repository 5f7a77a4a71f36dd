"""The floor of the whole way: the same hops between the same number of processes, with nothing done at any of them.

    feeder ─► model ─► collector ─call─► correlator ─Redis stream─► trader ─call─► risk
                                                             └─────call─► router

A payload of the size of a signal is passed on untouched: two actor calls from the trader, one from the collector, one
append to a Redis stream and one blocking read of it, and before them one forward pass of the model, where there is one,
in the collector's own process. No parsing, no decision, no database.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import ray
from redis.asyncio import Redis

from herald.inference.text_model import load_model

STREAM = "bench:floor"
PAYLOAD = b"x" * 1_500
HEADLINE = "Binance Will List ADA (batch {number:06d}) for spot trading"


class Echo:
    """An actor that answers at once."""

    async def take(self, payload: bytes) -> int:
        """Return the size of what came."""
        return len(payload)


class Publisher:
    """Stands where the correlator stands."""

    def __init__(self, redis_url: str) -> None:
        """Publish to this server."""
        self._redis = Redis.from_url(redis_url)

    async def take(self, sent_ns: int, payload: bytes) -> int:
        """Append to the stream."""
        await self._redis.xadd(STREAM, {"at": sent_ns, "payload": payload}, maxlen=1_000, approximate=True)
        return len(payload)


class Reader:
    """Stands where the trader stands: reads the stream and calls two actors for each message."""

    def __init__(self, redis_url: str, risk: Any, router: Any) -> None:
        """Read from this server and call these actors."""
        self._redis = Redis.from_url(redis_url)
        self._risk = risk
        self._router = router
        self.taken_ms: list[float] = []
        self._loop = asyncio.get_running_loop().create_task(self._read())

    async def results(self) -> list[float]:
        """Return the times from sending to the last answer, in ms."""
        return self.taken_ms

    async def _read(self) -> None:
        last = "$"
        while True:
            for _, entries in await self._redis.xread({STREAM: last}, block=1_000, count=1) or ():
                for entry_id, fields in entries:
                    last = entry_id
                    await self._risk.take.remote(fields[b"payload"])
                    await self._router.take.remote(fields[b"payload"])
                    self.taken_ms.append((time.time_ns() - int(fields[b"at"])) / 1e6)


class Feeder:
    """Stands where the collector stands."""

    def __init__(self, publisher: Any, model: Path | None) -> None:
        """Call this actor for each headline, once the model has judged it."""
        self._publisher = publisher
        self._model = load_model(model) if model is not None else None

    async def feed(self, rate: float, seconds: float) -> int:
        """Send ``rate`` payloads a second, evenly."""
        count = int(rate * seconds)
        begun = time.monotonic()
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
            received_ns = time.time_ns()
            if self._model is not None:
                self._model.judge([HEADLINE.format(number=number)], [()])
            await self._publisher.take.remote(received_ns, PAYLOAD)
        return count


async def measure_floor(redis_url: str, rate: float, seconds: float, model: Path | None = None) -> list[float]:
    """Pass payloads through the model and bare hops at ``rate`` and return the time that each took, in ms."""
    bare = {"num_cpus": 0}
    risk, router = ray.remote(**bare)(Echo).remote(), ray.remote(**bare)(Echo).remote()
    reader = ray.remote(**bare)(Reader).remote(redis_url, risk, router)
    publisher = ray.remote(**bare)(Publisher).remote(redis_url)
    feeder = ray.remote(**bare)(Feeder).remote(publisher, model)
    actors = [risk, router, reader, publisher, feeder]
    try:
        await reader.results.remote()
        await feeder.feed.remote(rate, 2.0)  # warm: connections, first calls
        warm = len(await reader.results.remote())
        sent = await feeder.feed.remote(rate, seconds)
        await asyncio.sleep(1.0)
        taken: list[float] = (await reader.results.remote())[warm:]
        if len(taken) < 0.99 * sent:
            raise RuntimeError(f"the floor lost messages: {len(taken)} of {sent}")
        return taken
    finally:
        for actor in actors:
            ray.kill(actor)
