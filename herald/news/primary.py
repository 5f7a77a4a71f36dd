"""Whom a headline is about: the asset that it moves, or the party that acts."""

from __future__ import annotations

import re

from herald.messages import NewsItem
from herald.news.annotate import Annotated
from herald.news.gazetteer import Kind
from herald.news.rulebook import Primary
from herald.taxonomy import EventType

MARKET_ASSET = "BTC"
QUOTE_ASSETS = frozenset({MARKET_ASSET, "USDT", "USDC"})
BITCOIN_EXCHANGE = "<asset:btc> exchange"
_ATTRIBUTE = re.compile(
    r"<asset:([^>]*)>(?:'s)?[- ](?:exchange|defi|miner|mining|project|platform|layer|dex|lending|capital|wallet|based|"
    r"backed|native|focused|payments?|treasury|bridge|network asset|exchange)\b"
)
_OPENING_PARTY = re.compile(
    r"((?:[A-Z][\w.]*\s){0,2}[A-Z][\w.]*?)(?:'s)?\s(?i:hacked|exploited|drained|loses|lost|suffers|confirms|hit|"
    r"targeted|raises|secures|files|plans|acquires|buys|launches|announces|unveils|wins|faces|halts|pauses|suspends)\b"
)
_TICKER = re.compile(r"\W*[A-Z0-9]{1,20}\W*")
PRIMARY_OF_TYPE = {
    EventType.LISTING: Primary.LISTED,
    EventType.DELIST: Primary.LISTED,
    EventType.FED_SPEECH: Primary.MARKET,
    EventType.MACRO_DATA: Primary.MARKET,
    EventType.GEOPOLITICAL: Primary.MARKET,
    EventType.REGULATION: Primary.COIN,
    EventType.ETF: Primary.COIN,
    EventType.TREASURY: Primary.COIN,
    EventType.WHALE_FLOW: Primary.COIN,
    EventType.LIQUIDATION: Primary.COIN,
    EventType.INSOLVENCY: Primary.PARTY,
    EventType.OUTAGE: Primary.PARTY,
    EventType.SEC_ACTION: Primary.PARTY,
    EventType.FUNDING_MNA: Primary.PARTY,
    EventType.EARNINGS_CORPORATE: Primary.PARTY,
}
"""How each type's primary entity is chosen; the others take the first asset, else the party."""


def has_form_of_ticker(name: str) -> bool:
    """Tell whether a name would be read as the ticker of an asset by whoever trades it."""
    return _TICKER.fullmatch(name) is not None


def listed_in(text: Annotated) -> tuple[str, ...]:
    """Return the assets that a listing may be about, in order: none that is but a quote or a kind of exchange."""
    named = tuple(asset.code for asset in text.entities.assets)
    if BITCOIN_EXCHANGE in text.whole:
        return tuple(code for code in named if code not in QUOTE_ASSETS)
    return named


def primary_of(how: Primary, item: NewsItem, text: Annotated, listed: tuple[str, ...]) -> str:
    """Return the ticker of what moves most, else the name of the party, else nothing."""
    if how is Primary.MARKET:
        return MARKET_ASSET
    if how is Primary.LISTED:
        venues = text.entities.venues
        return listed[0] if listed else (venues[0] if venues else item.venue)
    if how is Primary.COIN:
        return _asset(text) or MARKET_ASSET
    party = _party(text)
    if how is Primary.PARTY and party is not None:
        return party[1] or _asset(text) or party[0]
    return _asset(text) or (party[1] or party[0] if party else _unknown_party(text))


def _asset(text: Annotated) -> str:
    """Return the first asset that is not a mere attribute, as in "bitcoin exchange"; failing that, the first."""
    assets = text.entities.assets
    if len(assets) > 1:
        attributes = {match[1].upper() for match in _ATTRIBUTE.finditer(text.whole)}
        return next((asset.code for asset in assets if asset.code not in attributes), assets[0].code)
    return assets[0].code if assets else ""


def _unknown_party(text: Annotated) -> str:
    """Return the few capitalised words that open the headline before a verb of news: a party of no gazetteer.

    A word in the form of a ticker is none: it would be taken for an asset that the gazetteer did not find here.
    """
    match = _OPENING_PARTY.match(text.cased)
    return match[1] if match and not has_form_of_ticker(match[1]) else ""


def _party(text: Annotated) -> tuple[str, str] | None:
    """Return code and linked asset of the party in the news: the first that is no regulator or bank, else the first."""
    official = {Kind.REGULATOR, Kind.CENTRAL_BANK}
    parties = [mention.entry for mention in text.entities.mentions if mention.entry.kind is not Kind.ASSET]
    parties.sort(key=lambda entry: entry.kind in official)
    return (parties[0].code, parties[0].asset) if parties else None
