"""How challengers compare with the champion on live headlines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from herald.news.comparison import ModelComparison
from herald.stores.postgres.connection import Postgres

_AGREEMENTS = """
SELECT champion, challenger, count(*), count(*) FILTER (WHERE agree), max(at) FROM model_comparisons
GROUP BY champion, challenger ORDER BY max(at) DESC LIMIT %s
"""
_DISAGREEMENTS = """
SELECT document::text FROM model_comparisons WHERE champion = %s AND challenger = %s AND NOT agree
ORDER BY at DESC, comparison_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two models would have traded alike."""

    champion: str
    challenger: str
    compared: int
    agreed: int
    last_at: datetime


class ComparisonQueries:
    """Reads what the ledger keeps of comparisons."""

    def __init__(self, postgres: Postgres) -> None:
        """Read through this pool."""
        self._postgres = postgres

    async def agreements(self, limit: int = 5) -> list[Agreement]:
        """Return the pairs that were compared, the last one first."""
        return [Agreement(*row) for row in await self._postgres.rows(_AGREEMENTS, (limit,))]

    async def disagreements(self, champion: str, challenger: str, limit: int = 20) -> list[ModelComparison]:
        """Return the headlines that two models would have traded differently, newest first."""
        rows = await self._postgres.rows(_DISAGREEMENTS, (champion, challenger, limit))
        return [ModelComparison.from_wire(document) for (document,) in rows]
