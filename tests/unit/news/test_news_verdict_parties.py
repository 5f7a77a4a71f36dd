"""Parties of no list in a reading: named after the listed ones, and never taken for an asset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from herald.documents import load_document
from herald.messages import NewsItem
from herald.news.gazetteer import Gazetteer
from herald.news.judgement import Judgement, Party, PartyKind
from herald.news.names import names_in
from herald.news.reading import Reading
from herald.news.verdict import PARTIES_MAX, VerdictPolicy, combine, unlisted_names
from herald.taxonomy import Direction, EventType, Reason
from herald.trading.directory import Directory, Instruments
from herald.trading.resolving import resolve_all

CONFIGS = Path(__file__).parents[3] / "configs"
UNREAD = Reading(confidence=0.1, fate_reason=Reason.NO_RULE_MATCHED)

Combine = Callable[..., Reading]


def party(headline: str, name: str, kind: PartyKind = PartyKind.COMPANY, **listed: object) -> Party:
    start = headline.index(name)
    return Party(name, kind, start, start + len(name), **listed)  # type: ignore[arg-type]


def judged(event_type: EventType, *parties: Party) -> Judgement:
    return Judgement(
        event_types={one: float(one is event_type) for one in EventType},
        directions={one: float(one is Direction.BEAR) for one in Direction},
        tradable_p=0.9,
        severity=0.5,
        familiarity=0.9,
        unfamiliar=False,
        model="m",
        parties=parties,
    )


@pytest.fixture
def verdict(make_item: Callable[..., NewsItem], gazetteer: Gazetteer) -> Combine:
    def make(headline: str, judgement: Judgement, ruled: Reading = UNREAD, **item: object) -> Reading:
        return combine(make_item(headline, **item), ruled, judgement, gazetteer, VerdictPolicy())

    return make


HACKED = "BREAKING: Cork Protocol hacked"


def test_a_headline_that_names_no_listed_party_is_about_the_first_of_no_list(verdict: Combine) -> None:
    found = verdict(HACKED, judged(EventType.HACK, party(HACKED, "Cork Protocol")))
    assert (found.primary_entity, found.entities) == ("Cork Protocol", ("Cork Protocol",))


def test_what_the_rules_found_comes_first_and_stays_whom_it_is_about(verdict: Combine) -> None:
    headline = "Cork Protocol hacked, hackers take ETH"
    ruled = Reading(
        event_type=EventType.HACK,
        confidence=0.8,
        primary_entity="ETH",
        entities=("ETH",),
        reasons=("rule:hack",),
        fate_reason=Reason.NOT_TRADABLE,
    )
    found = verdict(headline, judged(EventType.HACK, party(headline, "Cork Protocol")), ruled)
    assert (found.primary_entity, found.entities) == ("ETH", ("ETH", "Cork Protocol"))


@pytest.mark.parametrize(
    ("event_type", "primary"),
    [
        (EventType.MACRO_DATA, "BTC"),
        (EventType.REGULATION, "BTC"),
        (EventType.MARKET_COMMENTARY, ""),
        (EventType.PROMOTION, ""),
        (EventType.FUNDING_MNA, "Arca Labs"),
        (EventType.EARNINGS_CORPORATE, "Arca Labs"),
    ],
)
def test_news_of_the_market_is_not_about_a_party_of_no_list(
    event_type: EventType, primary: str, verdict: Combine
) -> None:
    headline = "This week: Arca Labs and others"
    found = verdict(headline, judged(event_type, party(headline, "Arca Labs")))
    assert (found.primary_entity, found.entities) == (primary, ("Arca Labs",))


def test_text_that_is_left_to_the_rules_names_no_party_of_no_list(verdict: Combine) -> None:
    judgement = replace(judged(EventType.HACK, party(HACKED, "Cork Protocol")), unfamiliar=True)
    found = verdict(HACKED, judgement)
    assert (found.primary_entity, found.entities) == (UNREAD.primary_entity, UNREAD.entities)


def test_listed_parties_of_the_model_add_nothing_to_the_rules(gazetteer: Gazetteer) -> None:
    headline = "Kraken buys Ninja Desk"
    parties = (
        party(headline, "Kraken", PartyKind.VENUE, code="Kraken", listed=True),
        party(headline, "Ninja Desk"),
        party(headline, "Ninja Desk"),
    )
    assert unlisted_names(headline, parties, gazetteer) == ("Ninja Desk",)


def test_what_the_gazetteer_lists_by_now_is_not_unlisted(gazetteer: Gazetteer) -> None:
    headline = "Solana Labs and Kraken agree"
    parties = (party(headline, "Solana Labs"), party(headline, "Kraken", PartyKind.VENUE))
    assert unlisted_names(headline, parties, gazetteer) == ()


@pytest.mark.parametrize("name", ["OP", "ARM", "UBS", "1INCH", "$QQQ", "(XYZ)", "Link", "Near", "mask"])
def test_a_name_that_could_be_read_as_a_ticker_is_left_out(name: str, gazetteer: Gazetteer) -> None:
    headline = f"A person told us that {name} is what she called her dog"
    assert unlisted_names(headline, (party(headline, name, PartyKind.PERSON),), gazetteer) == ()


@pytest.mark.parametrize("name", ["ARM", "UBS", "Link"])
def test_a_reading_is_not_about_a_name_that_could_be_read_as_a_ticker(name: str, verdict: Combine) -> None:
    headline = f"A person told us that {name} is what she called her dog"
    found = verdict(headline, judged(EventType.HACK, party(headline, name, PartyKind.PERSON)))
    assert (found.primary_entity, found.entities) == ("", ())


@pytest.mark.parametrize("word", ["ONE", "MASK", "ARM"])
def test_a_word_that_opens_a_headline_in_the_form_of_a_ticker_is_no_party(word: str, verdict: Combine) -> None:
    found = verdict(f"{word} files for bankruptcy", judged(EventType.INSOLVENCY))
    assert found.primary_entity == ""
    assert verdict("Armada files for bankruptcy", judged(EventType.INSOLVENCY)).primary_entity == "Armada"


@pytest.mark.parametrize("name", ["Cork Protocol", "Apt", "Sui Generis", "Op Labs", "Bitcoin Depot", "Ether Ventures"])
def test_no_party_of_no_list_is_resolved_to_an_instrument(name: str, gazetteer: Gazetteer, verdict: Combine) -> None:
    directory = Directory(load_document(CONFIGS / "instruments.yaml", Instruments))
    headline = f"Said of {name}"
    reading = verdict(headline, judged(EventType.HACK, party(headline, name)))
    unlisted = set(reading.entities)
    found = resolve_all(reading.primary_entity, reading.entities, directory, names_in(gazetteer))
    assert not [one for one in found if one.asset in unlisted and one.venues]


def test_a_digest_names_no_more_parties_than_the_bound(gazetteer: Gazetteer) -> None:
    names = [f"Name {chr(ord('a') + number)}x" for number in range(PARTIES_MAX + 5)]
    headline = ", ".join(names)
    parties = [party(headline, name) for name in names]
    assert unlisted_names(headline, parties, gazetteer) == tuple(names[:PARTIES_MAX])
