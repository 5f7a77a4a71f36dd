"""The rules on recorded news: how many signals there are, that none is absurd, and what a headline costs."""

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from herald.messages import RawItem
from herald.news.correlate import CorrelationPolicy, StoryWindow, correlate
from herald.news.profiles import SourceProfile
from herald.news.reading_desk import understand
from herald.taxonomy import EventType

pytestmark = pytest.mark.data

MS_A_HEADLINE_MAX = 5.0
SIGNAL_SHARE_MAX = 0.08


@pytest.fixture(scope="module")
def recorded() -> Path:
    folder = os.environ.get("HERALD_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("HERALD_DATA does not name the folder of recorded data sets")
    return Path(folder)


@pytest.fixture(scope="module")
def headlines(recorded) -> list[RawItem]:
    polars = pytest.importorskip("polars")
    rows = polars.read_parquet(min((recorded / "crypto_news_2025").glob("*.parquet"))).sort("published_at")
    return [
        RawItem(
            source=row["source"],
            title=row["headline"],
            summary=row["summary"] or "",
            native_id=f"row {number}",
            published_at=row["published_at"],
            received_at=row["published_at"],
        )
        for number, row in enumerate(rows.iter_rows(named=True))
    ]


def test_few_headlines_are_signals_and_each_costs_little(headlines, rulebook, gazetteer):
    policy, signals, profiles = CorrelationPolicy(), [], {}
    window = StoryWindow(policy)
    began = time.perf_counter()
    for raw in headlines:
        profile = profiles.setdefault(raw.source, SourceProfile(name=raw.source, trust=0.6))
        item, reading = understand(raw, profile, rulebook, gazetteer, raw.received_at)
        correlate(window, item, reading, raw.received_at, policy)
        if reading.is_signal:
            signals.append(reading)
    cost_ms = (time.perf_counter() - began) * 1_000 / len(headlines)
    assert cost_ms < MS_A_HEADLINE_MAX
    assert 0.02 * len(headlines) < len(signals) < SIGNAL_SHARE_MAX * len(headlines)
    assert all(reading.severity <= 0.7 for reading in signals)
    nameless = [reading.reasons for reading in signals if not reading.primary_entity]
    assert len(nameless) <= 0.01 * len(signals), nameless


def test_most_exchange_announcements_are_listings_with_their_ticker(recorded, rulebook, gazetteer):
    path = min((recorded / "binance_announcements").glob("*.jsonl"))
    profile = SourceProfile(name="binance.announcements", trust=0.98, allow_listed=True, venue="Binance")
    found = []
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        at = datetime.fromtimestamp(row["publish_ms"] / 1_000, UTC)
        raw = RawItem(source="b", title=row["title"], summary=row["body"], published_at=at, received_at=at)
        found.append(understand(raw, profile, rulebook, gazetteer, at)[1])
    listings = [reading for reading in found if reading.event_type is EventType.LISTING and reading.is_signal]
    removals = [reading for reading in found if reading.event_type is EventType.DELIST and reading.is_signal]
    assert len(listings) > 0.8 * len(found)
    assert len(removals) > 20
    assert sum(reading.primary_entity != "Binance" for reading in listings) > 0.95 * len(listings)
