"""The file by which other commands find a running Herald."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

NOT_STARTED = "did not start:"
"""How the last line of a start that failed begins; the cause follows."""
_PLACE = Path("run") / "herald.json"


@dataclass(frozen=True, slots=True)
class RunFile:
    """What other commands need to know of a running Herald. The token is for its HTTP interface."""

    pid: int
    started_at: str
    api_url: str
    token: str
    dashboard_url: str
    addresses: dict[str, str]
    profile: str
    news: str

    @classmethod
    def path(cls, home: Path) -> Path:
        """Return where the file lies in a home."""
        return home / _PLACE

    @classmethod
    def read(cls, home: Path) -> RunFile | None:
        """Read it; None where no Herald runs in this home."""
        try:
            found = cls(**json.loads(cls.path(home).read_text("utf-8")))
            os.kill(found.pid, 0)
        except (OSError, ValueError, TypeError):
            return None
        return found

    def write(self, home: Path) -> None:
        """Write it for the owner's eyes only."""
        path = self.path(home)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(asdict(self)), "utf-8")
        temporary.replace(path)
