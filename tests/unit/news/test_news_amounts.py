"""Amounts of money and coins in the forms that headlines use."""

import pytest

from herald.news.amounts import amounts_in, usd_in


@pytest.mark.parametrize(
    ("text", "usd"),
    [
        ("Cetus drained of $220M", 220e6),
        ("$1.5 billion Bybit hack", 1.5e9),
        ("Lost $162,000,000 in crypto", 162e6),
        ("US$95,319 average", 95_319),
        ("162 million dollars gone", 162e6),
        ("5,000 USDC stolen", 5_000),
        ("€60.2M to acquire 624 BTC", 60.2e6 * 1.1),
        ("$2.5bn raise, holdings $9B", 2.5e9),
        ("steals $182K in ETH", 182e3),
        ("no amounts in Q1 2025", None),
        ("up 40%", None),
    ],
)
def test_the_first_amount_of_money_is_read_in_usd(text, usd):
    assert usd_in(text) == (None if usd is None else pytest.approx(usd))


def test_amounts_keep_unit_and_order():
    found = amounts_in("Strategy buys 7,390 BTC for $764.9M, up 12%")
    assert [(a.value, a.unit) for a in found] == [(7_390, "btc"), (pytest.approx(764.9e6), "USD"), (12, "%")]


def test_equal_amounts_have_equal_tokens():
    assert amounts_in("$2.5B")[0].token == amounts_in("2.5 billion dollars")[0].token


@pytest.mark.parametrize(
    ("text", "usd"),
    [
        ("over $200 million", 200e6),
        ("230M USDT", 230e6),
        ("\u20ac5m", 5.5e6),
        ("5 million euros", 5.5e6),
        ("HK$80 million", 10.24e6),
        ("C$10M", 7.3e6),
        ("A$\u200910m", 6.5e6),
        ("US$1.5bn", 1.5e9),
        ("a\u20ac5m", 5.5e6),
        ("losses rise from $5M to $220M", 220e6),
        ("from $5M stolen", 5e6),
        ("$10 billion asset manager loses $12M", 12e6),
        ("a firm valued at $2B raises $50M", 50e6),
        ("down from $40B, holdings are $30B", 30e9),
        ("$230M exchange hack, $3M recovered", 230e6),
        ("$2 billion fund", 2e9),
        ("$220M stolen, $162M frozen", 220e6),
        ("7,390 BTC", None),
        ("nothing", None),
        ("", None),
    ],
)
def test_the_amount_reported_is_told_from_sizes_and_earlier_figures(text, usd):
    assert usd_in(text) == (None if usd is None else pytest.approx(usd))


def test_a_thousand_amounts_are_read_in_one_pass():
    assert usd_in("$1 fund, " * 1_000 + "$7") == 7.0
