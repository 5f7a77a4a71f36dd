from datetime import UTC, datetime

import pytest

from herald.news.listings import listed_assets, listing_time, market_of

AT = datetime(2020, 12, 29, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headline", "assets"),
    [
        ("Binance Lists Sushi (SUSHI) and DFI.Money (YFII)", ("SUSHI", "YFII")),
        ("Binance Adds LINK/EUR & ONE/BUSD Trading Pairs", ("LINK", "ONE")),
        ("Binance Lists YOYO", ("YOYO",)),
        ("New Listing: WIFUSDT Perpetual Contract", ("WIF",)),
        ("Cross Margin Trading for ALGO, CRV Enabled on Binance", ("ALGO", "CRV")),
        ("Binance Futures Will Launch BAL and CRV USDT-Margined Perpetual Contracts", ("BAL", "CRV")),
        ("Notice of Removal of Trading Pairs - 2020/12/04", ()),
    ],
)
def test_listed_tickers_are_read_from_the_headline(headline, assets):
    assert listed_assets(headline) == assets


def test_perpetuals_and_futures_are_told_from_spot():
    assert market_of("Binance Futures Will Launch FIL Perpetual") == "perp"
    assert market_of("Binance Will List Hive (HIVE)") == "spot"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("will open trading at 2020/12/29 8:00 AM (UTC)", "T+120m"),
        ("at 2020-12-29 07:30 (UTC)", "T+90m"),
        ("at 2020/12/29 5:59 AM (UTC)", "immediate"),
        ("at 2021/03/29 5:59 AM (UTC)", "immediate"),
        ("at 2020/99/99 5:59 (UTC)", "immediate"),
        ("at 2020/12/29 1:00 PM (UTC)", "T+420m"),
        ("trading is open", "immediate"),
    ],
)
def test_the_opening_is_immediate_or_minutes_ahead(text, expected):
    assert listing_time(text, AT) == expected
