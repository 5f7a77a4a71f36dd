"""Asking again while the other side cannot be reached."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from herald.bus.settings import Backoff
from herald.ports import Unavailable

ResultT = TypeVar("ResultT")


def being_cancelled() -> bool:
    """Tell whether somebody asked the current task to stop.

    A loop asks this each time round: ``asyncio.wait_for`` of Python 3.11, which client libraries use, swallows the
    ``CancelledError`` where the awaited thing was done in the same instant. The request itself is not forgotten.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def stop_if_cancelled() -> None:
    """Raise the ``CancelledError`` that may have been swallowed."""
    if being_cancelled():
        raise asyncio.CancelledError


async def insist(
    ask: Callable[[], Awaitable[ResultT]], *, budget_s: float, backoff: Backoff, draw: Callable[[], float]
) -> ResultT:
    """Call ``ask`` until it answers; its last ``Unavailable`` is raised when the budget is spent."""
    deadline = time.monotonic() + budget_s
    attempt = 0
    while True:
        stop_if_cancelled()
        try:
            return await ask()
        except Unavailable:
            attempt += 1
            pause = backoff.delay_s(attempt, draw())
            if time.monotonic() + pause > deadline:
                raise
        await asyncio.sleep(pause)
