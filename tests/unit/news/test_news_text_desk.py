"""Headlines that come from no source are read as those of a source are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from herald.messages import RawItem
from herald.news.evidence import evidence_of
from herald.news.gazetteer import Gazetteer
from herald.news.normalise import HEADLINE_CHARS_MAX, MalformedItem
from herald.news.profiles import SourceProfile
from herald.news.reading_desk import NO_SOURCE, TextDesk, understand
from herald.news.rulebook import UNTRUSTED_SEVERITY_MAX, Rulebook
from herald.taxonomy import Direction, EventType, Reason

NOW = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)
HACK = "Sui DEX Cetus hacked, $220M drained"
BINANCE = SourceProfile(name="binance", trust=0.95, allow_listed=True, venue="Binance")


@pytest.fixture
def desk(rulebook: Rulebook, gazetteer: Gazetteer) -> TextDesk:
    return TextDesk(rulebook, gazetteer)


@pytest.mark.parametrize("profile", [NO_SOURCE, BINANCE])
@pytest.mark.parametrize("text", [HACK, "Binance Will List Solana (SOL)", "A quiet day"])
def test_text_is_read_as_if_the_source_had_sent_it(
    text: str, profile: SourceProfile, desk: TextDesk, rulebook: Rulebook, gazetteer: Gazetteer
) -> None:
    found = desk.read(text, NOW, profile)
    raw = RawItem(source=profile.name, title=text, published_at=NOW, received_at=NOW)
    assert (found.item, found.reading) == understand(raw, profile, rulebook, gazetteer, NOW)
    assert found.evidence == evidence_of(found.item, found.reading, gazetteer)


def test_the_same_text_is_read_the_same_way_again(desk: TextDesk) -> None:
    assert desk.read(HACK, NOW) == desk.read(HACK, NOW)


def test_a_fact_is_a_signal_with_its_evidence(desk: TextDesk) -> None:
    found = desk.read(HACK, NOW)
    reading = found.reading
    assert (reading.event_type, reading.direction, reading.is_signal) == (EventType.HACK, Direction.BEAR, True)
    assert {"type:HACK", "direction:BEAR", "tradable:True"} <= set(found.evidence)


def test_text_is_of_the_moment_at_which_it_is_read(desk: TextDesk) -> None:
    item = desk.read(HACK, NOW).item
    assert (item.published_at, item.received_at, item.extras) == (NOW, NOW, {})


def test_text_of_no_source_is_believed_as_a_stranger_is(desk: TextDesk) -> None:
    stranger, trusted = desk.read(HACK, NOW), desk.read(HACK, NOW, BINANCE.model_copy(update={"venue": ""}))
    assert (stranger.item.allow_listed, stranger.item.verified, stranger.item.venue) == (False, False, "")
    assert stranger.reading.severity == UNTRUSTED_SEVERITY_MAX < trusted.reading.severity
    assert stranger.reading.confidence < trusted.reading.confidence


def test_only_a_venue_speaks_with_the_venues_voice(desk: TextDesk) -> None:
    text = "Notice on Delisting of Margin Pairs"
    own, stranger = desk.read(text, NOW, BINANCE).reading, desk.read(text, NOW).reading
    assert (own.event_type, own.primary_entity, own.fate_reason) == (EventType.DELIST, "Binance", Reason.RULE_MATCHED)
    assert own.reasons[0] == "rule:announcement-delist" != stranger.reasons[0]
    assert stranger.primary_entity == ""


def test_the_dress_of_a_text_is_taken_off(desk: TextDesk) -> None:
    dressed = desk.read(f"  <b>{HACK.replace(' ', chr(160))}</b>\u200b ", NOW)
    assert dressed.item.headline == HACK
    assert dressed.reading == desk.read(HACK, NOW).reading
    assert len(desk.read("long " * HEADLINE_CHARS_MAX, NOW).item.headline) <= HEADLINE_CHARS_MAX


@pytest.mark.parametrize("text", ["", "   ", "<p></p>", "\u200b"])
def test_a_text_without_words_is_refused(text: str, desk: TextDesk) -> None:
    with pytest.raises(MalformedItem) as refused:
        desk.read(text, NOW)
    assert refused.value.code is Reason.EMPTY_HEADLINE
