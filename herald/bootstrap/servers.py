"""The servers of a run: started or only named, brought up to date, and examined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from herald.bootstrap.adapters import open_analytics, open_postgres
from herald.bootstrap.configuration import configuration_models
from herald.bootstrap.wiring import Wiring, service_addresses, wire
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


async def diagnose_all(settings: Settings) -> list[Check]:
    """Check this machine, the configuration and the servers; those of an embedded Herald at rest are started for it."""
    from herald.run_file import RunFile
    from herald.stores.doctor import diagnose

    documents = [(settings.configs / name, model) for name, model in configuration_models()]
    run = RunFile.read(settings.home)
    if run is not None:
        return await diagnose(settings, Addresses.of(run.addresses), documents=documents)
    if settings.profile == "services":
        return await diagnose(settings, service_addresses(settings), documents=documents)
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
