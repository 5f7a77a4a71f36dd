"""What rules and gazetteer see in a headline, as names that a model weighs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from herald.messages import NewsItem
from herald.news.evidence import ASSETS_COUNTED_MAX, evidence_of
from herald.news.gazetteer import Gazetteer, parse_gazetteer
from herald.news.reading import Reading
from herald.news.rulebook import Rulebook
from herald.news.rules import read
from herald.taxonomy import Direction, EventType

NAMES = """kind,code,sector,asset,names,plain
asset,BTC,L1,,Bitcoin,
asset,ETH,L1,,Ethereum,
asset,SOL,L1,,Solana,
asset,XRP,PAYMENT,,,
asset,ADA,L1,,Cardano,
company,Ripple,,XRP,Ripple,
company,Acme,,,Acme,
venue,Kraken,,,Kraken,
regulator,SEC,,,SEC,
"""
LISTING = Reading(
    event_type=EventType.LISTING,
    direction=Direction.BULL,
    tradable=True,
    reasons=("rule:listing-reported", "words:to list"),
)

Evidence = Callable[..., tuple[str, ...]]


@pytest.fixture(scope="module")
def names() -> Gazetteer:
    return parse_gazetteer(NAMES, "names.csv")


@pytest.fixture
def evidence(make_item: Callable[..., NewsItem], names: Gazetteer) -> Evidence:
    def make(headline: str, reading: Reading = LISTING) -> tuple[str, ...]:
        return evidence_of(make_item(headline), reading, names)

    return make


def of_kind(evidence: tuple[str, ...], *prefixes: str) -> set[str]:
    return {one for one in evidence if one.split(":")[0] in prefixes}


def test_the_rules_reading_is_told_with_the_rule_that_decided(evidence: Evidence) -> None:
    assert evidence("A word about nobody") == (
        "assets:0", "direction:BULL", "first:none", "rule:listing-reported", "tradable:True", "type:LISTING",
    )  # fmt: skip


def test_doubts_are_told_by_their_kind_and_the_words_are_left_to_the_model(evidence: Evidence) -> None:
    reasons = ("rule:hack", "words:hacked", "doubt:hedge:may", "doubt:hedge:could", "doubt:needs:traded", "model:x")
    found = evidence("A word about nobody", LISTING.model_copy(update={"reasons": reasons}))
    assert of_kind(found, "rule", "words", "doubt", "model") == {"rule:hack", "doubt:hedge", "doubt:needs"}


def test_kinds_of_parties_are_told_once_and_which_comes_first(evidence: Evidence) -> None:
    found = evidence("Kraken and SEC talk about Solana, Cardano and Kraken")
    assert of_kind(found, "kind", "first") == {"first:venue", "kind:asset", "kind:regulator", "kind:venue"}
    assert of_kind(evidence("Solana on Kraken"), "first") == {"first:asset"}


@pytest.mark.parametrize(
    ("headline", "count"),
    [
        ("SEC speaks", 0),
        ("Solana rises", 1),
        ("Solana and Cardano rise", 2),
        ("Solana, Cardano and Ethereum rise", 3),
        ("Solana, Cardano, Ethereum and Bitcoin rise", ASSETS_COUNTED_MAX),
        ("Solana (SOL) rises", 1),
    ],
)
def test_assets_are_counted_up_to_a_few(headline: str, count: int, evidence: Evidence) -> None:
    assert of_kind(evidence(headline), "assets") == {f"assets:{count}"}


@pytest.mark.parametrize(
    ("headline", "linked"),
    [
        ("Ripple speaks", True),
        ("Ripple and Solana speak", True),
        ("Acme speaks", False),
        ("Nobody speaks", False),
        ("Solana rises", False),
    ],
)
def test_a_party_with_a_coin_or_share_of_its_own_is_told(headline: str, linked: bool, evidence: Evidence) -> None:
    assert ("linked" in evidence(headline)) is linked


@pytest.mark.parametrize("headline", ["Kraken and SEC talk about Solana", "", "SEC sues Ripple, Ripple sues SEC"])
def test_evidence_is_sorted_without_repetition(
    headline: str, make_item: Callable[..., NewsItem], names: Gazetteer
) -> None:
    item = make_item("x").model_copy(update={"headline": headline})
    found = evidence_of(item, LISTING, names)
    assert list(found) == sorted(set(found))
    assert found == evidence_of(item, LISTING, names)


def test_what_the_rules_of_the_house_doubt_becomes_evidence(
    make_item: Callable[..., NewsItem], rulebook: Rulebook, gazetteer: Gazetteer
) -> None:
    item = make_item("Tesla could buy more bitcoin for its treasury")
    found = evidence_of(item, read(item, rulebook, gazetteer), gazetteer)
    assert {"doubt:hedge", "tradable:False", "direction:UNKNOWN", "type:TREASURY", "kind:asset"} <= set(found)
    assert len(of_kind(found, "rule")) == 1
