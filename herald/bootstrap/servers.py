"""The servers of a run: started or only named, brought up to date, and examined."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from herald.bootstrap.adapters import open_analytics, open_bus, open_hot, open_postgres
from herald.bootstrap.configuration import configuration_models
from herald.bootstrap.wiring import Wiring, service_addresses, wire
from herald.ports import PortError, Unavailable
from herald.settings import Settings
from herald.stores.embedded.addresses import Addresses

if TYPE_CHECKING:
    from herald.stores.doctor import Check
    from herald.stores.embedded.stack import EmbeddedStack
    from herald.stores.named_servers import NamedServers


def open_servers(settings: Settings, *, mlflow: bool = True) -> EmbeddedStack | NamedServers:
    """Return the servers of the profile, not yet started."""
    from herald.stores.embedded.kafka_broker import KafkaBroker
    from herald.stores.embedded.stack import EmbeddedStack
    from herald.stores.named_servers import NamedServers

    if settings.profile == "services":
        return NamedServers(service_addresses(settings))
    broker = None
    if settings.bus == "kafka" and settings.kafka is None:
        broker = KafkaBroker(settings.home, settings.cache)
    return EmbeddedStack(
        settings.home, mlflow=mlflow, mlflow_port=settings.mlflow_port, kafka=broker or settings.kafka or ""
    )


async def migrate(wiring: Wiring) -> list[str]:
    """Bring PostgreSQL's schema up to date; returns the names of what was applied."""
    from herald.stores.postgres.migrations import migrate as apply

    postgres = await open_postgres(wiring)
    try:
        return await apply(postgres)
    finally:
        await postgres.close()


async def reach_named_servers(settings: Settings) -> None:
    """See that every server that the settings name answers, before anything waits for one. Raises ``Unavailable``."""
    addresses = service_addresses(settings)
    wiring = wire(settings, addresses)

    async def ask(opening: Awaitable[Any], question: str) -> None:
        opened = await opening
        try:
            await getattr(opened, question)()
        finally:
            await opened.close()

    asked: dict[str, Coroutine[Any, Any, Any]] = {
        "HERALD_POSTGRES_URL": ask(open_postgres(wiring), "open"),
        "HERALD_REDIS_URL": ask(open_hot(wiring), "ping"),
        "HERALD_KAFKA" if settings.bus == "kafka" else "HERALD_REDIS_URL as the bus": ask(open_bus(wiring), "ping"),
    }
    if (analytics := _analytics_server(settings, addresses)) is not None:
        asked["HERALD_CLICKHOUSE_URL"] = analytics()
    answers = await asyncio.gather(*asked.values(), return_exceptions=True)
    wrong = [f"{name}: {answer}" for name, answer in zip(asked, answers, strict=True) if isinstance(answer, PortError)]
    if wrong:
        raise Unavailable("\n".join(("start these servers, or correct their addresses:", *wrong)))
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer


def _analytics_server(settings: Settings, addresses: Addresses) -> Callable[[], Coroutine[Any, Any, str]] | None:
    """Return a question for the version of a ClickHouse server; None for the engine in process, which has one owner."""
    if addresses.clickhouse_dsn.startswith("chdb:"):
        return None

    async def ask() -> str:
        analytics = await open_analytics(wire(settings, addresses))
        try:
            return await analytics.ping()
        finally:
            await analytics.close()

    return ask


async def diagnose_all(settings: Settings) -> list[Check]:
    """Check this machine, the configuration and the servers; those of an embedded Herald at rest are started for it."""
    from herald.run_file import RunFile
    from herald.stores.doctor import diagnose

    documents = [(settings.configs / name, model) for name, model in configuration_models()]
    run = RunFile.read(settings.home)
    if run is not None or settings.profile == "services":
        named = Addresses.of(run.addresses) if run is not None else service_addresses(settings)
        return await diagnose(settings, named, documents=documents, analytics=_analytics_server(settings, named))
    servers = open_servers(settings)
    try:
        addresses = await servers.start()
        await servers.until_complete()
        wiring = wire(settings, addresses)
        await migrate(wiring)
        analytics = await open_analytics(wiring)
        try:
            return await diagnose(settings, addresses, documents=documents, analytics=analytics.ping)
        finally:
            await analytics.close()
    finally:
        await servers.stop()
