from __future__ import annotations

from pathlib import Path

import pytest

from herald.documents import ConfigurationError, load_document, parse_document
from herald.taxonomy import Direction, EventType, Side
from herald.trading.directory import Directory, Instruments
from herald.trading.playbooks import PlaybookBook
from herald.trading.risk_limits import RiskLimits
from herald.trading.venue_rules import VenuesDocument

CONFIGS = Path(__file__).resolve().parents[3] / "configs"

BOOK = """
notional_caps_usd: {HACK: 1000}
baskets:
  two:
    legs: [{asset: BTC}, {asset: ETH}]
playbooks:
  - id: hack
    event_types: [HACK]
"""


def parse(text: str) -> PlaybookBook:
    return parse_document(text, PlaybookBook, "book.yaml")


@pytest.fixture(scope="module")
def shipped() -> PlaybookBook:
    return load_document(CONFIGS / "playbooks.yaml", PlaybookBook)


@pytest.fixture(scope="module")
def directory() -> Directory:
    return Directory(load_document(CONFIGS / "instruments.yaml", Instruments))


def test_every_asset_of_the_shipped_baskets_can_be_traded(shipped, directory):
    assert shipped.assets_without_instrument(directory) == ()


def test_the_shipped_playbooks_keep_the_limits_of_the_design(shipped):
    for playbook in shipped.playbooks:
        assert playbook.slippage_max_bps <= 10
        assert 20 <= playbook.exit.take_profit_bps <= 60
        assert playbook.exit.flat_after_s <= 90
        assert playbook.exit.stop_loss_bps > 0


def test_the_shipped_playbooks_play_every_event_that_is_news(shipped):
    silent = {EventType.PROMOTION, EventType.MARKET_COMMENTARY, EventType.OTHER}
    played = {kind for playbook in shipped.playbooks for kind in playbook.event_types}
    assert played == set(EventType) - silent


def test_the_shipped_risk_and_venue_files_are_valid(directory):
    limits = load_document(CONFIGS / "risk.yaml", RiskLimits)
    assert 120 <= limits.cool_down_s <= 300
    assert load_document(CONFIGS / "venues.yaml", VenuesDocument).of("paper").fresh_ms == 1000
    assert len(directory.all()) >= 40
    with pytest.raises(ConfigurationError, match="no venue 'kraken'"):
        load_document(CONFIGS / "venues.yaml", VenuesDocument).of("kraken")


def test_a_version_is_the_hash_of_the_content_unless_given():
    first, same = parse(BOOK).playbooks[0], parse(BOOK).playbooks[0]
    other = parse(BOOK + "    min_severity: 0.9\n").playbooks[0]
    given = parse(BOOK + "    version: '7'\n").playbooks[0]
    assert first.version == same.version
    assert len(first.version) == 12
    assert other.version != first.version
    assert given.version == "7"


def test_a_playbook_follows_the_news_or_keeps_its_side():
    follow = parse(BOOK).playbooks[0]
    fixed = parse(BOOK + "    side: buy\n").playbooks[0]
    assert [follow.side_for(one) for one in (Direction.BULL, Direction.BEAR)] == [Side.BUY, Side.SELL]
    assert fixed.side_for(Direction.UNKNOWN) is Side.BUY


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("    min_severty: 0.5\n", ["book.yaml:9", "min_severity"]),
        ("    min_severity: 2\n", ["book.yaml:9", "less than or equal to 1"]),
        ("    time_in_force: GTC\n", ["book.yaml:9", "time_in_force", "IOC"]),
        ("    directions: [BULL, UNKNOWN]\n", ["UNKNOWN direction cannot be followed"]),
        ("    target: basket\n", ["none is named"]),
        ("    fallback: three\n", ["'three'", "add it"]),
        ("    target: basket\n    basket: two\n    fallback: two\n", ["remove fallback"]),
        ("    size: {unknown_share: 0.01}\n", ["book.yaml:9", "0.001"]),
        ("  - id: hack\n    event_types: [HACK]\n", ["'hack' is given twice"]),
        ("  - id: etf\n    event_types: [ETF]\n", ["ETF, which has no cap"]),
    ],
)
def test_a_wrong_playbook_is_refused_with_its_line_and_cure(extra, words):
    with pytest.raises(ConfigurationError) as caught:
        parse(BOOK + extra)
    for word in words:
        assert word in str(caught.value)


def test_an_asset_twice_in_a_basket_is_refused():
    with pytest.raises(ConfigurationError, match="twice"):
        parse(BOOK.replace("asset: ETH", "asset: BTC"))
