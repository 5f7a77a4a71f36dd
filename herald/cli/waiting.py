"""What a start is waiting for, on one line of a terminal or line by line elsewhere."""

from __future__ import annotations

import time
from typing import TextIO


class StartUp:
    """Called with the name of a part and a word on it; shows what is not ready yet, and the seconds so far."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream
        self._began = time.monotonic()

    def __call__(self, name: str, word: str) -> None:
        """Show one step."""
        self._stream.write(f"herald: {time.monotonic() - self._began:5.1f} s  {name} {word}\n")
        self._stream.flush()
