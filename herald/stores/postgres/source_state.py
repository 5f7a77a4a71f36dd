"""Where each source goes on from."""

from __future__ import annotations

from typing import Any

from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.json_text import to_json

_SAVE = """
INSERT INTO source_states (source, saved_at, snapshot) VALUES (%s, now(), %s::json)
ON CONFLICT (source) DO UPDATE SET saved_at = excluded.saved_at, snapshot = excluded.snapshot
"""


class SourceStates:
    """The snapshots of sources by name. What survives: the last snapshot whose ``save`` returned."""

    def __init__(self, postgres: Postgres) -> None:
        """Read and write through this pool."""
        self._postgres = postgres

    async def save(self, source: str, snapshot: dict[str, Any]) -> None:
        """Replace the snapshot of a source."""
        await self._postgres.execute(_SAVE, (source, to_json(snapshot)))

    async def load(self, source: str) -> dict[str, Any] | None:
        """Return the snapshot of a source, None where it has none."""
        rows = await self._postgres.rows("SELECT snapshot FROM source_states WHERE source = %s", (source,))
        return rows[0][0] if rows else None

    async def load_all(self) -> dict[str, dict[str, Any]]:
        """Return all snapshots by the name of their source."""
        return dict(await self._postgres.rows("SELECT source, snapshot FROM source_states"))
