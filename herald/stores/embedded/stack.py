"""All servers of one home: started side by side, watched, restarted where they die, stopped in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from herald.stores.embedded.addresses import Addresses
from herald.stores.embedded.home_lock import HomeLock
from herald.stores.embedded.kafka_broker import KafkaBroker
from herald.stores.embedded.mlflow_server import MlflowServer
from herald.stores.embedded.postgres_server import PostgresServer
from herald.stores.embedded.redis_server import RedisServer
from herald.stores.embedded.server_process import ServerFailed
from herald.tasks import end_tasks

Progress = Callable[[str, str], None]
"""Told the name of a server and a word on it."""

_POLL_S = 0.05
_FIRST_DELAY_S = 0.05
_DELAY_S_MAX = 5.0
_CALM_S = 30.0
"""A server that ran this long starts its back-off anew when it dies."""


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """How one server is: ``detail`` is its version, or why it does not answer."""

    ok: bool
    detail: str
    restarts: int


class Server(Protocol):
    """What the stack asks of a server."""

    name: str

    @property
    def pid(self) -> int | None:
        """Return the pid while it runs."""

    async def start(self) -> object:
        """Clear what an earlier start left, start, wait until ready. Raises ``ServerFailed``."""

    async def stop(self) -> None:
        """Stop within bounded time."""

    async def until_dead(self, poll_s: float) -> None:
        """Wait until the process has ended."""

    async def ping(self) -> str:
        """Return the version. Raises ``ServerFailed``."""


def quiet(server: str, word: str) -> None:
    """Report nothing."""


class EmbeddedStack:
    """PostgreSQL, Redis, the folder of the ClickHouse engine, and MLflow, on one home.

    One process owns a home (``HomeInUse`` otherwise). Start it on a thread that lives as long as the servers shall: on
    Linux they are told to stop when that thread, or its process, ends. All data survives; addresses stay.
    """

    def __init__(self, home: Path, *, mlflow: bool = True, mlflow_port: int = 0, kafka: KafkaBroker | str = "") -> None:
        """Choose the paths; nothing is started or written yet. ``mlflow_port`` 0 takes any free one.

        ``kafka`` is a broker to run along, or the address of one that runs elsewhere.
        """
        self._kafka = kafka
        self._mlflow_begun = asyncio.Event()
        home = self._home = home.absolute()
        self._lock = HomeLock(home)
        self._mlflow = MlflowServer(home, mlflow_port) if mlflow else None
        self._postgres = PostgresServer(home)
        self._redis = RedisServer(home)
        self._restarts: dict[str, int] = {}
        self._background: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def addresses(self) -> Addresses:
        """Where the servers are reached. MLflow's is known once ``start`` has begun it."""
        return Addresses(
            postgres_url=self._postgres.url,
            redis_url=self._redis.url,
            clickhouse_dsn=f"chdb://{self._home / 'clickhouse'}",
            mlflow_url=self._mlflow.url if self._mlflow else "",
            kafka=self._kafka.address if isinstance(self._kafka, KafkaBroker) else self._kafka,
        )

    def address_of_postgres_at_rest(self) -> str | None:
        """Return where PostgreSQL listens already, without starting it; None where it does not."""
        return self._postgres.url if self._postgres.listens else None

    @property
    def pids(self) -> dict[str, int | None]:
        """Return the pid of every server, None where one does not run."""
        return {server.name: server.pid for server in self._servers()}

    async def start(self, progress: Progress = quiet, *, mlflow_later: bool = False) -> Addresses:
        """Start PostgreSQL and Redis side by side and wait for both; MLflow goes on in the background.

        MLflow takes two cores for many seconds; with ``mlflow_later`` it waits for ``begin_mlflow``. Raises
        ``HomeInUse`` or ``ServerFailed``; then nothing is left running.
        """
        (self._home / "run").mkdir(parents=True, exist_ok=True)
        (self._home / "clickhouse").mkdir(mode=0o700, exist_ok=True)
        self._lock.acquire()
        self._stopping.clear()
        try:
            if self._mlflow is not None:
                await self._mlflow.reserve()
            async with asyncio.TaskGroup() as group:
                group.create_task(_start_one(self._postgres, progress))
                group.create_task(_start_one(self._redis, progress))
                if isinstance(self._kafka, KafkaBroker):
                    group.create_task(_start_one(self._kafka, progress))
        except BaseExceptionGroup as errors:
            await self.stop()
            raise _first_of(errors) from errors
        except BaseException:
            await self.stop()
            raise
        if not mlflow_later:
            self.begin_mlflow(progress)
        return self.addresses

    def begin_mlflow(self, progress: Progress = quiet) -> None:
        """Start MLflow in the background, where there is one and it has not begun."""
        if self._mlflow is not None and self._background is None:
            self._background = asyncio.create_task(_start_or_report(self._mlflow, progress), name="start mlflow")
            self._mlflow_begun.set()

    async def until_complete(self) -> None:
        """Wait until the servers that start in the background have come up, or have failed."""
        if self._background is not None:
            await asyncio.wait([self._background])

    async def stop(self) -> None:
        """Stop all servers, those first that others do not need, and release the home. Safe to call twice."""
        self._stopping.set()
        if self._background is not None:
            await end_tasks(self._background)
            self._background = None
        ends = await asyncio.gather(*(server.stop() for server in self._servers()), return_exceptions=True)
        self._lock.release()
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def health(self) -> dict[str, ServerHealth]:
        """Ask every server, side by side."""
        servers = self._servers()
        found = await asyncio.gather(*(self._health_of(server) for server in servers))
        return dict(zip((server.name for server in servers), found, strict=True))

    async def watch(self, progress: Progress = quiet) -> None:
        """Restart whatever dies, on its same address, until cancelled or stopped.

        Delays grow from 50 ms to 5 s and then stay: a server is never given up, for its disk may have room again.
        """
        await asyncio.gather(*(self._watch_one(server, progress) for server in self._servers()))

    def _servers(self) -> list[Server]:
        servers: list[Server] = [self._postgres, self._redis]
        if isinstance(self._kafka, KafkaBroker):
            servers.insert(0, self._kafka)
        return [self._mlflow, *servers] if self._mlflow is not None else servers

    async def _health_of(self, server: Server) -> ServerHealth:
        restarts = self._restarts.get(server.name, 0)
        try:
            return ServerHealth(ok=True, detail=await server.ping(), restarts=restarts)
        except ServerFailed as error:
            return ServerHealth(ok=False, detail=str(error), restarts=restarts)

    async def _watch_one(self, server: Server, progress: Progress) -> None:
        if server is self._mlflow:
            await self._mlflow_begun.wait()
            await self.until_complete()
        delay_s = _FIRST_DELAY_S
        began = time.monotonic()
        while not self._stopping.is_set():
            await server.until_dead(_POLL_S)
            if self._stopping.is_set():
                return
            delay_s = _FIRST_DELAY_S if time.monotonic() - began > _CALM_S else min(_DELAY_S_MAX, 2 * delay_s)
            progress(server.name, "died; restarting")
            self._restarts[server.name] = self._restarts.get(server.name, 0) + 1
            began = time.monotonic()
            try:
                await _start_one(server, progress)
            except ServerFailed as error:
                progress(server.name, f"did not restart: {error}; trying again in {delay_s:.1f} s")
                await asyncio.sleep(delay_s)
        await server.stop()  # what a restart brought up while everything else went down


async def _start_one(server: Server, progress: Progress) -> None:
    began = time.monotonic()
    progress(server.name, "starting")
    await server.start()
    progress(server.name, f"ready after {time.monotonic() - began:.1f} s")


async def _start_or_report(server: Server, progress: Progress) -> None:
    try:
        await _start_one(server, progress)
    except ServerFailed as error:
        progress(server.name, f"did not start: {error}")


def _first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    first = errors.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
