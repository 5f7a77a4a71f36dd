"""Real servers for the tests that need them, started once a run on free ports and stopped at its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

from herald.stores.embedded.kafka_broker import KafkaBroker, missing_tool
from herald.stores.embedded.postgres_server import PostgresServer
from herald.stores.embedded.redis_server import RedisServer
from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.migrations import migrate

_databases = count()


def _without_service(reason: str) -> NoReturn:
    if os.environ.get("HERALD_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{reason} (HERALD_REQUIRE_SERVICES=1 allows no service to be missing)")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of this run alone, durable as the embedded profile's."""
    server = RedisServer(tmp_path_factory.mktemp("redis-home"))
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())
    assert server.pid is None


@pytest.fixture(scope="session")
def own_kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A Kafka broker of this run alone, which a test may kill."""
    lacking = missing_tool()
    if lacking is not None:
        _without_service(lacking)
    cache = Path(os.environ.get("HERALD_CACHE") or Path.home() / ".cache" / "herald")
    broker = KafkaBroker(tmp_path_factory.mktemp("kafka-home"), cache)
    asyncio.run(broker.start())
    yield broker
    asyncio.run(broker.stop())
    assert broker.pid is None


@pytest.fixture(scope="session")
def kafka_address(request: pytest.FixtureRequest) -> str:
    """The bootstrap address of ``HERALD_KAFKA``, or of a broker started here."""
    named = os.environ.get("HERALD_KAFKA")
    return named or request.getfixturevalue("own_kafka_broker").address


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database that has all tables, to be copied."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres-home"))

    async def begin() -> None:
        await server.start()
        postgres = Postgres(server.url)
        await migrate(postgres)
        await postgres.close()

    asyncio.run(begin())
    yield server.url
    asyncio.run(server.stop())


@pytest.fixture
async def postgres(postgres_template: str) -> AsyncIterator[Postgres]:
    """A pool on a database of the test's own."""
    name = f"test_{next(_databases)}"
    maintenance = postgres_template.replace("/herald?", "/postgres?")
    async with await psycopg.AsyncConnection.connect(maintenance, autocommit=True) as db:
        await db.execute(f"CREATE DATABASE {name} TEMPLATE herald".encode())
    pool = Postgres(postgres_template.replace("/herald?", f"/{name}?"))
    yield pool
    await pool.close()
