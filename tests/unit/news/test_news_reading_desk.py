"""From what a source sent to what it means, in one call."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from herald.messages import RawItem
from herald.news.gazetteer import parse_gazetteer
from herald.news.profiles import SourceProfile
from herald.news.reading_desk import understand
from herald.news.rulebook import parse_rulebook
from herald.taxonomy import Direction, EventType, Reason

CONFIGS = Path(__file__).parents[3] / "configs"
NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)
PROFILE = SourceProfile(name="binance", trust=0.95, allow_listed=True, venue="binance")


@pytest.fixture(scope="module")
def books():
    rules = (CONFIGS / "rules.yaml").read_text("utf-8")
    names = (CONFIGS / "gazetteer.csv").read_text("utf-8")
    return parse_rulebook(rules, "rules.yaml"), parse_gazetteer(names, "gazetteer.csv")


def read(books, **fields):
    raw = RawItem(source="binance", title="Binance Will List Solana (SOL)", received_at=NOW, **fields)
    return understand(raw, PROFILE, *books, NOW)[1]


def test_an_announcement_is_a_signal(books) -> None:
    reading = read(books)
    assert (reading.event_type, reading.primary_entity, reading.is_signal) == (EventType.LISTING, "SOL", True)


def test_an_undated_entry_that_a_source_had_before_the_first_look_is_read_and_not_traded(books) -> None:
    reading = read(books, extras={"backlog": True})
    assert reading.event_type is EventType.LISTING
    assert not reading.is_signal
    assert reading.direction is Direction.UNKNOWN
    assert reading.fate_reason is Reason.TOO_OLD
