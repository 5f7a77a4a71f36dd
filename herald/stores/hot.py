"""Hot state in Redis: what readers need at once and may lose. PostgreSQL holds the truth.

A quote is 40 bytes, ``<q4d``: nanoseconds, bid, ask, bid size, ask size. A message on the channel holds many: for each,
the length of its instrument key as ``<H``, the key in UTF-8, the quote.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from herald.messages import Signal
from herald.ports import Quote, Unavailable

_QUOTE = struct.Struct("<q4d")
_KEY_LENGTH = struct.Struct("<H")
_RETRIES = 8
_PAUSE_S_MAX = 0.5
_FIRST_PAUSE_S = 0.02
_TIMEOUT_S = 5.0
_SILENCE_S = 1.0
SIGNAL_TTL_S = 3600

OnQuote = Callable[[str, Quote], Awaitable[object] | object]
OnNotice = Callable[[str, dict[str, Any]], Awaitable[object] | object]


class HotState:
    """Positions, cool-downs, marks of open trades, recent signals, quotes and notices.

    What survives: what Redis has synced, which is all that was acknowledged. Nothing here is needed to be right after a
    loss: a reader treats an absent value as *not known*. Every write may be repeated. A quote or notice that is
    published while a follower is cut off is missed; the follower then begins with the last quote of each instrument.
    """

    def __init__(self, url: str, prefix: str = "herald") -> None:
        """Remember the address; nothing is opened yet. Use it from one event loop."""
        self._prefix = prefix
        # Any: redis-py annotates answers as text or bytes; without decode_responses they are bytes.
        self._client: Any = redis.asyncio.from_url(
            url,
            socket_timeout=None,  # see connect() of the bus: the client's own limit can lose a cancellation
            retry=Retry(ExponentialBackoff(cap=_PAUSE_S_MAX, base=_FIRST_PAUSE_S), _RETRIES),
            retry_on_error=[RedisConnectionError, RedisTimeoutError, OSError],
        )
        # Without retries: a subscription that the client renews by itself would not tell what it has missed.
        self._following: Any = redis.asyncio.from_url(url, socket_timeout=None, retry=Retry(NoBackoff(), 0))

    async def ping(self) -> str:
        """Return the server's version. Raises ``Unavailable``."""
        facts = await _reached(self._client.info("server"))
        return f"Redis {facts['redis_version']}"

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        await self._client.aclose()
        await self._following.aclose()

    # -- account and positions

    async def put_account(self, summary: Mapping[str, Any]) -> None:
        """Publish the account as Risk sees it. ``equity_usd`` is one of its values."""
        await _reached(self._client.set(self._key("account"), json.dumps(dict(summary), default=str)))

    async def account(self) -> dict[str, Any] | None:
        """Return the account as last published, None where it never was."""
        return _parsed(await _reached(self._client.get(self._key("account"))))

    async def equity_usd(self) -> Decimal | None:
        """Return the account's equity, None where it is not known."""
        account = await self.account()
        return Decimal(str(account["equity_usd"])) if account and "equity_usd" in account else None

    async def put_positions(self, positions: Mapping[str, Decimal]) -> None:
        """Replace the signed net quantities by instrument key."""
        key = self._key("positions")
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.delete(key)
            if positions:
                pipeline.hset(key, mapping={name: str(quantity) for name, quantity in positions.items()})
            await _reached(pipeline.execute())

    async def positions(self) -> dict[str, Decimal]:
        """Return the signed net quantities by instrument key."""
        found = await _reached(self._client.hgetall(self._key("positions")))
        return {name.decode(): Decimal(quantity.decode()) for name, quantity in found.items()}

    # -- cool-downs

    async def start_cool_down(self, subject: str, seconds: float) -> None:
        """Let a subject (a symbol, a story) rest. A running cool-down is replaced."""
        await _reached(self._client.set(self._key("cooldown", subject), b"1", px=max(1, round(seconds * 1000))))

    async def cool_down_left_s(self, subject: str) -> float:
        """Return how long a subject still rests, 0 where it does not."""
        left_ms = await _reached(self._client.pttl(self._key("cooldown", subject)))
        return max(0, int(left_ms)) / 1000

    # -- marks of open trades

    async def mark_trade(self, trade_id: str, mark: Mapping[str, Any]) -> None:
        """Keep how far an open trade has been watched: its peak and its cursor, as JSON."""
        await _reached(self._client.hset(self._key("trades"), trade_id, json.dumps(dict(mark), default=str)))

    async def trade_mark(self, trade_id: str) -> dict[str, Any] | None:
        """Return the mark of a trade, None where there is none."""
        return _parsed(await _reached(self._client.hget(self._key("trades"), trade_id)))

    async def forget_trade(self, trade_id: str) -> None:
        """Drop the mark of a trade that is flat."""
        await _reached(self._client.hdel(self._key("trades"), trade_id))

    # -- recent signals

    async def cache_signal(self, signal: Signal, ttl_s: int = SIGNAL_TTL_S) -> None:
        """Keep a signal for a while."""
        await _reached(self._client.set(self._key("signal", signal.event_id), signal.to_wire(), ex=ttl_s))

    async def cached_signal(self, event_id: str) -> Signal | None:
        """Return a signal of late, None where it is not kept."""
        found = await _reached(self._client.get(self._key("signal", event_id)))
        return Signal.from_wire(found) if found is not None else None

    # -- models

    async def put_models(self, serving: Mapping[str, str]) -> None:
        """Publish the models that serve: ``champion`` and, where there is one, ``challenger``."""
        await _reached(self._client.set(self._key("models"), json.dumps(dict(serving))))

    async def models(self) -> dict[str, str]:
        """Return the models that serve; empty where none was published."""
        return _parsed(await _reached(self._client.get(self._key("models")))) or {}

    # -- quotes

    async def publish_quotes(self, quotes: Mapping[str, Quote]) -> None:
        """Tell followers, and keep the last quote of each instrument for those who come later."""
        if not quotes:
            return
        packed = {key: _pack(quote) for key, quote in quotes.items()}
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.hset(self._key("quotes"), mapping=packed)
            pipeline.publish(self._key("quotes"), encode_quotes(quotes))
            await _reached(pipeline.execute())

    async def publish_quote(self, key: str, quote: Quote) -> None:
        """Tell followers of one quote."""
        await self.publish_quotes({key: quote})

    async def last_quotes(self) -> dict[str, Quote]:
        """Return the last quote of each instrument."""
        found = await _reached(self._client.hgetall(self._key("quotes")))
        return {key.decode(): Quote(*_QUOTE.unpack(packed)) for key, packed in found.items()}

    async def follow_quotes(self, take: OnQuote) -> None:
        """Give ``take`` the last quotes and then every new one, until cancelled; outlasts restarts of the server.

        A quote may be given twice, and an older one after a newer one: compare ``at_ns``.
        """

        async def begin() -> None:
            for key, quote in (await self.last_quotes()).items():
                await _give(take(key, quote))

        async def heard(payload: bytes) -> None:
            for key, quote in decode_quotes(payload):
                await _give(take(key, quote))

        await self._follow(self._key("quotes"), begin, heard)

    # -- notices

    async def announce(self, what: str, **detail: Any) -> None:
        """Tell all processes that something has changed: the trading state, the sources."""
        message = json.dumps({"what": what, "detail": detail}, default=str)
        await _reached(self._client.publish(self._key("control"), message))

    async def follow_notices(self, take: OnNotice) -> None:
        """Give ``take`` every notice, until cancelled; outlasts restarts of the server.

        ``take`` is called with ``"connected"`` whenever notices may have been missed: read what you follow anew then.
        """

        async def begin() -> None:
            await _give(take("connected", {}))

        async def heard(payload: bytes) -> None:
            notice = json.loads(payload)
            await _give(take(notice["what"], notice["detail"]))

        await self._follow(self._key("control"), begin, heard)

    async def _follow(
        self, channel: str, begin: Callable[[], Awaitable[None]], heard: Callable[[bytes], Awaitable[None]]
    ) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with self._following.pubsub() as pubsub:
                    await _reached(pubsub.subscribe(channel))
                    await begin()
                    pause_s = _FIRST_PAUSE_S
                    while True:
                        message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=_SILENCE_S)
                        if message is not None:
                            await heard(message["data"])
            except (RedisConnectionError, RedisTimeoutError, OSError, Unavailable):
                await asyncio.sleep(pause_s)
                pause_s = min(_PAUSE_S_MAX, 2 * pause_s)

    def _key(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))


def encode_quotes(quotes: Mapping[str, Quote]) -> bytes:
    """Pack quotes for the channel."""
    parts: list[bytes] = []
    for key, quote in quotes.items():
        name = key.encode()
        parts += (_KEY_LENGTH.pack(len(name)), name, _pack(quote))
    return b"".join(parts)


def decode_quotes(payload: bytes) -> Iterator[tuple[str, Quote]]:
    """Unpack what ``encode_quotes`` packed. Raises ``ValueError`` where it is cut off."""
    place = 0
    while place < len(payload):
        try:
            (length,) = _KEY_LENGTH.unpack_from(payload, place)
            place += _KEY_LENGTH.size
            quote = Quote(*_QUOTE.unpack_from(payload, place + length))
        except struct.error as error:
            raise ValueError(f"a message of quotes is cut off at byte {len(payload)}") from error
        yield payload[place : place + length].decode(), quote
        place += length + _QUOTE.size


def _pack(quote: Quote) -> bytes:
    return _QUOTE.pack(quote.at_ns, quote.bid, quote.ask, quote.bid_size, quote.ask_size)


def _parsed(text: bytes | None) -> dict[str, Any] | None:
    return json.loads(text) if text is not None else None


async def _reached(answer: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            return await answer
    except (RedisError, OSError) as error:
        raise Unavailable(f"Redis cannot be reached: {error or 'no answer in time'}") from error


async def _give(answer: Awaitable[object] | object) -> None:
    if inspect.isawaitable(answer):
        await answer
