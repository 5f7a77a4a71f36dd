"""The names that Herald knows: assets, venues, regulators, central banks, people and companies.

A gazetteer is written as CSV with the columns ``kind,code,sector,asset,names,plain``. ``names`` are safe names, parted
by ``|``, with a ``^`` before one that must be written with a capital; ``plain`` are names, or the code itself, that are
also ordinary words and count only in context; ``asset`` is what moves when the party is in the news (Ripple: XRP).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from herald.documents import ConfigurationError
from herald.news.words import key_of, tokens_of

_COLUMNS = ["kind", "code", "sector", "asset", "names", "plain"]
_EXTRA_COLUMNS = ("code", "name")
_EXTRA_CODE_CHARS_MAX = 12


class Sureness(IntEnum):
    """How much context a name needs: none, a word beside it, or an unmistakable form such as ``(LINK)``."""

    SURE = 0
    PLAIN = 1
    STRICT = 2


class Kind(StrEnum):
    """What a name names. The value is the tag by which rules refer to it."""

    ASSET = "asset"
    VENUE = "venue"
    REGULATOR = "regulator"
    CENTRAL_BANK = "central_bank"
    PERSON = "person"
    COMPANY = "company"


class AssetSector(StrEnum):
    """What an asset is for: the groups by which baskets are traded."""

    L1 = "L1"
    L2 = "L2"
    DEFI = "DEFI"
    MEME = "MEME"
    EXCHANGE = "EXCHANGE"
    STABLE = "STABLE"
    PAYMENT = "PAYMENT"
    AI = "AI"
    GAMING = "GAMING"
    ORACLE = "ORACLE"
    PRIVACY = "PRIVACY"
    RWA = "RWA"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing with a name. ``asset`` is its own code for an asset, the asset that it moves for a party."""

    kind: Kind
    code: str
    sector: AssetSector = AssetSector.OTHER
    asset: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """One way to write an entry. ``exact_case`` names are acronyms; ``capital`` ones begin with a capital letter."""

    keys: tuple[str, ...]
    entry: Entry
    sureness: Sureness
    exact_case: bool
    capital: bool


@dataclass(frozen=True, slots=True, eq=False)
class Gazetteer:
    """Names by their first word, longest first, and assets by ticker. Built once; equal only to itself."""

    names: dict[str, tuple[Name, ...]] = field(default_factory=dict)
    tickers: dict[str, tuple[Entry, Sureness]] = field(default_factory=dict)

    def asset(self, code: str) -> Entry | None:
        """Return the asset of a ticker."""
        found = self.tickers.get(code)
        return found[0] if found else None


def parse_gazetteer(text: str, name: str, extra_text: str = "") -> Gazetteer:
    """Build a gazetteer from CSV text; ``name`` stands for the file in messages. Raises ``ConfigurationError``.

    ``extra_text`` is a list with columns ``code,name``, of lower priority: everything in it counts only in context.
    """
    names: dict[tuple[str, ...], Name] = {}
    tickers: dict[str, tuple[Entry, Sureness]] = {}
    for line, row in _rows(text, name):
        entry = _entry(row, f"{name}:{line}")
        plain = [part.strip() for part in row["plain"].split("|") if part.strip()]
        if entry.kind is Kind.ASSET:
            _add_ticker(tickers, entry, _sureness(entry.code in plain), f"{name}:{line}")
        for words in (*(part.strip() for part in row["names"].split("|") if part.strip()), *plain):
            if words != entry.code or entry.kind is not Kind.ASSET:
                _add_name(names, entry, words, _sureness(words in plain))
    for entry, words in _extra(extra_text):
        if entry.code not in tickers:
            tickers[entry.code] = (entry, Sureness.STRICT)
            if words.upper() not in tickers:
                _add_name(names, entry, words, Sureness.STRICT)
    by_first: dict[str, list[Name]] = {}
    for found in names.values():
        by_first.setdefault(found.keys[0], []).append(found)
    ordered = {first: tuple(sorted(group, key=lambda n: -len(n.keys))) for first, group in by_first.items()}
    return Gazetteer(names=ordered, tickers=tickers)


def _rows(text: str, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text))
    if reader.fieldnames != _COLUMNS:
        raise ConfigurationError(f"{name}:1: the columns must be {','.join(_COLUMNS)} (given: {reader.fieldnames})")
    for row in reader:
        if None in row or None in row.values():
            raise ConfigurationError(f"{name}:{reader.line_num}: a line needs {len(_COLUMNS)} fields; quote commas")
        yield reader.line_num, {key: value.strip() for key, value in row.items()}


def _entry(row: dict[str, str], place: str) -> Entry:
    if row["kind"] not in set(Kind):
        raise ConfigurationError(f"{place}: kind: '{row['kind']}' is none of {', '.join(Kind)}")
    kind, code, sector = Kind(row["kind"]), row["code"], row["sector"] or "OTHER"
    if not code:
        raise ConfigurationError(f"{place}: code: is empty; give the ticker or the name of the party")
    if sector not in set(AssetSector):
        raise ConfigurationError(f"{place}: sector: '{sector}' is none of {', '.join(AssetSector)}")
    return Entry(kind, code, AssetSector(sector), code if kind is Kind.ASSET else row["asset"])


def _add_ticker(tickers: dict[str, tuple[Entry, Sureness]], entry: Entry, sureness: Sureness, place: str) -> None:
    if entry.code in tickers:
        raise ConfigurationError(f"{place}: code: {entry.code} is given twice; keep one line for an asset")
    tickers[entry.code] = (entry, sureness)


def _add_name(names: dict[tuple[str, ...], Name], entry: Entry, written: str, sureness: Sureness) -> None:
    words = written.removeprefix("^")
    keys = tuple(token.key for token in tokens_of(words))
    if keys and keys not in names:
        acronym = len(keys) == 1 and words.isupper() and sureness is Sureness.SURE
        capital = written != words or (entry.kind is not Kind.ASSET and words[:1].isupper())
        names[keys] = Name(keys, entry, sureness, exact_case=acronym, capital=capital)


def _sureness(plain: bool) -> Sureness:
    return Sureness.PLAIN if plain else Sureness.SURE


def _extra(text: str) -> Iterator[tuple[Entry, str]]:
    if not text:
        return
    reader = csv.DictReader(io.StringIO(text))
    if not set(_EXTRA_COLUMNS) <= set(reader.fieldnames or ()):
        raise ConfigurationError(f"the extra gazetteer: needs the columns code and name (given: {reader.fieldnames})")
    for row in reader:
        code, words = (row["code"] or "").strip().upper(), (row["name"] or "").strip()
        usable = code.isascii() and code.isalnum() and not code.isdigit() and 1 < len(code) <= _EXTRA_CODE_CHARS_MAX
        if usable and key_of(words):
            yield Entry(Kind.ASSET, code, asset=code), words
