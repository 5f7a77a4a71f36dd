"""Whom a headline is about: the asset that it moves, or the party that acts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from herald.messages import NewsItem
from herald.news.annotate import annotate
from herald.news.gazetteer import Gazetteer, parse_gazetteer
from herald.news.primary import MARKET_ASSET, PRIMARY_OF_TYPE, primary_of
from herald.news.reading import Reading
from herald.news.rulebook import Primary
from herald.taxonomy import EventType

NAMES = """kind,code,sector,asset,names,plain
asset,BTC,L1,,Bitcoin,
asset,ETH,L1,,Ethereum,
asset,SOL,L1,,Solana,
asset,XRP,PAYMENT,,,
company,Ripple,,XRP,Ripple,
company,Acme,,,Acme,
venue,Kraken,,,Kraken,
venue,Binance,,BNB,Binance,
regulator,SEC,,,SEC,
central_bank,Fed,,,Fed,
"""

PrimaryOf = Callable[..., str]


@pytest.fixture(scope="module")
def names() -> Gazetteer:
    return parse_gazetteer(NAMES, "names.csv")


@pytest.fixture
def primary(make_item: Callable[..., NewsItem], names: Gazetteer) -> PrimaryOf:
    def make(how: Primary, headline: str, listed: tuple[str, ...] = (), venue: str = "") -> str:
        return primary_of(how, make_item(headline, venue=venue), annotate(headline, names), listed)

    return make


def test_news_for_the_whole_market_is_about_bitcoin(primary: PrimaryOf) -> None:
    assert primary(Primary.MARKET, "Fed speaks about Solana and Ripple") == MARKET_ASSET == "BTC"


@pytest.mark.parametrize(
    ("headline", "listed", "venue", "expected"),
    [
        ("Kraken lists Solana", ("SOL", "ETH"), "", "SOL"),
        ("Kraken lists ten coins that Binance has", (), "", "Kraken"),
        ("Ten coins come", (), "Binance", "Binance"),
        ("Kraken lists ten coins", (), "Binance", "Kraken"),
        ("Ten coins come", (), "", ""),
    ],
)
def test_a_listing_is_about_its_first_asset_else_the_venue(
    headline: str, listed: tuple[str, ...], venue: str, expected: str, primary: PrimaryOf
) -> None:
    assert primary(Primary.LISTED, headline, listed, venue) == expected


@pytest.mark.parametrize(
    ("headline", "expected"),
    [("SEC delays the Solana fund", "SOL"), ("SEC sues Ripple", "BTC"), ("A law passes", "BTC")],
)
def test_what_needs_a_coin_falls_back_on_bitcoin(headline: str, expected: str, primary: PrimaryOf) -> None:
    assert primary(Primary.COIN, headline) == expected


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        ("Ripple settles over Solana", "XRP"),  # the party's own asset goes before the one named
        ("Acme settles over Solana", "SOL"),
        ("Acme settles", "Acme"),
        ("SEC sues Ripple", "XRP"),  # a regulator acts, the other party is moved
        ("SEC and Fed meet Kraken", "Kraken"),
        ("SEC meets the Fed", "SEC"),
        ("SEC speaks about Solana", "SOL"),
        ("Solana halts", "SOL"),
        ("Foo Labs raises $5M", "Foo Labs"),
        ("It rains", ""),
    ],
)
def test_news_of_a_party_is_about_what_the_party_moves(headline: str, expected: str, primary: PrimaryOf) -> None:
    assert primary(Primary.PARTY, headline) == expected


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        ("Ripple mints on Solana", "SOL"),
        ("Solana overtakes Ethereum", "SOL"),
        ("Ripple partners with Acme", "XRP"),
        ("Acme partners with Ripple", "Acme"),
        ("Cork Protocol hacked for $12M", "Cork Protocol"),
        ("Cork's vault drained", ""),
        ("the market sleeps", ""),
    ],
)
def test_other_news_is_about_the_first_asset_else_the_party(headline: str, expected: str, primary: PrimaryOf) -> None:
    assert primary(Primary.ASSET, headline) == expected


@pytest.mark.parametrize(
    ("headline", "expected"),
    [
        ("Bitcoin exchange Foo adds Solana", "SOL"),
        ("Bitcoin miner buys Ethereum", "ETH"),
        ("Ethereum's layer for Solana", "SOL"),
        ("Bitcoin-backed loans on Solana", "SOL"),
        ("Bitcoin holders turn to Solana", "BTC"),
        ("Bitcoin exchange Foo halts", "BTC"),
        ("Bitcoin exchange meets Ethereum wallet", "BTC"),
    ],
)
def test_an_asset_that_only_describes_another_thing_steps_back(
    headline: str, expected: str, primary: PrimaryOf
) -> None:
    assert primary(Primary.ASSET, headline) == expected
    assert primary(Primary.COIN, headline) == expected


@pytest.mark.parametrize(
    ("headline", "party"),
    [
        ("Cork hacked", "Cork"),
        ("Big Cork Protocol loses $1M", "Big Cork Protocol"),
        ("One Big Cork Protocol loses $1M", ""),  # more words than a name has
        ("cork hacked", ""),
        ("Cork Protocol Raises $5M", "Cork Protocol"),
        ("Cork Protocol's hacked", "Cork Protocol"),
        ("Cork Protocol sleeps", ""),
        ("Hackers say Cork Protocol loses $1M", ""),
    ],
)
def test_a_party_of_no_gazetteer_is_the_capitals_before_a_verb_of_news(
    headline: str, party: str, primary: PrimaryOf
) -> None:
    assert primary(Primary.ASSET, headline) == party


@pytest.mark.parametrize(
    ("headline", "event_type", "expected"),
    [
        ("Kraken to list Solana", EventType.LISTING, "SOL"),
        ("OKX Removes 11 Trading Pairs", EventType.DELIST, "OKX"),
        ("Bitcoin exchange Kraken to list Solana", EventType.LISTING, "SOL"),
        ("Fed cuts rates by 50 basis points", EventType.FED_SPEECH, "BTC"),
        ("Strategy buys 1,045 BTC for $110M", EventType.TREASURY, "BTC"),
        ("SEC sues Ripple", EventType.SEC_ACTION, "XRP"),
        ("Celsius files for bankruptcy", EventType.INSOLVENCY, "Celsius"),
        ("Bitcoin DeFi platform ALEX Protocol loses $8.3M to exploit", EventType.HACK, "ALEX"),
        ("Cork Protocol hacked for $12M", EventType.HACK, "Cork Protocol"),
        ("Solana network halts, validators prepare restart", EventType.OUTAGE, "SOL"),
    ],
)
def test_the_rules_choose_by_the_type_of_event(
    headline: str, event_type: EventType, expected: str, reading_of: Callable[..., Reading]
) -> None:
    reading = reading_of(headline)
    assert (reading.event_type, reading.primary_entity) == (event_type, expected)


def test_an_announcement_without_names_is_about_its_venue(reading_of: Callable[..., Reading]) -> None:
    reading = reading_of("Notice on Delisting of Margin Pairs", source="okx.news", venue="OKX", allow_listed=True)
    assert (reading.event_type, reading.primary_entity) == (EventType.DELIST, "OKX")


@pytest.mark.parametrize(
    ("event_type", "how"),
    [
        (EventType.LISTING, Primary.LISTED),
        (EventType.DELIST, Primary.LISTED),
        (EventType.TREASURY, Primary.COIN),
        (EventType.MACRO_DATA, Primary.MARKET),
        (EventType.FED_SPEECH, Primary.MARKET),
        (EventType.GEOPOLITICAL, Primary.MARKET),
        (EventType.SEC_ACTION, Primary.PARTY),
    ],
)
def test_each_type_has_the_primary_entity_of_the_taxonomy(event_type: EventType, how: Primary) -> None:
    assert PRIMARY_OF_TYPE[event_type] is how
