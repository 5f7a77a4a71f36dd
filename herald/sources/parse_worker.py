"""The child process that reads documents: one request at a time from stdin, one answer each on stdout.

A request is two length-prefixed blocks, a JSON head and the document; an answer is one. Before each document the
process sets an alarm whose default action ends it: no loop in a parser, not even one inside a compiled pattern that
never lets go of the interpreter, can outlive its limit, and nothing is left behind where the parent has died.
"""

from __future__ import annotations

import json
import resource
import signal
import struct
import sys
from typing import BinaryIO

from herald.sources.reading import Reading, Selectors, read_feed, read_page, refusal

LENGTH = struct.Struct(">I")
_MEMORY_BYTES_MAX = 2 * 1024**3


def main() -> None:
    """Serve until stdin ends."""
    _limit_memory()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        head = _block(requests)
        data = _block(requests) if head is not None else None
        if head is None or data is None:
            return
        answer = _answer(json.loads(head), data)
        answers.write(LENGTH.pack(len(answer)) + answer)
        answers.flush()


def _answer(request: dict[str, object], data: bytes) -> bytes:
    signal.setitimer(signal.ITIMER_REAL, float(str(request["limit_s"])))
    try:
        return _read(request, data).to_json()
    except MemoryError:
        return refusal("PARSER_FAILED", "the document needs more memory than the parser may use").to_json()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _read(request: dict[str, object], data: bytes) -> Reading:
    headers, url, most = request["headers"], str(request["url"]), int(str(request["max_entries"]))
    selectors = request["selectors"]
    assert isinstance(headers, dict)
    if isinstance(selectors, dict):
        return read_page(data, headers, url, Selectors(**selectors), most)
    return read_feed(data, headers, url, most)


def _block(stream: BinaryIO) -> bytes | None:
    prefix = stream.read(LENGTH.size)
    if len(prefix) < LENGTH.size:
        return None
    size = LENGTH.unpack(prefix)[0]
    data = stream.read(size)
    return data if len(data) == size else None


def _limit_memory() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = _MEMORY_BYTES_MAX if hard == resource.RLIM_INFINITY else min(_MEMORY_BYTES_MAX, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


if __name__ == "__main__":
    main()
