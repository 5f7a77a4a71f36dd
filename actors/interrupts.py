"""Ctrl-C and SIGTERM as a request that the main task answers, at any moment of its run."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

from herald.tasks import end_tasks

T = TypeVar("T")


class Interrupted(Exception):  # noqa: N818 - states what happened
    """The user, or the system, asked to stop."""


async def until_interrupted(work: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Run ``work`` with an event that the first interrupt sets; later ones are ignored, so that clean-up completes."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        return await work(stop)
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def unless(stop: asyncio.Event, work: Awaitable[T]) -> T:
    """Await ``work`` unless ``stop`` is set first; then cancel it and raise ``Interrupted``."""
    task = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Interrupted
    finally:
        await end_tasks(stopping, task)
