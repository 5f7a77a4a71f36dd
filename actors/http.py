"""The HTTP interface of a node, served from a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_jsonable_python

from actors.peers import LEDGER, RISK, SUPERVISOR, Peer
from herald.bootstrap.adapters import open_postgres
from herald.bootstrap.wiring import Wiring
from herald.ports import PortError
from herald.stores.postgres.audit import AuditEntry, AuditTrail
from herald.stores.postgres.comparison_queries import ComparisonQueries
from herald.stores.postgres.ledger_queries import LedgerQueries
from herald.stores.postgres.trading_state import TradingStates
from herald.taxonomy import Reason, TradingState

ACTOR_TIMEOUT_S = 5.0
START_LIMIT_S = 20.0


class NodeDesk:
    """Answers the HTTP interface from the actors and from PostgreSQL."""

    def __init__(self, wiring: Wiring) -> None:
        """Address the actors by name; the database is opened at the first question."""
        self._wiring = wiring
        self._risk, self._ledger, self._supervisor = Peer(RISK), Peer(LEDGER), Peer(SUPERVISOR)
        self._postgres: Any = None

    async def status(self) -> dict[str, Any]:
        """Return health, account, trading state and counts."""
        postgres = await self._open()
        last = await TradingStates(postgres).history(1)
        return {
            "trading_state": last[0].state if last else TradingState.ACTIVE,
            "trading_state_set": to_jsonable_python(asdict(last[0])) if last else None,
            "actors": await _or_error(self._healths()),
            "account": await _or_error(self._risk.call("account", timeout_s=ACTOR_TIMEOUT_S)),
            **await _counts(LedgerQueries(postgres)),
        }

    async def latency(self) -> list[dict[str, Any]]:
        """Return p50, p95 and p99 in ms a stage."""
        rows: list[dict[str, Any]] = await self._ledger.call("latency")
        return rows

    async def comparisons(self) -> dict[str, Any] | None:
        """Return how the last challenger compares with the champion; None where none was compared."""
        queries = ComparisonQueries(await self._open())
        for last in await queries.agreements(limit=1):
            differ = await queries.disagreements(last.champion, last.challenger)
            found = {**asdict(last), "disagreements": [one.model_dump(mode="json") for one in differ]}
            return dict(to_jsonable_python(found))
        return None

    async def set_state(self, state: TradingState, by: str, why: str) -> None:
        """Set the trading state by hand."""
        postgres, now = await self._open(), datetime.now(UTC)
        await TradingStates(postgres).set(state, Reason.MANUAL, by=by, at=now)
        await AuditTrail(postgres).append(AuditEntry(now, by, f"set trading state {state.value}", detail={"why": why}))

    async def explain(self, event_id: str) -> dict[str, Any] | None:
        """Return everything that is recorded of one headline."""
        lineage = await LedgerQueries(await self._open()).explain(event_id)
        return to_jsonable_python(asdict(lineage)) if lineage.is_known else None

    async def headlines(self, words: str, limit: int) -> list[dict[str, Any]]:
        """Return what became of the last headlines that hold ``words``, newest first."""
        found = await LedgerQueries(await self._open()).headlines(words, limit)
        return [item.model_dump(mode="json") for item in found]

    async def _healths(self) -> list[dict[str, Any]]:
        return [asdict(health) for health in await self._supervisor.call("report", timeout_s=ACTOR_TIMEOUT_S)]

    async def _open(self) -> Any:
        if self._postgres is None:
            self._postgres = await open_postgres(self._wiring)
        return self._postgres


class HttpServer:
    """uvicorn in a thread. ``start`` returns the address it listens on; ``stop`` waits for the thread."""

    def __init__(self, wiring: Wiring, host: str, port: int, token: str) -> None:
        """Bind to ``host:port``; where the port is taken, to a free one."""
        self._wiring = wiring
        self._host, self._port, self._token = host, port, token
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        """Serve, and return the base URL."""
        import uvicorn  # noqa: PLC0415 - half a second that nothing else needs

        from herald.web.app import make_app  # noqa: PLC0415 - likewise

        listener = _listen(self._host, self._port)
        app = make_app(NodeDesk(self._wiring), self._token, lambda: datetime.now(UTC))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._server.serve([listener])), name="herald-http", daemon=True
        )
        self._thread.start()
        return f"http://{self._host}:{listener.getsockname()[1]}"

    def stop(self) -> None:
        """Stop serving."""
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join(START_LIMIT_S)
            self._thread = None


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.bind((host, 0))
    return listener


async def _counts(queries: LedgerQueries) -> dict[str, Any]:
    """Count items by fate, decisions by kind, orders and dead letters, and list what is open."""
    overview = await queries.overview()
    return {
        "items": {f"{one.what} {one.reason}": one.count for one in await queries.fates()},
        "decisions": {f"{one.what} {one.reason}": one.count for one in await queries.decision_counts()},
        "orders": overview["orders"],
        "dead_letters": overview["dead_letters"],
        "open_positions": to_jsonable_python([asdict(one) for one in await queries.open_positions()]),
    }


async def _or_error(asked: Any) -> Any:
    try:
        return await asked
    except PortError as error:
        return {"error": str(error)}
