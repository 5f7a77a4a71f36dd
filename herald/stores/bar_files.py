"""Bars from CSV files, with errors that name file, row and cure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from herald.market.bars import MINUTE_NS, Bars, BarsError, check_bars

PRICES = ("open", "high", "low", "close", "volume")
VolumeUnit = Literal["base", "quote"]

_SYMBOL = re.compile(r"^(?P<base>[A-Z0-9]{2,12}?)(?P<quote>USDT|USDC|USD)?(?:_|$)")


class BarFileError(ValueError):
    """A file of bars that cannot be read. Its text names the file, the line and the cure."""


@dataclass(frozen=True, slots=True)
class BarFile:
    """Bars of one symbol, and the file that they come from."""

    path: Path
    symbol: str
    bars: Bars


def read_bars(
    path: Path, *, symbol: str = "", interval_ns: int = MINUTE_NS, volume_unit: VolumeUnit | None = None
) -> BarFile:
    """Read a CSV file of bars.

    Two forms are understood: ``open_time`` with a zone and volume in base units, and ``timestamp`` in UTC without a
    zone and volume in the quote currency; ``volume_unit`` overrules the form. The symbol is taken from the file's
    name (``BTCUSDT_perp_1m.csv``, ``BTC_perp.csv``) unless given. Raises ``BarFileError``.
    """
    frame = _read(path)
    column = next((name for name in ("open_time", "timestamp") if name in frame.columns), None)
    missing = [name for name in PRICES if name not in frame.columns]
    if column is None or missing:
        wanted = "open_time or timestamp" if column is None else ", ".join(missing)
        raise BarFileError(f"{path}:1: no column {wanted}; the header must name {', '.join(('open_time', *PRICES))}")
    if frame.height == 0:
        raise BarFileError(f"{path}: holds no bars; give a file with at least one row")
    opened = _times(path, frame[column])
    values = {name: _numbers(path, frame[name]) for name in PRICES}
    if (volume_unit or ("base" if column == "open_time" else "quote")) == "quote":
        values["volume"] = values["volume"] / values["close"]
    bars = Bars(opened, **values, interval_ns=interval_ns)
    try:
        check_bars(bars)
    except BarsError as error:
        where = f"{path}:{error.row + 2}" if error.row is not None else str(path)
        raise BarFileError(f"{where}: {error.problem}") from error
    return BarFile(path, symbol or symbol_of(path), bars)


def symbol_of(path: Path) -> str:
    """Take the symbol from the beginning of a file's name; a bare asset is quoted in USDT. Raises ``BarFileError``."""
    found = _SYMBOL.match(path.name.split(".")[0])
    if found is None:
        raise BarFileError(f"{path}: its name does not begin with a symbol; rename it (BTCUSDT_1m.csv) or give one")
    return f"{found['base']}{found['quote'] or 'USDT'}"


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, infer_schema=False, truncate_ragged_lines=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        cause = " ".join(str(error).split())[:200]
        raise BarFileError(f"{path}: cannot be read as CSV ({cause}); give a comma-separated file") from error


def _times(path: Path, column: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    text = column.str.strip_chars().str.replace("T", " ", literal=True).str.replace(r"(Z|\+00:?00)$", "")
    parsed = text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ns", strict=False)
    _refuse_nulls(path, column, parsed, "is not a time in UTC; write 2025-06-06 21:41:00+00:00")
    return parsed.cast(pl.Int64).to_numpy()


def _numbers(path: Path, column: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    parsed = column.str.strip_chars().cast(pl.Float64, strict=False)
    _refuse_nulls(path, column, parsed, "is not a number; correct or remove the row")
    return parsed.to_numpy()


def _refuse_nulls(path: Path, given: pl.Series, parsed: pl.Series, problem: str) -> None:
    row = parsed.is_null().arg_max()
    if parsed.null_count() and row is not None:
        raise BarFileError(f"{path}:{row + 2}: {given.name} {given[row]!r} {problem}")
