"""The taxonomy's own distinctions, and the ways in which a headline must not become a trade."""

import pytest

from herald.news.rules import RAW_TEXT_CHARS_MAX, to_signal
from herald.taxonomy import Direction, EventType, Reason

BINANCE = {"source": "binance.announcements", "trust": 0.98, "allow_listed": True, "venue": "Binance"}
VERIFIED = {"source": "x.elonmusk", "trust": 0.9, "allow_listed": True, "verified": True}

SIGNALS = [
    ("Coinbase to list Fartcoin", "LISTING", "BULL", "FARTCOIN"),
    ("CME launches XRP futures", "LISTING", "BULL", "XRP"),
    ("KuCoin Lists Resolv (RESOLV)", "LISTING", "BULL", "RESOLV"),
    ("OKX Removes 11 Trading Pairs", "DELIST", "BEAR", "OKX"),
    ("Sui DEX Cetus hacked, $220M drained", "HACK", "BEAR", "CETUS"),
    ("Bitcoin DeFi platform ALEX Protocol loses $8.3M to exploit", "HACK", "BEAR", "ALEX"),
    ("SEC approves spot Solana ETF", "ETF", "BULL", "SOL"),
    ("SEC rejects XRP ETF", "ETF", "BEAR", "XRP"),
    ("SEC delays decision on DOGE ETF", "ETF", "BEAR", "DOGE"),
    ("VanEck files for BNB ETF", "ETF", "BULL", "BNB"),
    ("US Spot Bitcoin ETFs See $347 Million Outflow", "ETF", "BEAR", "BTC"),
    ("SEC sues Ripple over XRP sales", "SEC_ACTION", "BEAR", "XRP"),
    ("SEC dismisses lawsuit against Binance", "SEC_ACTION", "BULL", "BNB"),
    ("Fed cuts rates by 50 basis points", "FED_SPEECH", "BULL", "BTC"),
    ("Federal Reserve raises interest rates", "FED_SPEECH", "BEAR", "BTC"),
    ("Fed holds rates steady", "FED_SPEECH", "UNKNOWN", "BTC"),
    ("Powell strikes hawkish tone on inflation", "FED_SPEECH", "BEAR", "BTC"),
    ("U.S. CPI rose softer than expected 0.1% in May", "MACRO_DATA", "BULL", "BTC"),
    ("U.S. CPI Rose Less Than Expected 0.2% in April", "MACRO_DATA", "BULL", "BTC"),
    ("Cork Protocol hacked for $12M", "HACK", "BEAR", "Cork Protocol"),
    ("US CPI comes in hotter than expected", "MACRO_DATA", "BEAR", "BTC"),
    ("U.S. Added 139K Jobs in May, Roughly In Line With Forecasts", "MACRO_DATA", "UNKNOWN", "BTC"),
    ("Texas House passes strategic Bitcoin reserve bill", "REGULATION", "BULL", "BTC"),
    ("Ceasefire announced, bitcoin jumps", "GEOPOLITICAL", "BULL", "BTC"),
    ("Trump threatens 50% tariff on EU starting June 1", "GEOPOLITICAL", "BEAR", "BTC"),
    ("Strategy buys 1,045 BTC for $110M", "TREASURY", "BULL", "BTC"),
    ("SharpLink to Raise $1B to Buy More Ethereum for Treasury", "TREASURY", "BULL", "ETH"),
    ("El Salvador buys more Bitcoin", "TREASURY", "BULL", "BTC"),
    ("6,857 BTC Moves from Kraken to Unknown Wallet", "WHALE_FLOW", "BULL", "BTC"),
    ("BlackRock Deposits Over 4,100 BTC into Coinbase", "WHALE_FLOW", "BEAR", "BTC"),
    ("$429 Million Bitcoin From BlackRock Stuns Major US Exchange Coinbase", "WHALE_FLOW", "BEAR", "BTC"),
    ("USDe loses its peg, falls to $0.95", "DEPEG", "BEAR", "USDE"),
    ("Solana network halts, validators prepare restart", "OUTAGE", "BEAR", "SOL"),
    ("Tether mints $1 billion USDT on Tron", "STABLECOIN", "UNKNOWN", "USDT"),
    ("Ethereum Activates 'Pectra' Upgrade", "NETWORK_UPGRADE", "BULL", "ETH"),
]


@pytest.mark.parametrize(("headline", "event_type", "direction", "primary"), SIGNALS)
def test_a_new_specific_fact_is_a_signal(headline, event_type, direction, primary, reading_of):
    reading = reading_of(headline)
    assert (reading.event_type, reading.direction, reading.primary_entity) == (event_type, direction, primary)
    assert reading.is_signal
    assert reading.fate_reason is Reason.RULE_MATCHED


TYPED_BUT_NOT_TRADABLE = [
    ("Kraken denies it was hacked for $10M", "HACK"),
    ("Lido avoids $50M exploit, no funds drained", "HACK"),
    ("Coinbase has no plans to list PEPE", "LISTING"),
    ("Tesla could buy more bitcoin for its treasury", "TREASURY"),
    ("SEC may approve Solana ETF in coming weeks: report", "ETF"),
    ("Is the SEC about to approve a Solana ETF?", None),
    ("Fed rate cut may not come before Q4, ING says", "FED_SPEECH"),
    ("Meta shareholders reject proposal to consider Bitcoin treasury strategy", "TREASURY"),
    ("Paraguay President's X account hacked, shares bitcoin scam", None),
    ("Bybit reveals security overhaul in response to $1.4B hack", None),
    ("Whale James Wynn opens 40x long position in BTC", "WHALE_FLOW"),
    ("Bitcoin futures open interest hits record $41B", None),
    ("What are the next steps for the US stablecoin bill?", None),
    ("SEC hacker sentenced to 14 months in prison", "SEC_ACTION"),
    ("Coinbase, BiT Global settle legal fight over wBTC delisting", None),
    ("Bitcoin hashrate reaches record high", None),
    ("TON blockchain network back online after brief outage", "OUTAGE"),
    ("Suspect in $190M Nomad hack to be extradited to the US", "SEC_ACTION"),
]


@pytest.mark.parametrize(("headline", "event_type"), TYPED_BUT_NOT_TRADABLE)
def test_doubt_denial_recap_and_opinion_do_not_fire(headline, event_type, reading_of):
    reading = reading_of(headline)
    assert not reading.is_signal
    assert reading.direction is Direction.UNKNOWN
    if event_type:
        assert reading.event_type == event_type
        assert reading.fate_reason is Reason.NOT_TRADABLE


@pytest.mark.parametrize(
    "headline",
    [
        "Best crypto to buy now as Strategy buys 1,045 BTC",
        "Bitcoin Solaris presale raises $3.8M after Binance listing",
        "MAGACOIN FINANCE could outperform XRP after SEC drops lawsuit",
        "Top cloud mining apps to earn $1,000 daily in Bitcoin",
        "Next 100x altcoin: RUVI AI presale",
        "BitMEX launches trading competition with a 3 BTC prize pool",
    ],
)
def test_advertising_is_promotion_whatever_it_wraps_itself_round(headline, reading_of):
    reading = reading_of(headline)
    assert reading.event_type is EventType.PROMOTION
    assert reading.fate_reason is Reason.PROMOTIONAL
    assert not reading.is_signal


@pytest.mark.parametrize(
    "headline",
    [
        "Bitcoin jumps after ceasefire",
        "Ethereum drops below $2,500 as SEC sues exchange",
        "Strategy adds 4,020 Bitcoin, Circle files for IPO, India eyes crypto tax cut | Weekly Recap",
        "Price predictions 5/2: BTC, ETH, XRP, BNB, SOL",
        "Here's why Bitcoin and altcoins are rising",
        "Why is Ethereum (ETH) price down today?",
        "$2.1B crypto stolen in 2025 as hackers shift focus",
        "Crypto Daybook Americas: Bitcoin Eyes New High",
        "ETH Foundation restructures, HYPE hits ATH, China tariffs delayed",
    ],
)
def test_prices_digests_and_explainers_are_commentary(headline, reading_of):
    reading = reading_of(headline)
    assert reading.event_type is EventType.MARKET_COMMENTARY
    assert not reading.is_signal


def test_an_event_in_a_subordinate_clause_is_not_the_news(reading_of):
    reading = reading_of("Lawyers celebrate at party after SEC dismisses lawsuit against Binance")
    assert not reading.is_signal


@pytest.mark.parametrize(
    ("headline", "market", "least"),
    [
        ("Binance Will List Chainlink (LINK)", "spot", 0.85),
        ("Binance Lists YOYO", "spot", 0.85),
        ("Binance Futures Will Launch FIL USDT-Margined Perpetual Contract With Up to 50x Leverage", "perp", 0.85),
    ],
)
def test_a_listing_announced_by_a_trusted_venue_is_severe_and_bullish(headline, market, least, reading_of):
    reading = reading_of(headline, **BINANCE)
    assert reading.event_type is EventType.LISTING
    assert reading.direction is Direction.BULL
    assert reading.severity >= least
    assert reading.confidence > 0.9
    assert reading.extras["market"] == market
    assert reading.extras["listing_time"] == "immediate"
    assert reading.is_signal


@pytest.mark.parametrize(
    ("headline", "event_type"),
    [
        ("Binance Will Delist Insolar (INS) on 2020/09/11", EventType.DELIST),
        ("Notice of Removal of Trading Pairs - 2020/12/04", EventType.DELIST),
        ("Binance Will Suspend COVER Trading and COVER Deposits", EventType.DELIST),
        ("Binance Will Support the Red Pulse (PHX) Token Migration", EventType.NETWORK_UPGRADE),
    ],
)
def test_removals_are_told_from_token_swaps(headline, event_type, reading_of):
    reading = reading_of(headline, body="remove ADA/BTC and XLM/BNB", **BINANCE)
    assert reading.event_type is event_type
    assert reading.primary_entity in {"INS", "ADA", "COVER", "PHX"}


def test_a_postponed_listing_is_no_signal(reading_of):
    assert not reading_of("Notice to Postpone Listing of SingularityNET (AGI)", **BINANCE).is_signal


def test_severity_above_the_bound_needs_an_allow_listed_source(reading_of):
    headline = "Exchange Zeta hacked, $1.5 billion in ETH stolen"
    assert reading_of(headline).severity == 0.7
    assert reading_of(headline, allow_listed=True).severity == 1.0


def test_the_severity_of_a_hack_follows_its_loss(reading_of):
    losses = ("$50K", "$500K", "$5M", "$30M", "$80M", "$300M")
    found = [reading_of(f"Protocol hacked, {loss} in ETH stolen", allow_listed=True).severity for loss in losses]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_confidence_starts_from_the_trust_of_the_source(reading_of):
    headline = "SEC dismisses lawsuit against Binance"
    assert reading_of(headline, trust=0.9).confidence == pytest.approx(2 * reading_of(headline, trust=0.45).confidence)


@pytest.mark.parametrize(
    ("text", "direction", "primary", "signal"),
    [
        ("You can now buy a Tesla with Bitcoin", Direction.BULL, "BTC", True),
        ("I am not a fan of Bitcoin, based on thin air", Direction.BEAR, "BTC", True),
        ("Dogecoin is the people's crypto", Direction.UNKNOWN, "DOGE", True),
        ("@someone Bitcoin is my safe word", Direction.UNKNOWN, "BTC", False),
        ("RT @someone: buy bitcoin", Direction.UNKNOWN, "BTC", False),
    ],
)
def test_posts_of_verified_accounts_about_crypto(text, direction, primary, signal, reading_of):
    reading = reading_of(text, **VERIFIED)
    assert reading.event_type is EventType.POLITICAL_POST
    assert (reading.direction, reading.primary_entity, reading.is_signal) == (direction, primary, signal)


def test_the_severity_of_a_post_rises_with_the_trust_in_its_account(reading_of):
    trusted = reading_of("Bitcoin is great", **VERIFIED)
    doubted = reading_of("Bitcoin is great", **{**VERIFIED, "trust": 0.5})
    assert trusted.severity > doubted.severity


def test_an_unverified_account_makes_no_political_post_signal(reading_of):
    assert not reading_of("You can now buy a Tesla with Bitcoin", source="x.fake").is_signal


def test_a_headline_that_no_rule_knows_says_so(reading_of):
    reading = reading_of("Local bakery wins award")
    assert (reading.event_type, reading.fate_reason) == (EventType.OTHER, Reason.NO_RULE_MATCHED)


def test_a_reading_names_its_rule_its_words_and_its_doubts(reading_of):
    reading = reading_of("Kraken denies it was hacked for $10M")
    assert any(reason.startswith("rule:hack") for reason in reading.reasons)
    assert any(reason.startswith("words:") for reason in reading.reasons)
    assert "doubt:negation:denies" in reading.reasons


def test_a_signal_carries_the_reading_and_derived_ids(make_item, reading_of):
    body = "long " * 1_000
    item = make_item("Strategy buys 1,045 BTC for $110M", body=body)
    reading = reading_of("Strategy buys 1,045 BTC for $110M", body=body)
    args = {"story_id": "s", "revision": 2, "sources": ("a", "b"), "confidence": 0.8, "now": item.received_at}
    signal = to_signal(item, reading, **args)
    assert signal == to_signal(item, reading, **args)
    assert signal.event_id == item.event_id
    assert (signal.story_id, signal.revision, signal.sources) == ("s", 2, ("a", "b"))
    assert len(signal.raw_text) <= RAW_TEXT_CHARS_MAX
    assert signal.extras["amount_usd"] == 110e6
    assert signal.idempotency_key != to_signal(item, reading, **{**args, "revision": 3}).idempotency_key
