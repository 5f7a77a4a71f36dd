"""The trader: each sentence of its guarantees."""

from __future__ import annotations

from typing import Any

import pytest

from actors import trader as module
from herald.messages import ApprovedOrder, Passed, RefusedOrder
from herald.ports import Unavailable
from herald.taxonomy import Direction, EventType, Leg, OrderStatus, Reason, Side, TradingState

DECISIONS, EXECUTIONS = "trades.decisions.v1", "trades.executions.v1"
SOL = "paper:SOLUSDT"


class Down:
    """A desk that cannot be reached for its first ``times`` calls, then is another."""

    def __init__(self, desk: Any, times: int, after: bool = False) -> None:
        self._desk, self._times, self._after = desk, times, after

    async def _call(self, name: str, *args: Any) -> Any:
        if self._times <= 0:
            return await getattr(self._desk, name)(*args)
        self._times -= 1
        if self._after:
            await getattr(self._desk, name)(*args)
        raise Unavailable("it is being restarted")

    async def review(self, intents: Any, mark: Any) -> Any:
        return await self._call("review", intents, mark)

    async def submit(self, order: Any, mark: Any) -> Any:
        return await self._call("submit", order, mark)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SUBMIT_PAUSE_S", 0.0)


@pytest.fixture
def of_signal(signal_of: Any, delivery_of: Any) -> Any:
    """Make the delivery of a signal."""
    return lambda **fields: delivery_of(signal_of(**fields))


async def exits_at(house: Any, desk: Any, seconds: float, price: float) -> list[str]:
    """Move time and price on; return the reasons of the exits decided so far."""
    house.quote(seconds, price)
    await desk[2].on_time()
    return [one.intent.reason for one in await house.told(DECISIONS) if one.intent.leg is Leg.EXIT]


async def test_a_signal_becomes_an_approved_order_that_is_sent_and_told(house, desk, signal_of, delivery_of) -> None:
    await desk[2].on_signal(delivery_of(signal_of()))
    (decision,) = await house.told(DECISIONS)
    assert (type(decision), decision.intent.side, decision.intent.event_id) == (ApprovedOrder, Side.SELL, "e1")
    assert (await house.venue().positions())[SOL] == -decision.quantity
    assert await house.orders.approved(decision.client_order_id) is not None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event_type": EventType.LISTING}, Reason.NO_PLAYBOOK),
        ({"direction": Direction.BULL}, Reason.DIRECTION_NOT_PLAYED),
        ({"severity": 0.4}, Reason.BELOW_MIN_SEVERITY),
        ({"confidence": 0.5}, Reason.BELOW_MIN_CONFIDENCE),
        ({"tradable": False}, Reason.NOT_TRADABLE),
        ({"primary_entity": "ADA"}, Reason.NO_INSTRUMENT),
        ({"primary_entity": "BTC"}, Reason.NO_QUOTE),
    ],
)
async def test_a_signal_that_is_passed_says_why(house, desk, of_signal, fields, reason) -> None:
    await desk[2].on_signal(of_signal(**fields))
    (decision,) = await house.told(DECISIONS)
    assert (type(decision), decision.reason, decision.event_id) == (Passed, reason, "e1")
    assert await house.journal.load() == []


async def test_a_signal_on_a_stale_quote_is_passed(house, desk, signal_of, delivery_of) -> None:
    house.at(2.1)
    await desk[2].on_signal(delivery_of(signal_of()))
    assert [one.reason for one in await house.told(DECISIONS)] == [Reason.STALE_QUOTE]


async def test_a_refused_order_is_told_and_not_sent(house, desk, signal_of, delivery_of) -> None:
    await house.states.set(TradingState.HALTED, Reason.MANUAL, by="ops", at=house.clock.now())
    await desk[2].on_signal(delivery_of(signal_of()))
    (decision,) = await house.told(DECISIONS)
    assert (type(decision), decision.reason) == (RefusedOrder, Reason.TRADING_HALTED)
    assert await house.venue().positions() == {}


async def test_a_signal_handled_twice_makes_one_set_of_orders(house, desk, signal_of, delivery_of) -> None:
    delivery = delivery_of(signal_of())
    await house.entered(desk, delivery)
    house.quote(1, 105.0)
    await desk[2].on_signal(delivery)
    first, again = await house.told(DECISIONS)
    assert first == again
    assert len(await house.record.fills_since(None, 9)) == 1
    assert len(await house.journal.load()) == 2


async def test_a_signal_handled_half_before_a_death_is_finished_after_it(house, desk, signal_of, delivery_of) -> None:
    risk, router, _ = desk
    dying = house.trader(risk, Down(router, 99))
    with pytest.raises(Unavailable, match="did not come back; the signal is kept"):
        await dying.on_signal(delivery_of(signal_of()))
    await house.trader(risk, router).on_signal(delivery_of(signal_of()))
    assert len(await house.record.fills_since(None, 9)) == 1
    assert len(await house.journal.load()) == 1


async def test_a_router_that_is_being_restarted_is_asked_again_with_the_same_order(
    house, desk, signal_of, delivery_of
) -> None:
    risk, router, _ = desk
    trader = house.trader(risk, Down(router, 3, after=True))
    await trader.on_signal(delivery_of(signal_of()))
    assert len(await house.record.fills_since(None, 9)) == 1


async def test_without_a_published_account_a_signal_waits(house, signal_of, delivery_of) -> None:
    house.quote(0, 100.0)
    with pytest.raises(Unavailable, match="equity is not known yet"):
        await house.trader(house.risk(), house.router()).on_signal(delivery_of(signal_of()))
    assert await house.told(DECISIONS) == []


async def test_orders_are_sized_by_booked_equity_so_that_an_open_profit_and_its_mark_do_not_matter(
    house, desk, signal_of, delivery_of
) -> None:
    risk, router, trader = desk
    await house.entered(desk, delivery_of(signal_of()))
    house.quote(1, 99.7)
    house.quote(1, 1_000.0, base="BTC")
    unmarked = await house.hot.account()
    await risk.watch()
    await house.hot.put_account(risk.state.summary())
    assert (await house.hot.account())["equity_usd"] != unmarked["equity_usd"]
    other = delivery_of(signal_of(event_id="e2", story_id="e2", primary_entity="BTC"))
    await trader.on_signal(other)
    marked = (await house.told(DECISIONS))[-1].intent.quantity
    await house.hot.put_account(unmarked)
    house.journal, house.orders = type(house.journal)(), type(house.orders)()
    await house.trader(house.risk(), router).on_signal(other)
    assert (await house.told(DECISIONS))[-1].intent.quantity == marked


# A short is entered at the bid, 99.99. Its rules look at the ask.
@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([(10, 99.30)], Reason.TAKE_PROFIT),
        ([(10, 100.45)], Reason.STOP_LOSS),
        ([(10, 99.60), (20, 99.85)], Reason.TRAILING_STOP),
        ([(89, 99.95), (90, 99.95)], Reason.TIME_LIMIT),
    ],
)
async def test_a_trade_is_closed_when_its_rule_says_so(house, desk, of_signal, steps, reason) -> None:
    await house.entered(desk, of_signal())
    *before, last = steps
    for seconds, price in before:
        assert await exits_at(house, desk, seconds, price) == []
    assert await exits_at(house, desk, *last) == [reason]
    await desk[1].publish()
    await house.deliver(desk[2], desk[0])
    assert (await house.venue().positions(), desk[2].trades) == ({}, {})


async def test_everything_is_closed_when_it_must_be(house, desk, signal_of, delivery_of) -> None:
    await house.entered(desk, delivery_of(signal_of()))
    house.quote(1, 100.0)
    assert await desk[2].on_time(Reason.FLATTEN) == 1
    assert (await house.told(DECISIONS))[-1].intent.reason is Reason.FLATTEN
    assert await house.venue().positions() == {}


async def test_an_exit_that_fills_in_part_is_followed_by_one_for_the_rest(house, desk, signal_of, delivery_of) -> None:
    await house.entered(desk, delivery_of(signal_of()))
    quantity = -(await house.venue().positions())[SOL]
    house.quote(10, 99.30, size=float(quantity) / 2)
    for _ in range(2):
        await desk[2].on_time()
        await desk[1].publish()
        await house.deliver(desk[2], desk[0])
        house.quote(10.5, 99.30)
    exits = [one for one in await house.told(DECISIONS) if one.intent.leg is Leg.EXIT]
    assert [one.intent.reason for one in exits] == [Reason.TAKE_PROFIT] * 2
    assert len({one.client_order_id for one in exits}) == 2
    assert (await house.venue().positions(), desk[2].trades) == ({}, {})


async def test_a_second_exit_is_not_sent_while_one_is_out(house, desk, signal_of, delivery_of) -> None:
    await house.entered(desk, delivery_of(signal_of()))
    for _ in range(3):
        assert await exits_at(house, desk, 10, 99.30) == [Reason.TAKE_PROFIT]


async def test_a_new_process_goes_on_watching_with_the_peak_that_the_last_one_saw(
    house, desk, signal_of, delivery_of
) -> None:
    risk, router, trader = desk
    await house.entered(desk, delivery_of(signal_of()))
    assert await exits_at(house, desk, 10, 99.60) == []
    heir = house.trader(risk, router, market=type(house.board)())
    assert await heir.rebuild() == 1
    assert heir.trades == trader.trades
    assert heir.trades.popitem()[1].peak_bps > 30


async def test_a_lost_peak_is_found_again_from_the_quotes_since_the_entry(house, desk, signal_of, delivery_of) -> None:
    risk, router, _ = desk
    await house.entered(desk, delivery_of(signal_of()))
    assert await exits_at(house, desk, 10, 99.60) == []
    house.hot = type(house.hot)()
    heir = house.trader(risk, router)
    await heir.rebuild()
    assert await exits_at(house, (risk, router, heir), 20, 99.85) == [Reason.TRAILING_STOP]


async def test_the_exit_of_a_process_that_died_on_the_way_is_that_of_its_heir(
    house, desk, signal_of, delivery_of
) -> None:
    risk, router, _ = desk
    await house.entered(desk, delivery_of(signal_of()))
    house.quote(10, 99.30)
    dying = house.trader(risk, Down(router, 99))
    await dying.rebuild()
    with pytest.raises(Unavailable):
        await dying.on_time()
    heir = house.trader(risk, router)
    await heir.rebuild()
    house.quote(11, 99.40)
    await heir.on_time()
    exits = {one.client_order_id: one for one in await house.told(DECISIONS) if one.intent.leg is Leg.EXIT}
    assert [(one.intent.reason, one.intent.created_at) for one in exits.values()] == [
        (Reason.TAKE_PROFIT, house.at(11).replace(second=10))
    ]
    assert await house.venue().positions() == {}


async def test_a_decision_to_close_is_told_though_the_process_died_once_it_was_sent(
    house, desk, signal_of, delivery_of
) -> None:
    risk, router, _ = desk
    await house.entered(desk, delivery_of(signal_of()))
    house.quote(10, 99.30)

    class Died(BaseException):
        """Stands for SIGKILL."""

    class Sent:
        async def submit(self, order: Any, mark: Any) -> None:
            await router.submit(order, mark)
            raise Died

    dying = house.trader(risk, Sent())
    await dying.rebuild()
    with pytest.raises(Died):
        await dying.on_time()
    exits = [one for one in await house.told(DECISIONS) if one.intent.leg is Leg.EXIT]
    assert [one.intent.reason for one in exits] == [Reason.TAKE_PROFIT]
    assert await house.trader(risk, router).rebuild() == 0


async def test_reports_twice_late_or_of_a_trade_that_is_over_change_nothing(
    house, desk, signal_of, delivery_of
) -> None:
    risk, router, trader = desk
    await house.entered(desk, delivery_of(signal_of()))
    before = dict(trader.trades)
    (opening,) = await house.bus.recent(EXECUTIONS, 9)
    await trader.on_execution(opening)
    assert trader.trades == before
    await exits_at(house, desk, 10, 99.30)
    await router.publish()
    await house.deliver(trader, risk)
    for delivery in await house.bus.recent(EXECUTIONS, 9):
        await trader.on_execution(delivery)
    assert trader.trades == {}
    assert await house.hot.trade_mark(next(iter(before))) is None


async def test_a_report_that_arrives_after_a_restart_opens_its_trade(house, desk, signal_of, delivery_of) -> None:
    risk, router, trader = desk
    await trader.on_signal(delivery_of(signal_of()))
    await router.publish()
    heir = house.trader(risk, router)
    (opening,) = await house.bus.recent(EXECUTIONS, 9)
    await heir.on_execution(opening)
    (trade,) = heir.trades.values()
    assert trade.open_quantity == abs((await house.venue().positions())[SOL])
    await heir.on_execution(delivery_of((await house.told(EXECUTIONS))[0].model_copy(update={"trade_id": "nobody's"})))
    assert len(heir.trades) == 1


async def test_an_order_that_did_not_fill_opens_no_trade(house, desk, signal_of, delivery_of) -> None:
    risk, router, trader = desk
    house.at(1.5)
    await trader.on_signal(delivery_of(signal_of()))
    house.quote(3, 90.0)
    await router.advance(house.at(3))
    await house.deliver(trader, risk)
    assert [one.status for one in await house.told(EXECUTIONS)] == [OrderStatus.ACCEPTED, OrderStatus.EXPIRED]
    assert (trader.trades, await house.venue().positions(), risk.state.reservations) == ({}, {}, {})
