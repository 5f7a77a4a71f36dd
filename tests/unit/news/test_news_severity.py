"""How severe the rules find events: by venue, tone, amount and trust, on headlines of each kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.documents import ConfigurationError
from herald.news.rulebook import UNTRUSTED_SEVERITY_MAX, parse_rulebook
from herald.taxonomy import Direction, EventType

PRESS = {"source": "press", "trust": 0.8, "allow_listed": True}
BLOG = {"source": "blog", "trust": 0.4}
PERSON = {"source": "x.person", "trust": 0.9, "allow_listed": True, "verified": True}
BULL, BEAR, UNKNOWN = Direction.BULL, Direction.BEAR, Direction.UNKNOWN


def venue(name: str, **fields: Any) -> dict[str, Any]:
    return {"source": name, "trust": 0.97, "allow_listed": True, "verified": True, "venue": name, **fields}


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("binance", "Binance Will List Notcoin (NOT) with Seed Tag Applied"),
        ("binance", "Binance Futures Will Launch USDⓈ-Margined NOTUSDT Perpetual Contract With Up to 50x Leverage"),
        ("Binance", "Binance Lists Orion Protocol (ORN)"),
        ("coinbase", "Coinbase will add support for Keeta (KTA) on the Base network"),
        ("coinbase", "Ethena (ENA) is now available on Coinbase"),
        ("okx", "OKX to list Sahara AI (SAHARA) for spot trading"),
        ("okx", "OKX will launch perpetual futures for HOMEUSDT"),
        ("bybit", "New Listing: LAUSDT Perpetual Contract, with up to 25x leverage"),
        ("bybit", "Bybit: SKATE/USDT is now live for spot trading"),
    ],
)
def test_a_listing_announced_by_a_top_venue_in_its_own_form_is_severe_and_bullish(name, headline, reading_of):
    reading = reading_of(headline, **venue(name))
    assert (reading.event_type, reading.direction, reading.is_signal) == (EventType.LISTING, BULL, True)
    assert reading.severity >= 0.85


@pytest.mark.parametrize(
    ("name", "headline", "least", "most"),
    [
        ("binance", "Binance Adds ETHFI/FDUSD Trading Pair", 0.4, 0.5),
        ("binance", "Isolated Margin Trading for STORJ and BAND Enabled on Binance", 0.35, 0.45),
        ("binance", "Introducing Sophon (SOPH) on Binance HODLer Airdrops!", 0.7, 0.7),
        ("kraken", "RESOLV is available for trading!", 0.75, 0.85),
        ("kucoin", "Resolv (RESOLV) Gets Listed on KuCoin! World Premiere!", 0.7, 0.75),
        ("mexc", "MEXC Will List Resolv (RESOLV)", 0.5, 0.6),
    ],
)
def test_lesser_venues_and_lesser_listings_are_less_severe(name, headline, least, most, reading_of):
    reading = reading_of(headline, **venue(name))
    assert (reading.event_type, reading.is_signal) == (EventType.LISTING, True)
    assert least <= reading.severity <= most


def test_a_venue_that_is_not_allow_listed_stays_below_the_bound(reading_of):
    stranger = venue("binance", allow_listed=False)
    assert reading_of("Binance Will List Notcoin (NOT)", **stranger).severity == UNTRUSTED_SEVERITY_MAX


@pytest.mark.parametrize(
    ("name", "headline"),
    [
        ("coinbase", "Why we are launching a new blog"),
        ("binance", "Binance Margin Will Add New Pairs - 2025-05-20"),
        ("okx", "New OKX features for BTC holders available"),
        ("binance", "Trade BTC futures and share a $50,000 giveaway"),
        ("binance", "Earn Up to 8% APR on SOL with Simple Earn"),
        ("binance", "Binance Pay: accept Bitcoin at 1,000 merchants, win prizes"),
        ("kraken", "Why Bitcoin is the best asset we love"),
        ("coinbase", "We support the future of crypto and love Bitcoin"),
    ],
)
def test_a_venues_own_words_that_list_nothing_are_no_signal(name, headline, reading_of):
    assert not reading_of(headline, **venue(name)).is_signal


def test_an_announcement_in_no_form_of_its_venue_says_so_and_is_bounded(reading_of, rulebook):
    reading = reading_of("SOL desk open in Tokyo, new pictures added", **venue("okx"))
    assert reading.event_type is EventType.LISTING
    assert reading.severity <= rulebook.severities.unlike_a_listing_max
    assert "doubt:form:no listing of okx" in reading.reasons


def test_a_reported_listing_counts_by_its_venue(reading_of):
    names = ("Binance", "Coinbase", "KuCoin", "LBank")
    found = [reading_of(f"{name} to list Sophon (SOPH)", **PRESS).severity for name in names]
    assert found == [0.65, 0.65, 0.52, 0.39]
    assert reading_of("Coinbase delists MOVE token", **PRESS).severity == 0.6
    assert reading_of("LBank delists MOVE token", **PRESS).severity < 0.6


TONES = [
    ("Fed makes emergency rate cut", BULL, 0.95),
    ("Fed cuts rates in emergency meeting", BULL, 0.95),
    ("FOMC cuts rates by 50 bps", BULL, 0.9),
    ("Fed raises rates by 75 basis points", BEAR, 0.9),
    ("Fed cuts interest rates by 25 basis points", BULL, 0.8),
    ("Federal Reserve raises interest rates", BEAR, 0.85),
    ("Fed leaves rates unchanged", UNKNOWN, 0.6),
    ("Fed holds rates steady in hawkish statement", BEAR, 0.6),
    ("Fed delivers hawkish cut", UNKNOWN, 0.8),
    ("Fed cuts rates as Powell strikes hawkish tone", UNKNOWN, 0.8),
    ("Fed's Powell strikes hawkish tone on tariffs and prices", BEAR, 0.6),
    ("Fed's Waller turns dovish on rate path", BULL, 0.6),
    ("Powell less hawkish on inflation than markets feared", BULL, 0.3),
    ("Powell no longer dovish on inflation", BEAR, 0.3),
    ("Fed minutes signal higher for longer as inflation risks stay", BEAR, 0.6),
    ("Powell signals no rate cuts this year", BEAR, 0.55),
    ("Fed to end QT in September, dovish minutes show", BULL, 0.6),
    ("ECB cuts rates by 25 bps", BULL, 0.4),
    ("ECB's Lagarde strikes hawkish tone", BEAR, 0.3),
    ("Bank of Japan raises interest rates", BEAR, 0.425),
    ("Bank of Russia cuts rates", BULL, 0.32),
]


@pytest.mark.parametrize(("headline", "direction", "severity"), TONES)
def test_the_tone_of_a_central_bank_sets_side_and_severity(headline, direction, severity, reading_of):
    reading = reading_of(headline, **PRESS)
    assert (reading.event_type, reading.direction, reading.severity) == (EventType.FED_SPEECH, direction, severity)
    assert reading.tradable


AMOUNTS = [
    ("Euler Finance exploited for over $200 million", EventType.HACK, 200e6),
    ("Bybit hacked, $1.5B in ETH stolen", EventType.HACK, 1.5e9),
    ("Hackers drain 230M USDT from WazirX wallet", EventType.HACK, 230e6),
    ("Nobitex exploited for €5m", EventType.HACK, 5.5e6),
    ("Cetus hacked: $220M drained, $162M frozen", EventType.HACK, 220e6),
    ("$10 billion asset manager loses $12M to exploit", EventType.HACK, 12e6),
    ("$230M exchange hack hits WazirX, $3M recovered", EventType.HACK, 230e6),
    ("KiloEx loses $7.4 million in exploit", EventType.HACK, 7.4e6),
    ("Hacker steals HK$80 million in crypto from Hong Kong exchange", EventType.HACK, 10.24e6),
    ("Strategy buys 7,390 BTC for $764.9M", EventType.TREASURY, 764.9e6),
    ("Metaplanet buys $5M of Bitcoin", EventType.TREASURY, 5e6),
    ("Strategy acquires 21,021 bitcoin for $2.46 billion", EventType.TREASURY, 2.46e9),
    ("Semler Scientific buys $20M in Bitcoin, treasury now worth $400M", EventType.TREASURY, 20e6),
    ("German government sells $900M of Bitcoin", EventType.TREASURY, 900e6),
    ("Over $1.2 billion in crypto longs liquidated in 24 hours", EventType.LIQUIDATION, 1.2e9),
    ("$300M liquidated as bitcoin falls", EventType.LIQUIDATION, 300e6),
    ("$60M in shorts liquidated", EventType.LIQUIDATION, 60e6),
    ("Spot Bitcoin ETFs see $1.2B inflow", EventType.ETF, 1.2e9),
    ("Whale moves $800M in BTC to Binance", EventType.WHALE_FLOW, 800e6),
]
SCALES = {
    EventType.HACK: "hack", EventType.TREASURY: "treasury", EventType.LIQUIDATION: "liquidation",
    EventType.ETF: "flow", EventType.WHALE_FLOW: "transfer",
}  # fmt: skip


@pytest.mark.parametrize(("headline", "event_type", "usd"), AMOUNTS)
def test_the_amount_of_the_news_sets_the_severity(headline, event_type, usd, reading_of, rulebook):
    reading = reading_of(headline, **PRESS)
    assert reading.event_type is event_type
    assert reading.extras["amount_usd"] == pytest.approx(usd)
    assert reading.severity == pytest.approx(rulebook.severities.of_usd(SCALES[event_type], usd), abs=1e-4)


@pytest.mark.parametrize(
    ("headline", "severity"),
    [
        ("Cork Protocol exploited", 0.45),
        ("GameStop buys 4,710 bitcoin", 0.35),
        ("Liquidations spike across crypto derivatives", 0.2),
    ],
)
def test_without_an_amount_the_rule_sets_the_severity(headline, severity, reading_of):
    reading = reading_of(headline, **PRESS)
    assert (reading.severity, "amount_usd" in reading.extras) == (severity, False)


def test_of_exchange_traded_products_a_decision_outweighs_a_filing_and_that_any_flow(reading_of):
    decisions = ("SEC approves spot Litecoin ETF", "SEC rejects spot Litecoin ETF")
    filings = (
        "SEC delays decision on spot Litecoin ETF",
        "Bitwise files for NEAR ETF",
        "Canary amends S-1 for Tron ETF",
    )
    flows = (
        "Spot Bitcoin ETFs see $9B inflow",
        "Spot Bitcoin ETFs see $1.2B outflow",
        "Spot Ether ETFs draw $50M inflow",
    )
    found = [[reading_of(headline, **PRESS) for headline in group] for group in (decisions, filings, flows)]
    assert {reading.event_type for group in found for reading in group} == {EventType.ETF}
    severities = [[reading.severity for reading in group] for group in found]
    assert min(severities[0]) > max(severities[1])
    assert min(severities[1]) > max(severities[2])
    assert severities[2] == sorted(severities[2], reverse=True)


@pytest.mark.parametrize(
    ("text", "account", "severity"),
    [
        ("I love Dogecoin", PERSON, 0.83),
        ("I love Dogecoin", {**PERSON, "trust": 0.6}, 0.77),
        ("I love Dogecoin", {**PERSON, "allow_listed": False}, UNTRUSTED_SEVERITY_MAX),
        ("Dogecoin", PERSON, 0.68),
    ],
)
def test_a_verified_account_is_heard_by_its_trust(text, account, severity, reading_of):
    reading = reading_of(text, **account)
    assert (reading.event_type, reading.severity, reading.is_signal) == (EventType.POLITICAL_POST, severity, True)


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("I love Dogecoin", {**PERSON, "verified": False}),
        ("Donald Trump says he loves bitcoin", PRESS),
        ("Donald Trump says he loves bitcoin", BLOG),
        ("Buy $FAKE presale now, next 100x, love it", PERSON),
        ("Send 1 BTC and get 2 BTC back, giveaway! I love Bitcoin", PERSON),
    ],
)
def test_nobody_elses_word_and_no_advert_of_an_account_is_a_signal(text, account, reading_of):
    assert not reading_of(text, **account).is_signal


def test_a_reported_post_counts_by_the_trust_in_who_reports_it(reading_of):
    headline = "Donald Trump says he loves bitcoin"
    assert reading_of(headline, **PRESS).severity > reading_of(headline, **BLOG).severity


HEADLINES = {
    "hack": "Protocol hacked, {} in ETH stolen",
    "treasury": "Strategy buys {} of Bitcoin",
    "liquidation": "{} in shorts liquidated",
    "transfer": "Whale moves {} in BTC to Binance",
    "flow": "Spot Bitcoin ETFs see {} inflow",
}


@given(
    kind=st.sampled_from(sorted(HEADLINES)), amounts=st.tuples(st.integers(1, 10**11), st.integers(1, 10**11)),
    allow_listed=st.booleans(),
)  # fmt: skip
def test_severity_never_falls_as_the_amount_rises(kind, amounts, allow_listed, reading_of):
    less, more = (
        reading_of(HEADLINES[kind].format(f"${usd:,}"), allow_listed=allow_listed, trust=0.8) for usd in sorted(amounts)
    )
    assert less.event_type is more.event_type
    assert less.severity <= more.severity


TRUSTED = st.sampled_from([
    "I love Dogecoin", "Donald Trump says he loves bitcoin", "Bybit hacked, $1.5B in ETH stolen",
    "Binance to list Sophon (SOPH)", "Fed's Waller turns dovish on rate path", "Strategy buys 1,045 BTC for $110M",
    "SEC approves spot Solana ETF", "Best crypto to buy now: presale",
])  # fmt: skip


@given(
    headline=TRUSTED, trusts=st.tuples(st.floats(0, 1), st.floats(0, 1)), verified=st.booleans(),
    listed=st.tuples(st.booleans(), st.booleans()),
)  # fmt: skip
def test_severity_never_falls_as_trust_rises(headline, trusts, verified, listed, reading_of):
    less, more = (
        reading_of(headline, trust=trust, verified=verified, allow_listed=allowed)
        for trust, allowed in zip(sorted(trusts), sorted(listed), strict=True)
    )
    assert less.severity <= more.severity
    assert less.tradable == more.tradable


@given(usd=st.floats(0, 1e13), more=st.floats(0, 1e13))
def test_every_scale_is_monotone_and_within_its_ends(usd, more, rulebook):
    for name, points in rulebook.severities.scales.items():
        low, high = (rulebook.severities.of_usd(name, value) for value in sorted((usd, more)))
        assert points[0][1] <= low <= high <= points[-1][1]


def test_a_scale_goes_through_its_points_and_between_them_by_the_logarithm(rulebook):
    severities = rulebook.severities
    assert [severities.of_usd("hack", usd) for usd in (0, 1e5, 1e6, 1e8, 1e9, 1e12)] == pytest.approx(
        [0.2, 0.3, 0.4, 0.8, 1.0, 1.0]
    )
    assert severities.of_usd("hack", 10**5.5) == pytest.approx(0.35)
    assert severities.of_usd("hack", 50_000) == pytest.approx(0.25)
    assert severities.of_usd("hack", -1) == 0.2


def test_every_rule_of_an_event_has_a_band(rulebook):
    typed = {rule.rule.event_type for rule in rulebook.rules}
    silent = {EventType.PROMOTION, EventType.MARKET_COMMENTARY, EventType.OTHER}
    assert typed - silent == set(EventType) - silent == set(rulebook.severities.bands)


RULE = "rules:\n  - id: first\n    event_type: HACK\n    when: [a]\n    pattern: a\n"
TONE = "tone_maps:\n  bank:\n    tones:\n      - {id: one, direction: BULL, strength: 0.5, if: 'PATTERN'}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("usd_severities:\n  a: {0: 0.5, 100: 0.4}\n" + RULE, "rules.yaml:2: usd_severities.a: .*less severe"),
        ("usd_severities:\n  a: {0: 0.1, 100: 0.2, 10: 0.3}\n" + RULE, "rules.yaml:2: usd_severities.a: .*in order"),
        ("usd_severities:\n  a: {10: 0.1}\n" + RULE, "begin at 0"),
        ("bands:\n  HACK: {floor: 0.5, ceiling: 0.4}\n" + RULE, "rules.yaml:2: bands.HACK: .*above the ceiling"),
        ("bands:\n  HACKS: {floor: 0.5}\n" + RULE, "rules.yaml:2: bands.HACKS"),
        ("bands:\n  HACK: {floor: 0.5}\n" + RULE, "rules.yaml:4: first: severity 0.3 is outside of the band of HACK"),
        (
            "bands:\n  HACK: {floor: 0.2}\nusd_severities: {a: {0: 0.1}}\n" + RULE + "    by_usd: a\n",
            "rules.yaml:5: first: severity 0.1 is outside",
        ),
        (RULE + "    by_tone: bank\n", r"rules.yaml:2: first: by_tone names 'bank'.*tone_maps \(none"),
        (TONE.replace("PATTERN", "(") + RULE, r"rules.yaml:4: one: '\(' is no regular expression"),
        (TONE.replace("0.5", "1.5") + RULE, "rules.yaml:4: tone_maps.bank.tones.0.strength"),
        (TONE.replace("PATTERN", "x").replace("id: one", "id: first") + RULE, "first: the id is given twice"),
        ("venues:\n  Okx: {listing: '('}\n" + RULE, r"rules.yaml:2: Okx: '\(' is no regular expression"),
        ("venues:\n  Okx: {shares: 0.5}\n" + RULE, "rules.yaml:2: venues.Okx.shares: unknown field"),
        (RULE + "    by_trust: 2\n", "rules.yaml:6: rules.0.by_trust"),
    ],
)
def test_a_wrong_severity_names_line_and_cure(text, message):
    with pytest.raises(ConfigurationError, match=message):
        parse_rulebook(text, "rules.yaml")
