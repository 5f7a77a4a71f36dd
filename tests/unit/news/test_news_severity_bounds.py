"""No judgement of a model lifts the severity of an untrusted source, or makes an advert tradable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.news.judgement import Judgement
from herald.news.reading import NO_EVENT, Reading
from herald.news.rulebook import UNTRUSTED_SEVERITY_MAX
from herald.news.verdict import VerdictPolicy, combine
from herald.taxonomy import Direction, EventType

HEADLINES = (
    "Bybit hacked, $1.5B in ETH stolen",
    "Binance Will List Notcoin (NOT)",
    "Fed makes emergency rate cut",
    "SEC approves spot Solana ETF",
    "I love Dogecoin",
    "Strategy acquires 21,021 bitcoin for $2.46 billion",
    "$9 billion in crypto longs liquidated in 24 hours",
    "Best crypto to buy now: presale of the next 100x coin",
    "Why is Bitcoin falling?",
    "Local bakery wins award",
)
ADVERTS = (
    "Buy $FAKE presale now, next 100x, love it",
    "Send 1 BTC and get 2 BTC back, giveaway! I love Bitcoin",
    "Top cloud mining apps to earn $1,000 daily in Bitcoin",
)
SHARE = st.floats(0, 1)
PROFILES = st.fixed_dictionaries({
    "trust": SHARE, "allow_listed": st.booleans(), "verified": st.booleans(), "venue": st.sampled_from(["", "binance"]),
})  # fmt: skip
POLICIES = st.builds(VerdictPolicy, tradable_min=SHARE, direction_min=SHARE, rule_stands_min=SHARE, rule_weight=SHARE)


def shares_of(weights: list[float], among: list) -> dict:
    whole = sum(weights) or 1.0
    return {one: weight / whole for one, weight in zip(among, weights, strict=True)}


JUDGEMENTS = st.builds(
    Judgement,
    event_types=st.lists(st.floats(0.001, 1), min_size=len(EventType), max_size=len(EventType)).map(
        lambda weights: shares_of(weights, list(EventType))
    ),
    directions=st.lists(st.floats(0.001, 1), min_size=3, max_size=3).map(
        lambda weights: shares_of(weights, list(Direction))
    ),
    tradable_p=SHARE,
    severity=SHARE,
    familiarity=SHARE,
    unfamiliar=st.booleans(),
    model=st.just("m"),
)


def is_bounded(reading: Reading, *, allow_listed: bool) -> bool:
    return 0 <= reading.severity <= (1.0 if allow_listed else UNTRUSTED_SEVERITY_MAX)


@given(headline=st.sampled_from([*HEADLINES, *ADVERTS]), profile=PROFILES, judged=JUDGEMENTS, policy=POLICIES)
def test_severity_stays_in_bounds_alone_and_together(  # noqa: PLR0917
    headline, profile, judged, policy, make_item, reading_of, gazetteer
):
    ruled = reading_of(headline, **profile)
    together = combine(make_item(headline, **profile), ruled, judged, gazetteer, policy)
    assert is_bounded(ruled, allow_listed=profile["allow_listed"])
    assert is_bounded(together, allow_listed=profile["allow_listed"])


@given(
    headline=st.sampled_from([*HEADLINES, *ADVERTS]), profile=PROFILES, judged=JUDGEMENTS, policy=POLICIES,
    ruled_severity=SHARE,
)  # fmt: skip
def test_severity_alone_never_decides_whether_a_headline_is_traded(  # noqa: PLR0917
    headline, profile, judged, policy, ruled_severity, make_item, reading_of, gazetteer
):
    item, ruled = make_item(headline, **profile), reading_of(headline, **profile)
    bound = 1.0 if item.allow_listed else UNTRUSTED_SEVERITY_MAX
    other = ruled.model_copy(update={"severity": min(ruled_severity, bound)})
    one, two = (combine(item, reading, judged, gazetteer, policy) for reading in (ruled, other))
    assert (one.tradable, one.event_type, one.direction) == (two.tradable, two.event_type, two.direction)
    assert is_bounded(two, allow_listed=item.allow_listed)
    if one.event_type in NO_EVENT:
        assert not one.is_signal


@pytest.mark.parametrize("headline", ADVERTS)
@pytest.mark.parametrize("profile", [{"allow_listed": True}, {"verified": True, "allow_listed": True}, {"trust": 0.1}])
def test_an_advert_is_no_signal_whoever_sends_it(headline, profile, reading_of):
    reading = reading_of(headline, **profile)
    assert (reading.event_type, reading.tradable, reading.severity) == (EventType.PROMOTION, False, 0.0)


@given(judged=JUDGEMENTS, headline=st.sampled_from(ADVERTS))
def test_the_advert_of_a_stolen_account_stays_one_whatever_a_model_says(
    judged, headline, make_item, reading_of, gazetteer
):
    account = {"verified": True, "allow_listed": True, "trust": 1.0}
    found = combine(make_item(headline, **account), reading_of(headline, **account), judged, gazetteer, VerdictPolicy())
    assert (found.event_type, found.is_signal) == (EventType.PROMOTION, False)
