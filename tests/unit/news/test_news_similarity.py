import pytest

from herald.news.similarity import gist_of, likeness
from herald.news.words import plain_form, stem


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Strategy Buys $765M in Bitcoin", "Michael Saylor's Strategy acquires 7,390 BTC for $764.9 million"),
        ("SEC drops lawsuit against Binance", "SEC dismisses its lawsuit against Binance"),
        ("GameStop buys 4,710 Bitcoin", "Gamestop Purchases 4,710 BTC for treasury"),
    ],
)
def test_the_same_story_in_other_words_is_alike(left, right):
    found = likeness(gist_of(left), gist_of(right))
    assert found.jaccard >= 0.3 or found.containment >= 0.6


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Strategy buys 7,390 BTC", "Strategy buys 1,045 BTC"),
        ("Exchange hacked for $220M", "Exchange hacked for $11.5M"),
    ],
)
def test_figures_that_disagree_speak_against(left, right):
    found = likeness(gist_of(left), gist_of(right))
    assert found.discord
    assert found.jaccard <= 0.5


def test_empty_headlines_are_not_alike():
    found = likeness(gist_of(""), gist_of("the of"))
    assert (found.jaccard, found.containment, found.shared) == (0.0, 0.0, 0)


def test_likeness_is_symmetric():
    left, right = gist_of("SEC sues Coinbase for $5M"), gist_of("Coinbase sued by SEC")
    assert likeness(left, right) == likeness(right, left)


@pytest.mark.parametrize("words", [("list", "lists", "listed", "listing"), ("purchase", "purchases", "purchased")])
def test_endings_meet_in_one_stem(words):
    assert len({stem(word) for word in words}) == 1


def test_the_plain_form_ignores_dress():
    assert plain_form("  Bitcoin's  $100K, Breach! ") == plain_form("bitcoin $100k breach")
