"""Invented headlines for the demo: patterns over real assets and venues, each with what it truly means.

None of these things happened. Every wording of a pattern reports the same event, so that several desks can tell one
story in their own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from herald.taxonomy import Direction, EventType

ASSETS = {
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "SOL": "Solana",
    "XRP": "XRP",
    "ADA": "Cardano",
    "DOGE": "Dogecoin",
    "LINK": "Chainlink",
    "AVAX": "Avalanche",
    "BNB": "BNB",
    "DOT": "Polkadot",
    "LTC": "Litecoin",
}
_VENUES = ("Binance", "Coinbase", "OKX", "Bybit", "Kraken")
_FUNDS = ("BlackRock", "Fidelity", "VanEck", "Bitwise", "Franklin Templeton", "21Shares")
_COMPANIES = ("Strategy", "Metaplanet", "Semler Scientific", "GameStop", "Marathon Digital", "Tesla")
_PROTOCOLS = ("Lantern Bridge", "Meridian Swap", "Orchard Lending", "Beacon Vaults", "Harbor Protocol")
_BANKS = ("JPMorgan", "Deutsche Bank", "Standard Chartered", "Société Générale", "BNY Mellon")
_COUNTRIES = ("Brazil", "Japan", "South Korea", "Switzerland", "Singapore", "Australia")
_OFFICIALS = ("Fed Chair Powell", "Fed Governor Waller", "ECB President Lagarde", "Fed's Kashkari")
_FAKE_COINS = ("MoonPaws", "TurboFrog", "ZenPepe", "RocketShiba")

BULL, BEAR, UNKNOWN = Direction.BULL, Direction.BEAR, Direction.UNKNOWN


@dataclass(frozen=True, slots=True)
class Pattern:
    """One kind of event in several wordings. ``beat`` names the desks that report it first."""

    event_type: EventType
    direction: Direction
    severity: float
    beat: str
    wordings: tuple[str, ...]
    market_wide: bool = False


@dataclass(frozen=True, slots=True)
class Story:
    """An event with its numbers filled in. ``asset`` is what moves, ``severity`` how far; 0 where nothing does."""

    event_type: EventType
    direction: Direction
    severity: float
    asset: str
    beat: str
    wordings: tuple[str, ...]


def _p(event: str, direction: Direction, severity: float, beat: str, *wordings: str, wide: bool = False) -> Pattern:
    return Pattern(EventType(event), direction, severity, beat, wordings, wide)


PATTERNS = (
    _p(
        "LISTING", BULL, 0.9, "venue",
        "{v} Will List {a} ({t}) Perpetual Contract With Up to {x}x Leverage",
        "{v} to list {t} perpetual futures, trading opens today",
        "{v} adds {a} perpetuals",
    ),
    _p(
        "DELIST", BEAR, 0.85, "venue",
        "{v} Will Delist {t}/BUSD and Remove {a} Margin Pairs on {day}",
        "{v} to delist {a} margin pairs",
    ),
    _p(
        "HACK", BEAR, 0.95, "wire",
        "{a} bridge {p} exploited, ${m} million drained",
        "Hackers drain ${m}M from {p} in {a} exploit",
        "{p} confirms exploit on {a}; losses put at ${m} million",
    ),
    _p(
        "HACK", BEAR, 0.9, "wire",
        "{v} hot wallet hacked, ${m} million of {t} stolen",
        "{v} says attackers stole ${m}M in {a}",
    ),
    _p(
        "INSOLVENCY", BEAR, 0.85, "wire",
        "{a} lender {p} files for bankruptcy, freezes ${m} million of withdrawals",
        "{p} seeks Chapter 11 protection, {t} withdrawals frozen",
        wide=True,
    ),
    _p(
        "OUTAGE", BEAR, 0.6, "wire",
        "{a} network halts block production, validators prepare restart",
        "{a} mainnet stops producing blocks",
    ),
    _p("ETF", BULL, 0.95, "agency", "SEC approves spot {a} ETF from {f}", "{f} wins SEC approval for spot {t} ETF"),
    _p(
        "ETF", BEAR, 0.7, "agency",
        "SEC rejects {f}'s spot {a} ETF application",
        "{f} spot {t} ETF rejected by SEC",
    ),
    _p(
        "ETF", BULL, 0.5, "desk",
        "Spot {a} ETFs draw ${m} million in one day, led by {f}",
        "{f} leads ${m}M inflow into {t} ETFs",
    ),
    _p(
        "SEC_ACTION", BEAR, 0.8, "agency",
        "SEC sues {v} over unregistered {a} staking programme",
        "{v} sued by SEC over {t} staking",
    ),
    _p(
        "SEC_ACTION", BULL, 0.75, "agency",
        "SEC dismisses its lawsuit against {v} with prejudice",
        "SEC drops case against {v}",
        wide=True,
    ),
    _p(
        "FED_SPEECH", BEAR, 0.75, "agency",
        "{o}: rate hikes are back on the table if inflation persists",
        "{o} strikes hawkish tone, says rate hike possible",
        wide=True,
    ),
    _p(
        "FED_SPEECH", BULL, 0.85, "agency",
        "Federal Reserve cuts rates by {bp} basis points in surprise move",
        "Fed announces surprise {bp} bp rate cut",
        wide=True,
    ),
    _p(
        "MACRO_DATA", BEAR, 0.7, "agency",
        "US CPI rises {c}% in the year, hotter than expected",
        "Hot US inflation: CPI at {c}% beats forecasts",
        wide=True,
    ),
    _p(
        "MACRO_DATA", BULL, 0.65, "agency",
        "US CPI slows to {c}%, cooler than expected",
        "US inflation cools to {c}%, below forecasts",
        wide=True,
    ),
    _p(
        "REGULATION", BULL, 0.6, "desk",
        "{k} passes law that recognises {a} as legal property",
        "{k} parliament approves crypto property law",
        wide=True,
    ),
    _p(
        "REGULATION", BEAR, 0.7, "desk",
        "{k} bans {a} trading for retail investors, effective immediately",
        "{k} announces immediate ban on retail crypto trading",
        wide=True,
    ),
    _p(
        "GEOPOLITICAL", BEAR, 0.75, "wire",
        "US announces {c}% tariffs on imports from {k}",
        "White House imposes {c}% tariffs on {k}",
        wide=True,
    ),
    _p("GEOPOLITICAL", BULL, 0.7, "wire", "Ceasefire agreed after {d} days of talks", "Ceasefire announced", wide=True),
    _p(
        "TREASURY", BULL, 0.7, "desk",
        "{co} buys {n} {t} for its treasury, spending ${m} million",
        "{co} adds ${m}M of {a} to its balance sheet",
    ),
    _p(
        "TREASURY", BEAR, 0.7, "desk",
        "{co} sells {n} {t} from its treasury",
        "{co} sells ${m} million of {a} holdings",
    ),
    _p(
        "WHALE_FLOW", BEAR, 0.45, "chain",
        "${m} million of {t} transferred from unknown wallet to {v}",
        "Whale moves ${m}M of {a} to {v}",
    ),
    _p(
        "WHALE_FLOW", BULL, 0.4, "chain",
        "${m} million of {t} withdrawn from {v} to unknown wallet",
        "Whale withdraws ${m}M of {a} from {v}",
    ),
    _p("LIQUIDATION", UNKNOWN, 0.3, "chain", "${m} million of {t} longs liquidated on {v} in one hour"),
    _p(
        "TOKENOMICS", BULL, 0.5, "desk",
        "{a} foundation burns {n} {t} and announces ${m} million buyback",
        "{a} announces ${m}M token buyback",
    ),
    _p(
        "TOKENOMICS", BEAR, 0.5, "desk",
        "{a} foundation unlocks ${m} million of {t} ahead of schedule",
        "{n} {t} unlocked early",
    ),
    _p("NETWORK_UPGRADE", BULL, 0.4, "desk", "{a} activates upgrade on mainnet, fees fall {x}%"),
    _p("STABLECOIN", BULL, 0.35, "chain", "Tether mints {m} million USDT on {a}", "${m}M USDT minted on {a}"),
    _p("DEPEG", BEAR, 0.85, "wire", "USDe loses its peg, trades at $0.{x} on {v}", "USDe depegs to $0.{x}", wide=True),
    _p(
        "PARTNERSHIP", BULL, 0.5, "desk",
        "{b} integrates {a} for cross-border settlement",
        "{b} to settle payments on {a}",
    ),
    _p("FUNDING_MNA", BULL, 0.35, "desk", "{v} to acquire {p} for ${m} million", "{v} buys {p} in ${m}M deal"),
    _p("EARNINGS_CORPORATE", UNKNOWN, 0.2, "desk", "{co} reports quarterly revenue of ${m} million"),
    _p("POLITICAL_POST", BULL, 0.6, "wire", 'President: "{a} IS THE FUTURE, AMERICA WILL LEAD!"'),
)  # fmt: skip

COMMENTARY = (
    "{a} price analysis: can {t} reclaim key resistance this week?",
    "Why {a} traders are watching the {n} level",
    "Bitcoin and altcoins mixed as market waits for direction",
    "{t} up {x}% in a month: five charts that explain the move",
    "Opinion: {a} could reach new highs by year-end, says analyst",
    "What is staking on {a}? A beginner's guide",
)
ADVERTS = (
    "{z} presale raises ${m}M: the best coin to buy before {a} runs",
    "Forget {a}: analysts say {z} could 100x in {day}",
    "Sponsored: earn {x}% a day with {z} cloud mining",
    "Top {x} crypto casinos with no-KYC bonuses",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def write_story(random: Random, assets: tuple[str, ...], patterns: tuple[Pattern, ...] = PATTERNS) -> Story:
    """Invent a story about one of ``assets``."""
    pattern = random.choice(patterns)
    ticker = _market_leader(assets) if pattern.market_wide else random.choice(assets)
    words = _words(random, ticker)
    if pattern.beat == "venue":
        words["v"] = _VENUES[0]  # the one venue that has a desk of its own
    severity = round(min(1.0, max(0.0, pattern.severity + random.uniform(-0.05, 0.05))), 3)
    wordings = tuple(wording.format(**words) for wording in pattern.wordings)
    return Story(pattern.event_type, pattern.direction, severity, ticker, pattern.beat, wordings)


def write_filler(random: Random, assets: tuple[str, ...], *, advert: bool) -> Story:
    """Invent an advert or a piece of commentary, which moves nothing."""
    wording = random.choice(ADVERTS if advert else COMMENTARY)
    ticker = random.choice(assets)
    kind = EventType.PROMOTION if advert else EventType.MARKET_COMMENTARY
    return Story(kind, UNKNOWN, 0.0, ticker, "desk", (wording.format(**_words(random, ticker)),))


def _market_leader(assets: tuple[str, ...]) -> str:
    return "BTC" if "BTC" in assets else assets[0]


def _words(random: Random, ticker: str) -> dict[str, str]:
    return {
        "t": ticker,
        "a": ASSETS.get(ticker, ticker),
        "v": random.choice(_VENUES),
        "f": random.choice(_FUNDS),
        "co": random.choice(_COMPANIES),
        "p": random.choice(_PROTOCOLS),
        "b": random.choice(_BANKS),
        "k": random.choice(_COUNTRIES),
        "o": random.choice(_OFFICIALS),
        "z": random.choice(_FAKE_COINS),
        "day": random.choice(_DAYS),
        "m": str(random.randint(20, 980)),
        "n": f"{random.randint(11, 999) * 100:,}",
        "x": str(random.randint(15, 95)),
        "c": f"{random.randint(21, 89) / 10:.1f}",
        "bp": random.choice(("25", "50")),
        "d": str(random.randint(3, 30)),
    }
