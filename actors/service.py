"""What ``herald up`` starts: a node that runs until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from actors.http import HttpServer
from actors.newsdesk import NewsDesk
from actors.node import Node, new_token
from herald.documents import ConfigurationError
from herald.logs import configure_logs
from herald.ports import PortError
from herald.run_file import NOT_STARTED
from herald.settings import Settings, load_settings
from herald.tasks import end_tasks

DEMO_STORIES_PER_S = 0.4
EXIT_FAILED, EXIT_MISCONFIGURED = 1, 2


class Service:
    """A node with its HTTP interface and, for the demo's news, a local news server."""

    def __init__(self, settings: Settings, news: str, progress: Callable[[str, str], None]) -> None:
        """Serve ``news`` ("demo" or "configured") until ``stop`` is set."""
        self._settings = settings
        self._news = news
        self._progress = progress
        self._desk: NewsDesk | None = None
        self._http: HttpServer | None = None
        self._node: Node | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Start, wait for ``stop``, and stop again; also where the start is broken off."""
        starting = asyncio.get_running_loop().create_task(self._start())
        stopping = asyncio.get_running_loop().create_task(stop.wait())
        try:
            await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                await starting
                await stopping
        finally:
            await end_tasks(starting, stopping)
            await self._stop()

    async def _start(self) -> None:
        overrides = {}
        if self._news == "demo":
            self._desk = NewsDesk(int(time.time()), DEMO_STORIES_PER_S)
            overrides = self._desk.wiring(await self._desk.start())
        self._node = Node(self._settings, overrides)
        wiring = await self._node.start(self._progress)
        token = new_token()
        self._http = HttpServer(wiring, self._settings.api_host, self._settings.api_port, token)
        url = await asyncio.to_thread(self._http.start)
        self._node.announce(started_at=datetime.now(UTC), api_url=url, token=token, news=self._news)
        if self._desk is not None:
            self._desk.begin()
        self._progress("herald", "ready")

    async def _stop(self) -> None:
        if self._desk is not None:
            await self._desk.close()
        if self._http is not None:
            await asyncio.to_thread(self._http.stop)
        if self._node is not None:
            await self._node.stop(self._progress)


def main() -> int:
    """Run a service in this process until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m actors.service", description=__doc__)
    parser.add_argument("--news", choices=("demo", "configured"), default="configured")
    parser.add_argument("--progress-fd", type=int, default=None)
    arguments = parser.parse_args()
    settings = load_settings()
    configure_logs()
    channel = os.fdopen(arguments.progress_fd, "w", encoding="utf-8") if arguments.progress_fd else None

    def progress(name: str, state: str) -> None:
        nonlocal channel
        if channel is None:
            sys.stderr.write(f"herald: {name} {state}\n")
            return
        with suppress(OSError):
            channel.write(f"{name} {state}\n")
            channel.flush()
        if (name, state) == ("herald", "ready"):
            channel.close()
            channel = None

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await Service(settings, arguments.news, progress).run(stop)

    try:
        asyncio.run(serve())
    except (ConfigurationError, PortError) as error:
        progress(NOT_STARTED, str(error))
        return EXIT_MISCONFIGURED if isinstance(error, ConfigurationError) else EXIT_FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
