"""The analytical store: ClickHouse, as a server or as the engine in this process, through one client.

Rows go in as ``JSONEachRow`` blocks. The client's own insert imports pandas and pyarrow at its first call, which takes
more than a second; a block of 1,000 rows takes 10 ms.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from herald.logs import first_line
from herald.messages import Message
from herald.ports import Quote, Refused, Unavailable
from herald.stores.clickhouse_rows import Row, quote_rows, rows_of
from herald.stores.schema_files import FOLDER as MIGRATIONS
from herald.stores.schema_files import migrations_in, missing_of

FOLDER = MIGRATIONS / "clickhouse"
_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations (name String, checksum String, applied_at DateTime DEFAULT now())
ENGINE = MergeTree ORDER BY name
"""
_LATENCY = """
SELECT stage, n, arrayMap(percent -> v[intDiv(percent * n + 99, 100)], [50, 95, 99]) AS nearest_rank FROM (
    SELECT stage, count() AS n, arraySort(groupArray(ms)) AS v
    FROM stage_latency FINAL WHERE at >= {since:String} GROUP BY stage
)
"""
_PNL = """
SELECT event_type, count() AS trades, sum(pnl) AS net_pnl_usd FROM (
    SELECT event_type, trade_id, -sum(new_notional_usd) - sum(new_fees_usd) AS pnl,
           sumIf(abs(new_quantity), leg != 'EXIT') AS entered, maxIf(at, leg = 'EXIT') AS closed_at
    FROM executions FINAL GROUP BY event_type, trade_id
    HAVING entered > 0 AND abs(sum(new_quantity)) <= 1e-9 * entered AND closed_at >= {since:String}
) GROUP BY event_type ORDER BY event_type
"""
_ORDER_OF_STAGES = (
    "polling",
    "normalised",
    "classified",
    "signalled",
    "decided",
    "approved",
    "submitted",
    "acknowledged",
    "filled",
    "whole_way",
)
_EVER = "1970-01-01 00:00:00"

Result = TypeVar("Result")


class Analytics:
    """Signals, executions, quotes and stage latencies, for questions in bulk.

    What survives: every batch whose ``insert`` returned, as far as the operating system does (the engine syncs in its
    own time). It is a copy: the ledger in PostgreSQL can write all of it again. Writing a message again replaces it.
    The engine in process admits one process a folder.
    """

    def __init__(self, dsn: str) -> None:
        """Remember the address; ``open`` connects."""
        self._dsn = dsn
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="analytics")
        self._client: Any = None

    async def open(self) -> Self:
        """Connect and bring the tables up to date. Raises ``Unavailable`` or ``MigrationError``."""
        await self._in_thread(self._open)
        return self

    async def ping(self) -> str:
        """Return the version of the engine. Raises ``Unavailable``."""
        return f"ClickHouse {await self._in_thread(lambda: self._client.command('SELECT version()'))}"

    async def insert(self, messages: Iterable[Message]) -> int:
        """Write signals and executions in one batch a table; returns the number of rows. Others are left out."""
        return await self._write(rows_of(messages))

    async def insert_quotes(self, quotes: Sequence[tuple[str, Quote]]) -> int:
        """Write quotes, each with its instrument key, in one batch."""
        return await self._write({"quotes": quote_rows(quotes)})

    async def stage_latency(self, since: datetime | None = None) -> list[dict[str, Any]]:
        """Return ``stage``, ``count``, ``p50``, ``p95`` and ``p99`` in ms, in the order of the stages."""
        found = {
            stage: {"stage": stage, "count": count, "p50": p50, "p95": p95, "p99": p99}
            for stage, count, (p50, p95, p99) in await self._ask(_LATENCY, since)
        }
        return [found[stage] for stage in _ORDER_OF_STAGES if stage in found]

    async def pnl_by_event_type(self, since: datetime | None = None) -> list[dict[str, Any]]:
        """Return ``event_type``, ``trades`` and ``net_pnl_usd`` of the trades that are flat again."""
        rows = await self._ask(_PNL, since)
        return [{"event_type": row[0], "trades": row[1], "net_pnl_usd": row[2]} for row in rows]

    async def close(self) -> None:
        """Close the engine. Safe to call twice."""
        if self._client is not None:
            await self._in_thread(self._client.close)
            self._client = None
        self._thread.shutdown(wait=False)

    async def _ask(self, statement: str, since: datetime | None) -> Sequence[Any]:
        begin = since.strftime("%Y-%m-%d %H:%M:%S.%f") if since else _EVER
        result = await self._in_thread(lambda: self._client.query(statement, parameters={"since": begin}))
        rows: Sequence[Any] = result.result_rows
        return rows

    async def _write(self, rows: dict[str, list[Row]]) -> int:
        def write() -> int:
            for table, batch in rows.items():
                if batch:
                    block = "\n".join(json.dumps(row) for row in batch)
                    names = list(batch[0])
                    self._client.raw_insert(table, column_names=names, insert_block=block, fmt="JSONEachRow")
            return sum(map(len, rows.values()))

        return await self._in_thread(write)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        """Run blocking work in the one thread that owns the client. Raises ``Unavailable`` or ``Refused``."""
        from clickhouse_connect.driver.exceptions import (  # noqa: PLC0415 - takes 0.4 s: only its user shall wait
            ClickHouseError,
            OperationalError,
        )

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (OperationalError, OSError) as error:
            raise Unavailable(f"ClickHouse cannot be reached: {first_line(error)}") from error
        except ClickHouseError as error:
            raise Refused(f"ClickHouse refused: {first_line(error)}") from error

    def _open(self) -> None:
        import clickhouse_connect  # noqa: PLC0415 - see above

        if self._dsn.startswith("chdb:///"):
            Path(self._dsn.removeprefix("chdb://")).mkdir(parents=True, exist_ok=True)
        self._client = clickhouse_connect.get_client(dsn=self._dsn)
        self._client.command(_RECORD)
        applied = dict(self._client.query("SELECT name, checksum FROM schema_migrations").result_rows)
        for migration in missing_of(migrations_in(FOLDER), applied, FOLDER):
            for statement in _statements(migration.sql.decode()):
                self._client.command(statement)
            row = json.dumps({"name": migration.name, "checksum": migration.checksum})
            self._client.raw_insert("schema_migrations", ["name", "checksum"], row, fmt="JSONEachRow")


def _statements(sql: str) -> list[str]:
    """Split a file at the semicolons that end a line. Comments stand on lines of their own."""
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith("--")]
    statements = (part.strip(" \n;") for part in "\n".join(lines).split(";\n"))
    return [statement for statement in statements if statement]
