"""What every actor has in common."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from actors import shell as module
from actors.shell import EXIT_STATUS_BROKEN, Shell
from herald.ports import Unavailable


class Ended(Exception):  # noqa: N818 - states what happened
    """Stands for the end of this process."""


class Worker(Shell):
    """An actor whose beginning and one loop are given."""

    def __init__(self, begin: Any = None, loop: Any = None) -> None:
        self._given, self._loop = begin, loop
        self.begun = self.ended = 0
        super().__init__("worker")

    async def _begin(self) -> None:
        self.begun += 1
        if self._given is not None:
            await self._given(self.begun)
        if self._loop is not None:
            self.task = self._keep(self._loop(), "the loop")

    async def _end(self) -> None:
        self.ended += 1

    def _detail(self) -> dict[str, Any]:
        return {"begun": self.begun}


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> asyncio.Queue[int]:
    """Receive the exit status with which the process would have ended."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    monkeypatch.setattr(os, "_exit", queue.put_nowait)
    monkeypatch.setattr(module, "BEGIN_PAUSE_S", 0.0)
    return queue


async def forever() -> None:
    await asyncio.Event().wait()


async def broken() -> None:
    raise AssertionError("an invariant does not hold")


async def test_it_begins_by_itself_before_anybody_asks(exits) -> None:
    worker = Worker()
    assert await worker.ready()
    assert await worker.ready()
    assert worker.begun == 1
    await worker.close()


async def test_it_tells_its_health_at_once_also_while_it_begins(exits) -> None:
    gate = asyncio.Event()
    worker = Worker(begin=lambda _: gate.wait())
    health = await worker.health()
    assert (health.name, health.pid, health.ready, health.detail) == ("worker", os.getpid(), False, {})
    gate.set()
    await worker.ready()
    health = await worker.health()
    assert (health.ready, health.detail) == (True, {"begun": 1})
    await worker.close()


async def test_a_loop_that_ends_with_an_error_ends_the_process(exits) -> None:
    worker = Worker(loop=broken)
    async with asyncio.timeout(5):
        assert await exits.get() == EXIT_STATUS_BROKEN
    await worker.close()


async def test_a_beginning_that_fails_ends_the_process(exits) -> None:
    async def fail(_: int) -> None:
        raise ValueError("a configuration that cannot be used")

    worker = Worker(begin=fail)
    async with asyncio.timeout(5):
        assert await exits.get() == EXIT_STATUS_BROKEN
    await worker.close()


async def test_it_waits_for_what_it_needs_to_begin(exits) -> None:
    async def third_time(attempt: int) -> None:
        if attempt < 3:
            raise Unavailable("PostgreSQL is starting")

    worker = Worker(begin=third_time)
    await worker.ready()
    assert (worker.begun, exits.qsize()) == (3, 0)
    await worker.close()


async def test_it_does_not_wait_for_ever(exits, monkeypatch) -> None:
    monkeypatch.setattr(module, "BEGIN_ATTEMPTS", 4)

    async def never(_: int) -> None:
        raise Unavailable("PostgreSQL is gone")

    worker = Worker(begin=never)
    async with asyncio.timeout(5):
        assert await exits.get() == EXIT_STATUS_BROKEN
    assert worker.begun == 4


async def test_a_loop_that_is_cancelled_or_returns_ends_nothing(exits) -> None:
    worker = Worker(loop=forever)
    await worker.ready()
    worker.task.cancel()
    await asyncio.gather(worker.task, return_exceptions=True)
    await asyncio.gather(worker._keep(asyncio.sleep(0), "short"))
    await asyncio.sleep(0)
    assert (exits.qsize(), worker._loops) == (0, set())
    await worker.close()


async def test_closing_stops_the_loops_and_releases_what_it_holds_twice_if_need_be(exits) -> None:
    worker = Worker(loop=forever)
    await worker.ready()
    await worker.close()
    assert worker.task.cancelled()
    await worker.close()
    assert (worker.ended, exits.qsize()) == (2, 0)
