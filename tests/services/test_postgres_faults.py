"""Connections, schemas and journals on PostgreSQL hold through faults."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import RaiseException

from herald.ports import JournalConflict, JournalEntry, Unavailable
from herald.stores.postgres.audit import AuditEntry, AuditTrail
from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.journal import PostgresJournal
from herald.stores.postgres.migrations import migrate, pending
from herald.stores.postgres.source_state import SourceStates
from herald.stores.postgres.trading_state import TradingStates
from herald.stores.schema_files import MigrationError
from herald.taxonomy import Reason, TradingState

pytestmark = pytest.mark.services

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


# -- migrations -----------------------------------------------------------------------------------------------------


async def test_migrations_are_applied_once_by_whoever_comes_first(postgres: Postgres, tmp_path: Path) -> None:
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (n int); INSERT INTO a VALUES (1);")
    await postgres.execute("DROP TABLE schema_migrations")
    others = [Postgres(postgres.url) for _ in range(3)]
    assert await pending(postgres, tmp_path) == ["0001_a.sql"]
    applied = await asyncio.gather(*(migrate(one, tmp_path) for one in others))
    assert sorted(applied) == [[], [], ["0001_a.sql"]]
    (tmp_path / "0002_b.sql").write_text("ALTER TABLE a ADD COLUMN m int")
    assert await migrate(postgres, tmp_path) == ["0002_b.sql"]
    assert await pending(postgres, tmp_path) == []
    for one in others:
        await one.close()


async def test_a_migration_that_fails_leaves_nothing_behind(postgres: Postgres, tmp_path: Path) -> None:
    await postgres.execute("DROP TABLE schema_migrations")
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE half (n int); SELECT no_such_function();")
    with pytest.raises(psycopg.errors.UndefinedFunction):
        await migrate(postgres, tmp_path)
    assert await postgres.rows("SELECT to_regclass('half')") == [(None,)]
    assert await pending(postgres, tmp_path) == ["0001_a.sql"]


async def test_a_changed_migration_is_an_error_that_names_its_file(postgres: Postgres, tmp_path: Path) -> None:
    await postgres.execute("DROP TABLE schema_migrations")
    file = tmp_path / "0001_a.sql"
    file.write_text("SELECT 1")
    await migrate(postgres, tmp_path)
    file.write_text("SELECT 2")
    with pytest.raises(MigrationError, match=r"0001_a\.sql has changed since it was applied; restore it"):
        await migrate(postgres, tmp_path)


# -- connections ----------------------------------------------------------------------------------------------------


async def test_work_goes_on_after_all_connections_were_ended(postgres: Postgres) -> None:
    await asyncio.gather(*(postgres.rows("SELECT pg_sleep(0.05)") for _ in range(4)))
    other = Postgres(postgres.url)
    await other.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    assert await postgres.rows("SELECT 1") == [(1,)]
    await other.close()


async def test_a_server_that_is_not_there_is_unavailable_after_the_patience_given(tmp_path: Path) -> None:
    postgres = Postgres(f"postgresql:///herald?host={tmp_path}", patience_s=0.2)
    with pytest.raises(Unavailable, match="PostgreSQL cannot be reached"):
        await postgres.open()


async def test_a_statement_that_takes_too_long_is_given_up(postgres: Postgres) -> None:
    hasty = Postgres(postgres.url, patience_s=0.1, statement_s=0.1)
    with pytest.raises(Unavailable):
        await hasty.rows("SELECT pg_sleep(30)")
    await hasty.close()


async def test_cancelled_work_gives_its_place_back(postgres: Postgres) -> None:
    single = Postgres(postgres.url, size=1)
    waiting = asyncio.create_task(single.rows("SELECT pg_sleep(30)"))
    while not await postgres.rows("SELECT 1 FROM pg_stat_activity WHERE starts_with(query, 'SELECT pg_sleep')"):
        pass
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await single.rows("SELECT 1") == [(1,)]
    await single.close()


# -- journals -------------------------------------------------------------------------------------------------------


class LosesAnswers(Postgres):
    """A connection whose first answer is lost after the server has committed."""

    lost = False

    async def run(self, work: Any) -> Any:
        async def and_lose(connection: Any) -> Any:
            result = await work(connection)
            if not self.lost:
                self.lost = True
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            return result

        return await super().run(and_lose)


async def test_an_append_whose_answer_was_lost_is_not_a_conflict(postgres: Postgres) -> None:
    entries = [JournalEntry(1, "a", "k", AT, {"x": "1.0"}), JournalEntry(2, "b", "k", AT, {})]
    losing = LosesAnswers(postgres.url)
    await PostgresJournal(losing).append(entries)
    assert losing.lost
    assert await PostgresJournal(postgres).load() == entries
    await losing.close()


async def test_a_lost_answer_does_not_hide_another_writer(postgres: Postgres) -> None:
    await PostgresJournal(postgres).append([JournalEntry(1, "theirs", "k", AT, {})])
    losing = LosesAnswers(postgres.url)
    with pytest.raises(JournalConflict, match="must stop and rebuild"):
        await PostgresJournal(losing).append([JournalEntry(1, "mine", "k", AT, {})])
    await losing.close()


async def test_the_trading_state_is_the_last_one_set_and_active_before(postgres: Postgres) -> None:
    states = TradingStates(postgres)
    assert await states.current() is TradingState.ACTIVE
    await states.set(TradingState.HALTED, Reason.REJECT_RATE, by="risk", at=AT)
    await states.set(TradingState.ACTIVE, Reason.MANUAL, by="ann", at=AT + timedelta(seconds=1))
    await states.set(TradingState.REDUCING, Reason.MANUAL, by="ann", at=AT + timedelta(seconds=2))
    await states.set(TradingState.REDUCING, Reason.MANUAL, by="ann", at=AT + timedelta(seconds=2))
    assert await states.current() is TradingState.REDUCING
    assert [(one.state.value, one.by) for one in await states.history(9)] == [
        ("REDUCING", "ann"),
        ("ACTIVE", "ann"),
        ("HALTED", "risk"),
    ]


async def test_the_audit_trail_cannot_be_rewritten(postgres: Postgres) -> None:
    trail = AuditTrail(postgres)
    entry = AuditEntry(AT, "ann", "halt", "trading", {"why": "a\x00b", "n": 1})
    await trail.append(entry)
    await trail.append(entry)
    assert [(one.actor, one.action, one.detail["n"]) for one in await trail.last(5)] == [("ann", "halt", 1)]
    for statement in ("UPDATE audit_trail SET actor = 'bob'", "DELETE FROM audit_trail", "TRUNCATE risk_journal"):
        with pytest.raises(RaiseException, match="append-only"):
            await postgres.run(lambda db, sql=statement: db.execute(sql.encode()))
    assert len(await trail.last(5)) == 1


async def test_a_source_goes_on_from_its_last_snapshot(postgres: Postgres) -> None:
    states = SourceStates(postgres)
    assert await states.load("feed") is None
    await states.save("feed", {"etag": "1"})
    await states.save("feed", {"etag": "2", "seen": ["a\x00", "\ud800"]})
    assert await states.load("feed") == {"etag": "2", "seen": ["a\x00", "\ud800"]}
    assert await states.load_all() == {"feed": {"etag": "2", "seen": ["a\x00", "\ud800"]}}
