"""``herald halt``, ``herald reduce`` and ``herald resume``."""

from __future__ import annotations

import asyncio
import getpass
import sys
from datetime import UTC, datetime

from herald.bootstrap.servers import migrate, open_servers
from herald.bootstrap.wiring import wire
from herald.cli.exits import FOUND_FAILURE
from herald.run_file import RunFile
from herald.settings import Settings, load_settings
from herald.stores.postgres.audit import AuditEntry, AuditTrail
from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.trading_state import TradingStates
from herald.taxonomy import Reason, TradingState


def change(state: str, by: str, why: str) -> None:
    """Write the trading state straight to PostgreSQL, where Risk reads it before each order."""
    settings = load_settings()
    wanted, who = TradingState(state), by or getpass.getuser()
    run = RunFile.read(settings.home)
    if run is not None:
        asyncio.run(_write(run.addresses["postgres_url"], wanted, who, why))
    elif settings.postgres_url is not None:
        asyncio.run(_write(settings.postgres_url.get_secret_value(), wanted, who, why))
    elif (settings.home / "postgres").exists():
        asyncio.run(_write_at_rest(settings, wanted, who, why))
    else:
        sys.stderr.write(f"herald: nothing has run in {settings.home} yet; start it with: herald up\n")
        sys.exit(FOUND_FAILURE)
    sys.stdout.write(f"{wanted.value}\n")


async def _write(url: str, state: TradingState, by: str, why: str) -> None:
    postgres = Postgres(url)
    try:
        await postgres.open()
        now = datetime.now(UTC)
        await TradingStates(postgres).set(state, Reason.MANUAL, by=by, at=now)
        await AuditTrail(postgres).append(AuditEntry(now, by, f"set trading state {state.value}", detail={"why": why}))
    finally:
        await postgres.close()


async def _write_at_rest(settings: Settings, state: TradingState, by: str, why: str) -> None:
    """Start the database of a Herald that does not run, so that it begins in this state."""
    servers = open_servers(settings, mlflow=False)
    try:
        addresses = await servers.start()
        await migrate(wire(settings, addresses))
        await _write(addresses.postgres_url, state, by, why)
    finally:
        await servers.stop()
