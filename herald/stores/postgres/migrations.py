"""Brings a database's tables to the version of this code: forward only, repeatable, one process at a time.

Each file ``migrations/postgres/NNNN_name.sql`` is applied once, in a transaction with the row that records it. A file
that has changed since it was applied is an error, for nobody can know what its tables look like.
"""

from __future__ import annotations

from pathlib import Path

from herald.stores.postgres.connection import Connection, Postgres
from herald.stores.schema_files import FOLDER as MIGRATIONS
from herald.stores.schema_files import migrations_in, missing_of

FOLDER = MIGRATIONS / "postgres"
_LOCK = 0x48455241  # "HERA"
_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)
"""


async def migrate(postgres: Postgres, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing and return its names. Raises ``MigrationError`` or ``Unavailable``."""
    wanted = migrations_in(folder)

    async def apply(connection: Connection) -> list[str]:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            await connection.execute(_RECORD)
            missing = missing_of(wanted, await _applied(connection), folder)
            for migration in missing:
                await connection.execute(migration.sql, prepare=False)  # several statements
                await connection.execute(
                    "INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)",
                    (migration.name, migration.checksum),
                )
        return [migration.name for migration in missing]

    return await postgres.run(apply)


async def pending(postgres: Postgres, folder: Path = FOLDER) -> list[str]:
    """Return the names of what ``migrate`` would apply. Raises ``MigrationError`` or ``Unavailable``."""
    wanted = migrations_in(folder)

    async def compare(connection: Connection) -> list[str]:
        known = await (await connection.execute("SELECT to_regclass('schema_migrations')")).fetchone()
        applied = await _applied(connection) if known and known[0] is not None else {}
        return [migration.name for migration in missing_of(wanted, applied, folder)]

    return await postgres.run(compare)


async def _applied(connection: Connection) -> dict[str, str]:
    rows = await (await connection.execute("SELECT name, checksum FROM schema_migrations")).fetchall()
    return {row[0]: row[1] for row in rows}
