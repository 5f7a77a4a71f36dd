"""One HTTP fetcher for all sources: conditional, bounded in time and size, careful about where redirects lead.

PortError
├── Unavailable        no answer, a time-out, a 5xx: retry with back-off
│   └── RetryLater     a 429 or 503 that says when
└── Refused            a 4xx, a redirect to where Herald does not go: do not repeat soon
Unreadable             an answer came whose body cannot be used: a dead letter
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import aiohttp

from herald.clocks import WallClock
from herald.ports import Clock, Refused, Unavailable
from herald.sources.addresses import AddressRefused, public_socket, url_fault
from herald.sources.inflation import Body, Unreadable

USER_AGENT = "Herald/0.1 (news reader)"
_CHUNK_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ASK_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_RETRY_AFTER_MAX_S = 3600.0
_TOKEN_CHARS_MAX = 512


class RetryLater(Unavailable):
    """The server asked for patience (429, 503). ``retry_after_s`` is bounded; None where it named no time."""

    def __init__(self, message: str, retry_after_s: float | None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds of one fetch. ``total_s`` covers all redirects and the whole body."""

    total_s: float = 10.0
    connect_s: float = 5.0
    read_s: float = 5.0
    max_bytes: int = 2 * 1024 * 1024
    max_redirects: int = 5


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server said of the version last seen, to ask only for a newer one."""

    etag: str = ""
    last_modified: str = ""

    def as_headers(self) -> dict[str, str]:
        """Return the conditional request headers."""
        pairs = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in pairs.items() if value}


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: header names in lower case, the body unpacked, and when its last byte came."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime

    @property
    def not_modified(self) -> bool:
        """True where the server has nothing newer."""
        return self.status == HTTPStatus.NOT_MODIFIED

    @property
    def content_type(self) -> str:
        """The ``Content-Type`` as sent, empty where there is none."""
        return self.headers.get("content-type", "")

    def validators(self) -> Validators:
        """Return what to send with the next request."""
        return Validators(self._token("etag"), self._token("last-modified"))

    def _token(self, name: str) -> str:
        """Return a header that can be stored and sent back; empty for one that is odd or huge."""
        value = self.headers.get(name, "")
        return value if value.isascii() and value.isprintable() and len(value) <= _TOKEN_CHARS_MAX else ""


class Fetcher:
    """HTTP for all sources of one process. Connections are opened on first use and shared."""

    def __init__(self, clock: Clock | None = None, user_agent: str = USER_AGENT) -> None:
        self._clock = clock or WallClock()
        self._user_agent = user_agent
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def get(
        self,
        url: str,
        *,
        limits: FetchLimits,
        validators: Validators | None = None,
        params: Mapping[str, str] | None = None,
        allow_private: bool = False,
    ) -> Fetched:
        """Fetch ``url``. Raises ``Unavailable``, ``RetryLater``, ``Refused`` or ``Unreadable``."""
        try:
            async with asyncio.timeout(limits.total_s):
                return await self._follow(url, limits, validators or Validators(), params or {}, allow_private)
        except TimeoutError as error:
            raise Unavailable(f"{url}: no complete answer within {limits.total_s:g} s") from error
        except aiohttp.ClientError as error:
            raise _explained(url, error) from error
        except OSError as error:
            raise Unavailable(f"{url}: {error}") from error

    async def connect(
        self, url: str, *, connect_s: float, heartbeat_s: float, max_message_bytes: int, allow_private: bool = False
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a WebSocket. Raises ``Unavailable``, ``RetryLater`` or ``Refused``."""
        fault = url_fault(url, ("ws", "wss"))
        if fault:
            raise Refused(f"{url}: {fault}")
        try:
            async with asyncio.timeout(connect_s):
                return await self._session(allow_private=allow_private).ws_connect(
                    url, heartbeat=heartbeat_s, max_msg_size=max_message_bytes, autoping=True
                )
        except TimeoutError as error:
            raise Unavailable(f"{url}: no connection within {connect_s:g} s") from error
        except aiohttp.WSServerHandshakeError as error:
            retry_after = error.headers.get("Retry-After", "") if error.headers else ""
            self._judge(url, error.status, retry_after)
            raise Unavailable(f"{url}: {error.message}") from error
        except aiohttp.ClientError as error:
            raise _explained(url, error) from error
        except OSError as error:
            raise Unavailable(f"{url}: {error}") from error

    async def close(self) -> None:
        """Close all connections. Safe to call twice."""
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def _follow(
        self, url: str, limits: FetchLimits, validators: Validators, params: Mapping[str, str], allow_private: bool
    ) -> Fetched:
        here, seen = url, {url}
        for _ in range(limits.max_redirects + 1):
            fault = url_fault(here)
            if fault:
                raise Refused(f"{url}: cannot fetch {here[:200]}: {fault}")
            answer = await self._ask(here, limits, validators, params, allow_private)
            if isinstance(answer, Fetched):
                return answer
            if urlsplit(here).scheme == "https" and urlsplit(answer).scheme == "http" and not allow_private:
                raise Refused(f"{url}: redirects from https to http; give the address of a safe feed")
            if answer in seen:
                raise Refused(f"{url}: redirects in a circle by way of {answer[:200]}; correct the address")
            seen.add(answer)
            here, params = answer, {}
        raise Refused(f"{url}: redirects more than {limits.max_redirects} times; give the final address")

    async def _ask(
        self, url: str, limits: FetchLimits, validators: Validators, params: Mapping[str, str], allow_private: bool
    ) -> Fetched | str:
        """Return the answer, or the address that it redirects to."""
        timeout = aiohttp.ClientTimeout(
            total=limits.total_s, sock_connect=limits.connect_s, sock_read=limits.read_s, connect=limits.connect_s
        )
        session = self._session(allow_private=allow_private)
        headers = validators.as_headers()
        async with session.get(url, headers=headers, params=params, timeout=timeout, allow_redirects=False) as response:
            if response.status in _REDIRECTS:
                target = response.headers.get("Location", "")
                if not target:
                    raise Refused(f"{url}: status {response.status} without a Location; correct the address")
                return urljoin(url, target)
            self._judge(url, response.status, response.headers.get("Retry-After", ""))
            body = b"" if response.status == HTTPStatus.NOT_MODIFIED else await _read(response, limits.max_bytes)
            names = {name.lower(): value for name, value in response.headers.items()}
            return Fetched(str(response.url), response.status, names, body, self._clock.now())

    def _judge(self, url: str, status: int, retry_after: str) -> None:
        """Raise for a status that carries no news."""
        if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            wait_s = retry_after_s(retry_after, self._clock.now())
            raise RetryLater(f"{url}: status {status}, asked to wait {wait_s or 'some'} s", wait_s)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _ASK_AGAIN:
            raise Unavailable(f"{url}: status {status}")
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refused(f"{url}: status {status}; check the address and whether it needs a key")

    def _session(self, *, allow_private: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(allow_private)
        if session is None:
            connector = aiohttp.TCPConnector(limit=64, socket_factory=None if allow_private else public_socket)
            session = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip, deflate"},
            )
            self._sessions[allow_private] = session
        return session


def retry_after_s(value: str, now: datetime) -> float | None:
    """Read a ``Retry-After`` header, seconds or a date; bounded to an hour, None where it says nothing usable."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _RETRY_AFTER_MAX_S)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return min(max(0.0, (when - now).total_seconds()), _RETRY_AFTER_MAX_S)


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    length = response.content_length
    if length is not None and length > max_bytes:
        raise Unreadable("TOO_LARGE", f"the body has {length} bytes, max_bytes is {max_bytes}; raise it if it is right")
    body = Body(response.headers.get("Content-Encoding", ""), max_bytes)
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body.feed(chunk)
    return body.finish()


def _explained(url: str, error: aiohttp.ClientError) -> Exception:
    """Turn an error of the HTTP library into one of the port's."""
    cause = getattr(error, "os_error", None) or error.__cause__
    if isinstance(cause, AddressRefused) or "address is not public" in str(error):
        return Refused(f"{url}: leads to an address that is not public; set allow_private_address for a local server")
    if isinstance(error, aiohttp.InvalidURL):
        return Refused(f"{url}: not a usable address: {error}")
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, ssl.CertificateError)):
        return Refused(f"{url}: its certificate is not trusted: {error}")
    return Unavailable(f"{url}: {type(error).__name__}: {str(error)[:200]}")
