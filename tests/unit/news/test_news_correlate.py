"""The correlator tells stories apart, and a rebuilt one goes on as the one that died would have."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herald.messages import ItemFate, NewsItem, RawItem, Signal
from herald.news.correlate import (
    Amended,
    Corrected,
    CorrelationPolicy,
    Duplicate,
    Merged,
    NotASignal,
    Outcome,
    Started,
    StoryWindow,
    correlate,
    fate_of,
    rebuild,
)
from herald.news.normalise import normalise
from herald.news.profiles import SourceProfile
from herald.news.reading import Reading
from herald.taxonomy import Direction, EventType, Fate, Reason

POLICY = CorrelationPolicy()
CETUS = "Cetus Protocol hacked, $220M drained"
START_AT = datetime(2025, 6, 2, tzinfo=UTC)
CETUS_TOO = "Sui's Cetus DEX loses $220 million in hack"


def test_a_first_report_goes_out_at_once(desk):
    outcome = desk.hears(CETUS)
    assert isinstance(outcome, Started)
    assert outcome.signal.story_id == outcome.signal.event_id
    assert outcome.signal.revision == 1
    assert outcome.signal.sources == ("Newswire",)


def test_an_independent_source_amends_with_higher_confidence(desk):
    first = desk.hears(CETUS)
    second = desk.hears(CETUS_TOO, at_s=40, source="Second")
    assert isinstance(second, Amended)
    assert second.signal.story_id == first.signal.story_id
    assert second.signal.event_id != first.signal.event_id
    assert second.signal.revision == 2
    assert second.signal.sources == ("Newswire", "Second")
    one, two = first.signal.confidence, second.signal.extras["voices"]["source:second"]
    assert second.signal.confidence == pytest.approx(1 - (1 - one) * (1 - two), abs=1e-6)


def test_the_same_headline_from_another_source_corroborates(desk):
    desk.hears(CETUS)
    assert isinstance(desk.hears(CETUS, at_s=5, source="Second"), Amended)


def test_copies_of_one_wire_do_not_add(desk):
    first = desk.hears(CETUS, source="A", wire="reuters")
    copy = desk.hears(CETUS_TOO, at_s=10, source="B", wire="reuters")
    assert copy == Merged(first.signal.story_id, "the same voice again", copy.at)


def test_one_source_does_not_corroborate_itself(desk):
    desk.hears(CETUS)
    assert isinstance(desk.hears(CETUS_TOO, at_s=10), Merged)


def test_the_same_entry_again_is_a_duplicate(desk):
    first = desk.hears(CETUS)
    again = desk.hears(CETUS, at_s=30)
    assert isinstance(again, Duplicate)
    assert (again.first_event_id, again.story_id) == (first.signal.event_id, first.signal.story_id)


def test_duplicates_outlive_the_story_window(desk):
    desk.hears(CETUS)
    assert isinstance(desk.hears(CETUS, at_s=6 * 3600 + 1), Duplicate)


def test_contradicting_reports_are_not_merged(desk):
    desk.hears("SEC approves spot Solana ETF")
    assert isinstance(desk.hears("SEC rejects spot Solana ETF", at_s=20, source="Second"), Started)


def test_different_events_of_one_type_are_different_stories(desk):
    assert isinstance(desk.hears("Strategy buys 1,045 BTC for $110M"), Started)
    assert isinstance(desk.hears("Metaplanet buys 21 BTC for $2.2M", at_s=10, source="Second"), Started)


def test_listings_of_two_assets_are_two_stories(desk):
    venue = {"venue": "Binance", "allow_listed": True, "trust": 0.98}
    assert isinstance(desk.hears("Binance Will List Chainlink (LINK)", source="b", **venue), Started)
    assert isinstance(desk.hears("Binance Will List Filecoin (FIL)", at_s=10, source="b", **venue), Started)


def test_after_the_window_a_late_copy_neither_amends_nor_trades_again(desk):
    first = desk.hears(CETUS)
    late = desk.hears(CETUS, at_s=POLICY.window_s + 1, source="Late")
    assert isinstance(late, Merged)
    assert late.story_id == first.signal.story_id


def test_after_the_echo_the_story_may_start_anew(desk):
    desk.hears(CETUS)
    assert isinstance(desk.hears(CETUS, at_s=POLICY.echo_s + 1, source="Later"), Started)


def test_a_doubtful_item_about_a_running_story_is_merged(desk):
    first = desk.hears(CETUS)
    outcome = desk.hears("Cetus Protocol allegedly hacked, $220M drained", at_s=10, source="Second")
    assert isinstance(outcome, Merged)
    assert outcome.story_id == first.signal.story_id


def test_what_is_no_signal_says_why(desk):
    outcome = desk.hears("Why is Ethereum price down today?")
    assert isinstance(outcome, NotASignal)
    assert outcome.reason is Reason.COMMENTARY


def test_a_redelivery_has_the_same_answer(desk):
    first = desk.hears(CETUS)
    again = desk.hears(CETUS)
    assert again == first
    assert again.repeated
    assert not first.repeated


@pytest.mark.parametrize(
    ("headline", "source", "fate", "reason"),
    [
        (CETUS, "Third", Fate.MERGED, Reason.SAME_STORY),
        (CETUS, "Newswire", Fate.DUPLICATE, Reason.EXACT_DUPLICATE),
        ("Solana network halts", "Newswire", Fate.SIGNAL, Reason.RULE_MATCHED),
        ("Best crypto to buy now", "Newswire", Fate.NO_SIGNAL, Reason.PROMOTIONAL),
    ],
)
def test_every_outcome_has_its_fate(desk, headline, source, fate, reason):
    desk.hears(CETUS)
    outcome = desk.hears(headline, at_s=5, source=source)
    item = desk.make_item(headline, at_s=5, source=source)
    found = fate_of(outcome, item)
    assert (found.fate, found.reason) == (fate, reason)
    assert (found.at, found.item_id) == (outcome.at, item.item_id)


def test_running_stories_are_bounded(make_item, reading_of):
    policy = CorrelationPolicy(stories_max=2)
    window = StoryWindow(policy)
    for asset in ("Solana", "Ethereum", "Cardano", "Avalanche"):
        item = make_item(f"{asset} network halts")
        correlate(window, item, reading_of(f"{asset} network halts"), item.received_at, policy)
    assert len(window.stories) == 2


# -- rebuilt windows ------------------------------------------------------------------------------------------------

HEADLINES = (
    "Cetus hacked for $220M",
    "Cetus DEX loses $220M in hack",
    "SEC sues Ripple",
    "Prices fall",
    "Cetus hack",
    "Cetus denies reports of hack",
    "Ripple says report of SEC suit is false",
)


def same(left: str, right: str, gap_s: float) -> float:
    """Stand in for a model: any probability, always the same of the same pair."""
    return (sum(map(ord, left)) * sum(map(ord, right))) % 100 / 100


@dataclass(frozen=True)
class Arrival:
    headline: int
    source: int
    gap_s: int
    type_index: int
    tradable: bool


ARRIVALS = st.lists(
    st.builds(
        Arrival,
        headline=st.integers(0, len(HEADLINES) - 1),
        source=st.integers(0, 4),
        gap_s=st.sampled_from([0, 1, 30, 100, 3_000, 30_000]),
        type_index=st.integers(0, 1),
        tradable=st.booleans(),
    ),
    min_size=1,
    max_size=14,
)


def heard(arrivals: list[Arrival], make_start) -> list[tuple[NewsItem, Reading]]:
    found, at = [], make_start
    for number, arrival in enumerate(arrivals):
        at += timedelta(seconds=arrival.gap_s)
        source = f"s{arrival.source}"
        trust = 0.2 if arrival.source > 3 else 0.6
        profile = SourceProfile(name=source, trust=trust, wire="w" if arrival.source > 1 else "")
        raw = RawItem(
            source=source,
            title=HEADLINES[arrival.headline],
            native_id=f"{number}",
            published_at=make_start,
            received_at=at,
        )
        reading = Reading(
            event_type=(EventType.HACK, EventType.SEC_ACTION)[arrival.type_index],
            direction=Direction.BEAR,
            severity=0.5,
            confidence=0.5,
            primary_entity="CETUS" if "Cetus" in HEADLINES[arrival.headline] else "XRP",
            entities=("CETUS", "SUI"),
            tradable=arrival.tradable,
            fate_reason=Reason.RULE_MATCHED if arrival.tradable else Reason.NOT_TRADABLE,
        )
        found.append((normalise(raw, profile, at), reading))
    return found


def published(window, items, policy) -> tuple[list[Outcome], list[Signal], list[ItemFate]]:
    outcomes, signals, fates = [], [], []
    for item, reading in items:
        _, outcome = correlate(window, item, reading, item.received_at, policy, same)
        outcomes.append(outcome)
        if isinstance(outcome, Started | Amended | Corrected):
            signals.append(Signal.from_wire(outcome.signal.to_wire()))
        fates.append(ItemFate.from_wire(fate_of(outcome, item).to_wire()))
    return outcomes, signals, fates


@settings(max_examples=150, deadline=None)
@given(arrivals=ARRIVALS, cut=st.integers(0, 14), lost_fate=st.booleans())
def test_a_rebuilt_window_goes_on_as_the_one_that_died(arrivals, cut, lost_fate):
    items = heard(arrivals, START_AT)
    cut = min(cut, len(items))
    whole, _, _ = published(StoryWindow(POLICY), items, POLICY)
    _, signals, fates = published(StoryWindow(POLICY), items[:cut], POLICY)
    resume = cut
    if lost_fate and cut:
        fates, resume = fates[:-1], cut - 1
    now = items[resume][0].received_at if resume < len(items) else items[-1][0].received_at
    window = rebuild(signals, fates, now, POLICY)
    after, _, _ = published(window, items[resume:], POLICY)
    assert after == whole[resume:]


@settings(max_examples=60, deadline=None)
@given(arrivals=ARRIVALS)
def test_a_redelivered_item_has_its_first_fate_from_a_rebuilt_window(arrivals):
    items = heard(arrivals, START_AT)
    _, signals, fates = published(StoryWindow(POLICY), items, POLICY)
    window = rebuild(signals + signals, fates + fates, items[-1][0].received_at, POLICY)
    _, _, again = published(window, items, POLICY)
    assert again == fates


def test_a_signal_without_fate_comes_out_again_and_is_no_duplicate(make_item, reading_of):
    item, reading = make_item(CETUS), reading_of(CETUS)
    _, first = correlate(StoryWindow(POLICY), item, reading, item.received_at, POLICY)
    later = item.received_at + timedelta(seconds=50)
    much_later = later + timedelta(seconds=9)
    window = rebuild([first.signal], [], later, POLICY)
    polled_again = item.model_copy(update={"received_at": later, "item_id": "second"})
    _, second = correlate(window, polled_again, reading, later, POLICY)
    assert second == first
    assert not second.repeated
    _, again = correlate(window, polled_again, reading, much_later, POLICY)
    assert again == first
    assert again.repeated
    _, third = correlate(window, item.model_copy(update={"item_id": "third"}), reading, much_later, POLICY)
    assert isinstance(third, Duplicate)
