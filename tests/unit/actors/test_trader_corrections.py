"""The trader and corrections: what a story opened is closed, whatever dies, and nothing more is opened for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from actors import trader as module
from herald.messages import SIGNALS_TOPIC, ApprovedOrder, Passed
from herald.ports import Outgoing, Unavailable
from herald.taxonomy import Leg, OrderStatus, Reason, TradingState

DECISIONS, EXECUTIONS = "trades.decisions.v1", "trades.executions.v1"
SOL = "paper:SOLUSDT"
CLOSED = Reason.STORY_CORRECTED


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SUBMIT_PAUSE_S", 0.0)
    monkeypatch.setattr(module, "SUBMIT_ATTEMPTS", 2)


@pytest.fixture
def story(signal_of: Any) -> Any:
    return signal_of()


@pytest.fixture
def correction(signal_of: Any, story: Any) -> Any:
    return signal_of(
        event_id="c1",
        idempotency_key="c1",
        story_id="c1",
        corrects_story_id="e1",
        tradable=False,
        direction="UNKNOWN",
        ts_iso=story.ts_iso + timedelta(seconds=5),
    )


async def settled(house: Any, desk: Any) -> None:
    """Have everyone hear of what was done."""
    await desk[1].publish()
    await house.deliver(desk[2], desk[0])


async def exits_of(house: Any) -> list[Any]:
    """Return the exits that were decided, one an order."""
    told = [one for one in await house.told(DECISIONS) if isinstance(one, ApprovedOrder)]
    return list({one.client_order_id: one for one in told if one.intent.leg is Leg.EXIT}.values())


async def passes_of(house: Any) -> list[Any]:
    return [one for one in await house.told(DECISIONS) if isinstance(one, Passed)]


async def publish_signal(house: Any, signal: Any) -> None:
    await house.bus.publish([Outgoing(SIGNALS_TOPIC, "SOL", signal.to_wire())])


async def flat(house: Any, desk: Any) -> bool:
    await settled(house, desk)
    return (await house.venue().positions(), desk[2].trades) == ({}, {})


async def test_a_correction_closes_the_trade_of_its_story_at_once(house, desk, delivery_of, story, correction) -> None:
    await house.entered(desk, delivery_of(story))
    house.quote(5, 100.1)
    await desk[2].on_signal(delivery_of(correction))
    (closed,) = await exits_of(house)
    assert (closed.intent.reason, closed.reason, closed.intent.reduce_only) == (CLOSED, Reason.REDUCES_POSITION, True)
    assert await flat(house, desk)


async def test_the_decision_on_a_correction_names_the_story_and_trades_nothing(
    house, desk, delivery_of, story, correction
) -> None:
    await house.entered(desk, delivery_of(story))
    house.quote(5, 100.1)
    await desk[2].on_signal(delivery_of(correction))
    (passed,) = await passes_of(house)
    assert (passed.event_id, passed.story_id, passed.reason) == ("c1", "e1", CLOSED)
    entries = [
        one for one in await house.told(DECISIONS) if not isinstance(one, Passed) and one.intent.leg is Leg.ENTRY
    ]
    assert len(entries) == 1


async def test_trades_of_other_stories_stay_open(house, desk, delivery_of, story, correction) -> None:
    await house.entered(desk, delivery_of(story))
    house.quote(5, 100.1)
    await desk[2].on_signal(delivery_of(correction.model_copy(update={"corrects_story_id": "another"})))
    assert await exits_of(house) == []
    assert [one.due for one in desk[2].trades.values()] == [None]


async def test_a_correction_of_what_was_not_traded_is_answered_all_the_same(
    house, desk, delivery_of, correction
) -> None:
    await desk[2].on_signal(delivery_of(correction))
    assert [one.reason for one in await passes_of(house)] == [CLOSED]
    assert await house.journal.load() == []


async def test_trading_that_is_halted_still_closes(house, desk, delivery_of, story, correction) -> None:
    await house.entered(desk, delivery_of(story))
    await house.states.set(TradingState.HALTED, Reason.MANUAL, by="ops", at=house.clock.now())
    house.quote(5, 100.1)
    await desk[2].on_signal(delivery_of(correction))
    assert await flat(house, desk)


async def test_a_correction_that_comes_twice_closes_once(house, desk, delivery_of, story, correction) -> None:
    await house.entered(desk, delivery_of(story))
    house.quote(5, 100.1)
    for _ in range(2):
        await desk[2].on_signal(delivery_of(correction))
    assert len(await exits_of(house)) == 1
    assert len({one.model_copy(update={"stamps": {}}).to_wire() for one in await passes_of(house)}) == 1
    assert await flat(house, desk)
    await desk[2].on_signal(delivery_of(correction))
    assert len(await exits_of(house)) == 1


async def test_without_a_quote_the_trade_is_closed_at_the_next(house, desk, delivery_of, story, correction) -> None:
    risk, router, _ = desk
    await house.entered(desk, delivery_of(story))
    blind = house.trader(risk, router, market=type(house.board)())
    await blind.rebuild()
    await blind.on_signal(delivery_of(correction))
    assert await exits_of(house) == []
    heir = house.trader(risk, router)
    await heir.rebuild()
    house.quote(6, 100.0)
    await heir.on_time()
    assert [one.intent.reason for one in await exits_of(house)] == [CLOSED]
    assert await flat(house, (risk, router, heir))


async def test_an_exit_that_fills_in_part_is_followed_by_one_for_the_rest(
    house, desk, delivery_of, story, correction
) -> None:
    await house.entered(desk, delivery_of(story))
    quantity = -(await house.venue().positions())[SOL]
    house.quote(5, 100.0, size=float(quantity) / 2)
    await desk[2].on_signal(delivery_of(correction))
    await settled(house, desk)
    house.quote(5.5, 100.0)
    await desk[2].on_time()
    assert [one.intent.reason for one in await exits_of(house)] == [CLOSED] * 2
    assert await flat(house, desk)


# -- entries on their way -------------------------------------------------------------------------------------------


async def test_an_entry_of_which_nothing_was_heard_yet_is_closed_when_it_is(
    house, desk, delivery_of, story, correction
) -> None:
    await desk[2].on_signal(delivery_of(story))
    house.quote(5, 100.0)
    await desk[2].on_signal(delivery_of(correction))
    assert (desk[2].trades, await exits_of(house)) == ({}, [])
    await settled(house, desk)
    await desk[2].on_time()
    assert [one.intent.reason for one in await exits_of(house)] == [CLOSED]
    assert await flat(house, desk)


async def test_an_entry_that_fills_after_the_correction_is_closed(house, desk, delivery_of, story, correction) -> None:
    risk, router, trader = desk
    house.at(1.5)  # the standing quote is too old to match against: the order waits for the next
    await trader.on_signal(delivery_of(story))
    house.at(3)
    await trader.on_signal(delivery_of(correction))
    assert [one.status for one in await house.told(EXECUTIONS)] == []
    house.quote(5, 100.0)
    await router.advance(house.at(5))
    await house.deliver(trader, risk)
    assert [one.status for one in await house.told(EXECUTIONS)] == [OrderStatus.ACCEPTED, OrderStatus.FILLED]
    await trader.on_time()
    assert [one.intent.reason for one in await exits_of(house)] == [CLOSED]
    assert await flat(house, desk)


# -- restarts -------------------------------------------------------------------------------------------------------


async def test_a_new_process_closes_what_fills_after_a_correction_that_the_last_one_had(
    house, desk, delivery_of, story, correction
) -> None:
    risk, router, trader = desk
    await publish_signal(house, correction)
    await trader.on_signal(delivery_of(story))
    await trader.on_signal(delivery_of(correction))
    heir = house.trader(risk, router)
    await heir.rebuild()
    await router.publish()
    await house.deliver(heir, risk)
    house.quote(5, 100.0)
    await heir.on_time()
    assert [one.intent.reason for one in await exits_of(house)] == [CLOSED]
    assert await flat(house, (risk, router, heir))


async def test_a_new_process_closes_what_the_last_one_could_not_though_redis_forgot(
    house, desk, delivery_of, story, correction
) -> None:
    risk, router, _ = desk
    await house.entered(desk, delivery_of(story))
    await publish_signal(house, correction)
    house.hot = type(house.hot)()
    heir = house.trader(risk, router)
    assert await heir.rebuild() == 1
    house.quote(5, 100.0)
    await heir.on_time()
    assert [one.intent.reason for one in await exits_of(house)] == [CLOSED]


async def test_what_cannot_be_read_on_the_topic_keeps_no_process_from_beginning(
    house, desk, delivery_of, story, correction
) -> None:
    risk, router, _ = desk
    await house.entered(desk, delivery_of(story))
    await house.bus.publish([Outgoing(SIGNALS_TOPIC, "SOL", b"{ no signal")])
    await publish_signal(house, correction)
    heir = house.trader(risk, router)
    assert await heir.rebuild() == 1
    assert [one.due for one in heir.trades.values()] == [CLOSED]


async def test_a_process_that_dies_on_the_way_to_the_exit_leaves_it_to_its_heir(
    house, desk, delivery_of, story, correction
) -> None:
    risk, router, _ = desk
    await house.entered(desk, delivery_of(story))
    house.quote(5, 100.0)

    class Down:
        async def submit(self, order: Any, mark: Any) -> Any:
            raise Unavailable("it is being restarted")

    dying = house.trader(risk, Down())
    await dying.rebuild()
    with pytest.raises(Unavailable):
        await dying.on_signal(delivery_of(correction))
    assert await passes_of(house) == []  # so it was not acknowledged, and comes again
    heir = house.trader(risk, router)
    await heir.rebuild()
    await heir.on_signal(delivery_of(correction))
    assert len(await exits_of(house)) == 1
    assert len(await passes_of(house)) == 1
    assert await flat(house, (risk, router, heir))


# -- what comes after -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_later_report_of_the_story_is_not_traded(house, desk, delivery_of, correction, restarted) -> None:
    risk, router, trader = desk
    await publish_signal(house, correction)
    if restarted:
        trader = house.trader(risk, router)
        await trader.rebuild()
    else:
        await trader.on_signal(delivery_of(correction))
    update = {"event_id": "e2", "story_id": "e1", "corrects_story_id": "", "revision": 2, "tradable": True}
    late = correction.model_copy(update={**update, "ts_iso": correction.ts_iso + timedelta(seconds=1)})
    await trader.on_signal(delivery_of(late))
    assert (await passes_of(house))[-1].event_id == "e2"
    assert {one.reason for one in await passes_of(house)} == {CLOSED}
    assert await house.venue().positions() == {}


async def test_a_repetition_of_the_first_report_has_its_first_answer(
    house, desk, delivery_of, story, correction
) -> None:
    await house.entered(desk, delivery_of(story))
    house.quote(5, 100.0)
    await desk[2].on_signal(delivery_of(correction))
    before = await house.venue().positions()
    await desk[2].on_signal(delivery_of(story))
    verdicts = [one for one in await house.told(DECISIONS) if not isinstance(one, Passed)]
    entries = [one for one in verdicts if one.intent.leg is Leg.ENTRY]
    assert len({one.model_copy(update={"stamps": {}}).to_wire() for one in entries}) == 1
    assert await house.venue().positions() == before == {}
