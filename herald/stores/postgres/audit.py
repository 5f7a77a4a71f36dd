"""Who did what: halts, resumes, reloads, promotions. Append-only, also for the database's owner."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.json_text import for_jsonb, for_text, to_json

_INSERT = """
INSERT INTO audit_trail (at, actor, action, subject, detail) VALUES (%s, %s, %s, %s, %s::jsonb)
ON CONFLICT DO NOTHING
"""
_LAST = "SELECT at, actor, action, subject, detail FROM audit_trail ORDER BY seq DESC LIMIT %s"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One deed: by whom (a person, or a part of Herald), what, to what, with which particulars."""

    at: datetime
    actor: str
    action: str
    subject: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


class AuditTrail:
    """The trail of deeds. What survives: every entry whose ``append`` returned; a repeated one is one entry."""

    def __init__(self, postgres: Postgres) -> None:
        """Read and write through this pool."""
        self._postgres = postgres

    async def append(self, entry: AuditEntry) -> None:
        """Write one entry."""
        texts = (for_text(entry.actor), for_text(entry.action), for_text(entry.subject))
        await self._postgres.execute(_INSERT, (entry.at, *texts, for_jsonb(to_json(entry.detail))))

    async def last(self, limit: int) -> list[AuditEntry]:
        """Return the last entries, newest first."""
        return [AuditEntry(*row) for row in await self._postgres.rows(_LAST, (limit,))]
