"""One process that runs a whole Herald on this machine: the servers, Ray, the actors and the HTTP interface."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import ray
import structlog

from actors.deployment import Part, create, deploy, end_leftovers, parts_of, shutdown_order, start_ray, undeploy
from actors.peers import SUPERVISOR
from actors.supervisor import RemoteSupervisor
from herald.bootstrap.configuration import check_configuration
from herald.bootstrap.servers import migrate, open_servers, reach_named_servers
from herald.bootstrap.wiring import NOWHERE, Wiring, wire
from herald.messages import iso
from herald.run_file import RunFile
from herald.settings import Settings
from herald.tasks import end_tasks

Progress = Callable[[str, str], None]

log = structlog.get_logger()


@dataclass
class Node:
    """A running Herald. ``start`` and ``stop`` may be interrupted at any moment; ``stop`` undoes what was begun."""

    settings: Settings
    overrides: dict[str, Any] = field(default_factory=dict)
    dashboard: bool = True
    mlflow: bool = True
    wiring: Wiring | None = None
    dashboard_url: str = ""
    _parts: list[Part] = field(default_factory=list)
    _servers_run: bool = False
    _starting_ray: asyncio.Task[None] | None = None

    async def start(self, progress: Progress) -> Wiring:
        """Start everything side by side; returns once every actor has begun."""
        check_configuration(self.settings)
        parts_of(wire(self.settings, NOWHERE, **self.overrides))  # a wrong configuration is found before anything runs
        if self.settings.profile == "services":
            await reach_named_servers(self.settings)
        self._servers = open_servers(self.settings, mlflow=self.mlflow)
        loop = asyncio.get_running_loop()
        self._starting_ray = loop.create_task(self._start_ray(progress))
        addresses = await self._servers.start(progress, mlflow_later=True)
        self._servers_run = True
        self.wiring = wire(self.settings, addresses, **self.overrides)
        await migrate(self.wiring)
        progress("schema", "ready")
        self._watching = loop.create_task(self._servers.watch(progress))
        await asyncio.shield(self._starting_ray)
        await end_leftovers(self.settings.home, progress)
        self._parts = parts_of(self.wiring)
        await deploy(self._parts, progress)
        self._servers.begin_mlflow(progress)
        if not self.wiring.is_replay:
            create(Part(SUPERVISOR, RemoteSupervisor, (self.wiring,)))
        return self.wiring

    async def _start_ray(self, progress: Progress) -> None:
        progress("ray", "starting")
        self.dashboard_url = await asyncio.to_thread(
            start_ray, self.settings.ray_address, self.settings.dashboard_port, dashboard=self.dashboard
        )
        progress("ray", "ready")

    def announce(self, *, started_at: datetime, api_url: str, token: str, news: str) -> RunFile:
        """Write the run file, by which the other commands find this Herald."""
        if self.wiring is None:
            raise RuntimeError("announce() comes after start()")
        run = RunFile(
            pid=os.getpid(),
            started_at=iso(started_at),
            api_url=api_url,
            token=token,
            dashboard_url=self.dashboard_url,
            addresses=asdict(self.wiring.addresses),
            profile=self.settings.profile,
            news=news,
        )
        run.write(self.settings.home)
        return run

    def server_pids(self) -> dict[str, int]:
        """Return the pids of the database and of the server that carries the bus, where they are ours."""
        wanted = ("postgres", self.settings.bus)
        return {name: pid for name in wanted if (pid := self._servers.pids.get(name)) is not None}

    async def stop(self, progress: Progress) -> None:
        """Stop the actors in the order of the flow, then Ray, then the servers."""
        RunFile.path(self.settings.home).unlink(missing_ok=True)
        if self._starting_ray is not None:
            # Ray's start cannot be interrupted half-way: let it end, so that there is a whole thing to undo.
            await asyncio.wait({self._starting_ray})
        if ray.is_initialized():
            if self._parts:
                progress("actors", "stopping")
                await undeploy(shutdown_order([SUPERVISOR, *(part.name for part in self._parts)]))
            progress("ray", "stopping")
            await asyncio.to_thread(ray.shutdown)
        if (watching := getattr(self, "_watching", None)) is not None:
            await end_tasks(watching)
        if self._servers_run:  # a start that failed has left nothing, and the home may be another Herald's
            progress("servers", "stopping")
            await self._servers.stop()


def new_token() -> str:
    """Make the secret that a caller of the HTTP interface must show."""
    return secrets.token_urlsafe(24)
