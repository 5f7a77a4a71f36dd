"""The registry's aliases over HTTP, from a real server: what it says, and everything that it may say wrongly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from herald.inference import registry_watch as module
from herald.inference.registry_watch import AliasedVersion, RegistryWatch
from herald.ports import Unavailable

NO_SUCH = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not found"}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Registry:
    """As much of MLflow as is asked: one model with aliases, and the runs of its versions."""

    aliases: dict[str, int] = field(default_factory=dict)
    runs: dict[int, str] = field(default_factory=dict)
    made_at: int = 1700000000000
    exists: bool = True
    instead: Answer | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def model(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("model")
        assert request.query["name"] == "herald-classifier"
        if self.instead is not None:
            return await self.instead(request)
        if not self.exists:
            return web.json_response(NO_SUCH, status=404)
        aliases = [{"alias": alias, "version": str(version)} for alias, version in self.aliases.items()]
        model = {"name": "herald-classifier", "creation_timestamp": self.made_at, "aliases": aliases}
        return web.json_response({"registered_model": model})

    async def version(self, request: web.Request) -> web.Response:
        number = int(request.query["version"])
        self.asked.append(f"version {number}")
        if number not in self.runs:
            return web.json_response(NO_SUCH, status=404)
        found = {"version": str(number), "run_id": self.runs[number], "creation_timestamp": 1700000000000 + number}
        return web.json_response({"model_version": found})


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    one = Registry({"champion": 3, "challenger": 4, "previous-champion": 1}, {1: "a" * 32, 3: "c" * 32, 4: "d" * 32})
    app = web.Application()
    app.router.add_get("/api/2.0/mlflow/registered-models/get", one.model)
    app.router.add_get("/api/2.0/mlflow/model-versions/get", one.version)
    async with TestServer(app, host="127.0.0.1") as server:
        one.url = f"http://127.0.0.1:{server.port}"
        yield one


def watching(registry: Registry) -> RegistryWatch:
    return RegistryWatch(registry.url + "/", "herald-classifier")


def says(**response: Any) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(**response)

    return answer


async def test_each_alias_has_its_version_with_the_run_that_made_it(registry: Registry) -> None:
    assert await watching(registry).aliases() == {
        "champion": AliasedVersion(3, "c" * 32),
        "challenger": AliasedVersion(4, "d" * 32),
        "previous-champion": AliasedVersion(1, "a" * 32),
    }


async def test_the_run_of_a_version_is_asked_for_once(registry: Registry) -> None:
    watch = watching(registry)
    await watch.aliases()
    registry.asked.clear()
    registry.aliases = {"champion": 4}
    assert await watch.aliases() == {"champion": AliasedVersion(4, "d" * 32)}
    assert registry.asked == ["model"]


async def test_a_model_that_was_made_again_has_other_runs_under_the_same_numbers(registry: Registry) -> None:
    watch = watching(registry)
    await watch.aliases()
    registry.made_at += 1
    registry.runs[3] = "f" * 32
    assert (await watch.aliases())["champion"] == AliasedVersion(3, "f" * 32)


async def test_a_version_without_a_run_is_named_by_its_time(registry: Registry) -> None:
    registry.runs[3] = ""
    assert (await watching(registry).aliases())["champion"].run_id == "1700000000003"


async def test_a_model_that_was_never_registered_has_no_aliases(registry: Registry) -> None:
    registry.exists = False
    assert await watching(registry).aliases() == {}


async def test_a_model_without_aliases_has_none(registry: Registry) -> None:
    registry.instead = says(text='{"registered_model": {"name": "herald-classifier"}}', content_type="application/json")
    assert await watching(registry).aliases() == {}


async def test_an_alias_of_a_version_that_is_gone_is_not_taken_for_no_alias(registry: Registry) -> None:
    watch = watching(registry)
    gone = registry.runs.pop(4)
    with pytest.raises(Unavailable, match="alias for version 4, which is not there"):
        await watch.aliases()
    registry.runs[4] = gone
    assert (await watch.aliases())["challenger"].version == 4


@pytest.mark.parametrize(
    "answer",
    [
        says(status=500, text="no"),
        says(status=503),
        says(status=401, text="{}", content_type="application/json"),
        says(status=404, text="<html>404 page not found</html>", content_type="text/html"),
        says(status=404, text='{"error_code": "ENDPOINT_NOT_FOUND"}', content_type="application/json"),
        says(status=404, text="{}", content_type="application/json"),
        says(text="<html>sign in</html>", content_type="text/html"),
        says(text="{ nope", content_type="application/json"),
        says(body=b"\xff\xfe", content_type="application/json"),
        says(text="", content_type="application/json"),
        says(text="{}", content_type="application/json"),
        says(text="[]", content_type="application/json"),
        says(text="null", content_type="application/json"),
        says(text='{"registered_model": []}', content_type="application/json"),
        says(text='{"registered_model": {"aliases": [{"alias": "champion"}]}}', content_type="application/json"),
        says(text='{"registered_model": {"aliases": 7}}', content_type="application/json"),
        says(
            text='{"registered_model": {"aliases": [{"alias": "champion", "version": "latest"}]}}',
            content_type="application/json",
        ),
    ],
)
async def test_what_is_no_answer_is_not_taken_for_no_alias(registry: Registry, answer: Answer) -> None:
    registry.instead = answer
    watch = watching(registry)
    with pytest.raises(Unavailable, match=f"MLflow at {registry.url}"):
        await watch.aliases()
    registry.instead = None
    assert (await watch.aliases())["champion"].version == 3, "and the next question is asked as if nothing had been"


async def test_a_registry_that_does_not_answer_is_not_waited_for(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    registry.instead = hang
    monkeypatch.setattr(module, "LIMIT_S", 0.05)
    with pytest.raises(Unavailable, match="TimeoutError"):
        await watching(registry).aliases()
    gate.set()


async def test_a_registry_that_breaks_off_its_answer_is_unavailable(registry: Registry) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(b'{"registered_model"')
        assert request.transport is not None
        request.transport.close()
        return response

    registry.instead = broken
    with pytest.raises(Unavailable):
        await watching(registry).aliases()


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://127.0.0.1:99999", "nowhere", "http://"])
async def test_an_address_where_nobody_listens_is_unavailable(url: str) -> None:
    with pytest.raises(Unavailable):
        await RegistryWatch(url.format(port=unused_port()), "herald-classifier").aliases()
