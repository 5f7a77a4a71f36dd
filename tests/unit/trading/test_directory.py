from __future__ import annotations

import pytest

from herald.documents import ConfigurationError, parse_document
from herald.ports import InstrumentDirectory
from herald.trading.directory import Directory, Instruments

TEXT = """
instruments:
  - {symbol: BTC-SPOT, base: BTC, kind: spot, tick_size: "0.1", lot_size: "0.001", sector: major}
  - {symbol: BTCUSDT, base: BTC, tick_size: "0.1", lot_size: "0.001", sector: major}
  - {symbol: UNIUSDT, base: UNI, tick_size: "0.001", lot_size: "1", sector: defi, beta: 1.6}
  - {symbol: AAVEUSDT, base: AAVE, tick_size: "0.01", lot_size: "0.1", sector: defi}
unlisted_sectors: {CETUS: defi}
"""


@pytest.fixture
def directory() -> InstrumentDirectory:
    return Directory(parse_document(TEXT, Instruments, "instruments.yaml"))


def test_a_perpetual_comes_before_spot(directory):
    assert [one.symbol for one in directory.resolve("btc")] == ["BTCUSDT", "BTC-SPOT"]


def test_an_unknown_asset_has_no_instrument(directory):
    assert directory.resolve("CETUS") == ()
    assert directory.get("paper:CETUSUSDT") is None


def test_an_instrument_is_found_by_its_key(directory):
    found = directory.get("paper:UNIUSDT")
    assert (found.base, found.beta, found.sector) == ("UNI", 1.6, "defi")


def test_the_sector_of_an_asset_is_known_even_where_it_cannot_be_traded(directory):
    assert directory.sector_of("CETUS") == directory.sector_of("UNI") == "defi"
    assert directory.sector_of("NOPE") is None
    assert [one.base for one in directory.in_sector("defi")] == ["UNI", "AAVE"]


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ("UNIUSDT", "BTCUSDT", "listed twice"),
        ('tick_size: "0.001"', 'tick_size: "0"', "instruments.yaml:5"),
        ("base: UNI", "base: Uni-swap", "instruments.yaml:5"),
    ],
)
def test_a_wrong_instrument_is_refused(before, after, word):
    with pytest.raises(ConfigurationError, match=word):
        parse_document(TEXT.replace(before, after), Instruments, "instruments.yaml")
