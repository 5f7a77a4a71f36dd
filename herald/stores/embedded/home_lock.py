"""One Herald a home: a lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from herald.messages import iso
from herald.ports import Refused


class HomeInUse(Refused):
    """Another Herald runs on this home."""


class HomeLock:
    """``home/run/lock``, held through ``flock``. It survives nothing: a killed holder has released it."""

    def __init__(self, home: Path) -> None:
        """Take nothing yet."""
        self._home = home
        self._path = home / "run" / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock. Raises ``HomeInUse``, which names the holder and the cure."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = _describe(file.read())
            file.close()
            message = (
                f"{self._home} is in use by another Herald ({holder}); "
                f"stop that one, or give this one a home of its own with HERALD_HOME=<folder>"
            )
            raise HomeInUse(message) from error
        file.seek(0)
        file.truncate()
        file.write(json.dumps({"pid": os.getpid(), "since": iso(datetime.now(UTC))}))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back. Safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _describe(text: str) -> str:
    try:
        held = json.loads(text)
        return f"pid {held['pid']}, since {held['since']}"
    except (ValueError, KeyError, TypeError):
        return "pid not known"
