"""Commands run as a user runs them, each in a home of its own, and what they leave behind."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

HERALD = Path(sys.executable).with_name("herald")
MARK = "HERALD_TEST_RUN"
GONE_S = 90.0


@dataclass
class User:
    """Somebody at a terminal. Everything that they start carries a mark by which it is found again."""

    home: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        ports = {"HERALD_API_PORT": "0", "HERALD_DASHBOARD_PORT": "8399", "HERALD_MLFLOW_PORT": "0"}
        return {**os.environ, "HERALD_HOME": str(self.home), MARK: self.mark, **ports, **self.extra}

    def run(self, *arguments: str, timeout_s: float = 400.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(HERALD), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(HERALD), *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def processes(self) -> list[str]:
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.info["status"] != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {' '.join(process.info['cmdline'] or [])[:120]}")
        return found

    def processes_in_the_end(self) -> list[str]:
        """What is still there after everything had time to go."""
        deadline = time.monotonic() + GONE_S
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return left


@pytest.fixture(scope="session")
def make_user() -> type[User]:
    return User


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    user = User(tmp_path / "home")
    yield user
    assert user.processes_in_the_end() == []
