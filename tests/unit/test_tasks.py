"""Tasks are ended whatever they do with their cancellation."""

from __future__ import annotations

import asyncio

import pytest

from herald.tasks import end_tasks


async def started(work: asyncio.Task[None]) -> asyncio.Task[None]:
    await asyncio.sleep(0)
    return work


async def test_a_waiting_task_is_cancelled() -> None:
    task = await started(asyncio.create_task(asyncio.sleep(60)))
    await end_tasks(task)
    assert task.cancelled()


async def test_a_task_that_lost_its_cancellation_is_cancelled_again() -> None:
    lost = 0

    async def careless() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost == 3:
                    raise

    task = await started(asyncio.create_task(careless()))
    await end_tasks(task, patience_s=0.01)
    assert task.cancelled()
    assert lost == 3


async def test_a_task_may_clean_up_undisturbed() -> None:
    done = []

    async def tidy() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            done.append("cleaned up")

    await end_tasks(await started(asyncio.create_task(tidy())))
    assert done == ["cleaned up"]


async def test_what_a_task_raises_stays_with_the_task() -> None:
    async def broken() -> None:
        raise ValueError("broken")

    failed = await started(asyncio.create_task(broken()))
    await end_tasks(failed, await started(asyncio.create_task(asyncio.sleep(60))))
    with pytest.raises(ValueError, match="broken"):
        failed.result()


async def test_the_callers_own_cancellation_reaches_the_caller() -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if leave:
                    raise

    leave: list[bool] = []
    task = await started(asyncio.create_task(stubborn()))
    caller = await started(asyncio.create_task(end_tasks(task)))
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    leave.append(True)
    await end_tasks(task, patience_s=0.01)


async def test_nothing_to_end_is_fine() -> None:
    await end_tasks()
