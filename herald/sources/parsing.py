"""Documents read in a process of their own, so that no document can stall or bring down its collector.

feedparser is generous with broken documents and pays for it with patterns that a hostile one can drive for hours, and
a pattern holds the interpreter while it runs: no thread, no time-out on the event loop helps. The child costs 30 MB
and a pipe's round trip (below a millisecond) and takes the parsing time off the event loop as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from herald.ports import Unavailable
from herald.sources.parse_worker import LENGTH
from herald.sources.reading import Reading, Selectors, refusal

_ROOT = Path(__file__).resolve().parents[2]
_START = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from herald.sources.parse_worker import main; main()"
_GRACE_S = 2.0
_START_S = 30.0
_LEAVE_S = 0.5
_ATTEMPTS = 2


class ParserProcess:
    """Reads one document at a time in a child process, which is started when first needed and again after its death."""

    def __init__(self, limit_s: float = 5.0) -> None:
        """``limit_s`` is how long one document may take."""
        self._limit_s = limit_s
        self._child: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def read(
        self,
        data: bytes,
        *,
        headers: Mapping[str, str],
        url: str = "",
        max_entries: int = 500,
        selectors: Selectors | None = None,
    ) -> Reading:
        """Read a feed, or a page where ``selectors`` are given. Raises ``Unavailable`` where no child starts."""
        request = {
            "headers": dict(headers),
            "url": url,
            "max_entries": max_entries,
            "selectors": asdict(selectors) if selectors else None,
            "limit_s": self._limit_s,
        }
        async with self._lock:
            return await self._answered(json.dumps(request).encode(), data)

    async def start(self) -> None:
        """Start the child ahead of the first document. Raises ``Unavailable``."""
        async with self._lock:
            await self._running()

    async def close(self) -> None:
        """End the child. Safe to call twice."""
        async with self._lock:
            await self._end()

    async def _answered(self, head: bytes, data: bytes) -> Reading:
        for _ in range(_ATTEMPTS):
            child, is_fresh = await self._running()
            answer = await self._exchange(child, head, data)
            if answer is not None:
                return Reading.from_json(answer)
            ended_by = await self._end()
            if ended_by == -signal.SIGALRM:
                return refusal("PARSE_TIMEOUT", f"reading it takes more than {self._limit_s:g} s", data)
            if is_fresh:
                break  # it was the document; an older child may have died of something else
        return refusal("PARSER_FAILED", "reading it ended the parser", data)

    async def _running(self) -> tuple[asyncio.subprocess.Process, bool]:
        if self._child is not None and self._child.returncode is None:
            return self._child, False
        try:
            self._child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _START, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
        except OSError as error:
            raise Unavailable(f"the document parser cannot be started: {error}") from error
        return self._child, True

    async def _exchange(self, child: asyncio.subprocess.Process, head: bytes, data: bytes) -> bytes | None:
        """Send a document and return the answer; None where the child died or was too slow."""
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            async with asyncio.timeout(self._limit_s + _GRACE_S + _START_S):
                child.stdin.write(LENGTH.pack(len(head)) + head + LENGTH.pack(len(data)))
                child.stdin.write(data)
                await child.stdin.drain()
                size = LENGTH.unpack(await child.stdout.readexactly(LENGTH.size))[0]
                return await child.stdout.readexactly(size)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            return None
        except asyncio.CancelledError:
            await self._end()  # a late answer must not meet the next request
            raise

    async def _end(self) -> int | None:
        """End the child and return its exit status, negative for the signal that ended it."""
        child, self._child = self._child, None
        if child is None:
            return None
        assert child.stdin is not None
        child.stdin.close()  # an idle child leaves at the end of its input
        try:
            async with asyncio.timeout(_LEAVE_S):
                return await child.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            return await child.wait()
