"""The local HTTP interface: read the status, halt and resume.

It listens on loopback. Reading is open to the machine; changing anything needs the run's token in the header
``X-Herald-Token``, which no web page can guess or make a browser send.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Protocol

from fastapi import Depends, FastAPI, Header, HTTPException, Query
from pydantic import BaseModel, Field

from herald.messages import UtcTime
from herald.ports import PortError
from herald.taxonomy import TradingState

UNAVAILABLE, UNKNOWN, FORBIDDEN = 503, 404, 403


class Desk(Protocol):
    """What the interface asks of the running system."""

    async def status(self) -> dict[str, Any]:
        """Return health, account and counts."""

    async def latency(self) -> list[dict[str, Any]]:
        """Return p50, p95 and p99 in ms a stage."""

    async def set_state(self, state: TradingState, by: str, why: str) -> None:
        """Set the trading state by hand."""

    async def explain(self, event_id: str) -> dict[str, Any] | None:
        """Return everything that is recorded of one headline."""

    async def comparisons(self) -> dict[str, Any] | None:
        """Return how the last challenger compares with the champion; None where none was compared."""

    async def headlines(self, words: str, limit: int) -> list[dict[str, Any]]:
        """Return what became of the last headlines that hold ``words``, newest first."""


class Change(BaseModel):
    """Who changes the trading state, and why."""

    by: str = Field(default="api", min_length=1, max_length=100)
    why: str = Field(default="", max_length=500)


class Changed(BaseModel):
    """The state after a change."""

    state: TradingState
    at: UtcTime


def make_app(desk: Desk, token: str, now: Callable[[], datetime]) -> FastAPI:
    """Build the application on a desk; ``now`` returns the current time."""
    app = FastAPI(title="Herald", version="1", docs_url=None, redoc_url=None)
    _add_questions(app, desk)
    _add_changes(app, desk, token, now)
    return app


def _add_questions(app: FastAPI, desk: Desk) -> None:
    @app.get("/health")
    async def health() -> dict[str, bool]:
        return {"ok": True}

    @app.get("/status")
    async def status() -> dict[str, Any]:
        return dict(await _answered(desk.status()))

    @app.get("/latency")
    async def latency() -> list[dict[str, Any]]:
        return list(await _answered(desk.latency()))

    @app.get("/comparisons")
    async def comparisons() -> dict[str, Any] | None:
        found: dict[str, Any] | None = await _answered(desk.comparisons())
        return found

    @app.get("/headlines")
    async def headlines(
        words: Annotated[str, Query(max_length=200)] = "", limit: Annotated[int, Query(ge=1, le=1000)] = 20
    ) -> list[dict[str, Any]]:
        return list(await _answered(desk.headlines(words, limit)))

    @app.get("/events/{event_id}")
    async def explain(event_id: str) -> dict[str, Any]:
        found = await _answered(desk.explain(event_id))
        if found is None:
            raise HTTPException(UNKNOWN, f"no headline has the event id {event_id}")
        return dict(found)


def _add_changes(app: FastAPI, desk: Desk, token: str, now: Callable[[], datetime]) -> None:
    def authorised(x_herald_token: Annotated[str, Header()] = "") -> None:
        if not secrets.compare_digest(x_herald_token.encode(), token.encode()):
            raise HTTPException(FORBIDDEN, "send the token of the run file in the header X-Herald-Token")

    async def change(state: TradingState, request: Change) -> Changed:
        await _answered(desk.set_state(state, request.by, request.why))
        return Changed(state=state, at=now())

    @app.post("/halt", dependencies=[Depends(authorised)])
    async def halt(request: Change) -> Changed:
        return await change(TradingState.HALTED, request)

    @app.post("/reduce", dependencies=[Depends(authorised)])
    async def reduce(request: Change) -> Changed:
        return await change(TradingState.REDUCING, request)

    @app.post("/resume", dependencies=[Depends(authorised)])
    async def resume(request: Change) -> Changed:
        return await change(TradingState.ACTIVE, request)


async def _answered(asked: Any) -> Any:
    try:
        return await asked
    except PortError as error:
        raise HTTPException(UNAVAILABLE, f"{type(error).__name__}: {error}") from error
