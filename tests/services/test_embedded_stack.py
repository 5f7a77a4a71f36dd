"""The embedded servers come up, stay up, keep what they acknowledged, and go away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import pytest
import redis.asyncio
from redis.exceptions import RedisError

from herald.ports import JournalEntry
from herald.stores.embedded.addresses import socket_folder
from herald.stores.embedded.home_lock import HomeInUse
from herald.stores.embedded.postgres_server import PostgresServer
from herald.stores.embedded.redis_server import RedisServer
from herald.stores.embedded.server_process import ServerFailed
from herald.stores.embedded.stack import EmbeddedStack
from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.journal import PostgresJournal
from herald.stores.postgres.migrations import migrate

pytestmark = pytest.mark.services

PATIENCE_S = 30.0


async def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s for: {what}"
        await asyncio.sleep(0.01)


def processes_under(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if home in Path(process.cwd()).parents:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def permitted_capabilities(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("CapPrm")).split()[1], 16)


def herald_in_another_process(home: Path) -> subprocess.Popen[bytes]:
    script = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from herald.stores.embedded.stack import EmbeddedStack
        async def main():
            stack = EmbeddedStack(Path(sys.argv[1]), mlflow=False)
            await stack.start()
            print("up", flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    return subprocess.Popen([sys.executable, "-c", script, str(home)], stdout=subprocess.PIPE)


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[EmbeddedStack]:
    stack = EmbeddedStack(home, mlflow=False)
    await stack.start()
    try:
        yield stack
    finally:
        await stack.stop()


@pytest.fixture
def stray() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


async def test_a_start_reports_its_steps_and_a_stop_leaves_no_process(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    stack = EmbeddedStack(tmp_path / "home", mlflow=False)
    addresses = await stack.start(lambda server, word: told.append((server, word.split(" after")[0])))
    assert {("postgres", "starting"), ("postgres", "ready"), ("redis", "starting"), ("redis", "ready")} == set(told)
    assert {name: health.ok for name, health in (await stack.health()).items()} == {"postgres": True, "redis": True}
    assert addresses.clickhouse_dsn == f"chdb://{tmp_path}/home/clickhouse"
    assert processes_under(tmp_path)

    await stack.stop()
    await stack.stop()
    assert processes_under(tmp_path) == []
    assert all(not health.ok for health in (await stack.health()).values())


async def test_writes_are_durable_before_they_are_acknowledged(tmp_path: Path) -> None:
    async with running(tmp_path) as stack:
        async with redis.asyncio.from_url(stack.addresses.redis_url, decode_responses=True) as client:
            wanted = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}
            assert {name: (await client.config_get(name))[name] for name in wanted} == wanted
        async with await psycopg.AsyncConnection.connect(stack.addresses.postgres_url) as db:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                assert await (await db.execute(f"SHOW {name}".encode())).fetchone() == ("on",)


async def test_addresses_and_data_survive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as stack:
        before = stack.addresses
        async with await psycopg.AsyncConnection.connect(before.postgres_url, autocommit=True) as db:
            await db.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        async with redis.asyncio.from_url(before.redis_url) as client:
            await client.set("kept", 42)
    async with running(tmp_path) as stack:
        assert stack.addresses == before
        async with await psycopg.AsyncConnection.connect(before.postgres_url) as db:
            assert await (await db.execute("SELECT answer FROM kept")).fetchone() == (42,)
        async with redis.asyncio.from_url(before.redis_url) as client:
            assert await client.get("kept") == b"42"


async def test_a_second_herald_on_the_same_home_is_told_who_holds_it(tmp_path: Path) -> None:
    async with running(tmp_path):
        with pytest.raises(HomeInUse, match=rf"pid {os.getpid()}, since 20.*HERALD_HOME"):
            await EmbeddedStack(tmp_path, mlflow=False).start()
        assert all(pid for pid in EmbeddedStack(tmp_path).pids.values()) is False
        assert len(processes_under(tmp_path)) > 1, "the first one's servers go on"
    async with running(tmp_path):
        pass


async def test_a_home_whose_path_is_too_long_for_a_socket_works(tmp_path: Path) -> None:
    home = tmp_path / ("a-folder-with-a-long-name/" * 6)
    short = socket_folder(home, "redis", "redis.sock")
    assert home not in short.parents
    async with running(home) as stack:
        assert all(health.ok for health in (await stack.health()).values())
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
    assert not short.parent.exists(), "nothing is left outside of the home"


async def test_a_home_with_unusual_characters_works(tmp_path: Path) -> None:
    async with running(tmp_path / "my home's ünusual & 100% fine") as stack:
        assert all(health.ok for health in (await stack.health()).values())
        async with redis.asyncio.from_url(stack.addresses.redis_url) as client:
            assert await client.ping()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can close a folder to PostgreSQL's user")
async def test_a_home_that_only_root_may_enter_works_and_stays_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    async with running(closed / "home") as stack:
        assert (await stack.health())["postgres"].ok
        pid = stack.pids["postgres"]
        assert pid is not None
        assert psutil.Process(pid).uids().real != 0
        assert permitted_capabilities(pid).bit_count() == 1, "it keeps one, to reach its files"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


async def test_servers_do_not_hear_the_terminals_interrupt(tmp_path: Path) -> None:
    async with running(tmp_path) as stack:
        assert all(pid is not None and os.getsid(pid) != os.getsid(0) for pid in stack.pids.values())


async def test_killed_servers_come_back_on_their_addresses_without_losing_what_they_acknowledged(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as stack:
        postgres = Postgres(stack.addresses.postgres_url, patience_s=PATIENCE_S)
        await migrate(postgres)
        journal = PostgresJournal(postgres)
        watching = asyncio.create_task(stack.watch())
        acknowledged: dict[str, list[int]] = {"postgres": [], "redis": []}
        done = asyncio.Event()

        async def append() -> None:
            seq = 0
            while not done.is_set():
                seq += 1
                await journal.append([JournalEntry(seq, f"k{seq}", "load", datetime.now(UTC), {"seq": seq})])
                acknowledged["postgres"].append(seq)

        async def add() -> None:
            number = 0
            async with redis.asyncio.from_url(stack.addresses.redis_url, retry=None) as client:
                while not done.is_set():
                    number += 1
                    try:
                        await client.rpush("load", number)
                    except (RedisError, OSError):
                        await asyncio.sleep(0.01)
                        continue
                    acknowledged["redis"].append(number)

        loads = [asyncio.create_task(append()), asyncio.create_task(add())]
        for _ in range(2):
            for name in ("postgres", "redis"):
                reached = len(acknowledged[name])
                await until(lambda n=name, r=reached: len(acknowledged[n]) > r + 50, f"load on {name}")
                killed = stack.pids[name]
                assert killed is not None
                os.kill(killed, signal.SIGKILL)
                await until(lambda n=name, k=killed: stack.pids[n] not in {None, k}, f"{name} to come back")
                reached = len(acknowledged[name])
                await until(lambda n=name, r=reached: len(acknowledged[n]) > r + 50, f"load on {name} again")
        done.set()
        await asyncio.gather(*loads)

        assert [one.seq for one in await journal.load()] == acknowledged["postgres"]
        async with redis.asyncio.from_url(stack.addresses.redis_url) as client:
            kept = {int(number) for number in await client.lrange("load", 0, -1)}
        assert set(acknowledged["redis"]) <= kept
        assert {name: health.restarts for name, health in (await stack.health()).items()} == {"postgres": 2, "redis": 2}
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await postgres.close()


async def test_servers_end_with_a_herald_that_was_killed_and_the_next_one_starts(tmp_path: Path) -> None:
    with herald_in_another_process(tmp_path) as herald:
        assert herald.stdout is not None
        assert await asyncio.to_thread(herald.stdout.readline) == b"up\n"
        herald.kill()
    if sys.platform == "linux":
        await until(lambda: not processes_under(tmp_path), "the servers to end")
    async with running(tmp_path) as stack:
        assert all(health.ok for health in (await stack.health()).values())


@pytest.mark.parametrize("kind", [PostgresServer, RedisServer], ids=["postgres", "redis"])
async def test_a_server_left_by_a_crash_is_stopped_before_another_takes_its_data(
    kind: type[PostgresServer | RedisServer], tmp_path: Path
) -> None:
    forgotten, server = kind(tmp_path), kind(tmp_path)
    await forgotten.start()
    old = forgotten.pid
    assert old is not None
    await server.start()
    assert server.pid not in {None, old}
    assert forgotten.pid is None
    await server.ping()
    await server.stop()


async def test_a_pid_file_that_names_a_strangers_process_harms_nobody(
    stray: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    async with running(tmp_path):
        pass
    for name in ("postgres", "redis"):
        written = {"pid": stray.pid, "started_at": psutil.Process(stray.pid).create_time()}
        (tmp_path / "run" / f"{name}.pid.json").write_text(json.dumps(written))
    stale = f"{stray.pid}\n{tmp_path / 'postgres'}\n1\n5432\n\n\n1 1\nready   \n"
    (tmp_path / "postgres" / "postmaster.pid").write_text(stale)
    async with running(tmp_path) as stack:
        assert all(health.ok for health in (await stack.health()).values())
    assert stray.poll() is None


async def test_a_torn_end_of_the_append_only_file_does_not_stop_redis(tmp_path: Path) -> None:
    async with running(tmp_path) as stack, redis.asyncio.from_url(stack.addresses.redis_url) as client:
        await client.set("kept", 1)
    with (tmp_path / "redis" / "appendonly.aof").open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nto")
    async with running(tmp_path) as stack, redis.asyncio.from_url(stack.addresses.redis_url) as client:
        assert await client.get("kept") == b"1"


async def test_a_start_cut_short_in_the_first_initialisation_is_done_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18")
    async with running(tmp_path) as stack:
        assert (await stack.health())["postgres"].ok
    assert not half.exists()


async def test_a_server_that_cannot_start_says_why_and_leaves_the_home_free(tmp_path: Path) -> None:
    async with running(tmp_path):
        pass
    control = tmp_path / "postgres" / "global" / "pg_control"
    kept = control.read_bytes()
    control.write_bytes(b"")
    with pytest.raises(
        ServerFailed, match=r"PostgreSQL ended with status -?\d+ while starting; its log is .*postgres\.log"
    ):
        await EmbeddedStack(tmp_path, mlflow=False).start()
    assert processes_under(tmp_path) == []
    control.write_bytes(kept)
    async with running(tmp_path):
        pass


async def test_mlflow_comes_up_behind_the_others_on_a_port_that_is_kept(tmp_path: Path) -> None:
    stack = EmbeddedStack(tmp_path)
    addresses = await stack.start()
    try:
        assert addresses.mlflow_url.startswith("http://127.0.0.1:")
        await stack.until_complete()
        assert (await stack.health())["mlflow"].ok, (tmp_path / "run" / "mlflow.log").read_text()
    finally:
        await stack.stop()
    assert processes_under(tmp_path) == []
    again = EmbeddedStack(tmp_path)
    assert (await again.start()).mlflow_url == addresses.mlflow_url
    await again.stop()
    assert processes_under(tmp_path) == []
