"""The supervisor, with actors that answer or do not, and no Ray."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from ray.exceptions import RayError

from actors import supervisor as module
from actors.deployment import Part, parts_of, shutdown_order
from actors.shell import Health
from actors.supervisor import MISSES_MAX, SupervisorShell
from herald.bootstrap.wiring import NOWHERE, Wiring
from herald.ports import Unavailable
from herald.settings import PROJECT_ROOT, load_settings

SOURCE = """
  - {{name: {name}, kind: rss, url: "https://example.org/{name}", group: {group}, trust: 0.5}}
"""


class Cluster:
    """Stands for Ray: actors by name, of which some do not answer."""

    def __init__(self) -> None:
        self.silent: set[str] = set()
        self.killed: list[str] = []
        self.created: list[str] = []
        self.reloaded: list[str] = []

    async def call(self, peer: Any, method: str, *args: Any, timeout_s: float = 0.0) -> Any:
        if peer.name in self.silent:
            raise Unavailable(f"{peer.name} does not answer")
        if method == "reload":
            self.reloaded.append(peer.name)
            return {"closed": [], "opened": []}
        return Health(peer.name, 1, ready=True, detail={})

    def create(self, part: Part) -> str:
        self.created.append(part.name)
        return part.name

    def kill(self, handle: str, *, no_restart: bool) -> None:
        assert not no_restart
        self.killed.append(handle)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()

    async def call(peer: Any, method: str, *args: Any, timeout_s: float = 0.0) -> Any:
        return await made.call(peer, method, *args, timeout_s=timeout_s)

    async def idle(self: Any) -> None:
        """Watch only when a test says so."""

    monkeypatch.setattr(module.Peer, "call", call)
    monkeypatch.setattr(module, "create", made.create)
    monkeypatch.setattr(module.ray, "kill", made.kill)
    monkeypatch.setattr(SupervisorShell, "_watch", idle)
    return made


@pytest.fixture
def wiring(tmp_path: Path) -> Wiring:
    """A configuration with one group of sources."""
    configs = tmp_path / "configs"
    shutil.copytree(PROJECT_ROOT / "configs", configs)
    (configs / "sources.yaml").write_text("sources:" + SOURCE.format(name="one", group="first"), "utf-8")
    return Wiring(load_settings(configs=configs), NOWHERE)


async def begun(wiring: Wiring, cluster: Cluster) -> SupervisorShell:
    """Return a supervisor that has looked at the sources for the first time."""
    supervisor = SupervisorShell(wiring)
    await supervisor.ready()
    await supervisor._reload_sources()
    cluster.reloaded.clear()
    return supervisor


def rewrite(wiring: Wiring, *sources: tuple[str, str]) -> None:
    text = "sources:" + "".join(SOURCE.format(name=name, group=group) for name, group in sources)
    (wiring.configs / "sources.yaml").write_text(text, "utf-8")


async def test_it_reports_the_health_of_every_part(cluster, wiring) -> None:
    supervisor = await begun(wiring, cluster)
    cluster.silent = {"trader"}
    await supervisor.check()
    report = {health.name: health for health in await supervisor.report()}
    assert set(report) == {part.name for part in parts_of(wiring)}
    assert [name for name, health in report.items() if not health.ready] == ["trader"]
    assert "does not answer" in report["trader"].detail["error"]
    await supervisor.close()


async def test_an_actor_that_does_not_answer_several_times_running_is_ended_for_ray_to_restart(cluster, wiring) -> None:
    supervisor = await begun(wiring, cluster)
    cluster.silent = {"trader"}
    for _ in range(MISSES_MAX - 1):
        await supervisor.check()
    assert cluster.killed == []
    await supervisor.check()
    assert (cluster.created, cluster.killed) == (["trader"], ["trader"])
    await supervisor.close()


async def test_an_actor_that_answers_in_between_is_left_alone(cluster, wiring) -> None:
    supervisor = await begun(wiring, cluster)
    for silent in ({"trader"}, set(), {"trader"}, set()) * MISSES_MAX:
        cluster.silent = silent
        await supervisor.check()
    assert cluster.killed == []
    await supervisor.close()


async def test_an_actor_that_was_just_restarted_is_given_time_to_begin(cluster, wiring, monkeypatch) -> None:
    supervisor = await begun(wiring, cluster)
    cluster.silent = {"trader"}
    for _ in range(3 * MISSES_MAX):
        await supervisor.check()
    assert cluster.killed == ["trader"]
    monkeypatch.setattr(module, "START_PATIENCE_S", 0.0)
    cluster.silent = set()
    await supervisor.check()
    cluster.silent = {"trader"}
    for _ in range(3 * MISSES_MAX):
        await supervisor.check()
    assert cluster.killed == ["trader"] * 4, "once in its first life, then three times without patience"
    await supervisor.close()


async def test_an_actor_that_cannot_be_restarted_now_is_tried_again(cluster, wiring, monkeypatch) -> None:
    def refuse(handle: str, *, no_restart: bool) -> None:
        raise RayError("no")

    supervisor = await begun(wiring, cluster)
    cluster.silent = {"risk"}
    monkeypatch.setattr(module.ray, "kill", refuse)
    for _ in range(MISSES_MAX):
        await supervisor.check()
    monkeypatch.setattr(module.ray, "kill", cluster.kill)
    for _ in range(MISSES_MAX):
        await supervisor.check()
    assert cluster.killed == ["risk"]
    await supervisor.close()


async def test_a_changed_list_of_sources_goes_to_the_collectors_once(cluster, wiring) -> None:
    supervisor = await begun(wiring, cluster)
    rewrite(wiring, ("one", "first"), ("two", "first"))
    for _ in range(2):
        await supervisor._reload_sources()
    assert cluster.reloaded == ["collector-first"]
    await supervisor.close()


async def test_a_new_supervisor_hands_the_list_over_since_it_may_have_changed_meanwhile(cluster, wiring) -> None:
    supervisor = SupervisorShell(wiring)
    await supervisor.ready()
    for _ in range(2):
        await supervisor._reload_sources()
    assert cluster.reloaded == ["collector-first"]
    await supervisor.close()


async def test_a_new_group_gets_a_collector_and_one_that_is_gone_lets_its_sources_go(cluster, wiring) -> None:
    supervisor = await begun(wiring, cluster)
    rewrite(wiring, ("two", "second"))
    await supervisor._reload_sources()
    assert cluster.reloaded == ["collector-first"]
    assert cluster.created == ["collector-second"]
    await supervisor.check()
    assert "collector-second" in {health.name for health in await supervisor.report()}
    await supervisor.close()


@pytest.mark.parametrize("spoil", ["wrong", "absent"])
async def test_a_file_that_cannot_be_used_leaves_the_old_list_until_it_can_be(cluster, wiring, spoil: str) -> None:
    supervisor = await begun(wiring, cluster)
    file = wiring.configs / "sources.yaml"
    if spoil == "wrong":
        file.write_text("sources: [{name: one}]", "utf-8")
    else:
        file.unlink()
    await supervisor._reload_sources()
    assert cluster.reloaded == []
    rewrite(wiring, ("one", "first"), ("two", "first"))
    await supervisor._reload_sources()
    assert cluster.reloaded == ["collector-first"]
    await supervisor.close()


def test_what_feeds_is_closed_before_what_is_fed(wiring) -> None:
    names = [*(part.name for part in parts_of(wiring)), "supervisor"]
    order = shutdown_order(names)
    assert set(order) == set(names)
    kinds = ["supervisor", "collector-first", "correlator", "trader", "router-paper", "risk", "ledger"]
    assert [name for name in order if name in kinds] == kinds
