"""Connections to PostgreSQL that outlast its restarts.

A small pool of our own: psycopg's waits at least a second between attempts to reconnect, and a restart of the embedded
server takes a tenth of that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, LiteralString, Self, TypeVar

import psycopg

from herald.ports import Unavailable

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Result = TypeVar("Result")

_FIRST_PAUSE_S = 0.02
_PAUSE_S_MAX = 0.5
_LOST = (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError)


class Postgres:
    """Up to ``size`` connections, each in autocommit mode, opened when first needed.

    Work that meets a lost connection is done again on a new one until ``patience_s`` has passed, then ``Unavailable``
    is raised. A commit whose answer was lost may therefore be tried twice: all work given here must be idempotent.
    """

    def __init__(self, url: str, *, size: int = 4, patience_s: float = 10.0, statement_s: float = 10.0) -> None:
        """Remember the address; nothing is opened yet. Use it from one event loop."""
        self._url = url
        self._idle: list[Connection] = []
        self._slots = asyncio.Semaphore(size)
        self._patience_s = patience_s
        self._statement_s = statement_s
        self._closed = False

    @property
    def url(self) -> str:
        """Where the server is."""
        return self._url

    async def open(self) -> Self:
        """Connect once, to know that the address is right. Raises ``Unavailable``."""
        await self.rows("SELECT 1")
        return self

    async def close(self) -> None:
        """Close the idle connections. Safe to call twice."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close()

    async def rows(self, statement: LiteralString, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement in a transaction of its own and return its rows. One round trip once it is prepared."""

        async def fetch(connection: Connection) -> list[tuple[Any, ...]]:
            return await (await connection.execute(statement, parameters)).fetchall()

        return await self.run(fetch)

    async def execute(self, statement: LiteralString, parameters: Sequence[Any] = ()) -> int:
        """Run one statement in a transaction of its own and return how many rows it touched."""

        async def perform(connection: Connection) -> int:
            return (await connection.execute(statement, parameters)).rowcount

        return await self.run(perform)

    async def run(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Do idempotent work on a connection, again where it was lost. Raises ``Unavailable``."""
        deadline = time.monotonic() + self._patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with self._slots:
                    return await self._attempt(work)
            except _LOST as error:
                if self._closed or time.monotonic() + pause_s > deadline:
                    raise Unavailable(f"PostgreSQL cannot be reached: {_reason(error)}") from error
            await asyncio.sleep(pause_s)
            pause_s = min(_PAUSE_S_MAX, 2 * pause_s)

    async def _attempt(self, work: Callable[[Connection], Awaitable[Result]]) -> Result:
        connection = self._idle.pop() if self._idle else await self._connect()
        try:
            async with asyncio.timeout(self._statement_s):
                result = await work(connection)
        except _LOST:
            await connection.close()
            await self._forget_idle()
            raise
        except psycopg.Error:
            self._keep(connection)
            raise
        except BaseException:  # cancelled in the middle: what the connection is doing is not known
            await connection.close()
            raise
        self._keep(connection)
        return result

    def _keep(self, connection: Connection) -> None:
        self._idle.append(connection)

    async def _connect(self) -> Connection:
        async with asyncio.timeout(self._statement_s):
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
            # Every statement here is prepared once and finds its rows by a key: planning it anew each time costs more
            # than the statement itself.
            await connection.execute("SET plan_cache_mode = force_generic_plan", prepare=False)
        connection.prepare_threshold = 0
        return connection

    async def _forget_idle(self) -> None:
        """Close the others too: what ended one session has most likely ended all."""
        while self._idle:
            await self._idle.pop().close()


def _reason(error: BaseException) -> str:
    return str(error).strip() or type(error).__name__
