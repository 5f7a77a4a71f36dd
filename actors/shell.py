"""What every actor has in common: it begins by itself, runs its loops, and dies loudly when one of them breaks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from herald.bootstrap.wiring import Wiring
from herald.ports import Unavailable
from herald.tasks import end_tasks

BEGIN_ATTEMPTS = 60
BEGIN_PAUSE_S = 0.5
EXIT_STATUS_BROKEN = 70

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Health:
    """What an actor says of itself."""

    name: str
    pid: int
    ready: bool
    detail: dict[str, Any]


class Shell:
    """Base of the actors.

    Guarantees: ``_begin`` is run once in a process, before the first message is handled, and again by a process that
    takes the place of a dead one. A loop that ends with an error ends the process: Ray starts another, which rebuilds
    its state from what is durable. Nothing is kept going on a broken invariant.
    """

    _wiring: Wiring

    def __init__(self, name: str) -> None:
        """Schedule the beginning at once, since a process that Ray restarts gets no call but this one."""
        self._name = name
        self._loops: set[asyncio.Task[Any]] = set()
        self._beginning = asyncio.get_running_loop().create_task(self._begin_or_die())

    async def ready(self) -> bool:
        """Wait until the actor has begun."""
        await asyncio.shield(self._beginning)
        return True

    async def health(self) -> Health:
        """Say how the actor is, without waiting for anything."""
        begun = self._beginning.done()
        return Health(self._name, os.getpid(), begun, self._detail() if begun else {})

    async def home(self) -> str:
        """Return the data directory of the Herald that this actor belongs to."""
        return str(self._wiring.settings.home)

    async def close(self) -> None:
        """Stop the loops and release what the actor holds. Safe to call twice."""
        await end_tasks(*self._loops)
        if self._beginning.done():
            await self._end()

    async def _begin(self) -> None:
        """Open connections, rebuild state, start loops."""

    async def _end(self) -> None:
        """Close what ``_begin`` opened."""

    def _detail(self) -> dict[str, Any]:
        """Return figures for the status page."""
        return {}

    def _keep(self, loop: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run a loop for as long as the actor lives, or until the task that is returned is cancelled."""
        task = asyncio.get_running_loop().create_task(loop, name=name)
        self._loops.add(task)
        task.add_done_callback(self._ended)
        return task

    def _break(self, task: str, error: BaseException) -> None:
        """End this process, since what it holds can no longer be trusted."""
        _die(self._name, task, error)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._loops.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _die(self._name, task.get_name(), error)

    async def _begin_or_die(self) -> None:
        try:
            await persist(self._begin, self._name)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, this process cannot serve
            _die(self._name, "begin", error)


async def persist(action: Callable[[], Awaitable[Any]], name: str) -> None:
    """Run ``action``, again while what it needs is unavailable, for a bounded number of times."""
    for attempt in range(BEGIN_ATTEMPTS):
        try:
            await action()
        except Unavailable as error:
            if attempt == BEGIN_ATTEMPTS - 1:
                raise
            log.warning("waiting to begin", actor=name, attempt=attempt + 1, cause=str(error))
            await asyncio.sleep(BEGIN_PAUSE_S)
        else:
            return


def _die(actor: str, task: str, error: BaseException) -> None:
    log.error("actor dies and will be restarted", actor=actor, task=task, error=repr(error), exc_info=error)
    os._exit(EXIT_STATUS_BROKEN)
