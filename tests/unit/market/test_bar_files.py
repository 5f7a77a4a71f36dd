from __future__ import annotations

import os
from pathlib import Path

import pytest

from herald.stores.bar_files import BarFileError, read_bars, symbol_of

ZONED = "open_time,open,high,low,close,volume\n"
NAIVE = "timestamp,open,high,low,close,volume\n"


def written(folder: Path, text: str, name: str = "BTCUSDT_perp_1m.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_times_with_a_zone_and_volume_in_the_base_are_read(tmp_path):
    file = read_bars(written(tmp_path, ZONED + "2025-06-06 21:41:00+00:00,1,3,1,2,7\n"))
    assert file.symbol == "BTCUSDT"
    assert file.bars.open_ns.tolist() == [1749246060_000000000]
    assert file.bars.volume.tolist() == [7.0]


def test_times_without_a_zone_are_utc_and_their_volume_is_in_the_quote_currency(tmp_path):
    file = read_bars(written(tmp_path, NAIVE + "2021-12-31 23:01:00.000000,50,50,50,50,1000\n", "BTC_perp_1m.csv"))
    assert file.symbol == "BTCUSDT"
    assert file.bars.open_ns.tolist() == [1640991660_000000000]
    assert file.bars.volume.tolist() == [20.0]


def test_the_unit_of_volume_and_the_symbol_can_be_given(tmp_path):
    path = written(tmp_path, NAIVE + "2021-12-31 23:01:00,50,50,50,50,1000\n", "x.csv")
    file = read_bars(path, symbol="ETHUSDT", volume_unit="base")
    assert (file.symbol, file.bars.volume.tolist()) == ("ETHUSDT", [1000.0])


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTCUSDT_perp_1m_2025.csv", "BTCUSDT"),
        ("ETHUSDC.csv", "ETHUSDC"),
        ("BTC_perp_1m_2022-01.csv", "BTCUSDT"),
        ("1000PEPEUSDT_1m.csv", "1000PEPEUSDT"),
    ],
)
def test_the_symbol_is_the_beginning_of_the_name(name, symbol):
    assert symbol_of(Path(name)) == symbol


def test_a_name_without_a_symbol_is_refused():
    with pytest.raises(BarFileError, match="rename it"):
        symbol_of(Path("prices.csv"))


@pytest.mark.parametrize(
    ("rows", "where", "word"),
    [
        ("2025-06-06 21:41:00,1,1,1,1,1\n2025-06-06 21:41:00,1,1,1,1,1\n", ":3:", "keep one"),
        ("2025-06-06 21:42:00,1,1,1,1,1\n2025-06-06 21:41:00,1,1,1,1,1\n", ":3:", "sort"),
        ("2025-06-06 21:41:00,1,1,1,x,1\n", ":2:", "'x' is not a number"),
        ("2025-06-06 21:41:00,1,1,1,,1\n", ":2:", "is not a number"),
        ("2025-06-06 21:41:00,1,1,1,NaN,1\n", ":2:", "not a number"),
        ("2025-06-06 21:41:00,1,1,1,-1,1\n", ":2:", "not above zero"),
        ("2025-06-06 21:41:00,1,1,1,1,1\nyesterday,1,1,1,1,1\n", ":3:", "'yesterday' is not a time"),
        ("2025-06-06 21:41:00+02:00,1,1,1,1,1\n", ":2:", "is not a time in UTC"),
        ("", "", "no bars"),
    ],
)
def test_a_wrong_row_is_named_with_its_file_line_and_cure(tmp_path, rows, where, word):
    path = written(tmp_path, ZONED + rows)
    with pytest.raises(BarFileError, match=word) as caught:
        read_bars(path)
    assert f"{path}{where}" in str(caught.value)


def test_a_file_without_a_needed_column_says_which(tmp_path):
    with pytest.raises(BarFileError, match="no column low"):
        read_bars(written(tmp_path, "open_time,open,high,close,volume\n"))
    with pytest.raises(BarFileError, match="no column open_time or timestamp"):
        read_bars(written(tmp_path, "when,open,high,low,close,volume\n"))


@pytest.mark.parametrize("text", ["", "a,b\n1,2,3\n"])
def test_what_is_not_a_table_is_refused(tmp_path, text):
    with pytest.raises(BarFileError, match="BTCUSDT"):
        read_bars(written(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BarFileError, match="cannot be read"):
        read_bars(tmp_path / "BTCUSDT.csv")


@pytest.mark.data
@pytest.mark.parametrize("name", ["BTCUSDT_perp_1m_2025-06-06_2025-06-11.csv", "BTC_perp_1m_2022-01.csv"])
def test_recorded_bars_are_read_whole(name):
    folder = os.environ.get("HERALD_DATA")
    if not folder or not (path := Path(folder) / "crypto_bars_1m" / name).exists():
        pytest.skip("set HERALD_DATA to a folder that holds crypto_bars_1m")
    file = read_bars(path)
    assert file.symbol == "BTCUSDT"
    assert len(file.bars) > 7_000
    assert 1 < float((file.bars.volume).mean()) < 1_000
