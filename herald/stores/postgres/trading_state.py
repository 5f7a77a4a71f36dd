"""The trading state, ACTIVE, REDUCING or HALTED, as an append-only list of its changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from herald.stores.postgres.connection import Postgres
from herald.taxonomy import Reason, TradingState

_CURRENT = "SELECT state FROM trading_states ORDER BY seq DESC LIMIT 1"
_LAST = "SELECT state, reason, by, at FROM trading_states ORDER BY seq DESC LIMIT %s"
_INSERT = "INSERT INTO trading_states (state, reason, by, at) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class StateChange:
    """One change: to what, why, by whom and when."""

    state: TradingState
    reason: Reason
    by: str
    at: datetime


class TradingStates:
    """What state trading is in.

    What survives: every change whose ``set`` returned. A repeated ``set`` of the same change is one change.
    """

    def __init__(self, postgres: Postgres) -> None:
        """Read and write through this pool."""
        self._postgres = postgres

    async def current(self) -> TradingState:
        """Return the state that stands; ACTIVE where none was ever set."""
        rows = await self._postgres.rows(_CURRENT)
        return TradingState(rows[0][0]) if rows else TradingState.ACTIVE

    async def set(self, state: TradingState, reason: Reason, by: str, at: datetime) -> None:
        """Change the state. The last change stands."""
        await self._postgres.execute(_INSERT, (state.value, reason.value, by, at))

    async def history(self, limit: int = 20) -> list[StateChange]:
        """Return the last changes, newest first."""
        rows = await self._postgres.rows(_LAST, (limit,))
        return [StateChange(TradingState(state), Reason(reason), by, at) for state, reason, by, at in rows]
