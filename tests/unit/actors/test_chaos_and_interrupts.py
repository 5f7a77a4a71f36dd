"""Killing on purpose, and being asked to stop."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from typing import Any

import pytest

from actors import chaos as module
from actors.chaos import Chaos
from actors.interrupts import Interrupted, unless, until_interrupted
from actors.shell import Health
from herald.ports import Unavailable

PIDS = {"trader": 101, "risk": 102, "redis": 103}


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the pids that would have been killed."""
    killed: list[int] = []

    def kill(pid: int, number: int) -> None:
        assert number == signal.SIGKILL
        if pid == 0:
            raise ProcessLookupError
        killed.append(pid)

    async def call(peer: Any, method: str, timeout_s: float = 0.0) -> Health:
        return Health(peer.name, PIDS[peer.name], ready=True, detail={})

    monkeypatch.setattr(module, "CALM_S", (0.0, 0.0))
    monkeypatch.setattr(module.os, "kill", kill)
    monkeypatch.setattr(module.Peer, "call", call)
    return killed


async def test_all_are_hit_in_turn_actors_and_servers(kills) -> None:
    chaos = Chaos(["trader", "risk"], lambda: {"redis": 103}, random.Random(1), 9)
    await chaos.run()
    assert sorted(chaos.killed[:3]) == sorted(chaos.killed[3:6]) == sorted(chaos.killed[6:]) == sorted(PIDS)
    assert kills == [PIDS[name] for name in chaos.killed]


async def test_the_same_seed_kills_in_the_same_order(kills) -> None:
    runs = []
    for _ in range(2):
        chaos = Chaos(["trader", "risk"], lambda: {"redis": 103}, random.Random(7), 6)
        await chaos.run()
        runs.append(chaos.killed)
    assert runs[0] == runs[1]


async def test_who_is_just_being_restarted_or_gone_is_skipped_and_does_not_count(kills, monkeypatch) -> None:
    async def call(peer: Any, method: str, timeout_s: float = 0.0) -> Health:
        if peer.name == "risk":
            raise Unavailable("restarting")
        return Health(peer.name, 0 if peer.name == "ledger" else 101, ready=True, detail={})

    monkeypatch.setattr(module.Peer, "call", call)
    chaos = Chaos(["trader", "risk", "ledger"], dict, random.Random(1), 3)
    await chaos.run()
    assert chaos.killed == ["trader"] * 3


async def test_no_kills_kill_nobody(kills) -> None:
    await Chaos(["trader"], dict, random.Random(1), 0).run()
    assert kills == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupt_asks_the_work_to_stop_and_more_of_them_do_not_disturb_its_cleaning_up(number) -> None:
    async def work(stop: asyncio.Event) -> str:
        os.kill(os.getpid(), number)
        await stop.wait()
        os.kill(os.getpid(), number)
        await asyncio.sleep(0)
        return "cleaned up"

    before = signal.getsignal(number)
    assert await until_interrupted(work) == "cleaned up"
    assert not asyncio.get_running_loop().remove_signal_handler(number), "the next interrupt is not ours any more"
    signal.signal(number, before)


async def test_work_that_ends_first_gives_its_result_or_its_error() -> None:
    async def fail() -> None:
        raise ValueError("wrong")

    stop = asyncio.Event()
    assert await unless(stop, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(ValueError, match="wrong"):
        await unless(stop, fail())


async def test_work_is_cancelled_and_waited_for_when_a_stop_comes_first() -> None:
    stop, cleaned = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.set()

    asyncio.get_running_loop().call_soon(stop.set)
    with pytest.raises(Interrupted):
        await unless(stop, work())
    assert cleaned.is_set()


async def test_a_stop_that_was_asked_for_before_keeps_work_from_going_on() -> None:
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(Interrupted):
        await unless(stop, asyncio.Event().wait())
