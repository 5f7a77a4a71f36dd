"""Calls to other actors, with Ray's failures as the errors of the ports."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayTaskError

from actors import peers as module
from actors.peers import CorrelatorPeer, Peer, RiskPeer, RouterPeers
from herald.ports import JournalConflict, Refused, Unavailable


class Ray:
    """Stands for Ray: what each method of each actor answers or raises."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.lookups: list[str] = []
        self.running = True

    def get_actor(self, name: str, namespace: str) -> Any:
        self.lookups.append(name)
        if not self.running:
            raise ValueError(f"Failed to look up actor with name '{name}'.\nmore")
        return _Handle(self, name)


class _Handle:
    def __init__(self, ray: Ray, name: str) -> None:
        self._ray, self._name = ray, name

    def __getattr__(self, method: str) -> Any:
        async def answered(*args: Any) -> Any:
            self._ray.calls.append((f"{self._name}.{method}", args))
            answer = self._ray.answers[method]
            if isinstance(answer, BaseException):
                raise answer
            return await answer if asyncio.iscoroutine(answer) else answer

        return SimpleNamespace(remote=answered)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    made = Ray()
    monkeypatch.setattr(module.ray, "get_actor", made.get_actor)
    return made


def task_error(cause: Exception) -> RayTaskError:
    return RayTaskError("method", "traceback", cause)


async def test_a_call_answers_and_looks_the_actor_up_once(ray) -> None:
    ray.answers["review"] = ["verdict"]
    peer = RiskPeer()
    assert await peer.review((), None) == ["verdict"]
    assert await peer.review((), None) == ["verdict"]
    assert (ray.lookups, ray.calls) == (["risk"], [("risk.review", ([], None))] * 2)


@pytest.mark.parametrize("error", [ActorDiedError(), ActorUnavailableError("restarting", None)])
async def test_an_actor_that_died_or_restarts_is_unavailable(ray, error) -> None:
    ray.answers["take"] = error
    with pytest.raises(Unavailable, match=r"correlator\.take"):
        await CorrelatorPeer().take((), None)


async def test_an_actor_that_takes_too_long_is_unavailable(ray) -> None:
    ray.answers["health"] = asyncio.Event().wait()
    with pytest.raises(Unavailable, match=r"risk\.health"):
        await Peer("risk").call("health", timeout_s=0.01)


async def test_an_actor_that_does_not_run_is_unavailable_and_looked_up_again(ray) -> None:
    ray.running, ray.answers["health"] = False, "well"
    peer = Peer("risk")
    with pytest.raises(Unavailable, match="risk is not running"):
        await peer.call("health")
    ray.running = True
    assert await peer.call("health") == "well"


@pytest.mark.parametrize("error", [Refused("no"), Unavailable("later"), JournalConflict("taken")])
async def test_an_error_of_a_port_arrives_as_it_was_raised(ray, error) -> None:
    ray.answers["submit"] = task_error(error)
    with pytest.raises(type(error), match=str(error)):
        await Peer("router-paper").call("submit")


async def test_any_other_error_is_not_taken_for_one_of_a_port(ray) -> None:
    ray.answers["submit"] = task_error(ZeroDivisionError("a fault of the code"))
    with pytest.raises(RayTaskError):
        await Peer("router-paper").call("submit")


async def test_an_order_goes_to_the_router_of_its_venue(ray, approved_of) -> None:
    ray.answers["submit"] = "report"
    instrument = approved_of().intent.instrument.model_copy(update={"venue": "elsewhere"})
    routers = RouterPeers()
    for order in (approved_of(), approved_of("b", instrument=instrument), approved_of("c")):
        assert await routers.submit(order, None) == "report"
    assert [name for name, _ in ray.calls] == ["router-paper.submit", "router-elsewhere.submit", "router-paper.submit"]
    assert ray.lookups == ["router-paper", "router-elsewhere"]
