"""Servers that the settings only name are asked before anything is started."""

from __future__ import annotations

import pytest

from herald.bootstrap.servers import diagnose_all, reach_named_servers
from herald.ports import Unavailable
from herald.settings import Settings, load_settings
from herald.stores.embedded.redis_server import RedisServer
from herald.stores.postgres.connection import Postgres

pytestmark = pytest.mark.services

NOBODY = "127.0.0.1:1"


@pytest.fixture
def named(postgres: Postgres, redis_server: RedisServer, tmp_path) -> dict[str, object]:
    """The settings of servers that run."""
    return {
        "profile": "services",
        "home": tmp_path / "home",
        "postgres_url": postgres.url,
        "redis_url": redis_server.url,
        "clickhouse_url": f"chdb:///{tmp_path}/analytics",
    }


def settings(named: dict[str, object], **other: object) -> Settings:
    return load_settings(**(named | other))


async def test_servers_that_answer_are_no_matter(named) -> None:
    await reach_named_servers(settings(named))


async def test_every_server_that_does_not_answer_is_named_at_once(named) -> None:
    wrong = settings(
        named,
        postgres_url=f"postgresql://me:s3cret@{NOBODY}/herald",
        redis_url=f"redis://:s3cret@{NOBODY}/0",
        clickhouse_url=f"clickhouse://me:s3cret@{NOBODY}/herald",
    )
    with pytest.raises(Unavailable) as told:
        await reach_named_servers(wrong)
    lines = str(told.value).splitlines()
    assert lines[0] == "start these servers, or correct their addresses:"
    for name in ("POSTGRES", "REDIS", "CLICKHOUSE"):
        assert any(line.startswith(f"HERALD_{name}_URL: ") for line in lines)
    assert "s3cret" not in str(told.value)


async def test_the_doctor_asks_a_named_analytics_server(named) -> None:
    checks = {check.name: check for check in await diagnose_all(settings(named))}
    assert checks["postgres"].ok
    assert checks["redis"].ok
    assert "clickhouse" not in checks, "the engine in process has one owner"
    wrong = await diagnose_all(settings(named, clickhouse_url=f"clickhouse://{NOBODY}/herald"))
    (found,) = [check for check in wrong if check.name == "clickhouse"]
    assert not found.ok
    assert "HERALD_CLICKHOUSE_URL" in found.cure
