"""A local news server for the demo: one invented stream over RSS, a JSON interface, WebSockets and HTML pages.

GET /rss/DESK          the last reports as RSS 2.0, with ETag and Last-Modified (304 where nothing is new)
GET /api/DESK?after=N  the reports after a cursor, oldest first: {"items": [...], "next": N}
GET /ws/DESK?after=N   a WebSocket: the reports after a cursor, then each as it is published
GET /page/DESK         an HTML page without a feed
GET /truth?after=N     what the reports truly mean; for a simulated market, never for Herald
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from itertools import takewhile
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web

from herald.clocks import WallClock
from herald.messages import iso
from herald.ports import Clock
from herald.sources.headlines import ASSETS
from herald.sources.press import DESKS, Report, Rhythm, reports
from herald.tasks import end_tasks

_SHOWN_MAX = 50
_KEPT_MAX = 5_000
_HEARTBEAT_S = 20.0


@dataclass(frozen=True, slots=True)
class Published:
    """A report that went out. ``number`` counts from 1 in the order of publication."""

    number: int
    at: datetime
    report: Report

    def truth(self) -> dict[str, Any]:
        """Return what the report truly means."""
        report = self.report
        return {
            "number": self.number,
            "published_at": iso(self.at),
            "source": report.desk,
            "headline": report.headline,
            "kind": report.kind,
            "story": report.story_number,
            "event_type": report.event_type.value,
            "direction": report.direction.value,
            "severity": report.severity,
            "asset": report.asset,
        }


class Newsroom:
    """Serves from ``start`` on, publishes from ``begin`` on, until ``close``."""

    def __init__(
        self,
        *,
        seed: int = 7,
        rhythm: Rhythm | None = None,
        assets: tuple[str, ...] = tuple(ASSETS),
        clock: Clock | None = None,
        on_published: Callable[[Published], None] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """``on_published`` is called for every report as it goes out; port 0 takes a free one."""
        self._seed = seed
        self._rhythm = rhythm or Rhythm()
        self._assets = assets
        self._clock = clock or WallClock()
        self._on_published = on_published
        self.host = host
        self.port = port
        self._kept: deque[Published] = deque(maxlen=_KEPT_MAX)
        self._count = 0
        self._news = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._press: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """The server's address, ``http://host:port``."""
        return f"http://{self.host}:{self.port}"

    @property
    def published(self) -> list[Published]:
        """What has gone out, oldest first (the last few thousand)."""
        return list(self._kept)

    async def start(self) -> None:
        """Open the port; nothing is published yet. Raises ``OSError`` where the port is taken."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/rss/{desk}", self._rss),
                web.get("/api/{desk}", self._api),
                web.get("/ws/{desk}", self._socket),
                web.get("/page/{desk}", self._page),
                web.get("/truth", self._truth),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    def begin(self) -> None:
        """Start to publish; the first report goes out at once. Safe to call twice."""
        if self._press is None:
            self._press = asyncio.create_task(self._publish_all(), name="newsroom")

    async def close(self) -> None:
        """Stop publishing and close the port. Safe to call twice."""
        press, self._press = self._press, None
        if press is not None:
            await end_tasks(press)
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def publish(self, report: Report) -> Published:
        """Send out one report now."""
        self._count += 1
        entry = Published(self._count, self._clock.now(), report)
        self._kept.append(entry)
        async with self._news:
            self._news.notify_all()
        if self._on_published is not None:
            self._on_published(entry)
        return entry

    async def _publish_all(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for report in reports(self._seed, self._rhythm, self._assets):
            await asyncio.sleep(max(0.0, begun + report.at_s - loop.time()))
            await self.publish(report)

    def _of(self, request: web.Request) -> list[Published]:
        """Return the reports of the desk that a request names, those after its cursor, oldest first."""
        desk = request.match_info["desk"]
        if desk not in DESKS:
            raise web.HTTPNotFound(text=f"no desk is named {desk!r}; there are {', '.join(DESKS)}\n")
        return self._after(desk, _cursor(request))

    def _after(self, desk: str | None, number: int) -> list[Published]:
        newer = takewhile(lambda entry: entry.number > number, reversed(self._kept))
        chosen = [entry for entry in newer if desk is None or entry.report.desk == desk]
        return chosen[::-1]

    async def _rss(self, request: web.Request) -> web.Response:
        shown = self._of(request)[-_SHOWN_MAX:][::-1]
        tag = f'"{request.match_info["desk"]}-{shown[0].number if shown else 0}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if shown:
            headers["Last-Modified"] = format_datetime(shown[0].at.replace(microsecond=0), usegmt=True)
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers=headers)
        body = _rss_document(request.match_info["desk"], self.address, shown)
        return web.Response(body=body, content_type="application/rss+xml", charset="utf-8", headers=headers)

    async def _api(self, request: web.Request) -> web.Response:
        found = self._of(request)[:_SHOWN_MAX]
        following = found[-1].number if found else _cursor(request)
        items = [_as_json(entry, self.address) for entry in found]
        return web.json_response({"items": items, "next": following})

    async def _page(self, request: web.Request) -> web.Response:
        shown = self._of(request)[-_SHOWN_MAX:][::-1]
        body = "".join(_article(entry, self.address) for entry in shown)
        page = f"<!doctype html><html><head><title>News</title></head><body><main>{body}</main></body></html>"
        return web.Response(text=page, content_type="text/html")

    async def _truth(self, request: web.Request) -> web.Response:
        return web.json_response({"items": [entry.truth() for entry in self._after(None, _cursor(request))]})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        self._of(request)
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S)
        await socket.prepare(request)
        writer = asyncio.create_task(self._write(socket, request.match_info["desk"], _cursor(request)))
        try:
            async for _ in socket:
                pass
        finally:
            await end_tasks(writer)
        return socket

    async def _write(self, socket: web.WebSocketResponse, desk: str, number: int) -> None:
        while not socket.closed:
            newest = self._count  # before the first send, during which more may be published
            for entry in self._after(desk, number):
                malformed = entry.report.kind == "malformed"
                await socket.send_str('{"title": ' if malformed else json.dumps(_as_json(entry, self.address)))
            number = newest
            async with self._news:
                while self._count == number:
                    await self._news.wait()


def _cursor(request: web.Request) -> int:
    text = request.query.get("after", "0")
    if not (text.isdecimal() and len(text) < 16):  # noqa: PLR2004 - digits of any real cursor
        raise web.HTTPBadRequest(text=f"after must be a number, not {text[:40]!r}\n")
    return int(text)


def _summary(entry: Published) -> str:
    return f"{entry.report.headline}. Invented by Herald's demo newsroom." if entry.report.headline else ""


def _as_json(entry: Published, address: str) -> dict[str, Any]:
    return {
        "id": entry.number,
        "title": entry.report.headline or None,
        "summary": _summary(entry),
        "url": f"{address}/story/{entry.report.desk}/{entry.number}",
        "published_at": iso(entry.at),
    }


def _rss_document(desk: str, address: str, shown: list[Published]) -> bytes:
    items = "".join(
        f"<item><guid isPermaLink='false'>{entry.number}</guid>"
        f"<title>{escape(entry.report.headline)}</title>"
        f"<link>{address}/story/{desk}/{entry.number}</link>"
        f"<pubDate>{format_datetime(entry.at)}</pubDate>"
        f"<description>{escape(_summary(entry))}</description></item>"
        for entry in shown
    )
    head = f"<title>{escape(desk)}</title><link>{address}</link><description>Invented news</description>"
    return f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>{head}{items}</channel></rss>'.encode()


def _article(entry: Published, address: str) -> str:
    link = f"{address}/story/{entry.report.desk}/{entry.number}"
    return (
        f'<article class="story"><h2><a href="{link}">{escape(entry.report.headline)}</a></h2>'
        f'<time datetime="{iso(entry.at)}"></time><p>{escape(_summary(entry))}</p></article>'
    )
