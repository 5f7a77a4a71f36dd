"""A real Kafka broker on this machine, from the jars that Maven lays down. For tests and for trying the services."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import uuid
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from string import Template

from herald.stores.embedded.server_process import ServerFailed, ServerFiles, ServerProcess, StopPlan

KAFKA_VERSION = "4.1.0"
_RECIPE = Path(__file__).resolve().parents[3] / "deploy" / "kafka"
_LOG_TAIL = 2_000


@dataclass(frozen=True, slots=True)
class KafkaBrokerBounds:
    """How much memory a broker gets and how long each step may take."""

    heap_mb: int = 512
    fetch_timeout_s: float = 300.0
    format_timeout_s: float = 60.0
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 15.0
    poll_s: float = 0.02


def missing_tool() -> str | None:
    """Name what this machine lacks to run a broker, with the cure; None where nothing is missing."""
    for tool, cure in (("java", "a Java runtime 17 or newer"), ("mvn", "Apache Maven")):
        if shutil.which(tool) is None:
            return f"no {tool!r} on PATH: install {cure}, or name a running cluster in HERALD_KAFKA=host:port"
    return None


class KafkaBroker:
    """One broker with its data in ``home``; its jars are fetched once into ``cache``.

    It keeps its port and its data over ``stop``, ``kill`` and ``start``. Where the system allows it (Linux) it stops
    with the thread that started it; a broker left over from a process that died is stopped by the next ``start``.
    """

    name = "kafka"

    def __init__(
        self, home: Path, cache: Path, *, recipe: Path = _RECIPE, bounds: KafkaBrokerBounds | None = None
    ) -> None:
        self._folder = home / "kafka"
        self._jars = cache / f"kafka-{KAFKA_VERSION}"
        self._recipe = recipe
        self._bounds = bounds or KafkaBrokerBounds()
        self._ports: tuple[int, int] | None = None
        self._process = ServerProcess(
            files=ServerFiles(
                name="Kafka",
                folder=self._folder,
                log=home / "run" / "kafka.log",
                pid_file=home / "run" / "kafka.pid.json",
            ),
            stop_plan=StopPlan(((signal.SIGTERM, self._bounds.stop_timeout_s),), death_signal=signal.SIGTERM),
        )

    @property
    def address(self) -> str:
        """The bootstrap address, ``host:port``, once started."""
        if self._ports is None:
            raise ServerFailed(f"the Kafka broker in {self._folder} has not been started; call start() first")
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def pid(self) -> int | None:
        """Return the pid of the broker while it runs."""
        return self._process.pid

    async def start(self) -> str:
        """Start the broker, or return at once where it runs; returns its address when its port is open.

        Raises ``ServerFailed``.
        """
        if self.pid is not None:
            return self.address
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._process.clear_leftover()
        await self._fetch_jars()
        if self._ports is None:
            self._ports = (_free_port(), _free_port())
        self._write_properties()
        await self._format_once()
        self._process.spawn(self._java("kafka.Kafka", str(self._properties)))
        await self._process.until_ready(self._listens, self._bounds.start_timeout_s)
        return self.address

    async def stop(self) -> None:
        """Stop the broker in good order; kill it where that takes too long."""
        await self._process.stop()
        await self._process.until_dead(self._bounds.poll_s)  # its last threads may outlive its first

    async def until_dead(self, poll_s: float) -> None:
        """Wait until the broker has ended."""
        await self._process.until_dead(poll_s)

    async def ping(self) -> str:
        """Return the version. Raises ``ServerFailed``."""
        if self.pid is None or not await self._listens():
            raise ServerFailed("the Kafka broker does not answer; its log is in the home's run folder")
        return f"Kafka {KAFKA_VERSION}"

    async def kill(self) -> None:
        """Kill the broker with SIGKILL, as a crash would. ``start`` brings it back on the same port."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            await self._process.until_dead(self._bounds.poll_s)

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    async def _fetch_jars(self) -> None:
        """Lay the jars down once, aside first, so that a fetch that was cut off leaves nothing behind."""
        if self._jars.is_dir():
            return
        lacking = missing_tool()
        if lacking is not None:
            raise ServerFailed(f"a Kafka broker cannot be fetched: {lacking}")
        aside = self._jars.with_name(f"{self._jars.name}.{uuid.uuid4().hex}")
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={aside}", "-DincludeScope=runtime"]
        version = f"-Dkafka.version={KAFKA_VERSION}"
        command = ["mvn", "-B", "-q", "-f", str(self._recipe / "pom.xml"), version, *goal]
        await _run(command, self._bounds.fetch_timeout_s)
        with suppress(OSError):  # somebody else was faster, and theirs is as good
            aside.rename(self._jars)
        shutil.rmtree(aside, ignore_errors=True)

    def _write_properties(self) -> None:
        assert self._ports is not None
        template = Template((self._recipe / "server.properties").read_text("utf-8"))
        port, controller_port = self._ports
        data = (self._folder / "data").as_posix()
        self._properties.write_text(
            template.substitute(port=port, controller_port=controller_port, log_dirs=data), "utf-8"
        )

    async def _format_once(self) -> None:
        if (self._folder / "data" / "meta.properties").exists():
            return
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._properties))
        await _run(command, self._bounds.format_timeout_s)

    def _java(self, *arguments: str) -> list[str]:
        flags = [f"-Xmx{self._bounds.heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return ["java", *flags, "-cp", f"{self._jars}/*", *arguments]

    async def _listens(self) -> bool:
        assert self._ports is not None
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._ports[0])
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True


async def _run(command: list[str], timeout_s: float) -> None:
    """Run a program to its end. Raises ``ServerFailed`` with the last it said."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        raise ServerFailed(f"{command[0]} could not be run: {error}; {missing_tool() or 'try again'}") from error
    try:
        said, _ = await asyncio.wait_for(process.communicate(), timeout_s)
    except BaseException as error:
        process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise ServerFailed(f"{' '.join(command)} did not end within {timeout_s:g} s; try again") from error
        raise
    if process.returncode != 0:
        tail = said.decode("utf-8", "replace")[-_LOG_TAIL:]
        raise ServerFailed(f"{' '.join(command)} ended with {process.returncode}: {tail}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
