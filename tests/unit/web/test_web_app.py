"""The local HTTP interface, asked over a real connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import uvicorn

from herald.ports import Unavailable
from herald.taxonomy import TradingState
from herald.web.app import make_app

TOKEN = "s3cret-and-long"
NOW = datetime(2025, 6, 7, 12, tzinfo=UTC)


class Desk:
    """What the interface asks, answered by hand."""

    def __init__(self) -> None:
        self.changes: list[tuple[TradingState, str, str]] = []
        self.away = False

    async def _there(self) -> None:
        if self.away:
            raise Unavailable("risk is being restarted")

    async def status(self) -> dict[str, Any]:
        await self._there()
        return {"trading_state": TradingState.ACTIVE, "items": {"signal": 3}}

    async def latency(self) -> list[dict[str, Any]]:
        await self._there()
        return [{"stage": "whole way", "p50": 1.5}]

    async def comparisons(self) -> dict[str, Any] | None:
        await self._there()
        return {"champion": "v1", "compared": 3, "agreed": 2}

    async def set_state(self, state: TradingState, by: str, why: str) -> None:
        await self._there()
        self.changes.append((state, by, why))

    async def headlines(self, words: str, limit: int) -> list[dict[str, Any]]:
        return [{"words": words, "limit": limit}]

    async def explain(self, event_id: str) -> dict[str, Any] | None:
        return {"event_id": event_id} if event_id == "e1" else None


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the interface, served on a free port of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = make_app(desk, TOKEN, lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve([listener]))
    async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
        yield client
    server.should_exit = True
    await serving
    listener.close()


async def got(answer: Any) -> tuple[int, Any]:
    async with answer as response:
        return response.status, await response.json()


async def test_reading_needs_no_token(http) -> None:
    assert await got(http.get("/health")) == (200, {"ok": True})
    assert await got(http.get("/status")) == (200, {"trading_state": "ACTIVE", "items": {"signal": 3}})
    assert await got(http.get("/latency")) == (200, [{"stage": "whole way", "p50": 1.5}])
    assert await got(http.get("/comparisons")) == (200, {"champion": "v1", "compared": 3, "agreed": 2})
    assert await got(http.get("/events/e1")) == (200, {"event_id": "e1"})
    assert await got(http.get("/headlines")) == (200, [{"words": "", "limit": 20}])
    assert await got(http.get("/headlines?words=a%20b&limit=3")) == (200, [{"words": "a b", "limit": 3}])
    assert (await got(http.get("/headlines?limit=0")))[0] == 422


async def test_an_unknown_headline_is_said_to_be_unknown(http) -> None:
    status, answer = await got(http.get("/events/nope"))
    assert (status, "nope" in answer["detail"]) == (404, True)


@pytest.mark.parametrize("headers", [{}, {"X-Herald-Token": "wrong"}, {"X-Herald-Token": ""}])
@pytest.mark.parametrize("path", ["/halt", "/reduce", "/resume"])
async def test_changing_anything_needs_the_token_of_the_run(http, desk, path, headers) -> None:
    status, answer = await got(http.post(path, json={}, headers=headers))
    assert (status, "X-Herald-Token" in answer["detail"], desk.changes) == (403, True, [])


@pytest.mark.parametrize(
    ("path", "state"),
    [("/halt", TradingState.HALTED), ("/reduce", TradingState.REDUCING), ("/resume", TradingState.ACTIVE)],
)
async def test_with_the_token_the_state_is_changed_by_whom_and_why(http, desk, path, state) -> None:
    told = {"by": "ops", "why": "drill"}
    status, answer = await got(http.post(path, json=told, headers={"X-Herald-Token": TOKEN}))
    assert (status, answer) == (200, {"state": state.value, "at": "2025-06-07T12:00:00.000000Z"})
    assert desk.changes == [(state, "ops", "drill")]


async def test_a_change_that_names_nobody_or_too_much_is_refused(http, desk) -> None:
    for body in ({"by": ""}, {"by": "x" * 101}, {"why": "x" * 501}):
        status, _ = await got(http.post("/halt", json=body, headers={"X-Herald-Token": TOKEN}))
        assert status == 422
    assert desk.changes == []


async def test_a_part_that_is_away_is_an_answer_and_not_a_crash(http, desk) -> None:
    desk.away = True
    status, answer = await got(http.get("/status"))
    assert (status, answer["detail"]) == (503, "Unavailable: risk is being restarted")
    desk.away = False
    assert (await got(http.get("/status")))[0] == 200
