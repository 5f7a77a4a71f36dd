"""The MLflow tracking server and UI on a local store. It starts in the background, at low priority.

Guarantees: runs and models are in SQLite and plain files under ``home/mlflow`` and survive a crash. It listens on the
loopback interface only and reports to nobody.
"""

from __future__ import annotations

import asyncio
import importlib.util
import signal
import socket
import sys
from pathlib import Path

from herald.stores.embedded.server_process import ServerFailed, ServerFiles, ServerProcess, StopPlan

_READY_S = 300.0  # two interpreters import MLflow one after the other, at low priority beside everything else
_PING_S = 3.0
_NICENESS = 5
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


class MlflowServer:
    """The MLflow server of one home."""

    name = "mlflow"

    def __init__(self, home: Path, preferred_port: int = 0) -> None:
        """Choose the paths; nothing is started or written yet."""
        self._folder = home / "mlflow"
        self._port_file = home / "run" / "mlflow.port"
        self._preferred = preferred_port
        self._port = 0
        self._process = ServerProcess(
            files=ServerFiles(
                name="MLflow",
                folder=self._folder,
                log=home / "run" / "mlflow.log",
                pid_file=home / "run" / "mlflow.pid.json",
            ),
            stop_plan=StopPlan(((signal.SIGTERM, 5.0),), death_signal=signal.SIGTERM),
            niceness=_NICENESS,
        )

    @property
    def url(self) -> str:
        """Tracking address. Known once ``reserve`` has run."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """Return the pid of the server while it runs."""
        return self._process.pid

    async def reserve(self) -> None:
        """Stop what an earlier start left, and choose the port: the one used before, the preferred one, or any."""
        await self._process.clear_leftover()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = int(self._port_file.read_text()) if self._port_file.exists() else 0
        wanted = (self._preferred, kept, 0) if self._preferred else (kept, 0)
        self._port = next(port for port in map(_free_port, wanted) if port)
        self._port_file.write_text(str(self._port))

    async def start(self) -> None:
        """Start and wait until the UI answers. Raises ``ServerFailed``."""
        if importlib.util.find_spec("mlflow") is None:
            raise ServerFailed("MLflow is not installed; run: pip install mlflow")
        await self._process.clear_leftover()
        store = f"sqlite:///{self._folder / 'mlflow.db'}"
        options = {
            "--backend-store-uri": store,
            "--artifacts-destination": (self._folder / "artifacts").as_uri(),
            "--host": "127.0.0.1",
            "--port": str(self._port),
            "--workers": "1",
        }
        command = [sys.executable, "-m", "mlflow", "server", "--serve-artifacts"]
        self._process.spawn([*command, *(part for pair in options.items() for part in pair)], _ENVIRONMENT)
        await self._process.until_ready(self._answers, _READY_S)

    async def stop(self) -> None:
        """Stop the server and its worker."""
        await self._process.stop()

    async def until_dead(self, poll_s: float) -> None:
        """Wait until the server has ended."""
        await self._process.until_dead(poll_s)

    async def ping(self) -> str:
        """Return where the UI is. Raises ``ServerFailed``."""
        if not await self._answers():
            raise ServerFailed(f"MLflow does not answer at {self.url}; its log is {self._process.files.log}")
        return f"MLflow at {self.url}"

    async def _answers(self) -> bool:
        return await answers_health(self._port)


async def answers_health(port: int, host: str = "127.0.0.1") -> bool:
    """Ask MLflow's ``/health`` and say whether it is well."""
    try:
        async with asyncio.timeout(_PING_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET /health HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
                await writer.drain()
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status


def _free_port(wanted: int) -> int:
    """Return the port where nobody listens on it (any free one for 0), else 0."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
        return int(probe.getsockname()[1])
