"""A web server of a test's own handlers, and what sources need to read from it."""

import contextlib

import pytest
from aiohttp import web

from herald.sources.building import SourceTools
from herald.sources.fetching import Fetcher


@contextlib.asynccontextmanager
async def serving(**handlers):
    """Serve each handler at its name; yield the server's address."""
    app = web.Application()
    app.add_routes([web.get(f"/{name}", handler) for name, handler in handlers.items()])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
def served():
    return serving


@pytest.fixture
async def tools():
    made = SourceTools(jitter=lambda: 0.0)
    yield made
    await made.close()


@pytest.fixture
async def fetcher():
    made = Fetcher()
    yield made
    await made.close()
