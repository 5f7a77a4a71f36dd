"""A model promoted in MLflow is taken over by the Herald that runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from benchmarks.bare_model import write_bare_model
from herald.settings import PROJECT_ROOT
from training.registry import Alias, ModelRegistry, RegistryError, open_registry

pytestmark = [pytest.mark.e2e, pytest.mark.ray]

PATIENCE_S = 180.0
T = TypeVar("T")


def until(look: Callable[[], T | None], what: str) -> T:
    """Look again until there is something to see."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if (found := look()) is not None:
            return found
        time.sleep(1.0)
    raise AssertionError(f"{what} did not come about")


def collectors(user: Any) -> list[dict[str, Any]]:
    status = json.loads(user.run("status", "--json").stdout)
    return [actor["detail"] for actor in status["actors"] if actor["name"].startswith("collector")]


def registry_of(user: Any) -> ModelRegistry:
    url = json.loads(user.run("status", "--json").stdout)["addresses"]["mlflow"]

    def opened() -> ModelRegistry | None:
        try:
            return open_registry(url, files=user.home / "mlflow" / "artifacts")
        except RegistryError:
            return None

    return until(opened, "MLflow")


def promote(registry: ModelRegistry, folder: Path) -> str:
    version = registry.log_run("bare", {}, {}, None, write_bare_model(folder), {}, PROJECT_ROOT / "configs")
    registry.set_alias(Alias.CHAMPION, version)
    return f"v{version}-"


def read_by(user: Any, name: str) -> list[dict[str, Any]]:
    def taken() -> list[dict[str, Any]] | None:
        found = collectors(user)
        return found if all(one.get("reads_by", "").startswith(name) for one in found) else None

    return until(taken, f"reading by {name}")


def test_a_running_herald_follows_the_champion_of_mlflow(user, tmp_path) -> None:
    assert user.run("up", "--news", "demo").returncode == 0
    try:
        assert all(one["degraded"] == one["items"] for one in collectors(user))
        registry = registry_of(user)
        before = read_by(user, promote(registry, tmp_path / "first"))
        after = read_by(user, promote(registry, tmp_path / "second"))
        assert [one["degraded"] for one in after] == [one["degraded"] for one in before]

        def judged() -> bool | None:
            return sum(one["judged"] for one in collectors(user)) > sum(one["judged"] for one in after) or None

        assert until(judged, "a headline read by the second model")
        assert "v2-" in user.run("status").stdout
    finally:
        user.run("down")
