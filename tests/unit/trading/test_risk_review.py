from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from herald.messages import ApprovedOrder
from herald.taxonomy import Direction, Leg, OrderStatus, Reason, Side, TradingState
from herald.trading.risk_limits import RiskLimits
from herald.trading.risk_review import automatic_state, review
from herald.trading.risk_state import Acknowledgement, Outcome, RiskState, apply_execution

D = Decimal
ACTIVE, REDUCING, HALTED = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
LIMITS = RiskLimits(
    position_notional_usd=D(5_000),
    gross_notional_usd=D(8_000),
    event_equity_share=0.06,
    leverage=1.0,
    open_positions=3,
)


@pytest.fixture
def judge(now):
    """Review intents and return the state and each verdict's reason and quantity."""

    def run(state, *intents, limits=LIMITS, trading=ACTIVE, at=now):
        state, verdicts = review(state, intents, limits, trading, at)
        return state, [
            (one.reason, one.quantity if isinstance(one, ApprovedOrder) else D(0), getattr(one, "detail", ""))
            for one in verdicts
        ]

    return run


@pytest.fixture
def empty() -> RiskState:
    return RiskState.opening(LIMITS)


@pytest.fixture
def filled(judge, approve, report_of):
    """Have an intent approved and filled in full; returns the state."""

    def run(state, intent, **fields):
        state, _ = judge(state, intent, **fields)
        approved = approve(intent, state.reservations[intent.intent_id].approved)
        return apply_execution(state, report_of(approved, OrderStatus.FILLED, approved.quantity))

    return run


def reason(result) -> Reason:
    return result[1][0][0]


def test_an_order_within_all_limits_is_approved_as_it_is(judge, empty, intent_of):
    state, [(why, quantity, _)] = judge(empty, intent_of())
    assert (why, quantity) == (Reason.WITHIN_LIMITS, 10)
    assert list(state.reservations) == ["i1"]


@pytest.mark.parametrize(
    ("fields", "limits", "why", "quantity"),
    [
        ({"quantity": D(60)}, {}, Reason.CUT_TO_POSITION_LIMIT, 50),
        ({"quantity": D(60)}, {"position_notional_usd": D(9_000)}, Reason.WITHIN_LIMITS, 60),
        ({"quantity": D(90)}, {"position_notional_usd": D(9_000)}, Reason.CUT_TO_EVENT_LIMIT, 60),
        (
            {"quantity": D(90)},
            {"position_notional_usd": D(9_000), "event_equity_share": 0.5},
            Reason.CUT_TO_NOTIONAL_LIMIT,
            80,
        ),
        ({"quantity": D(60)}, {"position_notional_usd": D(9_000), "leverage": 0.03}, Reason.CUT_TO_LEVERAGE_LIMIT, 30),
        ({"direction": Direction.UNKNOWN}, {}, Reason.CUT_TO_UNKNOWN_LIMIT, 1),
        (
            {"quantity": D(60)},
            {"position_notional_usd_by_symbol": {"SOLUSDT": D(1_234)}},
            Reason.CUT_TO_POSITION_LIMIT,
            D("12.34"),
        ),
    ],
)
def test_an_order_beyond_a_limit_is_cut_to_it(judge, empty, intent_of, *, fields, limits, why, quantity):
    _, [verdict] = judge(empty, intent_of(**fields), limits=LIMITS.model_copy(update=limits))
    assert verdict[:2] == (why, quantity)


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"position_notional_usd": D(4)}, Reason.POSITION_LIMIT),
        ({"gross_notional_usd": D(4)}, Reason.NOTIONAL_LIMIT),
        ({"event_equity_share": 0.00001}, Reason.EVENT_LIMIT),
        ({"leverage": 0.00001}, Reason.LEVERAGE_LIMIT),
    ],
)
def test_an_order_is_refused_where_less_than_the_minimum_is_left(judge, empty, intent_of, limits, why):
    assert reason(judge(empty, intent_of(), limits=LIMITS.model_copy(update=limits))) is why


def test_an_order_counts_at_its_limit_price(judge, empty, intent_of):
    _, [(why, quantity, _)] = judge(empty, intent_of(quantity=D(50), limit_price=D(125)))
    assert (why, quantity) == (Reason.CUT_TO_POSITION_LIMIT, 40)


def test_two_orders_cannot_spend_one_limit(judge, empty, intent_of, instrument_of):
    legs = [
        intent_of(f"i{n}", leg_index=n, instrument=instrument_of(base), quantity=D(40))
        for n, base in enumerate(("SOL", "ETH", "BTC"))
    ]
    _, verdicts = judge(empty, *legs)
    assert [one[:2] for one in verdicts] == [
        (Reason.WITHIN_LIMITS, 40),
        (Reason.CUT_TO_EVENT_LIMIT, 20),
        (Reason.EVENT_LIMIT, 0),
    ]


@pytest.mark.parametrize(("trading", "why"), [(HALTED, Reason.TRADING_HALTED), (REDUCING, Reason.REDUCING_ONLY)])
def test_a_stopped_account_opens_nothing_and_still_closes(judge, filled, empty, intent_of, *, trading, why):
    state = filled(empty, intent_of())
    assert reason(judge(state, intent_of("i2", story_id="s2"), trading=trading)) is why
    leave = intent_of("x", leg=Leg.EXIT, side=Side.SELL, reduce_only=True)
    _, [verdict] = judge(state, leave, trading=trading)
    assert verdict[:2] == (Reason.REDUCES_POSITION, 10)


def test_an_exit_is_cut_to_what_is_open_and_not_being_closed(judge, filled, empty, intent_of):
    state = filled(empty, intent_of())
    leave = {"leg": Leg.EXIT, "side": Side.SELL, "reduce_only": True}
    state, [first] = judge(state, intent_of("x1", quantity=D(6), **leave))
    state, [second] = judge(state, intent_of("x2", quantity=D(6), **leave))
    _, [third] = judge(state, intent_of("x3", quantity=D(6), **leave))
    assert [one[:2] for one in (first, second, third)] == [
        (Reason.REDUCES_POSITION, 6),
        (Reason.REDUCES_POSITION, 4),
        (Reason.NOTHING_TO_REDUCE, 0),
    ]


def test_an_exit_on_the_side_of_the_position_reduces_nothing(judge, filled, empty, intent_of):
    state = filled(empty, intent_of())
    assert reason(judge(state, intent_of("x", leg=Leg.EXIT, reduce_only=True))) is Reason.NOTHING_TO_REDUCE


def test_an_exit_is_not_held_back_by_age_cool_down_or_limits(judge, filled, empty, intent_of, now):
    state = filled(empty, intent_of()).marked("paper:SOLUSDT", D(1))
    leave = intent_of("x", leg=Leg.EXIT, side=Side.SELL, reduce_only=True)
    assert reason(judge(state, leave, at=now + timedelta(hours=5))) is Reason.REDUCES_POSITION


@pytest.mark.parametrize(
    ("age_s", "why"),
    [(180, Reason.WITHIN_LIMITS), (180.001, Reason.STALE_NEWS), (-60, Reason.WITHIN_LIMITS), (-61, Reason.STALE_NEWS)],
)
def test_news_too_old_or_from_the_future_is_refused(judge, empty, intent_of, now, *, age_s, why):
    assert reason(judge(empty, intent_of(news_at=now - timedelta(seconds=age_s)))) is why


def test_a_story_is_traded_once(judge, empty, intent_of, now):
    state, _ = judge(empty, intent_of())
    later = now + timedelta(hours=1)
    again = intent_of("i2", news_at=later)
    assert reason(judge(state, again, at=later)) is Reason.STORY_ALREADY_TRADED
    amended = intent_of("i3", news_at=later, event_id="e9")
    assert reason(judge(state, amended, at=later)) is Reason.AMENDMENT_OF_TRADED_STORY


def test_a_story_of_which_nothing_was_approved_may_be_traded_later(judge, empty, intent_of):
    state, _ = judge(empty, intent_of(), trading=HALTED)
    assert reason(judge(state, intent_of())) is Reason.WITHIN_LIMITS


def test_a_symbol_rests_after_a_trade(judge, filled, empty, intent_of, instrument_of, *, now):
    state = filled(empty, intent_of())
    soon, late = now + timedelta(seconds=179), now + timedelta(seconds=181)
    other = intent_of("i2", story_id="s2", news_at=now)
    assert reason(judge(state, other, at=soon)) is Reason.COOL_DOWN
    assert reason(judge(state, other.model_copy(update={"news_at": late}), at=late)) is Reason.WITHIN_LIMITS
    elsewhere = intent_of("i3", story_id="s2", instrument=instrument_of("ETH"), news_at=now)
    assert reason(judge(state, elsewhere, at=soon)) is Reason.WITHIN_LIMITS


def test_legs_of_one_story_in_one_symbol_do_not_wait_for_each_other(judge, empty, intent_of):
    _, verdicts = judge(empty, intent_of("i1"), intent_of("i2", leg_index=1))
    assert [one[0] for one in verdicts] == [Reason.WITHIN_LIMITS] * 2


def test_an_unknown_direction_is_refused_off_paper(judge, empty, intent_of, instrument_of):
    live = intent_of(direction=Direction.UNKNOWN, instrument=instrument_of(venue="binance"))
    assert reason(judge(empty, live)) is Reason.UNKNOWN_DIRECTION_LIVE


def test_all_legs_of_an_unknown_direction_share_a_thousandth(judge, empty, intent_of, instrument_of):
    legs = [
        intent_of(f"i{n}", direction=Direction.UNKNOWN, instrument=instrument_of(base), quantity=D("0.6"))
        for n, base in enumerate(("SOL", "ETH", "BTC"))
    ]
    _, verdicts = judge(empty, *legs)
    assert [one[:2] for one in verdicts] == [
        (Reason.WITHIN_LIMITS, D("0.6")),
        (Reason.CUT_TO_UNKNOWN_LIMIT, D("0.4")),
        (Reason.SIZE_BELOW_MINIMUM, 0),
    ]


def test_only_so_many_positions_are_open_at_once(judge, empty, intent_of, instrument_of):
    state = empty
    for n, base in enumerate(("SOL", "ETH", "BTC")):
        state, _ = judge(state, intent_of(f"i{n}", story_id=f"s{n}", instrument=instrument_of(base), quantity=D(1)))
    fourth = intent_of("i9", story_id="s9", instrument=instrument_of("XRP"), quantity=D(1))
    assert reason(judge(state, fourth)) is Reason.OPEN_POSITIONS_LIMIT


def test_a_position_is_limited_together_with_the_orders_for_it(judge, filled, empty, intent_of, now):
    state = filled(empty, intent_of(quantity=D(30)))
    later = now + timedelta(hours=1)
    more = intent_of("i2", story_id="s2", quantity=D(30), news_at=later)
    assert judge(state, more, at=later)[1][0][:2] == (Reason.CUT_TO_POSITION_LIMIT, 20)


@pytest.mark.parametrize(("mark", "why"), [(D(81), Reason.WITHIN_LIMITS), (D(80), Reason.DAILY_LOSS_LIMIT)])
def test_after_the_daily_loss_nothing_is_opened(judge, filled, empty, intent_of, instrument_of, *, mark, why):
    limits = LIMITS.model_copy(update={"daily_loss_share": 0.01})
    state = filled(empty, intent_of(quantity=D(50)), limits=limits).marked("paper:SOLUSDT", mark)
    other = intent_of("i2", story_id="s2", instrument=instrument_of("ETH"))
    assert reason(judge(state, other, limits=limits)) is why


def test_after_the_drawdown_nothing_is_opened(judge, empty, intent_of):
    state = empty.model_copy(update={"peak_usd": D(110_000)})
    assert reason(judge(state, intent_of())) is Reason.DRAWDOWN_LIMIT


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": D(0)},
        {"quantity": D("0.005")},
        {"limit_price": None},
        {"limit_price": D("100.001")},
        {"limit_price": D(0)},
        {"mid": D(0)},
    ],
)
def test_an_impossible_order_is_refused(judge, empty, intent_of, fields):
    _, [(why, _, detail)] = judge(empty, intent_of(**fields))
    assert why is Reason.INVALID_ORDER
    assert detail


def test_an_order_that_is_out_is_not_approved_again(judge, empty, intent_of):
    _, verdicts = judge(empty, intent_of(), intent_of())
    assert [one[0] for one in verdicts] == [Reason.WITHIN_LIMITS, Reason.INVALID_ORDER]


@pytest.fixture
def hedged(intent_of, instrument_of):
    def make():
        quantity = D(40)
        entry = intent_of("e", quantity=quantity)
        hedge = intent_of("h", leg=Leg.HEDGE, side=Side.SELL, instrument=instrument_of("BTC"), quantity=quantity / 4)
        return [hedge, entry]

    return make


def test_a_hedge_is_judged_after_its_entries_and_cut_as_they_were(judge, empty, hedged):
    limits = LIMITS.model_copy(update={"position_notional_usd": D(2_000)})
    _, verdicts = judge(empty, *hedged(), limits=limits)
    assert [one[:2] for one in verdicts] == [
        (Reason.CUT_TO_POSITION_LIMIT, 20),
        (Reason.CUT_TO_EVENT_LIMIT, 5),
    ]


def test_a_hedge_without_its_entries_is_refused(judge, empty, hedged):
    limits = LIMITS.model_copy(update={"position_notional_usd_by_symbol": {"SOLUSDT": D(1)}})
    _, verdicts = judge(empty, *hedged(), limits=limits)
    assert [one[0] for one in verdicts] == [Reason.POSITION_LIMIT, Reason.POSITION_LIMIT]


def test_a_quiet_account_needs_no_rule(empty, now):
    assert automatic_state(empty, LIMITS, now) is None


def test_losses_halt_trading(filled, empty, intent_of, now):
    state = filled(empty, intent_of(quantity=D(50)))
    assert automatic_state(state.marked("paper:SOLUSDT", D(61)), LIMITS, now) is None
    lost = state.marked("paper:SOLUSDT", D(60))
    assert automatic_state(lost, LIMITS, now) == (HALTED, Reason.DAILY_LOSS_LIMIT)
    yesterday = lost.model_copy(update={"day_start_usd": D(98_000), "peak_usd": D(104_000)})
    assert automatic_state(yesterday, LIMITS, now) == (HALTED, Reason.DRAWDOWN_LIMIT)


@pytest.mark.parametrize(
    ("ended", "rejected", "ago_s", "halts"),
    [(10, 3, 1, True), (10, 2, 1, False), (9, 9, 1, False), (10, 10, 60, False), (10, 10, 59, True)],
)
def test_a_burst_of_rejects_halts_trading(empty, now, *, ended, rejected, ago_s, halts):
    at = now - timedelta(seconds=ago_s)
    state = empty.model_copy(update={"outcomes": tuple(Outcome(at=at, rejected=n < rejected) for n in range(ended))})
    expected = (HALTED, Reason.REJECT_RATE) if halts else None
    assert automatic_state(state, LIMITS, now) == expected


@pytest.mark.parametrize(
    ("samples", "halts"),
    [
        ([(200, 501), (100, 501), (10, 501)], True),
        ([(200, 501), (100, 500), (10, 501)], False),
        ([(100, 900), (10, 900)], False),
        ([(600, 900), (400, 900)], False),
        ([(250, 10), (200, 501), (10, 501)], True),
    ],
)
def test_minutes_of_slow_answers_halt_trading(empty, now, samples, halts):
    slow = tuple(Acknowledgement(at=now - timedelta(seconds=ago), latency_ms=ms) for ago, ms in samples)
    expected = (HALTED, Reason.HIGH_LATENCY) if halts else None
    assert automatic_state(empty.model_copy(update={"acknowledgements": slow}), LIMITS, now) == expected
