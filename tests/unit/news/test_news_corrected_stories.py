"""A correction closes its story: the right one, once, where its source is believed; and a rebuilt window knows it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from herald.messages import ItemFate, Signal
from herald.news.correlate import (
    Corrected,
    CorrelationPolicy,
    Duplicate,
    Merged,
    NotASignal,
    Started,
    fate_of,
    rebuild,
)
from herald.taxonomy import Direction, EventType, Fate, Reason

POLICY = CorrelationPolicy()
HACK = "Binance hacked for $100 million"
DENIAL = "Binance denies reports of hack"
OTHER_DENIAL = "Reports of Binance hack are false, exchange says"


def test_a_denial_of_a_running_story_takes_it_back(desk) -> None:
    first = desk.hears(HACK)
    outcome = desk.hears(DENIAL, at_s=40, source="Second")
    assert isinstance(outcome, Corrected)
    signal = outcome.signal
    assert signal.corrects_story_id == first.signal.story_id
    assert (signal.story_id, signal.revision) == (signal.event_id, 1)
    assert (signal.event_type, signal.primary_entity) == (EventType.HACK, first.signal.primary_entity)
    assert (signal.direction, signal.tradable) == (Direction.UNKNOWN, False)
    assert signal.severity == desk.reading_of(DENIAL, at_s=40, source="Second").severity
    assert signal.reasons[:2] == ("correction:denied", "words:denies reports")
    assert signal.sources == ("Second",)


def test_its_fate_is_that_of_a_signal_and_names_the_story(desk) -> None:
    first = desk.hears(HACK)
    fate = fate_of(desk.hears(DENIAL, at_s=40), desk.make_item(DENIAL, at_s=40))
    assert (fate.fate, fate.reason, fate.story_id) == (Fate.SIGNAL, Reason.STORY_CORRECTED, first.signal.story_id)
    assert fate.detail.startswith("correction:denied; words:denies reports")


@pytest.mark.parametrize(
    ("story", "correction"),
    [
        ("SEC approves spot Solana ETF", "SEC account was compromised, no Solana ETF approved"),
        ("SEC approves spot Solana ETF", "SEC account was compromised, no ETF approved"),
        ("SEC approves spot Solana ETF", "SEC has not approved Solana ETF, chair says"),
        ("Cetus Protocol hacked, $220M drained", "Reports of $220M Cetus hack are false"),
        ("Strategy Buys 10,000 Bitcoin for $1.1B", "Correction: Strategy bought 100 BTC, not 10,000"),
        ("Fed cuts rates by 50 bps in surprise move", "Correction: Fed held rates, did not cut"),
        ("BlackRock files for spot XRP ETF with SEC", "BlackRock's XRP ETF filing is fake, spokesperson says"),
        ("Solana network halts", "Reports that Solana was halted are false, foundation says"),
    ],
)
def test_a_correction_finds_its_story_by_the_words_of_its_claim(desk, story, correction) -> None:
    first = desk.hears(story)
    outcome = desk.hears(correction, at_s=100, source="Second")
    assert isinstance(outcome, Corrected)
    assert outcome.signal.corrects_story_id == first.signal.story_id


def test_a_correction_finds_its_story_by_meaning_where_words_fail(desk_of) -> None:
    asked = []

    def same(left: str, right: str, gap_s: float) -> float:
        asked.append((left, right, gap_s))
        return POLICY.correction_meaning_min

    desk = desk_of(same=same)
    first = desk.hears("Cetus Protocol hacked, $220M drained")
    outcome = desk.hears("Cetus says rumours of missing liquidity are false", at_s=60, source="Second")
    assert isinstance(outcome, Corrected)
    assert outcome.signal.corrects_story_id == first.signal.story_id
    assert asked == [("Cetus of missing liquidity are", "Cetus Protocol hacked, $220M drained", 60.0)]


def test_of_several_stories_the_likest_is_taken_back(desk) -> None:
    desk.hears("Binance Will List Filecoin (FIL)", source="b", venue="binance", trust=0.98)
    hacked = desk.hears(HACK, at_s=5)
    desk.hears("Binance Will List Chainlink (LINK)", at_s=10, source="b", venue="binance", trust=0.98)
    outcome = desk.hears(DENIAL, at_s=40, source="Second")
    assert isinstance(outcome, Corrected)
    assert outcome.signal.corrects_story_id == hacked.signal.story_id


@pytest.mark.parametrize(
    "headline",
    [
        "Uniswap denies reports of hack",
        "Binance denies it will list PEPE",
        "Correction: an earlier version misspelled a name",
        "Judge denies bail for hacker",
    ],
)
def test_a_correction_of_another_story_is_what_it_was_before(desk, desk_of, headline) -> None:
    desk.hears(HACK)
    alone = desk_of().hears(headline, at_s=40, source="Second")
    assert isinstance(alone, NotASignal)
    assert desk.hears(headline, at_s=40, source="Second") == alone


def test_after_the_echo_there_is_nothing_to_take_back(desk) -> None:
    desk.hears(HACK)
    assert isinstance(desk.hears(DENIAL, at_s=POLICY.echo_s + 1, source="Second"), NotASignal)


def test_a_denial_from_before_the_story_speaks_of_something_else(desk) -> None:
    first = desk.hears(HACK, at_s=10_000)
    old = {"published_at": desk.make_item(HACK, at_s=10_000 - POLICY.window_s - 1).published_at}
    assert isinstance(desk.hears(DENIAL, at_s=10_001, changed=old, source="Second"), Merged)
    undated = {"extras": {"backlog": True}}
    assert isinstance(desk.hears(OTHER_DENIAL, at_s=10_002, changed=undated, source="Second"), Merged)
    outcome = desk.hears("Binance says hack report is false", at_s=10_003, source="Second")
    assert isinstance(outcome, Corrected)
    assert outcome.signal.corrects_story_id == first.signal.story_id


def test_the_same_correction_twice_changes_nothing(desk) -> None:
    first = desk.hears(HACK)
    correction = desk.hears(DENIAL, at_s=40, source="Second")
    again = desk.hears(DENIAL, at_s=40, source="Second")
    assert (again, again.repeated) == (correction, True)
    assert desk.hears(DENIAL, at_s=41, source="Second") == Duplicate(
        correction.signal.event_id, first.signal.story_id, desk.make_item(DENIAL, at_s=41).received_at
    )
    other = desk.hears(OTHER_DENIAL, at_s=50, source="Third")
    assert other == Merged(first.signal.story_id, "a story that was corrected", other.at)


def test_later_reports_of_a_story_that_was_taken_back_amend_nothing(desk) -> None:
    first = desk.hears(HACK)
    desk.hears(DENIAL, at_s=40, source="Second")
    late = desk.hears("Binance Exchange Hacked, $100M Gone", at_s=60, source="Third")
    assert late == Merged(first.signal.story_id, "a story that was corrected", late.at)


# -- who is believed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "believed"),
    [
        ({"trust": 0.8 - POLICY.correction_trust_margin}, True),
        ({"trust": 0.8 - POLICY.correction_trust_margin - 0.01}, False),
        ({"trust": 0.1, "venue": "binance"}, True),
        ({"trust": 0.1, "venue": "kraken"}, False),
        ({"trust": 0.1, "source": "binance.account", "verified": True}, True),
        ({"trust": 0.1, "source": "binance.account"}, False),
        ({"trust": 0.1, "source": "somebody", "verified": True}, False),
    ],
)
def test_only_a_trusted_source_or_the_party_itself_takes_a_story_back(desk, source, believed) -> None:
    first = desk.hears(HACK, trust=0.8)
    outcome = desk.hears(DENIAL, at_s=40, **{"source": "Second"} | source)
    if believed:
        assert isinstance(outcome, Corrected)
    else:
        assert outcome == Merged(
            first.signal.story_id, "a correction by a source that is trusted too little", outcome.at
        )


def test_the_best_voice_of_a_story_counts(desk) -> None:
    desk.hears(HACK, trust=0.6)
    assert desk.hears("Binance Exchange Hacked, $100M Gone", at_s=5, source="Best", trust=0.95).signal.revision == 2
    assert isinstance(desk.hears(DENIAL, at_s=40, source="Third", trust=0.8), Merged)
    assert isinstance(desk.hears(OTHER_DENIAL, at_s=41, source="Fourth", trust=0.9), Corrected)


def test_the_margin_is_configured(desk_of) -> None:
    desk = desk_of(CorrelationPolicy(correction_trust_margin=0.0))
    desk.hears(HACK, trust=0.8)
    assert isinstance(desk.hears(DENIAL, at_s=40, source="Second", trust=0.79), Merged)


def test_a_story_of_an_older_message_that_tells_no_trust_is_hard_to_take_back(desk) -> None:
    first = desk.hears(HACK)
    told = {key: value for key, value in first.signal.extras.items() if key != "story_trust"}
    now = first.at + timedelta(seconds=40)
    desk.window = rebuild([first.signal.model_copy(update={"extras": told})], [], now, POLICY)
    assert isinstance(desk.hears(DENIAL, at_s=40, source="Second", trust=0.85), Merged)
    assert isinstance(desk.hears(OTHER_DENIAL, at_s=41, source="Third", trust=0.95), Corrected)


# -- rebuilt windows ------------------------------------------------------------------------------------------------


def test_a_rebuilt_window_knows_what_was_taken_back(desk) -> None:
    first, correction = desk.hears(HACK), desk.hears(DENIAL, at_s=40, source="Second")
    signals = [Signal.from_wire(one.signal.to_wire()) for one in (first, correction)]
    heard = [desk.make_item(HACK), desk.make_item(DENIAL, at_s=40, source="Second")]
    fates = [fate_of(one, item) for one, item in zip((first, correction), heard, strict=True)]
    kept = [ItemFate.from_wire(one.to_wire()) for one in fates]
    for known in (kept, kept[:1]):  # the process may have died before the last fate was out
        desk.window = rebuild(signals, known, correction.at, POLICY)
        again = desk.hears(DENIAL, at_s=40, source="Second")
        assert again == correction
        late = desk.hears(OTHER_DENIAL, at_s=60, source="Third")
        assert late == Merged(first.signal.story_id, "a story that was corrected", late.at)


def test_a_correction_starts_no_story_of_its_own(desk) -> None:
    desk.hears(HACK)
    desk.hears(DENIAL, at_s=40, source="Second")
    assert len(desk.window.stories) == 1
    assert isinstance(desk.hears("Solana network halts", at_s=50), Started)
    desk.window.stories.correct("a story that is gone")
    assert len(desk.window.stories) == 2
