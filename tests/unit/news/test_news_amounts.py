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
