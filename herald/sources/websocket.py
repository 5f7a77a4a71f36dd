"""Streams of JSON messages over a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aiohttp

from herald.messages import RawItem
from herald.ports import Batch, Clock, Refused, Rejected, Unavailable
from herald.sources.configuration import WebSocketSourceConfig
from herald.sources.fetching import Fetcher, RetryLater
from herald.sources.json_mapping import JsonMapping, parse_json
from herald.sources.novelty import Novelty
from herald.sources.pacing import backoff_s
from herald.sources.reading import fault
from herald.tasks import end_tasks

_ENTRIES_A_MESSAGE_MAX = 500


@dataclass(frozen=True, slots=True)
class _Arrived:
    """One message, and when its last byte came."""

    data: str | bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class _Ended:
    """The connection is gone."""

    why: str
    by_size: bool


class WebSocketSource:
    """A stream that is read into a bounded queue; a full queue stops the reading, and so the sender.

    After a drop it is connected again with the id of the last item handed out, after a delay that ``next_wake_up``
    states: doubled each time, with jitter. Survives a restart: that id and the keys of items given out. What the
    server sends a second time is let through once.
    """

    def __init__(
        self,
        config: WebSocketSourceConfig,
        http: Fetcher,
        clock: Clock,
        jitter: Callable[[], float],
        snapshot: dict[str, Any] | None = None,
    ) -> None:
        """``jitter`` returns random numbers in [0, 1)."""
        state = snapshot or {}
        self.name = config.name
        self._config = config
        self._http = http
        self._clock = clock
        self._jitter = jitter
        self._mapping = JsonMapping(
            config.items, config.fields, config.where, config.url_template, _page_base(config.url)
        )
        self._novelty = Novelty(config.name, state.get("seen", ()), max_items=config.max_items, has_backlog=False)
        self._last_id = str(state.get("last_id", ""))
        self._resumes = True
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._pump: asyncio.Task[None] | None = None
        self._queue: asyncio.Queue[_Arrived | _Ended] = asyncio.Queue(config.queue_max)
        self._failures = 0
        self._not_before: datetime | None = None

    async def next_batch(self, now: datetime) -> Batch:
        """Return what has arrived, waiting up to ``wait_s`` for a first message.

        Raises ``Unavailable`` where there is no connection, ``Refused`` where the server does not want one.
        """
        if self._socket is None:
            await self._connect(now)
        items: list[RawItem] = []
        rejected: list[Rejected] = []
        message = await self._first()
        while isinstance(message, _Arrived):
            self._failures = 0
            batch = self._read(message)
            items.extend(batch.items)
            rejected.extend(batch.rejected)
            if len(items) + len(rejected) >= self._config.max_items or self._queue.empty():
                break
            message = self._queue.get_nowait()
        if isinstance(message, _Ended):
            await self._lost(message, now)
            if message.by_size:
                rejected.append(
                    Rejected("MESSAGE_TOO_LARGE", f"{self._config.url}: {message.why}; going on without it")
                )
            if not items and not rejected:
                raise Unavailable(f"{self._config.url}: the connection ended: {message.why}")
        return Batch(tuple(items), tuple(rejected))

    def next_wake_up(self, now: datetime) -> datetime:
        """Return now while connected, else when the next attempt to connect is due."""
        return now if self._socket is not None or self._not_before is None else self._not_before

    def snapshot(self) -> dict[str, Any]:
        """Return the last id and the keys of what was given out."""
        return {"last_id": self._last_id, "seen": self._novelty.keys()}

    async def close(self) -> None:
        """Close the connection. Safe to call twice."""
        pump, self._pump = self._pump, None
        socket, self._socket = self._socket, None
        self._queue = asyncio.Queue(self._config.queue_max)
        if pump is not None:
            await end_tasks(pump)
        if socket is not None:
            await socket.close()

    async def _connect(self, now: datetime) -> None:
        config = self._config
        try:
            self._socket = await self._http.connect(
                self._address(),
                connect_s=config.timeout_s,
                heartbeat_s=config.heartbeat_s,
                max_message_bytes=config.message_bytes_max,
                allow_private=config.allow_private_address,
            )
            if config.subscribe:
                await self._socket.send_str(config.subscribe.replace("{last_id}", json.dumps(self._last_id)[1:-1]))
        except (Unavailable, Refused, ConnectionError) as error:
            self._back_off(now, error.retry_after_s if isinstance(error, RetryLater) else None)
            await self.close()
            if isinstance(error, ConnectionError):
                raise Unavailable(f"{config.url}: {error}") from error
            raise
        self._resumes = True
        self._pump = asyncio.create_task(self._read_into_queue(self._socket), name=f"websocket {self.name}")

    async def _first(self) -> _Arrived | _Ended | None:
        """Wait for a message, bounded. A queue hands nothing out to a waiter that has given up, so none is lost."""
        try:
            async with asyncio.timeout(self._config.wait_s):
                return await self._queue.get()
        except TimeoutError:
            return None

    async def _read_into_queue(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Move messages to the queue until the connection ends, then say so, behind all that came before."""
        async for message in socket:
            if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                await self._queue.put(_Arrived(message.data, self._clock.now()))
            else:
                break
        by_size = socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        error = socket.exception()
        why = str(error) if error else f"closed with code {socket.close_code}"
        await self._queue.put(_Ended(why, by_size))

    def _read(self, message: _Arrived) -> Batch:
        try:
            document = parse_json(message.data)
        except ValueError as error:
            bad = fault("NOT_JSON", f"{self._config.url}: {error}", message.data)
            return self._novelty.batch((), (bad,), message.at)
        entries, faults = self._mapping.entries(document, _ENTRIES_A_MESSAGE_MAX)
        self._last_id = next((entry.native_id for entry in reversed(entries) if entry.native_id), self._last_id)
        return self._novelty.batch(entries, faults, message.at)

    async def _lost(self, ended: _Ended, now: datetime) -> None:
        """Note the end of a connection. A message over the limit would come again: then there is no resuming once."""
        self._resumes = not ended.by_size
        self._back_off(now, None)
        await self.close()

    def _back_off(self, now: datetime, retry_after_s: float | None) -> None:
        self._failures += 1
        delay_s = backoff_s(self._failures, self._config.backoff_s, self._config.backoff_max_s)
        delay_s = max(delay_s * (0.5 + 0.5 * self._jitter()), retry_after_s or 0.0)
        self._not_before = now + timedelta(seconds=delay_s)

    def _address(self) -> str:
        if not (self._config.resume_param and self._last_id and self._resumes):
            return self._config.url
        parts = urlsplit(self._config.url)
        query = [*parse_qsl(parts.query, keep_blank_values=True), (self._config.resume_param, self._last_id)]
        return urlunsplit(parts._replace(query=urlencode(query)))


def _page_base(url: str) -> str:
    """Return the address of the stream's server for links that are relative."""
    parts = urlsplit(url)
    return urlunsplit(("https" if parts.scheme == "wss" else "http", parts.netloc, "/", "", ""))
