"""The risk journal in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.errors import UniqueViolation

from herald.ports import JournalConflict, JournalEntry
from herald.stores.postgres.connection import Connection, Postgres
from herald.stores.postgres.json_text import to_json

_INSERT = "INSERT INTO risk_journal (seq, key, kind, at, payload) VALUES "
_ROW = "(%s::bigint, %s, %s, %s, %s::json)"
_AFTER = "SELECT seq, key, kind, at, payload FROM risk_journal WHERE seq > %s ORDER BY seq"
_BY_KEY = "SELECT seq, key, kind, at, payload FROM risk_journal WHERE key = %s"
_BY_SEQS = "SELECT seq, key, kind, at, payload FROM risk_journal WHERE seq = ANY(%s) ORDER BY seq"


class PostgresJournal:
    """Fulfils ``ports.Journal`` on the table ``risk_journal``.

    What survives: every entry whose ``append`` returned, over SIGKILL of either side and loss of power. An append whose
    answer was lost is tried again; where the first try had been committed, its rows are recognised as our own.
    """

    def __init__(self, postgres: Postgres) -> None:
        """Write through this pool."""
        self._postgres = postgres

    async def load(self, after_seq: int = 0) -> list[JournalEntry]:
        """Return all entries with a greater ``seq``, in order."""
        return [JournalEntry(*row) for row in await self._postgres.rows(_AFTER, (after_seq,))]

    async def find(self, key: str) -> JournalEntry | None:
        """Return the entry of a key."""
        rows = await self._postgres.rows(_BY_KEY, (key,))
        return JournalEntry(*rows[0]) if rows else None

    async def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append all or none in one round trip. Raises ``JournalConflict`` where a ``seq`` or ``key`` is taken."""
        if not entries:
            return
        statement = _INSERT + ",".join([_ROW] * len(entries))
        row_by_row = [(entry.seq, entry.key, entry.kind, entry.at, to_json(entry.payload)) for entry in entries]
        parameters = [value for row in row_by_row for value in row]
        tries = 0

        async def insert(connection: Connection) -> None:
            nonlocal tries
            tries += 1
            await connection.execute(statement, parameters)

        try:
            await self._postgres.run(insert)
        except UniqueViolation as error:
            if tries > 1 and await self._stands(entries):
                return
            raise JournalConflict(
                f"risk journal: seq {entries[0].seq} or key '{entries[0].key}' is taken; another risk process has "
                f"written, so this one must stop and rebuild"
            ) from error

    async def _stands(self, entries: Sequence[JournalEntry]) -> bool:
        rows: list[tuple[Any, ...]] = await self._postgres.rows(_BY_SEQS, ([entry.seq for entry in entries],))
        return [JournalEntry(*row) for row in rows] == sorted(entries, key=lambda entry: entry.seq)
