"""The ordered way out of a process: calls of ``publish`` queue up, and one batch a topic is on the wire at a time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from herald.bus.settings import Backoff, PublishBounds
from herald.bus.wire import check_outgoing
from herald.ports import Outgoing, PortError, Unavailable

Send = Callable[[Sequence[Outgoing], int], Awaitable[None]]
_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Waiting:
    messages: tuple[Outgoing, ...]
    size: int
    sent: bool = False
    error: PortError | None = field(default=None)


class OrderedPublisher:
    """Sends the batches of one topic one after the other, so that a retried batch can never fall behind a later one.

    ``send`` is given the messages and the number of the batch, the same number on each retry of the same batch; it
    raises ``Unavailable`` where a retry may help. While one batch is on its way, further calls gather into the next
    one, so many small calls cost one round trip. A call that is cancelled may or may not have been sent.
    """

    def __init__(self, send: Send, bounds: PublishBounds, backoff: Backoff, draw: Callable[[], float]) -> None:
        self._send = send
        self._bounds = bounds
        self._backoff = backoff
        self._draw = draw
        self._queue: deque[_Waiting] = deque()
        self._queued = 0
        self._lock = asyncio.Lock()
        self._batch_no = 0

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when all messages are durable. Raises ``Refused`` or, after the budget, ``Unavailable``."""
        for part in self._parts(messages):
            await self._publish_part(part)

    async def _publish_part(self, part: tuple[Outgoing, ...]) -> None:
        if self._queued + len(part) > self._bounds.queued_messages_max:
            raise Unavailable(
                f"{self._queued} messages wait to be published, the limit is {self._bounds.queued_messages_max};"
                " the bus is slower than its producers: slow them down, or look at its server"
            )
        waiting = _Waiting(part, sum(len(message.value) for message in part))
        self._queue.append(waiting)
        self._queued += len(part)
        try:
            async with self._lock:
                while not waiting.sent and waiting.error is None:
                    await self._lead()
        finally:
            if not waiting.sent and waiting.error is None:
                self._remove(waiting)
        if waiting.error is not None:
            raise waiting.error

    async def _lead(self) -> None:
        """Send the oldest calls that fit into one batch, the caller's own among them or not far behind."""
        batch = self._take()
        self._batch_no += 1
        messages = [message for waiting in batch for message in waiting.messages]
        try:
            await self._send_with_retries(messages, self._batch_no)
        except PortError as error:
            for waiting in batch:
                waiting.error = error
                self._remove(waiting)
            return
        for waiting in batch:
            waiting.sent = True
            self._remove(waiting)

    async def _send_with_retries(self, messages: list[Outgoing], batch_no: int) -> None:
        deadline = time.monotonic() + self._bounds.budget_s
        attempt = 0
        while True:
            try:
                await self._send(messages, batch_no)
            except Unavailable as error:
                attempt += 1
                pause = self._backoff.delay_s(attempt, self._draw())
                if time.monotonic() + pause > deadline:
                    raise Unavailable(
                        f"{len(messages)} messages not published within {self._bounds.budget_s:g} s"
                        f" and {attempt} tries: {error}"
                    ) from error
                _log.warning("bus.publish_retry", attempt=attempt, messages=len(messages), error=str(error))
                await asyncio.sleep(pause)
            else:
                return

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        count = size = 0
        for waiting in self._queue:
            full = (
                count + len(waiting.messages) > self._bounds.batch_messages_max
                or size + waiting.size > self._bounds.batch_bytes_max
            )
            if batch and full:
                break
            batch.append(waiting)
            count += len(waiting.messages)
            size += waiting.size
        return batch

    def _remove(self, waiting: _Waiting) -> None:
        if waiting in self._queue:
            self._queue.remove(waiting)
            self._queued -= len(waiting.messages)

    def _parts(self, messages: Sequence[Outgoing]) -> list[tuple[Outgoing, ...]]:
        """Cut one call into parts that each fit into a batch."""
        parts: list[tuple[Outgoing, ...]] = []
        part: list[Outgoing] = []
        size = 0
        for message in messages:
            full = (
                len(part) >= self._bounds.batch_messages_max or size + len(message.value) > self._bounds.batch_bytes_max
            )
            if part and full:
                parts.append(tuple(part))
                part, size = [], 0
            part.append(message)
            size += len(message.value)
        if part:
            parts.append(tuple(part))
        return parts


class PublishLanes:
    """One ``OrderedPublisher`` a topic, so that a topic that is stuck holds up no other."""

    def __init__(self, send: Send, bounds: PublishBounds, backoff: Backoff, draw: Callable[[], float]) -> None:
        self._send = send
        self._bounds = bounds
        self._backoff = backoff
        self._draw = draw
        self._lanes: dict[str, OrderedPublisher] = {}

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Return when all messages are durable. Raises ``Refused`` or, after the budget, ``Unavailable``."""
        check_outgoing(messages, self._bounds)
        by_topic: dict[str, list[Outgoing]] = {}
        for message in messages:
            by_topic.setdefault(message.topic, []).append(message)
        if len(by_topic) == 1:
            ((topic, own),) = by_topic.items()
            await self._lane(topic).publish(own)
            return
        lanes = [self._lane(topic).publish(own) for topic, own in by_topic.items()]
        for outcome in await asyncio.gather(*lanes, return_exceptions=True):
            if outcome is not None:
                raise outcome

    def _lane(self, topic: str) -> OrderedPublisher:
        if topic not in self._lanes:
            self._lanes[topic] = OrderedPublisher(self._send, self._bounds, self._backoff, self._draw)
        return self._lanes[topic]
