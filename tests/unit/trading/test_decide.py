from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.documents import parse_document
from herald.market.quotes import Quote
from herald.messages import Passed
from herald.nanoseconds import to_ns
from herald.taxonomy import Direction, EventType, Leg, OrderType, Reason, Side, Stage
from herald.trading.decide import decide
from herald.trading.directory import Directory, Instruments
from herald.trading.playbooks import Liquidity, PlaybookBook
from herald.trading.rounding import is_whole
from herald.trading.sizing import liquidity_score

INSTRUMENTS = """
instruments:
  - {symbol: BTCUSDT, base: BTC, tick_size: "0.1", lot_size: "0.001", min_notional_usd: 50, sector: major}
  - {symbol: ETHUSDT, base: ETH, tick_size: "0.01", lot_size: "0.001", sector: major, beta: 1.5}
  - {symbol: SOLUSDT, base: SOL, tick_size: "0.01", lot_size: "0.01", sector: layer1, beta: 2.0}
  - {symbol: SUIUSDT, base: SUI, tick_size: "0.0001", lot_size: "0.1", sector: layer1}
  - {symbol: WIFI, base: WIFI, kind: spot, tick_size: "0.01", lot_size: "0.01"}
unlisted_sectors: {TINY: layer1, ODD: nowhere}
"""
BOOK = """
notional_caps_usd: {HACK: 4000, LISTING: 4000, FED_SPEECH: 4000, ETF: 4000, OUTAGE: 4000}
liquidity: {depth_half_usd: 10000, spread_half_bps: 10}
baskets:
  majors: {legs: [{asset: BTC, weight: 0.6}, {asset: ETH, weight: 0.4}]}
  alts: {legs: [{asset: ETH, weight: 0.5}, {asset: SOL, weight: 0.5}], hedge: {asset: BTC, share: 0.5}}
playbooks:
  - {id: hack, event_types: [HACK], directions: [BEAR, UNKNOWN], side: sell, fallback: sector, fallback_share: 0.5}
  - {id: listing, event_types: [LISTING], directions: [BULL], fallback: majors, fallback_share: 0.25}
  - {id: fed, event_types: [FED_SPEECH], target: basket, basket: alts}
  - {id: etf-strong, event_types: [ETF], min_severity: 0.9}
  - {id: etf-any, event_types: [ETF], min_severity: 0.3, order_type: MARKET}
  - {id: outage, event_types: [OUTAGE], enabled: false}
"""
PRICES = {"BTC": 100_000.0, "ETH": 2_500.0, "SOL": 150.0, "SUI": 3.0, "WIFI": 2.0}


@pytest.fixture(scope="module")
def book() -> PlaybookBook:
    return parse_document(BOOK, PlaybookBook, "book.yaml")


@pytest.fixture(scope="module")
def directory() -> Directory:
    return Directory(parse_document(INSTRUMENTS, Instruments, "instruments.yaml"))


@pytest.fixture(scope="module")
def choose(book, directory, now):
    """Decide with a market that quotes ``assets``, all 0.1 s old, with 100,000 USD on either side."""

    def run(signal, assets=tuple(PRICES), *, age_s=0.1, equity=100_000, weights=None, depth_usd=100_000.0):
        keys = {directory.resolve(asset)[0].key: PRICES[asset] for asset in assets}

        def quotes(key):
            price = keys.get(key)
            if price is None:
                return None
            size = depth_usd / price
            return Quote(to_ns(now - timedelta(seconds=age_s)), price * 0.9999, price * 1.0001, size, size)

        return decide(signal, book, directory, quotes, Decimal(equity), now, 1_000, weights)

    return run


def test_news_of_a_hack_sells_the_perpetual_within_the_slippage_cap(choose, signal_of):
    (intent,) = choose(signal_of(primary_entity="SOL", event_type=EventType.HACK))
    assert (intent.instrument.symbol, intent.side, intent.leg) == ("SOLUSDT", Side.SELL, Leg.ENTRY)
    bid = Decimal("149.985")
    assert bid * (1 - Decimal("0.0010")) <= intent.limit_price <= bid
    assert is_whole(intent.limit_price, intent.instrument.tick_size)
    assert is_whole(intent.quantity, intent.instrument.lot_size)
    assert intent.trade_id == intent.intent_id
    assert intent.exit_plan.flat_after_s == 90


def test_an_intent_keeps_the_lineage_of_its_signal(choose, signal_of, now):
    signal = signal_of(event_id="e2", story_id="e1", stamps={Stage.RECEIVED: now})
    (intent,) = choose(signal)
    assert (intent.event_id, intent.story_id, intent.news_at) == ("e2", "e1", signal.ts_iso)
    assert intent.stamps == signal.stamps


def test_the_size_is_the_least_of_equity_share_cap_and_liquid_severity(choose, signal_of, book):
    score = Decimal(str(round(liquidity_score(Quote(0, 149.985, 150.015, 666.6, 666.7), book.liquidity), 4)))
    by_cap = choose(signal_of(severity=1.0))[0].notional_usd
    by_equity = choose(signal_of(severity=1.0), equity=50_000)[0].notional_usd
    by_severity = choose(signal_of(severity=0.5), depth_usd=5_000.0)[0].notional_usd
    assert by_cap == pytest.approx(Decimal(4_000), abs=2)
    assert by_equity == pytest.approx(Decimal(2_500), abs=2)
    thin = liquidity_score(Quote(0, 149.985, 150.015, 5_000 / 150, 5_000 / 150), book.liquidity)
    assert float(by_severity) == pytest.approx(20_000 * 0.5 * thin, abs=2)
    assert 0 < score < 1


def test_a_learned_weight_shrinks_a_playbook_and_never_breaks_its_cap(choose, signal_of):
    half = choose(signal_of(severity=1.0), weights={"hack": 0.5})[0].notional_usd
    double = choose(signal_of(severity=1.0), weights={"hack": 2.0})[0].notional_usd
    assert half == pytest.approx(Decimal(2_000), abs=2)
    assert double == pytest.approx(Decimal(4_000), abs=2)
    resting = choose(signal_of(), weights={"hack": 0.0})
    assert (resting.reason, resting.detail) == (Reason.NO_PLAYBOOK, "its learned weight is 0")


def test_an_unknown_direction_is_played_with_a_thousandth_of_the_equity(choose, signal_of):
    (intent,) = choose(signal_of(direction=Direction.UNKNOWN))
    assert intent.notional_usd <= 100


def test_an_unlisted_coin_is_played_through_a_small_basket(choose, signal_of):
    intents = choose(signal_of(event_type=EventType.LISTING, direction=Direction.BULL, primary_entity="NEW"))
    assert [one.instrument.base for one in intents] == ["BTC", "ETH"]
    assert {one.side for one in intents} == {Side.BUY}
    assert sum(one.notional_usd for one in intents) <= 1_000
    assert "NEW: NO_INSTRUMENT" in intents[0].detail


def test_a_hack_without_an_instrument_sells_the_sector(choose, signal_of):
    intents = choose(signal_of(primary_entity="TINY"))
    assert [one.instrument.base for one in intents] == ["SOL", "SUI"]
    assert {one.side for one in intents} == {Side.SELL}


def test_legs_without_a_quote_are_left_out_and_their_weight_is_taken_over(choose, signal_of):
    signal = signal_of(event_type=EventType.FED_SPEECH, primary_entity="BTC")
    entry, hedge = choose(signal, ("BTC", "ETH"))
    assert (entry.instrument.base, entry.side) == ("ETH", Side.SELL)
    assert entry.notional_usd == pytest.approx(Decimal(4_000), abs=3)
    assert "SOL left out: NO_QUOTE" in entry.detail
    assert (hedge.instrument.base, hedge.side, hedge.leg) == ("BTC", Side.BUY, Leg.HEDGE)


def test_a_hedge_takes_its_share_of_the_beta_and_only_ever_leaves_by_time(choose, signal_of):
    intents = choose(signal_of(event_type=EventType.FED_SPEECH))
    entries, hedge = intents[:-1], intents[-1]
    beta_usd = sum(float(one.notional_usd) * one.instrument.beta for one in entries)
    assert float(hedge.notional_usd) == pytest.approx(0.5 * beta_usd, abs=100)
    plan = hedge.exit_plan
    assert (plan.take_profit_bps, plan.stop_loss_bps, plan.trail_bps, plan.flat_after_s) == (0, 0, 0, 90)


def test_a_basket_without_its_hedge_says_so(choose, signal_of):
    intents = choose(signal_of(event_type=EventType.FED_SPEECH), ("ETH", "SOL"))
    assert {one.leg for one in intents} == {Leg.ENTRY}
    assert "not hedged, BTC: NO_QUOTE" in intents[0].detail


def test_the_first_playbook_that_fits_is_played(choose, signal_of):
    signal = signal_of(event_type=EventType.ETF, primary_entity="ETH")
    assert choose(signal.model_copy(update={"severity": 0.95}))[0].playbook == "etf-strong"
    weaker = choose(signal.model_copy(update={"severity": 0.8}))[0]
    assert (weaker.playbook, weaker.order_type, weaker.limit_price) == ("etf-any", OrderType.MARKET, None)


@pytest.mark.parametrize(
    ("fields", "assets", "age_s", "reason"),
    [
        ({"tradable": False}, ("SOL",), 0, Reason.NOT_TRADABLE),
        ({"event_type": EventType.OTHER}, ("SOL",), 0, Reason.NO_PLAYBOOK),
        ({"event_type": EventType.OUTAGE}, ("SOL",), 0, Reason.NO_PLAYBOOK),
        ({"direction": Direction.BULL}, ("SOL",), 0, Reason.DIRECTION_NOT_PLAYED),
        ({"severity": 0.1}, ("SOL",), 0, Reason.BELOW_MIN_SEVERITY),
        ({"event_type": EventType.ETF, "severity": 0.2}, ("SOL",), 0, Reason.BELOW_MIN_SEVERITY),
        ({"confidence": 0.1}, ("SOL",), 0, Reason.BELOW_MIN_CONFIDENCE),
        ({"primary_entity": "NOPE"}, ("SOL",), 0, Reason.NO_INSTRUMENT),
        ({"primary_entity": "ODD"}, ("SOL",), 0, Reason.NO_INSTRUMENT),
        ({"primary_entity": ""}, ("SOL",), 0, Reason.NO_INSTRUMENT),
        ({"primary_entity": "WIFI"}, ("WIFI",), 0, Reason.NO_INSTRUMENT),
        ({"primary_entity": "TINY"}, ("BTC",), 0, Reason.NO_QUOTE),
        ({"event_type": EventType.ETF}, (), 0, Reason.NO_QUOTE),
        ({}, ("SOL",), 5, Reason.STALE_QUOTE),
        ({"event_type": EventType.FED_SPEECH}, ("ETH",), 5, Reason.STALE_QUOTE),
    ],
)
def test_what_is_not_traded_has_its_reason(choose, signal_of, *, fields, assets, age_s, reason):
    passed = choose(signal_of(**fields), assets, age_s=age_s)
    assert isinstance(passed, Passed)
    assert passed.reason is reason


def test_a_size_that_the_venue_does_not_take_is_passed(choose, signal_of):
    passed = choose(signal_of(), equity=20)
    assert isinstance(passed, Passed)
    assert passed.reason is Reason.SIZE_BELOW_MINIMUM
    assert passed.playbook == "hack"


def test_a_quote_as_old_as_allowed_is_traded_on(choose, signal_of):
    assert not isinstance(choose(signal_of(), age_s=1.0), Passed)


def test_a_crossed_quote_is_no_quote(book, directory, signal_of, now):
    crossed = Quote(to_ns(now), 151.0, 150.0, 10.0, 10.0)
    signal = signal_of(event_type=EventType.ETF)
    passed = decide(signal, book, directory, lambda _: crossed, Decimal(1_000), now, 1_000)
    assert passed.reason is Reason.NO_QUOTE


def test_liquidity_falls_with_the_spread_and_rises_with_depth():
    terms = Liquidity(depth_half_usd=Decimal(1_000), spread_half_bps=10.0)

    def at(half, size):
        return liquidity_score(Quote(0, 100 - half, 100 + half, size, size), terms)

    assert at(0.0, 10.0) == pytest.approx(0.5)
    assert at(0.05, 1e9) == pytest.approx(0.5, abs=1e-3)
    assert at(0.0, 0.0) == 0.0
    assert 0 < at(1.0, 1.0) < at(0.1, 1.0) < at(0.1, 10.0) < 1


@given(
    severity=st.floats(0.5, 1),
    equity=st.integers(0, 10_000_000),
    depth=st.floats(0, 1e7),
    weight=st.floats(0.01, 10),
    direction=st.sampled_from([Direction.BEAR, Direction.UNKNOWN]),
)
def test_no_entry_exceeds_its_share_of_equity_or_its_cap(  # noqa: PLR0917
    choose, signal_of, severity, equity, depth, weight, direction
):
    signal = signal_of(severity=severity, direction=direction)
    made = choose(signal, equity=equity, depth_usd=depth, weights={"hack": weight})
    if not isinstance(made, Passed):
        total = sum(one.notional_usd for one in made)
        assert total <= min(Decimal(4_000), Decimal(equity) * Decimal("0.05"))
        assert made[0].notional_usd >= made[0].instrument.min_notional_usd
        if direction is Direction.UNKNOWN:
            assert total <= Decimal(equity) / 1_000


def test_the_same_signal_always_asks_for_the_same_orders(choose, signal_of):
    signal = signal_of(event_type=EventType.FED_SPEECH)
    assert choose(signal) == choose(signal)
    ids = [one.intent_id for one in choose(signal)]
    assert len(set(ids)) == len(ids) == 3


def test_a_basket_is_not_hedged_with_what_it_trades(directory, signal_of, now):
    text = BOOK.replace("hedge: {asset: BTC, share: 0.5}", "hedge: {asset: ETH, share: 0.5}")
    book = parse_document(text, PlaybookBook, "book.yaml")
    quote = Quote(to_ns(now), 100.0, 100.1, 1_000.0, 1_000.0)
    signal = signal_of(event_type=EventType.FED_SPEECH)
    intents = decide(signal, book, directory, lambda _: quote, Decimal(100_000), now, 1_000)
    assert {one.leg for one in intents} == {Leg.ENTRY}
    assert "not hedged: ETH is in the basket" in intents[0].detail
