"""The journal and the order record keep their promises, on PostgreSQL and in memory alike."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herald.messages import Fill, Order
from herald.ports import Journal, JournalConflict, JournalEntry, OrderRecord
from herald.stores.memory import MemoryJournal
from herald.stores.postgres.connection import Postgres
from herald.stores.postgres.journal import PostgresJournal
from herald.stores.postgres.paper_record import PostgresOrderRecord
from herald.taxonomy import OrderStatus, OrderType, Reason, Side, TimeInForce
from herald.venues.memory import MemoryOrderRecord

pytestmark = pytest.mark.services

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
KEY = "paper:BTC/USDT"


@pytest.fixture(params=["memory", "postgres"])
def journal(request: pytest.FixtureRequest) -> Journal:
    if request.param == "memory":
        return MemoryJournal()
    return PostgresJournal(request.getfixturevalue("postgres"))


@pytest.fixture(params=["memory", "postgres"])
def record(request: pytest.FixtureRequest) -> OrderRecord:
    if request.param == "memory":
        return MemoryOrderRecord()
    return PostgresOrderRecord(request.getfixturevalue("postgres"), "paper")


def entry(seq: int, key: str | None = None, **payload: Any) -> JournalEntry:
    return JournalEntry(seq, key or f"key-{seq}", "reviewed", AT + timedelta(seconds=seq), payload)


def fill(number: int, order: str = "o1", side: Side = Side.BUY, quantity: str = "0.5") -> Fill:
    return Fill(
        fill_id=f"f{number}",
        client_order_id=order,
        instrument_key=KEY,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal("60000.10"),
        fee_usd=Decimal("0.30"),
        at=AT + timedelta(seconds=number),
    )


def order(name: str = "o1", status: OrderStatus = OrderStatus.ACCEPTED, **values: Any) -> Order:
    return Order(
        **{
            "client_order_id": name,
            "order_id": f"v-{name}",
            "instrument_key": KEY,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.GTC,
            "quantity": Decimal("1.500"),
            "limit_price": Decimal("60000.10"),
            "status": status,
            "reason": Reason.RESTING,
            "submitted_at": AT,
            "updated_at": AT,
        }
        | values
    )


# -- journal --------------------------------------------------------------------------------------------------------


async def test_an_empty_journal_has_no_entries(journal: Journal) -> None:
    assert await journal.load() == []
    assert await journal.find("key-1") is None


async def test_entries_come_back_in_order_and_exactly(journal: Journal) -> None:
    entries = [entry(1, b="1.2300", a=[1, None, {"z": 0.1, "y": "ü\u2028"}]), entry(2, deep={"n": 10**20}), entry(3)]
    await journal.append(entries[:2])
    await journal.append(entries[2:])

    loaded = await journal.load()
    assert loaded == entries
    assert list(loaded[0].payload) == ["b", "a"], "what is folded again comes back in the order it was written"
    assert await journal.load(after_seq=2) == entries[2:]
    assert await journal.find("key-2") == entries[1]


async def test_appending_nothing_changes_nothing(journal: Journal) -> None:
    await journal.append([])
    assert await journal.load() == []


@pytest.mark.parametrize("second", [entry(1, "other"), entry(2, "key-1")], ids=["seq", "key"])
async def test_a_taken_seq_or_key_is_a_conflict(journal: Journal, second: JournalEntry) -> None:
    await journal.append([entry(1)])
    with pytest.raises(JournalConflict):
        await journal.append([second])
    assert await journal.load() == [entry(1)]


async def test_an_append_is_all_or_nothing(journal: Journal) -> None:
    await journal.append([entry(2)])
    with pytest.raises(JournalConflict):
        await journal.append([entry(1), entry(2, "again"), entry(3)])
    assert await journal.load() == [entry(2)]


async def test_of_two_writers_at_once_one_is_fenced(journal: Journal) -> None:
    ends = await asyncio.gather(
        journal.append([entry(1, "mine")]), journal.append([entry(1, "theirs")]), return_exceptions=True
    )
    assert sorted(type(end).__name__ for end in ends) == ["JournalConflict", "NoneType"]
    assert len(await journal.load()) == 1


@given(
    payload=st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=12)
            | st.decimals(allow_nan=False, allow_infinity=False).map(str),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_survives_postgres(postgres: Postgres, payload: dict[str, Any]) -> None:
    async def round_trip() -> None:
        pool = Postgres(postgres.url)
        try:
            journal = PostgresJournal(pool)
            seq = max((one.seq for one in await journal.load()), default=0) + 1
            await journal.append([entry(seq, payload=payload)])
            [back] = await journal.load(seq - 1)
            assert back.payload == {"payload": payload}
        finally:
            await pool.close()

    asyncio.run(round_trip())


# -- order record ---------------------------------------------------------------------------------------------------


async def test_an_unknown_order_is_not_found(record: OrderRecord) -> None:
    assert await record.find("o1") is None
    assert await record.open_orders() == []
    assert await record.fills_since(None, 10) == []
    assert dict(await record.positions()) == {}


async def test_an_order_comes_back_as_it_was_created(record: OrderRecord) -> None:
    created = order(status=OrderStatus.PARTIALLY_FILLED, filled_quantity=Decimal("1.0"), fills=(fill(1), fill(2)))
    assert await record.create(created) == created
    found = await record.find("o1")
    assert found == created
    assert found is not None
    assert str(found.quantity) == "1.500"


async def test_a_second_creation_changes_nothing_and_returns_the_first(record: OrderRecord) -> None:
    first = order(fills=(fill(1),))
    await record.create(first)
    again = order(quantity=Decimal(9), fills=(fill(2),))
    assert await record.create(again) == first
    assert await record.fills_since(None, 10) == [fill(1)]


async def test_creations_at_once_make_one_order(record: OrderRecord) -> None:
    answers = await asyncio.gather(*(record.create(order(quantity=Decimal(n))) for n in range(1, 5)))
    assert len({answer.quantity for answer in answers}) == 1
    assert len(await record.open_orders()) == 1


async def test_an_update_replaces_the_order_and_adds_only_new_fills(record: OrderRecord) -> None:
    await record.create(order(fills=(fill(1),)))
    filled = order(status=OrderStatus.FILLED, filled_quantity=Decimal(1), fills=(fill(1), fill(2)))
    await record.update(filled)
    await record.update(filled)
    assert await record.find("o1") == filled
    assert await record.fills_since(None, 10) == [fill(1), fill(2)]
    assert await record.open_orders() == []


async def test_open_orders_are_the_ones_not_final_oldest_first(record: OrderRecord) -> None:
    await record.create(order("late", submitted_at=AT + timedelta(seconds=5)))
    await record.create(order("early"))
    await record.create(order("done", status=OrderStatus.CANCELLED))
    assert [one.client_order_id for one in await record.open_orders()] == ["early", "late"]


async def test_fills_are_read_on_from_a_known_one(record: OrderRecord) -> None:
    await record.create(order("a", fills=(fill(1, "a"), fill(2, "a"))))
    await record.create(order("b", fills=(fill(3, "b"),)))
    assert [one.fill_id for one in await record.fills_since("f1", 10)] == ["f2", "f3"]
    assert [one.fill_id for one in await record.fills_since("f1", 1)] == ["f2"]


async def test_positions_are_the_net_of_all_fills_and_flat_ones_are_left_out(record: OrderRecord) -> None:
    await record.create(order("a", fills=(fill(1, "a", quantity="0.7"),)))
    await record.create(order("b", side=Side.SELL, fills=(fill(2, "b", Side.SELL, "0.2"),)))
    assert dict(await record.positions()) == {KEY: Decimal("0.5")}
    await record.create(order("c", side=Side.SELL, fills=(fill(3, "c", Side.SELL, "0.5"),)))
    assert dict(await record.positions()) == {}


async def test_the_books_of_two_paper_venues_are_apart(postgres: Postgres) -> None:
    one, other = PostgresOrderRecord(postgres, "one"), PostgresOrderRecord(postgres, "other")
    await one.create(order(fills=(fill(1),)))
    assert await other.find("o1") is None
    assert dict(await other.positions()) == {}
    assert await other.create(order(quantity=Decimal(7))) == order(quantity=Decimal(7))
