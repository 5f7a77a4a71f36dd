"""Bodies unpacked piece by piece under a limit, so that a small packed body cannot become a huge one."""

from __future__ import annotations

import zlib

_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_RAW_WINDOW = -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"
_DEFLATE_METHOD = 8
_METHOD_MASK = 0x0F
_STEP_BYTES = 64 * 1024


class Unreadable(Exception):  # noqa: N818 - states a condition, reads as one
    """A body that came but cannot be used. ``code`` is fixed, ``detail`` is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Body:
    """Collects a body as it arrives, unpacked, refusing more than ``max_bytes`` before or after unpacking."""

    def __init__(self, encoding: str, max_bytes: int) -> None:
        """Take the ``Content-Encoding`` of the response; raises ``Unreadable`` for one that Herald does not ask for."""
        self._packing = encoding.strip().lower()
        self._max_bytes = max_bytes
        self._received = 0
        self._pieces: list[bytes] = []
        self._size = 0
        self._unpacker: zlib._Decompress | None = None
        if self._packing not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise Unreadable("UNSUPPORTED_PACKING", f"the body is packed as {encoding[:40]!r}, which was not asked for")

    @property
    def is_packed(self) -> bool:
        """True where the body needs unpacking."""
        return self._packing not in {"", "identity"}

    def feed(self, chunk: bytes) -> None:
        """Add what arrived. Raises ``Unreadable`` (TOO_LARGE, BAD_PACKING)."""
        self._received += len(chunk)
        if self._received > self._max_bytes:
            raise self._too_large()
        if not self.is_packed:
            self._add(chunk)
            return
        try:
            self._unpack(chunk)
        except zlib.error as error:
            raise Unreadable("BAD_PACKING", f"the body is not valid {self._packing}: {error}") from error

    def finish(self) -> bytes:
        """Return the whole body. Raises ``Unreadable`` where a packed body ended too early."""
        if self._unpacker is not None and not self._unpacker.eof:
            raise Unreadable("BAD_PACKING", f"the {self._packing} body ended too early")
        return b"".join(self._pieces)

    def _unpack(self, chunk: bytes) -> None:
        while chunk:
            if self._unpacker is None:
                self._unpacker = self._start(chunk)
            elif self._unpacker.eof:
                if self._packing == "deflate" or not chunk.startswith(_GZIP_MAGIC):
                    return  # padding after the body
                self._unpacker = self._start(chunk)
            piece = self._unpacker.decompress(chunk, _STEP_BYTES)
            self._add(piece)
            chunk = self._unpacker.unconsumed_tail or self._unpacker.unused_data

    def _start(self, chunk: bytes) -> zlib._Decompress:
        if self._packing != "deflate":
            return zlib.decompressobj(_GZIP_WINDOW)
        has_header = chunk[0] & _METHOD_MASK == _DEFLATE_METHOD
        return zlib.decompressobj(zlib.MAX_WBITS if has_header else _RAW_WINDOW)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max_bytes:
            raise self._too_large()
        self._pieces.append(piece)

    def _too_large(self) -> Unreadable:
        return Unreadable(
            "TOO_LARGE", f"the body is larger than max_bytes ({self._max_bytes}); raise it if it is right"
        )
