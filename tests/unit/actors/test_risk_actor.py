"""Risk: each sentence of its guarantees."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from actors import risk as module
from actors.risk import RiskShell
from herald.messages import ApprovedOrder, Execution, RefusedOrder
from herald.ports import JournalConflict, JournalEntry, Unavailable
from herald.taxonomy import Leg, OrderStatus, Reason, Side, TradingState
from herald.trading.risk_state import RiskState, fold


class Slow:
    """Passes on to a journal, and shows or spoils what reaches it."""

    def __init__(self, journal: Any) -> None:
        self.journal = journal
        self.loses_answer = self.refuses = False

    async def load(self, after_seq: int = 0) -> list[JournalEntry]:
        return await self.journal.load(after_seq)

    async def find(self, key: str) -> JournalEntry | None:
        return await self.journal.find(key)

    async def append(self, entries: Any) -> None:
        if self.refuses:
            raise Unavailable("the journal is away")
        await self.journal.append(entries)
        if self.loses_answer:
            self.loses_answer = False
            raise Unavailable("the answer was lost")


async def traded(house: Any, risk: Any, approved: ApprovedOrder) -> Execution:
    """Have the venue execute an order and Risk hear of it."""
    execution = await house.router().submit(approved, None)
    await risk.executed(execution)
    return execution


async def test_a_verdict_is_in_the_journal_before_it_is_given(house, intent_of) -> None:
    house.journal = Slow(house.journal)
    risk = house.risk()
    house.journal.refuses = True
    with pytest.raises(Unavailable):
        await risk.review([intent_of()], None)
    assert risk.state.reservations == {}
    house.journal.refuses = False
    (verdict,) = await risk.review([intent_of()], None)
    (entry,) = await house.journal.load()
    assert entry.payload["verdicts"][0]["client_order_id"] == verdict.client_order_id
    assert entry.seq == 1


async def test_the_same_event_gets_the_verdicts_that_stand_whatever_has_happened_since(house, intent_of) -> None:
    risk = house.risk()
    first = await risk.review([intent_of()], None)
    await house.states.set(TradingState.HALTED, Reason.MANUAL, by="ops", at=house.at(1))
    house.at(500)
    again = await risk.review([intent_of(quantity=Decimal(1))], None)
    assert again == first
    assert isinstance(again[0], ApprovedOrder)
    assert len(await house.journal.load()) == 1


async def test_the_next_process_gives_the_verdicts_of_the_last(house, intent_of) -> None:
    first = await house.risk().review([intent_of()], None)
    heir = house.risk()
    assert await heir.rebuild() == 1
    house.at(400)
    assert await heir.review([intent_of()], None) == first


async def test_all_intents_of_an_event_share_one_entry_and_none_is_no_entry(house, intent_of) -> None:
    risk = house.risk()
    verdicts = await risk.review([intent_of("a"), intent_of("b", side=Side.SELL, leg=Leg.HEDGE)], None)
    assert [verdict.intent.intent_id for verdict in verdicts] == ["a", "b"]
    assert await risk.review([], None) == []
    assert len(await house.journal.load()) == 1


async def test_an_execution_is_applied_once(house, intent_of) -> None:
    house.quote(0, 100.0)
    risk = house.risk()
    (approved,) = await risk.review([intent_of()], None)
    execution = await house.router().submit(approved, None)
    assert await risk.executed(execution, execution) == 1
    held = risk.state.positions[execution.instrument_key].quantity
    assert await risk.executed(execution) == 0
    assert risk.state.positions[execution.instrument_key].quantity == held == Decimal(10)


async def test_what_is_in_memory_is_the_fold_of_the_journal(house, intent_of) -> None:
    house.quote(0, 100.0)
    risk = house.risk()
    (approved,) = await risk.review([intent_of()], None)
    await traded(house, risk, approved)
    house.quote(10, 101.0)
    await risk.watch()
    assert risk.state.unrealised_usd > 0
    assert fold(RiskState.opening(house.limits), await house.journal.load()) == risk.state.unmarked()
    heir = house.risk()
    await heir.rebuild()
    assert heir.state == risk.state.unmarked()
    await heir.watch()
    assert heir.state == risk.state


async def test_a_second_writer_is_fenced(house, intent_of) -> None:
    old, new = house.risk(), house.risk()
    await new.review([intent_of()], None)
    with pytest.raises(JournalConflict):
        await old.review([intent_of("other", event_id="e2", story_id="e2")], None)
    assert old.state.reservations == {}
    assert len(await house.journal.load()) == 1


async def test_where_the_answer_of_the_journal_was_lost_it_reads_on_before_it_goes_on(house, intent_of) -> None:
    house.journal = Slow(house.journal)
    risk = house.risk()
    house.journal.loses_answer = True
    with pytest.raises(Unavailable):
        await risk.review([intent_of()], None)
    house.at(300)
    (verdict,) = await risk.review([intent_of()], None)
    assert (verdict.decided_at, len(await house.journal.load())) == (intent_of().created_at, 1)
    house.journal.loses_answer = True
    with pytest.raises(Unavailable):
        await risk.review([intent_of("b", event_id="e2", story_id="e2", news_at=house.clock.now())], None)
    await risk.review([intent_of("c", event_id="e3", story_id="e3", news_at=house.clock.now())], None)
    assert [entry.seq for entry in await house.journal.load()] == [1, 2, 3]
    assert fold(RiskState.opening(house.limits), await house.journal.load()) == risk.state.unmarked()


@pytest.mark.parametrize(
    ("state", "reason"),
    [(TradingState.HALTED, Reason.TRADING_HALTED), (TradingState.REDUCING, Reason.REDUCING_ONLY)],
)
async def test_a_state_set_by_hand_stops_entries_at_once_and_lets_exits_through(
    house, intent_of, state: TradingState, reason: Reason
) -> None:
    house.quote(0, 100.0)
    risk = house.risk()
    (approved,) = await risk.review([intent_of()], None)
    await traded(house, risk, approved)
    assert await risk.set_trading_state(state, Reason.MANUAL, by="ops") is state
    (entry,) = await risk.review([intent_of("b", event_id="e2", story_id="e2")], None)
    leave = intent_of("x", leg=Leg.EXIT, side=Side.SELL, trade_id="i1", reduce_only=True, limit_price=Decimal(99))
    (out,) = await risk.review([leave], None)
    assert (type(entry), entry.reason) == (RefusedOrder, reason)
    assert (type(out), out.reason, out.quantity) == (ApprovedOrder, Reason.REDUCES_POSITION, 10)


async def test_a_loss_beyond_the_limit_halts_and_the_next_process_is_halted_too(house, intent_of) -> None:
    house.quote(0, 100.0)
    risk = house.risk(daily_loss_share=0.0005)
    (approved,) = await risk.review([intent_of()], None)
    await traded(house, risk, approved)
    assert await risk.watch() is None
    house.quote(5, 94.0)
    assert await risk.watch() is TradingState.HALTED
    assert await risk.watch() is TradingState.HALTED
    assert [(one.reason, one.by) for one in await house.states.history()] == [(Reason.DAILY_LOSS_LIMIT, "risk")]
    heir = house.risk()
    await heir.rebuild()
    (verdict,) = await heir.review([intent_of("b", event_id="e2", story_id="e2")], None)
    assert verdict.reason is Reason.TRADING_HALTED


async def test_many_rejected_orders_halt_trading(house, intent_of) -> None:
    house.quote(0, 100.0)
    risk = house.risk(reject_orders_min=2, cool_down_s=0)
    for name in ("a", "b"):
        assert await house.states.current() is TradingState.ACTIVE
        (approved,) = await risk.review([intent_of(name, event_id=name, story_id=name)], None)
        execution = await house.router().submit(approved, None)
        await risk.executed(execution.model_copy(update={"status": OrderStatus.REJECTED, "fills": ()}))
    assert await house.states.current() is TradingState.HALTED
    assert (await house.states.history())[0].reason is Reason.REJECT_RATE


async def shell_of(house: Any, monkeypatch: pytest.MonkeyPatch) -> RiskShell:
    """Make a shell whose servers are those of the house."""

    def opener(target: Any) -> Any:
        async def opened(_: Any) -> Any:
            return target

        return opened

    class Pool:
        async def close(self) -> None:
            """Hold nothing."""

    for name, target in {"open_bus": house.bus, "open_hot": house.hot, "open_postgres": Pool()}.items():
        monkeypatch.setattr(module, name, opener(target))
    for name, found in {
        "open_clock": house.clock, "open_market": house.board, "PostgresJournal": house.journal,
        "TradingStates": house.states, "risk_limits": house.limits,
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, lambda _, found=found: found)
    shell = RiskShell(None)
    await shell.ready()
    return shell


async def test_the_process_that_is_behind_ends_itself_and_not_the_one_that_asked(house, intent_of, monkeypatch) -> None:
    ended: list[tuple[str, str, str]] = []
    monkeypatch.setattr(
        "actors.shell._die", lambda actor, task, error: ended.append((actor, task, type(error).__name__))
    )
    shell = await shell_of(house, monkeypatch)
    await house.risk().review([intent_of()], None)
    with pytest.raises(JournalConflict):
        await shell.review([intent_of("other", event_id="e2", story_id="e2")], None)
    assert ended == [("risk", "review", "JournalConflict")]
    await shell.close()


async def test_the_account_is_published_when_it_begins_and_after_every_execution_even_a_known_one(
    house, intent_of, monkeypatch
) -> None:
    house.quote(0, 100.0)
    shell = await shell_of(house, monkeypatch)
    assert await house.hot.equity_usd() == house.limits.starting_equity_usd
    (approved,) = await shell.review([intent_of()], None)
    router = house.router()
    execution = await router.submit(approved, None)
    await shell._risk.executed(execution)
    await router.publish()
    async with asyncio.timeout(5):
        while await house.bus.backlog("trades.executions.v1", "risk"):  # noqa: ASYNC110 - a bus tells only when asked
            await asyncio.sleep(0)
        while "paper:SOLUSDT" not in (account := await house.hot.account())["positions"]:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.01)
    assert account["positions"]["paper:SOLUSDT"]["quantity"] == "10"
    assert Decimal(account["booked_usd"]) == shell._risk.state.booked_usd < 100_000
    assert (await shell.health()).ready
    await shell.close()
