"""The page on severity says what the code does: its table is made again and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from herald.news.reading import Reading
from herald.news.rulebook import Rulebook
from herald.taxonomy import EventType

PAGE = Path(__file__).resolve().parents[3] / "docs" / "severity.md"
PRESS = {"source": "press", "trust": 0.8, "allow_listed": True}
BINANCE = {"source": "binance", "trust": 0.98, "allow_listed": True, "verified": True, "venue": "binance"}
PERSON = {"source": "x", "trust": 0.9, "allow_listed": True, "verified": True}

ROWS: tuple[tuple[EventType, str, str, dict[str, Any]], ...] = (
    (EventType.LISTING, "venue, kind of market", "Binance Will List Notcoin (NOT)", BINANCE),
    (EventType.LISTING, "the same, as the press has it", "KuCoin lists Sophon (SOPH)", PRESS),
    (EventType.DELIST, "venue, asset or mere pair", "Coinbase delists MOVE token", PRESS),
    (EventType.HACK, "amount", "Cetus hacked: $220M drained, $162M frozen", PRESS),
    (EventType.HACK, "none named: the rule", "Cork Protocol exploited", PRESS),
    (EventType.INSOLVENCY, "what was filed", "FTX files for bankruptcy", PRESS),
    (EventType.OUTAGE, "the rule", "Solana network halts, validators prepare restart", PRESS),
    (EventType.DEPEG, "the rule", "USDe loses its peg, falls to $0.95", PRESS),
    (EventType.ETF, "decision", "SEC approves spot Litecoin ETF", PRESS),
    (EventType.ETF, "filing", "Bitwise files for NEAR ETF", PRESS),
    (EventType.ETF, "flow: amount", "Spot Bitcoin ETFs see $1.2B inflow", PRESS),
    (EventType.SEC_ACTION, "suit, dismissal or licence", "SEC sues Ripple over XRP sales", PRESS),
    (EventType.FED_SPEECH, "keywords, speaker", "FOMC cuts rates by 50 bps", PRESS),
    (EventType.FED_SPEECH, "the same, of words", "Fed's Powell strikes hawkish tone on tariffs", PRESS),
    (EventType.FED_SPEECH, "the same, of another bank", "ECB cuts rates by 25 bps", PRESS),
    (EventType.MACRO_DATA, "whether it surprised", "US CPI comes in hotter than expected", PRESS),
    (
        EventType.REGULATION,
        "how far it has come, and where",
        "Texas House passes strategic Bitcoin reserve bill",
        PRESS,
    ),
    (EventType.GEOPOLITICAL, "which way", "Trump threatens 50% tariff on EU starting June 1", PRESS),
    (EventType.TREASURY, "amount", "Strategy buys 7,390 BTC for $764.9M", PRESS),
    (EventType.WHALE_FLOW, "amount", "Whale moves $800M in BTC to Binance", PRESS),
    (EventType.LIQUIDATION, "amount", "Over $1.2 billion in crypto longs liquidated", PRESS),
    (EventType.TOKENOMICS, "the rule", "Aptos to unlock $60M in APT", PRESS),
    (EventType.NETWORK_UPGRADE, "the rule", "Ethereum Activates 'Pectra' Upgrade", PRESS),
    (EventType.STABLECOIN, "the rule", "Tether mints $1 billion USDT on Tron", PRESS),
    (EventType.PARTNERSHIP, "the rule", "Chainlink partners with Mastercard", PRESS),
    (EventType.FUNDING_MNA, "the rule", "Circle raises $500M in IPO", PRESS),
    (EventType.EARNINGS_CORPORATE, "the rule", "Coinbase reports Q1 revenue of $2 billion", PRESS),
    (EventType.POLITICAL_POST, "a verified account's words, its trust", "I love Dogecoin", PERSON),
    (EventType.POLITICAL_POST, "reported: trust in the source", "Donald Trump says he loves bitcoin", PRESS),
)


def table(reading_of: Callable[..., Reading], rulebook: Rulebook) -> Iterator[str]:
    yield "| type | what sets it | floor | ceiling | example | severity |"
    yield "|---|---|---|---|---|---|"
    for event_type, what, headline, source in ROWS:
        reading, band = reading_of(headline, **source), rulebook.severities.bands[event_type]
        assert reading.event_type is event_type, headline
        yield f"| {event_type} | {what} | {band.floor} | {band.ceiling} | {headline} | {reading.severity:.2f} |"


def test_the_table_of_the_page_is_what_the_code_says(reading_of, rulebook):
    made = "\n".join(table(reading_of, rulebook))
    assert made in PAGE.read_text("utf-8"), f"write this table in {PAGE.name}:\n{made}"


def test_every_type_that_is_an_event_stands_in_the_table(rulebook):
    assert {row[0] for row in ROWS} == set(rulebook.severities.bands)
