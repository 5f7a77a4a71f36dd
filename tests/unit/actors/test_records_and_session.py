"""What a run leaves on record, and how it is accounted for."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from actors.ledger import parse
from actors.recorder import Recorder, Records, decision_key, time_of
from actors.session import Session
from herald.messages import (
    DEAD_LETTERS_TOPIC,
    DECISIONS_TOPIC,
    EXECUTIONS_TOPIC,
    ITEMS_TOPIC,
    SIGNALS_TOPIC,
    DeadLetter,
    ItemFate,
    Passed,
    RefusedOrder,
)
from herald.ports import Outgoing
from herald.settings import load_settings
from herald.taxonomy import Direction, EventType, Fate, Reason


def item(name: str, at: Any, **fields: Any) -> ItemFate:
    given = {"fate": Fate.NO_SIGNAL, "reason": Reason.NO_RULE_MATCHED}
    return ItemFate(event_id=name, item_id=name, source="wire", headline=name, at=at, **given | fields)


def passed(at: Any) -> Passed:
    return Passed(
        event_id="e1", story_id="e1", event_type=EventType.OTHER, direction=Direction.UNKNOWN,
        reason=Reason.NO_PLAYBOOK, decided_at=at,
    )  # fmt: skip


def letter(at: Any) -> DeadLetter:
    return DeadLetter(dead_letter_id="d1", origin="source:wire", reason="NOT_JSON", detail="line 1", payload="{", at=at)


@pytest.fixture
async def spoken(house, signal_of, approved_of) -> dict[str, list[Any]]:
    """One message of each kind, by topic."""
    house.quote(0, 100.0)
    now, approved = house.clock.now(), approved_of()
    execution = await house.router().submit(approved, None)
    return {
        SIGNALS_TOPIC: [signal_of(stamps={})],
        ITEMS_TOPIC: [item("e1", now, fate=Fate.SIGNAL, reason=Reason.RULE_MATCHED), item("e2", now)],
        DECISIONS_TOPIC: [
            approved,
            RefusedOrder(intent=approved.intent, reason=Reason.COOL_DOWN, decided_at=now),
            passed(now),
        ],
        EXECUTIONS_TOPIC: [execution],
        DEAD_LETTERS_TOPIC: [letter(now)],
    }


async def test_every_kind_of_message_comes_back_from_the_wire_by_its_topic(spoken) -> None:
    for topic, messages in spoken.items():
        assert [parse(topic, message.to_wire()) for message in messages] == messages


async def test_a_message_counts_once_and_a_verdict_stands_as_it_was_first_given(spoken) -> None:
    records = Records()
    answers = [records.add(one) for messages in spoken.values() for one in messages]
    assert answers == [True, True, True, True, False, True, True, True]
    assert not any(records.add(one) for messages in spoken.values() for one in messages)
    assert (len(records.items), len(records.signals), len(records.executions), len(records.dead_letters)) == (
        2,
        1,
        1,
        1,
    )
    assert [type(one).__name__ for one in records.decisions.values()] == ["ApprovedOrder", "Passed"]


async def test_a_signal_that_was_passed_and_an_order_of_it_are_two_decisions(spoken) -> None:
    approved, refused, left = spoken[DECISIONS_TOPIC]
    assert decision_key(approved) == decision_key(refused) != decision_key(left)


async def test_every_message_has_a_time(spoken) -> None:
    for messages in spoken.values():
        for message in messages:
            assert time_of(message).tzinfo is not None
    with pytest.raises(TypeError, match="Instrument has no time"):
        time_of(spoken[DECISIONS_TOPIC][0].intent.instrument)


async def test_a_recorder_notices_each_message_once_and_nothing_of_an_earlier_run(house, spoken) -> None:
    seen: list[Any] = []
    now = house.clock.now()
    recorder = Recorder(house.bus, house.clock, now, seen.append)
    recording = asyncio.create_task(recorder.run())
    old = item("old", now - timedelta(seconds=1))
    messages = [(topic, one) for topic, said in spoken.items() for one in said]
    for topic, one in [(ITEMS_TOPIC, old), *messages, *messages]:
        await house.bus.publish([Outgoing(topic, "k", one.to_wire())])
    async with asyncio.timeout(5):
        while await recorder.backlog():  # noqa: ASYNC110 - a bus tells its backlog only when asked
            await asyncio.sleep(0)
    assert len(seen) == 7
    assert "old" not in {one.event_id for one in recorder.records.items.values()}
    recording.cancel()
    await asyncio.gather(recording, return_exceptions=True)


async def test_a_session_accounts_for_everything_on_record_and_names_what_is_missing(house, spoken) -> None:
    session = Session(
        load_settings(), {}, since=house.clock.now(), notice=lambda _: None, progress=lambda *_: None, mlflow=False
    )
    session._opening_equity = Decimal(50_000)
    for messages in spoken.values():
        for message in messages:
            session.records.add(message)
    begin, end = house.at(0), house.at(60)
    run, report = session.report(begin, end)
    assert (len(run.items), len(run.decisions), len(run.executions)) == (2, 2, 1)
    assert (report.items, report.signals, report.approved, report.passed) == (2, 1, 1, 1)
    assert report.items_by_fate[Fate.SIGNAL] == 1
    _, complete = session.report(begin, end, received=2)
    _, lacking = session.report(begin, end, received=3)
    broken = {check.name for check in lacking.checks if not check.ok} - {
        check.name for check in complete.checks if not check.ok
    }
    assert len(broken) == 1
    assert not lacking.ok


async def test_stopping_a_session_that_never_started_is_safe(house, tmp_path) -> None:
    session = Session(
        load_settings(home=tmp_path), {}, since=house.clock.now(), notice=lambda _: None, progress=lambda *_: None
    )
    await session.stop()
    await session.stop()
