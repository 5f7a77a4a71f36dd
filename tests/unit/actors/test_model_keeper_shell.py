"""The keeper's actor: from the registry's aliases to what serves, over restarts, faults and damaged files."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import RayError, RayTaskError

import serve
from actors import model_keeper as module
from actors.model_keeper import SERVING_FILE, ModelKeeperShell
from herald.bootstrap.wiring import ServedModel, Wiring
from herald.inference.registry_watch import AliasedVersion
from herald.inference.serving import ModelFailedError, ModelPlace, ServingPolicy
from herald.ports import Unavailable
from herald.settings import load_settings
from herald.stores.embedded.addresses import Addresses

RUN = "0123456789abcdef"
V1, V2 = f"v1-{RUN[:12]}", f"v2-{RUN[:12]}"
Found = dict[str, AliasedVersion] | Unavailable


class Versions:
    """What stands for ``serve.versions``."""

    PREFIX = "classifier-"

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.done: list[str] = []
        self.failing: set[str] = set()

    def applications(self) -> dict[str, str]:
        return {f"{self.PREFIX}{name}": "RUNNING" for name in self.running}

    def start(self, place: ModelPlace, policy: ServingPolicy) -> None:
        self.done.append(f"start {place.name}")
        if place.name in self.failing:
            raise ModelFailedError("no encoder.onnx")
        self.running.add(place.name)

    def end(self, model: str) -> None:
        self.done.append(f"end {model}")
        self.running.discard(model)

    def end_all(self) -> None:
        self.done.append("end all")

    def missing(self, models: Collection[str]) -> set[str]:
        return set(models) - self.running


@dataclass
class Hot:
    """The hot state: what readers were told."""

    told: asyncio.Queue[dict[str, str]] = field(default_factory=asyncio.Queue)
    away: int = 0

    async def put_models(self, serving: Mapping[str, str]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("Redis is away")
        self.told.put_nowait(dict(serving))

    async def close(self) -> None:
        """Hold nothing."""

    async def until_told(self, **serving: str) -> None:
        while await self.told.get() != serving:
            pass


@dataclass
class Registry:
    """Which versions have an alias, or that it cannot be asked."""

    found: Found = field(default_factory=dict)
    looked: asyncio.Queue[None] = field(default_factory=asyncio.Queue)

    async def aliases(self) -> dict[str, AliasedVersion]:
        self.looked.put_nowait(None)
        if isinstance(self.found, Unavailable):
            raise self.found
        return self.found

    async def looks(self, count: int = 2) -> None:
        """Return when a look that began after this call was handled."""
        while not self.looked.empty():
            self.looked.get_nowait()
        for _ in range(count):
            await self.looked.get()


@dataclass
class House:
    """A home with models, and makers of the keeper's actor."""

    home: Path
    versions: Versions = field(default_factory=Versions)
    hot: Hot = field(default_factory=Hot)
    registry: Registry = field(default_factory=Registry)
    fetched: list[tuple[Any, ...]] = field(default_factory=list)
    fetch_fails: Exception | None = None
    shells: list[ModelKeeperShell] = field(default_factory=list)

    @property
    def memory(self) -> Path:
        return self.home / "models" / SERVING_FILE

    def have(self, *names: str) -> None:
        for name in names:
            (self.home / "models" / name).mkdir(parents=True, exist_ok=True)

    def shell(self, model: ServedModel = ServedModel.CHAMPION, **given: Any) -> ModelKeeperShell:
        addresses = Addresses("", "", "", mlflow_url="http://registry")
        wiring = Wiring(load_settings(home=self.home), addresses, model=model, **given)
        self.shells.append(ModelKeeperShell(wiring))
        return self.shells[-1]

    def fetch(self, *wanted: Any) -> Any:
        self.fetched.append(wanted)
        answer: Future[str] = Future()
        if self.fetch_fails is not None:
            answer.set_exception(self.fetch_fails)
        else:
            self.have(f"v{wanted[2]}-{RUN[:12]}")
            answer.set_result("")
        return SimpleNamespace(future=lambda: answer)


async def champion_of(shell: ModelKeeperShell) -> str:
    """Return which model its health says to serve."""
    champion: str = (await shell.health()).detail["champion"]
    return champion


def serves(**versions: int) -> Found:
    return {alias: AliasedVersion(version, RUN) for alias, version in versions.items()}


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    one = House(tmp_path)
    exits: list[int] = []

    async def hot(_: Any) -> Hot:
        return one.hot

    monkeypatch.setattr(module, "serve_runs", lambda: True)
    monkeypatch.setattr(serve, "versions", one.versions, raising=False)
    monkeypatch.setattr(module, "open_hot", hot)
    monkeypatch.setattr(module, "RegistryWatch", lambda url, model: one.registry)
    monkeypatch.setattr(module, "remote_fetch", SimpleNamespace(remote=one.fetch))
    monkeypatch.setattr(module, "LOOK_PERIOD_S", 0.0)
    monkeypatch.setattr(os, "_exit", exits.append)
    yield one
    for shell in one.shells:
        await shell.ready()
        await shell.close()
    assert exits == [], "the actor died"


async def test_what_the_registry_calls_champion_serves_and_is_remembered(house: House) -> None:
    house.have(V1, V2)
    house.registry.found = serves(champion=1, challenger=2, **{"previous-champion": 2})
    shell = house.shell()
    await house.hot.until_told(champion=V1, challenger=V2)
    await house.registry.looks()
    assert json.loads(house.memory.read_text("utf-8")) == {"champion": V1, "challenger": V2}
    assert (await shell.health()).detail == {"champion": V1, "challenger": V2, "troubles": {}}
    assert house.versions.done == [f"start {V1}", f"start {V2}"]
    assert house.fetched == []


async def test_files_that_are_missing_are_fetched_first(house: House) -> None:
    house.registry.found = serves(champion=1)
    house.shell()
    await house.hot.until_told(champion=V1)
    artifacts = house.home / "mlflow" / "artifacts"
    assert house.fetched == [("http://registry", artifacts, 1, house.home / "models")]


@pytest.mark.parametrize(
    ("error", "told"),
    [(RayTaskError("fetch", "trace", ValueError("disk full"), pid=1, ip="h"), "disk full"), (RayError("died"), "died"),
     (TimeoutError(), "it took too long")],
)  # fmt: skip
async def test_a_model_that_cannot_be_fetched_is_told_and_not_fetched_again_at_once(house: House, error, told) -> None:
    house.have(V1)
    house.registry.found = serves(champion=1)
    shell = house.shell()
    await house.hot.until_told(champion=V1)
    house.fetch_fails = error
    house.registry.found = serves(champion=2)
    await house.registry.looks(5)
    detail = (await shell.health()).detail
    assert detail["champion"] == V1
    assert told in detail["troubles"][V2]
    assert len(house.fetched) == 1


async def test_a_challenger_that_cannot_be_fetched_holds_no_champion_up(house: House) -> None:
    house.have(V1)
    house.fetch_fails = RayError("died")
    house.registry.found = serves(champion=1, challenger=2)
    shell = house.shell()
    await house.hot.until_told(champion=V1)
    await house.registry.looks()
    assert await champion_of(shell) == V1


async def test_while_the_registry_cannot_be_asked_what_served_goes_on(house: House) -> None:
    house.have(V1)
    house.registry.found = serves(champion=1)
    shell = house.shell()
    await house.hot.until_told(champion=V1)
    house.registry.found = Unavailable("MLflow is away")
    await house.registry.looks(3)
    assert await champion_of(shell) == V1
    assert "end" not in " ".join(house.versions.done)


async def test_a_herald_that_starts_without_the_registry_begins_with_what_served_last(house: House) -> None:
    house.have(V1)
    house.memory.write_text(json.dumps({"champion": V1, "challenger": V2}), "utf-8")
    house.registry.found = Unavailable("MLflow is away")
    shell = house.shell()
    await house.hot.until_told(champion=V1)
    assert await champion_of(shell) == V1
    assert house.fetched == [], "the challenger's files are not here, and nobody can be asked for them"


@pytest.mark.parametrize("text", [b"", b"{ nope", b"[]", b'{"champion": 7}', b"\xff\xfe", b'{"champion": "../../etc"}'])
async def test_a_damaged_memory_is_as_none_and_ends_nothing_that_serves(house: House, text: bytes) -> None:
    house.have(V1)
    house.memory.write_bytes(text)
    house.registry.found = Unavailable("MLflow is away")
    shell = house.shell()
    await house.registry.looks()
    assert house.hot.told.empty(), "readers keep what they have until it is known who serves"
    house.registry.found = serves(champion=1)
    await house.hot.until_told(champion=V1)
    await house.registry.looks()
    assert json.loads(house.memory.read_text("utf-8")) == {"champion": V1}
    assert (await shell.health()).detail["champion"] == V1


async def test_a_memory_with_an_unknown_part_is_read_for_the_others(house: House) -> None:
    house.have(V1)
    house.memory.write_text(json.dumps({"champion": V1, "understudy": V2}), "utf-8")
    house.registry.found = Unavailable("MLflow is away")
    house.shell()
    await house.hot.until_told(champion=V1)


async def test_a_home_without_models_waits_for_the_registry(house: House) -> None:
    house.registry.found = Unavailable("MLflow is away")
    shell = house.shell()
    await house.registry.looks()
    assert (await shell.health()).detail["champion"] == "none; the rules read alone"


async def test_the_memory_is_replaced_whole_or_not_at_all(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.have(V1, V2)
    house.registry.found = serves(champion=1)
    shell = house.shell()
    await house.hot.until_told(champion=V1)
    await house.registry.looks()
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    house.registry.found = serves(champion=2)
    await house.hot.until_told(champion=V2)
    await house.registry.looks()
    assert json.loads(house.memory.read_text("utf-8")) == {"champion": V1}
    monkeypatch.setattr(Path, "replace", replace)
    await house.registry.looks()
    assert json.loads(house.memory.read_text("utf-8")) == {"champion": V2}, "it is tried again"
    assert await champion_of(shell) == V2


async def test_what_could_not_be_told_is_told_at_the_next_look_and_remembered(house: House) -> None:
    house.have(V1, V2)
    house.hot.away = 3
    house.registry.found = serves(champion=1, challenger=2)
    house.shell()
    await house.hot.until_told(champion=V1, challenger=V2)
    await house.registry.looks()
    assert json.loads(house.memory.read_text("utf-8")) == {"champion": V1, "challenger": V2}


async def test_a_keeper_that_takes_the_place_of_a_dead_one_ends_what_nobody_wants(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.have(V2)
    house.versions.running = {V1, V2}
    house.registry.found = serves(champion=2)
    monkeypatch.setattr(module, "models_of", lambda _: SimpleNamespace(serving=ServingPolicy(drain_s=1e-9)))
    house.shell()
    await house.hot.until_told(champion=V2)
    await house.registry.looks(3)
    assert house.versions.running == {V2}


async def test_a_run_with_a_given_model_asks_no_registry_and_remembers_nothing_of_it(house: House) -> None:
    files = house.home / "elsewhere" / "mine"
    files.mkdir(parents=True)
    house.have(V1)
    house.memory.write_text(json.dumps({"champion": V1}), "utf-8")
    shell = house.shell(ServedModel.GIVEN, model_files=files)
    await house.hot.until_told(champion="mine")
    assert await champion_of(shell) == "mine"
    assert house.registry.looked.empty()
    assert house.versions.done == ["start mine"]
    assert json.loads(house.memory.read_text("utf-8")) == {"champion": V1}


async def test_without_a_model_nothing_of_ray_serve_is_loaded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "serve_runs", lambda: False)
    monkeypatch.delattr(serve, "versions")
    monkeypatch.setitem(sys.modules, "serve.versions", None)
    shell = house.shell()
    await house.registry.looks()
    assert (await shell.health()).detail["champion"] == "none; the rules read alone"
    await shell.close()


async def test_at_its_end_nothing_of_it_goes_on_serving(house: House) -> None:
    shell = house.shell()
    await shell.ready()
    await shell.close()
    assert house.versions.done[-1] == "end all"


def test_files_are_fetched_by_the_registry_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def opened(registry: str, files: Path | None) -> Any:
        fetch: Callable[[int, Path], Path] = lambda version, folder: asked.append((registry, files)) or folder / "v1"  # type: ignore[func-returns-value]  # noqa: E731
        return SimpleNamespace(fetch=fetch)

    monkeypatch.setattr("training.registry.open_registry", opened)
    assert module.fetch("http://registry", None, 1, Path("/models")) == "/models/v1"
    assert asked == [("http://registry", None)]
