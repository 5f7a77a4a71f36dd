from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from herald.documents import Document
from herald.ports import Unavailable
from herald.settings import Settings
from herald.stores.doctor import Check, diagnose
from herald.stores.embedded.addresses import Addresses


class Limits(Document):
    size: int


def settings(home: Path, **values: object) -> Settings:
    quiet = {"home": home, "api_port": 0, "dashboard_port": 0, "mlflow_port": 0, "kafka": None}
    return Settings(**quiet | values)  # type: ignore[arg-type]


def named(checks: list[Check], name: str) -> Check:
    return next(check for check in checks if check.name == name)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def test_a_machine_at_rest_is_well(tmp_path: Path) -> None:
    checks = await diagnose(settings(tmp_path / "home"), None)
    assert [check.name for check in checks] == ["python", "home", "disk", "memory", "clock", "configs"]
    assert all(check.ok for check in checks), checks
    assert all(check.ms >= 0 for check in checks)


async def test_a_taken_port_is_named_with_its_cure(tmp_path: Path, taken_port: int) -> None:
    check = named(await diagnose(settings(tmp_path, api_port=taken_port), None), "port of api")
    assert (check.ok, check.detail) == (False, f"{taken_port} is taken")
    assert "HERALD_API_PORT" in check.cure


async def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    check = named(await diagnose(settings(file / "home"), None), "home")
    assert not check.ok
    assert "HERALD_HOME" in check.cure


async def test_every_wrong_configuration_file_is_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("size: 1\n")
    bad.write_text("sise: 1\n")
    documents = [(good, Limits), (bad, Limits), (tmp_path / "none.yaml", Limits)]
    check = named(await diagnose(settings(tmp_path), None, documents=documents), "configs")
    assert not check.ok
    assert "bad.yaml:1: sise: unknown field; did you mean 'size'?" in check.detail
    assert "none.yaml: cannot be read" in check.detail
    assert "good.yaml" not in check.detail


async def test_servers_that_do_not_answer_are_failures_with_cures(tmp_path: Path) -> None:
    addresses = Addresses(
        postgres_url=f"postgresql:///herald?host={tmp_path}",
        redis_url=f"unix://{tmp_path}/none.sock",
        clickhouse_dsn="chdb:///none",
        mlflow_url="http://127.0.0.1:1",
    )

    async def refuses() -> str:
        raise Unavailable("engine in use")

    checks = await diagnose(settings(tmp_path, kafka="127.0.0.1:1"), addresses, analytics=refuses)
    failed = {check.name for check in checks if not check.ok}
    assert failed == {"postgres", "redis", "mlflow", "clickhouse", "kafka"}
    assert all(check.cure for check in checks if not check.ok)
