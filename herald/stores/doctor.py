"""Is everything that Herald needs there, and well? Each check answers in bounded time and names the cure."""

from __future__ import annotations

import asyncio
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import redis.asyncio
from pydantic import BaseModel
from redis.exceptions import RedisError

from herald.documents import ConfigurationError, load_document
from herald.ports import Bus, PortError
from herald.settings import Settings
from herald.stores.embedded.addresses import Addresses
from herald.stores.embedded.mlflow_server import answers_health
from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.migrations import pending

PYTHON_MIN = (3, 11)
DISK_FREE_GB_MIN = 2.0
MEMORY_FREE_GB_MIN = 1.0
CLOCK_DRIFT_MS_MAX = 50.0
CHECK_S_MAX = 10.0
_CLOCK_S = 0.2


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found. ``cure`` says what to do where it is not ok; ``ms`` is what the check took."""

    name: str
    ok: bool
    detail: str
    cure: str = ""
    ms: float = 0.0


Probe = Callable[[], Awaitable[Check]]


async def diagnose(
    settings: Settings,
    addresses: Addresses | None,
    *,
    documents: Iterable[tuple[Path, type[BaseModel]]] = (),
    bus: Bus | None = None,
    analytics: Callable[[], Awaitable[str]] | None = None,
) -> list[Check]:
    """Run all checks side by side, in a fixed order of answers.

    ``addresses`` None means that nothing runs: then the servers are not asked, and their ports must be free.
    ``documents`` are configuration files with their models; ``analytics`` opens the analytical store and returns its
    version, left out where another process owns the engine.
    """
    probes: list[Probe] = [
        _python,
        lambda: _home(settings.home),
        lambda: _disk(settings.home),
        _memory,
        _clock,
        lambda: _configs(list(documents)),
    ]
    if addresses is None:
        ports = {"api": settings.api_port, "dashboard": settings.dashboard_port, "mlflow": settings.mlflow_port}
        probes += [_port_probe(name, port) for name, port in ports.items() if port]
    else:
        probes += _server_probes(addresses)
    if analytics is not None:
        probes.append(
            lambda: _versioned("clickhouse", analytics, "start it, free its folder, or correct HERALD_CLICKHOUSE_URL")
        )
    if bus is not None:
        probes.append(lambda: _versioned("bus", bus.ping, "start Herald, or set HERALD_REDIS_URL or HERALD_KAFKA"))
    if settings.kafka:
        probes.append(lambda: _kafka(settings.kafka or ""))
    return list(await asyncio.gather(*(_timed(probe) for probe in probes)))


def _server_probes(addresses: Addresses) -> list[Probe]:
    probes: list[Probe] = [lambda: _postgres(addresses.postgres_url), lambda: _redis(addresses.redis_url)]
    if addresses.mlflow_url:
        probes.append(lambda: _mlflow(addresses.mlflow_url))
    return probes


async def _timed(probe: Probe) -> Check:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_S_MAX):
            check = await probe()
    except TimeoutError:
        check = Check("a check", ok=False, detail=f"no answer within {CHECK_S_MAX:g} s", cure="see the servers' logs")
    return replace(check, ms=(time.perf_counter() - began) * 1e3)


async def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, PYTHON_MIN))
    return Check("python", sys.version_info >= PYTHON_MIN, version, f"install Python {wanted} or newer")


async def _home(home: Path) -> Check:
    def write() -> None:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=home, prefix="doctor-") as file:
            file.write(b"written")

    try:
        await asyncio.to_thread(write)
    except OSError as error:
        cure = "set HERALD_HOME to a folder that you may write to"
        return Check("home", ok=False, detail=f"{home} cannot be written to: {error}", cure=cure)
    return Check("home", ok=True, detail=str(home))


async def _disk(home: Path) -> Check:
    place = next(path for path in (home, *home.parents) if path.exists())
    free_gb = shutil.disk_usage(place).free / 1e9
    cure = f"free {DISK_FREE_GB_MIN:g} GB, or set HERALD_HOME to a folder on another disk"
    return Check("disk", free_gb >= DISK_FREE_GB_MIN, f"{free_gb:.1f} GB free at {place}", cure)


async def _memory() -> Check:
    free_gb = psutil.virtual_memory().available / 1e9
    return Check("memory", free_gb >= MEMORY_FREE_GB_MIN, f"{free_gb:.1f} GB available", "close other programs")


async def _clock() -> Check:
    """Compare how far the wall clock and the monotonic clock move in the same while. A report, never a failure."""
    wall, steady = time.time(), time.monotonic()
    await asyncio.sleep(_CLOCK_S)
    drift_ms = abs((time.time() - wall) - (time.monotonic() - steady)) * 1e3
    word = "steady" if drift_ms <= CLOCK_DRIFT_MS_MAX else "being set; stamps of this moment are not to be trusted"
    return Check("clock", ok=True, detail=f"{word} ({drift_ms:.2f} ms apart in {_CLOCK_S:g} s)")


async def _configs(documents: Sequence[tuple[Path, type[BaseModel]]]) -> Check:
    wrong = []
    for path, model in documents:
        try:
            load_document(path, model)
        except ConfigurationError as error:
            wrong.append(str(error))
    if wrong:
        return Check("configs", ok=False, detail="; ".join(wrong), cure="correct the fields that are named")
    return Check("configs", ok=True, detail=f"{len(documents)} files valid")


def _port_probe(name: str, port: int) -> Probe:
    async def probe() -> Check:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                cure = f"stop what listens there, or set HERALD_{name.upper()}_PORT to another"
                return Check(f"port of {name}", ok=False, detail=f"{port} is taken", cure=cure)
        return Check(f"port of {name}", ok=True, detail=f"{port} is free")

    return probe


async def _postgres(url: str) -> Check:
    postgres = Postgres(url, size=1, patience_s=3.0)
    try:
        [[version]] = await postgres.rows("SHOW server_version")
        missing = await pending(postgres)
    except PortError as error:
        return Check("postgres", ok=False, detail=str(error), cure="start it, or correct HERALD_POSTGRES_URL")
    finally:
        await postgres.close()
    if missing:
        return Check("postgres", ok=False, detail=f"{version}, lacks {', '.join(missing)}", cure="run: herald up")
    return Check("postgres", ok=True, detail=f"{version}, tables current")


async def _redis(url: str) -> Check:
    try:
        async with redis.asyncio.from_url(url, decode_responses=True, socket_timeout=3.0) as client:
            version = (await client.info("server"))["redis_version"]
            settings = {**await client.config_get("append*"), **await client.config_get("maxmemory-policy")}
    except (RedisError, OSError) as error:
        return Check("redis", ok=False, detail=str(error), cure="start it, or correct HERALD_REDIS_URL")
    wanted = {"appendonly": ("yes",), "appendfsync": ("always", "everysec"), "maxmemory-policy": ("noeviction",)}
    wrong = [f"{name} {settings.get(name)}" for name, allowed in wanted.items() if settings.get(name) not in allowed]
    if wrong:
        cure = "; ".join(f"CONFIG SET {name} {allowed[0]}" for name, allowed in wanted.items())
        return Check("redis", ok=False, detail=f"{version}: {', '.join(wrong)} may lose messages", cure=cure)
    return Check("redis", ok=True, detail=f"{version}, append-only, synced {settings['appendfsync']}")


async def _mlflow(url: str) -> Check:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    well = parts.scheme == "https" or await answers_health(port, parts.hostname or "127.0.0.1")
    return Check("mlflow", well, f"{url} {'answers' if well else 'does not answer'}", "wait a little, then see its log")


async def _kafka(address: str) -> Check:
    host, _, port = address.split(",", maxsplit=1)[0].rpartition(":")
    cure = "start the broker, or correct HERALD_KAFKA (host:port)"
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, ValueError) as error:
        return Check("kafka", ok=False, detail=f"{address}: {error}", cure=cure)
    writer.close()
    return Check("kafka", ok=True, detail=f"{address} accepts connections")


async def _versioned(name: str, ask: Callable[[], Awaitable[str]], cure: str) -> Check:
    try:
        return Check(name, ok=True, detail=await ask())
    except PortError as error:
        return Check(name, ok=False, detail=str(error), cure=cure)
