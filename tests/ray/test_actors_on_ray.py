"""What the actors' common parts promise, on a real Ray: death, return, errors across processes, silence."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import ray

from actors import supervisor as supervising
from actors.deployment import Part, create, deploy, end_leftovers, start_ray, undeploy
from actors.peers import NAMESPACE, Peer
from actors.shell import Shell
from actors.supervisor import SupervisorShell
from herald.bootstrap.wiring import NOWHERE, Wiring
from herald.ports import Refused, Unavailable
from herald.settings import load_settings

pytestmark = pytest.mark.ray

PATIENCE_S = 60.0


class Worker(Shell):
    """An actor that can be told to break in the ways that actors break."""

    def __init__(self, name: str, notes: str, home: str = "") -> None:
        self._notes, self._home = Path(notes), home
        super().__init__(name)

    async def home(self) -> str:
        return self._home

    async def pid(self) -> int:
        await self.ready()
        return os.getpid()

    async def refuse(self) -> None:
        raise Refused("the venue says no; ask for less")

    async def go_wrong(self) -> None:
        raise KeyError("a bug")

    async def break_a_loop(self) -> None:
        self._keep(self._broken(), "the loop")

    async def hang(self) -> None:
        """Hold the whole process up, as an endless computation would."""
        import time

        time.sleep(3600)  # noqa: ASYNC251 - on purpose

    async def _broken(self) -> None:
        raise AssertionError("an invariant does not hold")

    async def _begin(self) -> None:
        with self._notes.open("a") as notes:
            notes.write(f"{os.getpid()}\n")


@dataclass
class Place:
    """One worker and what it wrote down each time it began."""

    part: Part
    notes: Path

    @property
    def peer(self) -> Peer:
        return Peer(self.part.name)

    def beginnings(self) -> int:
        return len(self.notes.read_text().splitlines())


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A Ray of this module alone."""
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    start_ray(None, 0, dashboard=False)
    yield
    ray.shutdown()


@pytest.fixture
async def place(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    name = request.node.name[:40]
    notes = tmp_path / "begun"
    part = Part(name, ray.remote(max_restarts=-1, num_cpus=0)(Worker), (name, str(notes), str(tmp_path)))
    await deploy([part], lambda *_: None)
    yield Place(part, notes)
    await undeploy([name], grace_s=2.0)


async def answer(place: Place) -> Any:
    """Ask until a process answers, as every caller does."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await place.peer.call("pid")
            except Unavailable:
                await asyncio.sleep(0.1)


async def test_a_killed_actor_comes_back_and_begins_again(place: Place) -> None:
    first = await place.peer.call("pid")
    os.kill(first, signal.SIGKILL)
    second = await answer(place)
    assert second != first
    assert place.beginnings() == 2


async def test_a_call_to_an_actor_that_dies_meanwhile_is_unavailable_and_may_be_repeated(place: Place) -> None:
    first = await place.peer.call("pid")
    calling = asyncio.create_task(place.peer.call("hang"))
    await asyncio.sleep(0.5)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(Unavailable, match=r"hang: \w*Died|hang: \w*Unavailable"):
        await calling
    assert await answer(place) != first


async def test_an_error_of_the_ports_crosses_processes_as_itself(place: Place) -> None:
    with pytest.raises(Refused, match="ask for less"):
        await place.peer.call("refuse")


async def test_any_other_error_keeps_its_type_and_the_actor_lives_on(place: Place) -> None:
    first = await place.peer.call("pid")
    with pytest.raises(KeyError, match="a bug"):
        await place.peer.call("go_wrong")
    assert await place.peer.call("pid") == first


async def test_an_actor_whose_loop_breaks_ends_itself_and_is_restarted(place: Place) -> None:
    first = await place.peer.call("pid")
    await place.peer.call("break_a_loop")
    async with asyncio.timeout(PATIENCE_S):
        while await answer(place) == first:  # noqa: ASYNC110 - another process tells only when asked
            await asyncio.sleep(0.1)
    assert place.beginnings() == 2


async def test_a_name_that_nobody_has_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="nobody is not running"):
        await Peer("nobody").call("pid")


async def test_to_create_a_part_twice_finds_the_first(place: Place) -> None:
    first = await place.peer.call("pid")
    handle: Any = create(place.part)
    assert await handle.pid.remote() == first
    assert place.beginnings() == 1


async def test_the_supervisor_restarts_an_actor_that_no_longer_answers(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "parts_of", lambda _: [place.part])
    monkeypatch.setattr(supervising, "CHECK_PERIOD_S", 0.2)
    monkeypatch.setattr(supervising, "ANSWER_TIMEOUT_S", 1.0)
    first = await place.peer.call("pid")
    with pytest.raises(Unavailable):
        await place.peer.call("hang", timeout_s=0.5)
    supervisor = SupervisorShell(Wiring(load_settings(), NOWHERE))
    await supervisor.ready()
    try:
        assert await answer(place) != first
        async with asyncio.timeout(PATIENCE_S):
            while not all(one.ready for one in await supervisor.report()):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)
    finally:
        await supervisor.close()
    assert place.beginnings() == 2


async def test_undeployed_actors_are_gone(place: Place) -> None:
    await undeploy([place.part.name])
    with pytest.raises(ValueError, match=place.part.name):
        ray.get_actor(place.part.name, namespace=NAMESPACE)


async def test_what_a_dead_node_left_is_ended_by_the_next_node_of_its_home(place: Place, tmp_path: Path) -> None:
    said: list[tuple[str, str]] = []
    await end_leftovers(tmp_path, lambda *what: said.append(what))
    assert [what for what, _ in said] == ["actors"]
    with pytest.raises(ValueError, match=place.part.name):
        ray.get_actor(place.part.name, namespace=NAMESPACE)
    await end_leftovers(tmp_path, lambda *what: said.append(what))
    assert len(said) == 1


async def test_actors_of_another_home_are_left_alone_and_named(place: Place, tmp_path: Path) -> None:
    first = await place.peer.call("pid")
    with pytest.raises(Unavailable, match=f"the Herald of {tmp_path} runs on this Ray cluster"):
        await end_leftovers(Path("/somewhere/else"), lambda *_: None)
    assert await place.peer.call("pid") == first


def test_a_cluster_that_is_not_there_is_named_with_its_cure() -> None:
    # Joined from a process of its own, since this one is on a cluster already.
    code = "from actors.deployment import start_ray; start_ray('127.0.0.1:1', 0)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert "no Ray cluster can be joined at 127.0.0.1:1" in found.stderr
    assert "HERALD_RAY_ADDRESS" in found.stderr
