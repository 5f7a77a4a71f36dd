"""Tickers that are ordinary words are told by what stands about them, and all of several assets are found."""

from __future__ import annotations

import pytest

from herald.news.entities import find_entities
from herald.news.gazetteer import Gazetteer

NO_ASSET = (
    "LINK in bio for free signals",
    "Follow us: LINK in bio",
    "ONE of the largest banks fails",
    "NEAR record high, gold pauses",
    "Apple eyes NEAR field payments",
    "GAS prices hit a decade high",
    "Natural GAS futures fall",
    "MASK mandate returns in Los Angeles",
    "HOT summer for tech stocks",
    "MAGIC Johnson buys a team",
    "GALA dinner in Paris",
    "BAND plays on",
    "APE into this coin",
    "SAND prices rise as builders return",
    "Flow of funds slows",
    "Compound interest explained",
    "AI stocks slide as Nvidia misses",
    "THE END of crypto winter",
    "Avalanche kills four skiers",
    "Cosmos telescope launch delayed",
    "Tron sequel flops",
    "Binance lists A, B and C",
    "BREAKING: Cork Protocol hacked",
    "Learning curve ahead",
    "",
)

ASSETS = {
    "OP token jumps 12%": ["OP"],
    "$PEOPLE jumps as DAO votes": ["PEOPLE"],
    "$GAS prices": ["GAS"],
    "1INCH exploited for $5M": ["1INCH"],
    "1inch exploited for $5M": ["1INCH"],
    "BTC, ETH and SOL slide": ["BTC", "ETH", "SOL"],
    "bitcoin, ether and solana fall": ["BTC", "ETH", "SOL"],
    "#BTC #ETH #SOL to the moon": ["BTC", "ETH", "SOL"],
    "Binance lists BONK, WIF and PEPE": ["BONK", "WIF", "PEPE"],
    "Coinbase to list Sui (SUI), Aptos (APT) and Sei (SEI)": ["SUI", "APT", "SEI"],
    "Polygon (POL), Arbitrum (ARB) and Optimism (OP) lead L2s": ["POL", "ARB", "OP"],
    "XRP, ADA, DOGE and LINK tumble": ["XRP", "ADA", "DOGE", "LINK"],
    "SOL, LINK, NEAR and OP lead losses": ["SOL", "LINK", "NEAR", "OP"],
    "LINK, XRP and ADA rally": ["LINK", "XRP", "ADA"],
    "JUP, RAY and ORCA jump": ["JUP", "RAY", "ORCA"],
    "Shiba Inu, Pepe and Floki sink": ["SHIB", "PEPE", "FLOKI"],
    "Bitcoin Cash and Litecoin fall": ["BCH", "LTC"],
    "SUI/USDT and SEIUSDT perpetuals open": ["SUI", "SEI"],
    "Maker renames to Sky; MKR, SKY split": ["MKR", "SKY"],
    "Compound DAO exploited": ["COMP"],
    "The Graph (GRT) upgrades": ["GRT"],
    "Avalanche upgrades": ["AVAX"],
    "BTC and ONE of the largest banks": ["BTC"],
    "Ethereum and Near Record Highs": ["ETH"],
    "Bitcoin and Flow of Funds": ["BTC"],
    "LTC/BTC ratio": ["LTC"],
}


@pytest.mark.parametrize("headline", NO_ASSET)
def test_an_ordinary_word_is_no_asset(headline: str, gazetteer: Gazetteer) -> None:
    assert find_entities(headline, gazetteer).assets == ()


@pytest.mark.parametrize(("headline", "expected"), ASSETS.items())
def test_every_asset_of_a_headline_is_found_once_and_in_order(
    headline: str, expected: list[str], gazetteer: Gazetteer
) -> None:
    assert [asset.code for asset in find_entities(headline, gazetteer).assets] == expected


@pytest.mark.parametrize(
    ("headline", "organisations", "venues"),
    [
        ("Ripple sues the SEC", ("SEC", "Ripple"), ()),
        ("Gate lists two more coins", (), ("Gate",)),
        ("Gate blocks withdrawals", (), ("Gate",)),
        ("Open the gate for ETFs", (), ()),
        ("Google Gemini beats a rival", (), ()),
        ("Gemini cuts staff", (), ("Gemini",)),
        ("Circle of friends buys bitcoin", (), ()),
    ],
)
def test_a_party_is_told_from_the_word_by_what_it_does(
    headline: str, organisations: tuple[str, ...], venues: tuple[str, ...], gazetteer: Gazetteer
) -> None:
    found = find_entities(headline, gazetteer)
    assert (found.organisations, found.venues) == (organisations, venues)
