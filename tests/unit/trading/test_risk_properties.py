"""Whatever happens, no limit is exceeded and the journal rebuilds the account."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from herald.messages import ApprovedOrder
from herald.taxonomy import Direction, Leg, OrderStatus, Side, TradingState
from herald.trading.risk_limits import RiskLimits
from herald.trading.risk_review import review
from herald.trading.risk_state import RiskState, apply_execution, fold

D = Decimal
PRICES = {"SOL": D(100), "ETH": D(50), "BTC": D(20)}
LIMITS = RiskLimits(
    starting_equity_usd=D(10_000),
    position_notional_usd=D(1_500),
    gross_notional_usd=D(2_000),
    event_equity_share=0.15,
    leverage=0.18,
    open_positions=2,
    cool_down_s=1,
)
ENDS = [OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED]

leg = st.tuples(
    st.sampled_from(sorted(PRICES)),
    st.sampled_from(list(Side)),
    st.sampled_from([100, 1_000, 4_000]) | st.integers(1, 8_000),
    st.sampled_from([Leg.ENTRY, Leg.ENTRY, Leg.ENTRY, Leg.HEDGE, Leg.EXIT]),
)
event = st.tuples(
    st.just("event"),
    st.lists(leg, min_size=1, max_size=3),
    st.sampled_from([Direction.BEAR] * 4 + [Direction.UNKNOWN]),
    st.sampled_from([TradingState.ACTIVE] * 5 + [TradingState.HALTED]),
)
report = st.tuples(st.just("report"), st.integers(0, 9), st.integers(0, 100), st.sampled_from([None, *ENDS]))
wait = st.tuples(st.just("wait"), st.integers(1, 100))
exits = st.tuples(
    st.just("event"),
    st.lists(
        st.tuples(st.sampled_from(sorted(PRICES)), st.sampled_from(list(Side)), st.just(8_000), st.just(Leg.EXIT)),
        min_size=2,
        max_size=3,
    ),
    st.just(Direction.BEAR),
    st.sampled_from([TradingState.ACTIVE, TradingState.HALTED]),
)


class Account:
    """The account under test beside a plain count of what was approved and filled."""

    def __init__(self, now, intent_of, report_of, instrument_of):
        self.state = RiskState.opening(LIMITS)
        self.entries = []
        self.now = now
        self.out: dict[str, tuple[ApprovedOrder, D]] = {}
        self.held: dict[str, D] = {}
        self.stories: dict[str, D] = {}
        self.steps = 0
        self._intent_of, self._report_of, self._instrument_of = intent_of, report_of, instrument_of

    def event(self, legs, direction, trading):
        self.steps += 1
        story = f"s{self.steps}"
        intents = []
        for index, (base, side, lots, kind) in enumerate(legs):
            intent = self._intent_of(
                f"{story}-{index}",
                story_id=story,
                leg=kind,
                reduce_only=kind is Leg.EXIT,
                instrument=self._instrument_of(base),
                side=side,
                quantity=D(lots) * D("0.01"),
                price=PRICES[base],
                direction=direction,
                news_at=self.now,
            )
            intents.append(intent)
        self.state, verdicts = review(self.state, intents, LIMITS, trading, self.now)
        self._journal("reviewed", {"verdicts": [one.model_dump(mode="json") for one in verdicts]})
        for one in verdicts:
            if isinstance(one, ApprovedOrder):
                assert trading is TradingState.ACTIVE or one.intent.reduce_only
                assert 0 < one.quantity <= one.intent.quantity
                self.out[one.client_order_id] = (one, one.quantity)
                if one.intent.reduce_only:
                    self._check_exit(one)
                else:
                    self.stories[story] = self.stories.get(story, D(0)) + one.quantity * one.intent.mid
                    share = D("0.001") if direction is Direction.UNKNOWN else D("0.15")
                    assert self.stories[story] <= share * LIMITS.starting_equity_usd

    def report(self, which, percent, end):
        if not self.out:
            return
        self.steps += 1
        name = sorted(self.out)[which % len(self.out)]
        approved, remaining = self.out[name]
        lots = int(remaining / D("0.01")) * percent // 100
        new = remaining if end is OrderStatus.FILLED else D(lots) * D("0.01")
        new = D(0) if end is OrderStatus.REJECTED else new
        key = approved.intent.instrument.key
        if approved.intent.reduce_only:  # as a venue would
            new = min(new, max(D(0), -self.held.get(key, D(0)) * approved.intent.side.sign))
            end = OrderStatus.EXPIRED if end is OrderStatus.FILLED and new < remaining else end
        filled = approved.quantity - remaining + new
        status = end or (OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.ACCEPTED)
        made = self._report_of(approved, status, filled, new, at=self.now, sequence=self.steps)
        self.state = apply_execution(self.state, made)
        self._journal("executed", {"execution": made.model_dump(mode="json")})
        self.held[key] = self.held.get(key, D(0)) + new * approved.intent.side.sign
        if status.is_final:
            del self.out[name]
        else:
            self.out[name] = (approved, remaining - new)

    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)

    def check(self):
        assert fold(RiskState.opening(LIMITS), self.entries) == self.state
        assert RiskState.from_json(json.loads(json.dumps(self.state.to_json()))) == self.state
        set_aside = {name: one.remaining for name, one in self.state.reservations.items()}
        assert set_aside == {name: left for name, (_, left) in self.out.items()}
        gross, exposed = D(0), 0
        for base, price in PRICES.items():
            key = f"paper:{base}USDT"
            held = self.held.get(key, D(0))
            assert held == (self.state.positions[key].quantity if key in self.state.positions else 0)
            worst = self._worst(key, held) * price
            assert worst <= LIMITS.position_notional_usd
            gross, exposed = gross + worst, exposed + (worst > 0)
        assert gross <= min(LIMITS.gross_notional_usd, D("0.18") * self.state.equity_usd)
        assert exposed <= LIMITS.open_positions

    def _check_exit(self, approved):
        side, key = approved.intent.side, approved.intent.instrument.key
        closing = sum(
            left
            for one, left in self.out.values()
            if one.intent.reduce_only and (one.intent.side, one.intent.instrument.key) == (side, key)
        )
        assert closing <= -self.held.get(key, D(0)) * side.sign

    def _worst(self, key, held):
        openers = [(one, left) for one, left in self.out.values() if one.intent.instrument.key == key]
        buys = sum(left for one, left in openers if not one.intent.reduce_only and one.intent.side is Side.BUY)
        sells = sum(left for one, left in openers if not one.intent.reduce_only and one.intent.side is Side.SELL)
        return max(abs(held), held + buys, sells - held)

    def _journal(self, kind, payload):
        self.entries.append(SimpleNamespace(kind=kind, payload=json.loads(json.dumps(payload))))


@settings(max_examples=120, deadline=None)
@given(st.lists(st.one_of(event, event, report, report, wait, exits), min_size=1, max_size=30))
def test_no_limit_is_exceeded_and_the_journal_rebuilds_the_account(now, intent_of, report_of, instrument_of, steps):
    account = Account(now, intent_of, report_of, instrument_of)
    for kind, *arguments in steps:
        getattr(account, kind)(*arguments)
        account.check()
