"""How tasks are ended."""

from __future__ import annotations

import asyncio
from typing import Any

_PATIENCE_S = 5.0  # longer than a task takes to clean up


async def end_tasks(*tasks: asyncio.Task[Any], patience_s: float = _PATIENCE_S) -> None:
    """Cancel ``tasks`` and wait until each has ended, however it ends; nothing they raise is raised here.

    A task is cancelled again every ``patience_s`` until it has ended: ``asyncio.wait_for``, which libraries await
    with, loses a cancellation on Python 3.11 where it comes in the moment of the answer. A cancellation of the caller
    reaches the caller.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=patience_s)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # asked for, so that asyncio does not report it as never retrieved
