"""Connections to Redis, the names of keys, and what its errors mean to a caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from herald.bus.settings import RedisBusSettings
from herald.ports import PortError, Refused, Unavailable

_PASSING = ("LOADING", "MISCONF", "OOM", "READONLY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "BUSY ")


class GroupMissing(Unavailable):
    """The server does not know the group (any more): it lost its data. Make the group again and go on."""


@dataclass(frozen=True, slots=True)
class RedisKeys:
    """The keys of one topic. The braces keep them on one node of a cluster."""

    prefix: str

    def stream(self, topic: str) -> str:
        """Return the key of the topic's stream."""
        return f"{self.prefix}:{{{topic}}}:stream"

    def counter(self, topic: str) -> str:
        """Return the key of the number of the last entry."""
        return f"{self.prefix}:{{{topic}}}:count"

    def producer(self, topic: str, producer: str) -> str:
        """Return the key that remembers the last batch of one producer."""
        return f"{self.prefix}:{{{topic}}}:producer:{producer}"

    def lease(self, topic: str, group: str) -> str:
        """Return the key that names the one member of a group that reads the topic."""
        return f"{self.prefix}:{{{topic}}}:lease:{group}"


def connect(url: str, settings: RedisBusSettings, *, connections: int) -> Redis:
    """Make a client that does not retry by itself, and whose answers are bounded in time by ``answering``.

    The client's own limit, ``socket_timeout``, is switched off: it awaits with ``asyncio.wait_for``, which on
    Python 3.11 can swallow the cancellation of a task.
    """
    return Redis.from_url(
        url,
        protocol=2,
        decode_responses=False,
        max_connections=connections,
        socket_connect_timeout=settings.connect_timeout_s,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
    )


@asynccontextmanager
async def answering(what: str, within_s: float) -> AsyncIterator[None]:
    """Bound the time, and turn the errors of the client into those of the port; ``what`` says what was being done."""
    try:
        async with asyncio.timeout(within_s):
            yield
    except (RedisError, OSError) as error:
        raise _meaning(error, what) from error


def _meaning(error: RedisError | OSError, what: str) -> PortError:
    text = f"Redis, {what}: {error or 'no answer in time'}"
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return Refused(f"{text}; check the user and password in the Redis URL")
    if isinstance(error, RedisConnectionError | RedisTimeoutError | OSError):
        return Unavailable(text)
    if isinstance(error, ResponseError):
        if "NOGROUP" in str(error):
            return GroupMissing(text)
        if str(error).startswith(_PASSING) or type(error) is not ResponseError:
            return Unavailable(text)
    return Refused(text)
