"""What may name a party that no list holds, and what kind of party its words say it is."""

from __future__ import annotations

import pytest

from herald.news.judgement import PartyKind
from herald.news.proper_names import (
    NAME_CHARS_MAX,
    belongs_to_a_name,
    is_a_piece,
    is_in_title_case,
    kind_by_words,
    may_name_a_party,
)


@pytest.mark.parametrize("name", ["Cork Protocol", "letsBONK", "3AC", "Bank of China", "Deutsche Boerse", "BNY"])
def test_a_name_with_a_word_of_its_own_may_be_a_party(name: str) -> None:
    assert may_name_a_party(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "A", "cork protocol", "France", "New York", "South Korean", "Monday", "CPI", "PLN", "U.S.", "2025"),
        *("$FOO", "(Foo", "Hyperion &", "X" * (NAME_CHARS_MAX + 1), "One Two Three Four Five Six"),
    ],
)
def test_places_days_terms_and_scraps_are_no_party(name: str) -> None:
    assert not may_name_a_party(name)


@pytest.mark.parametrize(
    ("name", "before", "after", "kind"),
    [
        ("Altyn", "", "", PartyKind.ASSET),
        ("Altyn", "exchange", "", PartyKind.VENUE),
        ("Altyn", "", "exchange", PartyKind.VENUE),
        ("Altyn Exchange", "", "", PartyKind.VENUE),
        ("Altyn Bank", "exchange", "", PartyKind.COMPANY),
        ("Altyn Ministry", "", "", PartyKind.ORGANISATION),
    ],
)
def test_words_in_and_about_a_name_correct_its_kind(name: str, before: str, after: str, kind: PartyKind) -> None:
    assert kind_by_words(name, before, after, PartyKind.ASSET) is kind


def test_a_word_that_ends_names_belongs_to_the_name_before_it_only_with_a_capital() -> None:
    assert belongs_to_a_name("Bank")
    assert not belongs_to_a_name("bank")
    assert not belongs_to_a_name("Soars")
    assert not belongs_to_a_name("")


def test_words_tied_by_a_hyphen_to_a_name_are_a_piece_of_it() -> None:
    text = "Air France-KLM and Binance-linked Foo"
    assert is_a_piece(text, 0, text.index("-KLM"))
    assert is_a_piece(text, text.index("KLM"), text.index(" and"))
    assert not is_a_piece(text, text.index("Binance"), text.index("-linked"))
    assert not is_a_piece(text, text.index("Foo"), len(text))


def test_a_headline_in_title_case_is_told_from_a_sentence() -> None:
    assert is_in_title_case("Upbit Breach Inspires Calls for Tougher Korean Standards")
    assert not is_in_title_case("Upbit breach inspires calls for tougher Korean standards")
    assert not is_in_title_case("Bitcoin Falls")
    assert not is_in_title_case("")
