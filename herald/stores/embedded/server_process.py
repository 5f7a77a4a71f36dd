"""One child process that is a server: started through ``launch``, found after a crash, stopped in bounded time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from herald.ports import Unavailable

_LAUNCHER = Path(__file__).with_name("launch.py")
_LOG_BYTES_MAX = 16 * 1024 * 1024
_LOG_TAIL_LINES = 8
_POLL_S = 0.01
_FAMILY_S = 0.5
_KILLED_S = 5.0
_LAUNCH_S_MAX = 10.0
"""How long after its process began a server may have written its pid file."""


class ServerFailed(Unavailable):
    """A server of the embedded profile did not come up, or did not go down."""


@dataclass(frozen=True, slots=True)
class RunAs:
    """Whom a server runs as: -1 leaves it as it is."""

    uid: int = -1
    gid: int = -1
    capability: int = -1


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """What belongs to one server.

    ``folder`` is its working directory, by which a process is known as ours. ``program`` is the executable of workers
    that leave the server's session, as those of PostgreSQL do.
    """

    name: str
    folder: Path
    log: Path
    pid_file: Path
    program: Path | None = None


@dataclass(frozen=True, slots=True)
class StopPlan:
    """Signals to try in turn, each with the seconds to wait for it. SIGKILL follows by itself."""

    steps: tuple[tuple[int, float], ...] = ((signal.SIGTERM, 10.0),)
    death_signal: int = signal.SIGTERM


@dataclass(slots=True)
class ServerProcess:
    """The process of one server.

    What survives: nothing but the pid file. A process that outlived its Herald is recognised by that file, by the time
    at which it began and by its working directory; only then is it stopped. No process is ever chosen by its name.
    """

    files: ServerFiles
    stop_plan: StopPlan
    run_as: RunAs = field(default_factory=RunAs)
    niceness: int = 0
    _child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the pid of the running process, None where there is none."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def spawn(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start the command in a session of its own. Call it from a thread that lives as long as the server shall."""
        _bound_log(self.files.log)
        arguments = (
            str(self.files.pid_file),
            os.getpid(),
            self.stop_plan.death_signal,
            self.niceness,
            self.run_as.uid,
            self.run_as.gid,
            self.run_as.capability,
        )
        with self.files.log.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 - the command is our own
                [sys.executable, "-I", "-S", str(_LAUNCHER), *map(str, arguments), *command],
                cwd=self.files.folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def until_ready(self, ready: Callable[[], Awaitable[bool]], patience_s: float) -> None:
        """Wait until ``ready`` says so. Raises ``ServerFailed`` where the process ends or patience does."""
        deadline = time.monotonic() + patience_s
        while not await ready():
            if self.pid is None:
                status = self._child.returncode if self._child is not None else None
                raise ServerFailed(f"{self.files.name} ended with status {status} while starting{self._log_tail()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.files.name} was not ready after {patience_s:g} s{self._log_tail()}")
            await asyncio.sleep(_POLL_S)

    async def until_dead(self, poll_s: float) -> None:
        """Wait until the process has ended."""
        while self.pid is not None:  # noqa: ASYNC110 - a process cannot set an event
            await asyncio.sleep(poll_s)

    async def stop(self) -> None:
        """Stop the process, gently first. Raises ``ServerFailed`` where even SIGKILL does not end it."""
        pid = self.pid
        if pid is not None:
            await self._stop_pid(pid)
        self.files.pid_file.unlink(missing_ok=True)

    async def clear_leftover(self) -> bool:
        """Stop what an earlier Herald left running on these files. Return whether there was anything."""
        pid, alive = self._recorded()
        family = self._family(pid)
        if alive or family:
            await self._stop_pid(pid)
        self.files.pid_file.unlink(missing_ok=True)
        return alive or bool(family)

    def _recorded(self) -> tuple[int, bool]:
        """Read the pid file: the pid (0 where there is none), and whether that process is still the one written."""
        try:
            written = json.loads(self.files.pid_file.read_text())
            pid, started_at = int(written["pid"]), float(written["started_at"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, False
        try:
            process = psutil.Process(pid)
            began_then = abs(process.create_time() - started_at) < _LAUNCH_S_MAX
            return pid, began_then and _works_in(process, self.files.folder)
        except psutil.Error:
            return pid, False

    def _family(self, pid: int) -> list[int]:
        """Return the living processes of this server: of the session that ``pid`` led, or running its program."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = os.getsid(process.pid) == pid or (
                    self.files.program is not None and Path(process.exe()) == self.files.program
                )
                if ours and _works_in(process, self.files.folder):
                    found.append(process.pid)
            except (psutil.Error, OSError):
                continue
        return found

    async def _stop_pid(self, pid: int) -> None:
        if self._is_there(pid):
            for number, patience_s in self.stop_plan.steps:
                _signal(pid, number)
                if await self._gone([pid], patience_s):
                    break
        everyone = self._family(pid)
        if not await self._gone(everyone, _FAMILY_S):
            for one in everyone:
                _signal(one, signal.SIGKILL)
        if not await self._gone(everyone, _KILLED_S):
            raise ServerFailed(f"{self.files.name}: pids {everyone} did not end; stop them by hand, then start again")

    async def _gone(self, pids: Sequence[int], patience_s: float) -> bool:
        deadline = time.monotonic() + patience_s
        while any(self._is_there(pid) for pid in pids):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_S)
        return True

    def _is_there(self, pid: int) -> bool:
        if self._child is not None and self._child.pid == pid:
            return self._child.poll() is None
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def _log_tail(self) -> str:
        try:
            lines = self.files.log.read_text("utf-8", "replace").splitlines()[-_LOG_TAIL_LINES:]
        except OSError:
            lines = []
        return "; ".join([f"; its log is {self.files.log}", *lines])


def _works_in(process: psutil.Process, folder: Path) -> bool:
    return Path(process.cwd()) == folder.resolve()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _bound_log(log: Path) -> None:
    """Start a new log where the old one has grown large; one old one is kept."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_BYTES_MAX:
        log.replace(log.with_name(f"{log.name}.1"))
