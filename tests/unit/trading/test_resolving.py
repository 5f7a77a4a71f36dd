"""What trades the assets of a headline: perpetual, spot, sector, or a reason why nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.documents import load_document, parse_document
from herald.messages import Instrument
from herald.news.gazetteer import Gazetteer, Kind, parse_gazetteer
from herald.news.names import KnownNames, names_in
from herald.reports.reasons import explain
from herald.taxonomy import MarketKind, Reason
from herald.trading.directory import Directory, Instruments
from herald.trading.resolving import How, peers_of, resolve, resolve_all

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
TEXT = """
instruments:
  - {symbol: SOL-SPOT, base: SOL, kind: spot, tick_size: "0.01", lot_size: "0.01", sector: layer1}
  - {symbol: SOLUSDT, base: SOL, tick_size: "0.01", lot_size: "0.01", sector: layer1}
  - {venue: other, symbol: SOLUSDT, base: SOL, tick_size: "0.01", lot_size: "0.01", sector: layer1}
  - {venue: other, symbol: WIF-SPOT, base: WIF, kind: spot, tick_size: "0.01", lot_size: "0.01", sector: meme}
  - {symbol: NEARUSDT, base: NEAR, tick_size: "0.01", lot_size: "0.01", sector: layer1}
  - {symbol: USDCUSDT, base: USDC, tick_size: "0.01", lot_size: "0.01", sector: stablecoin}
  - {symbol: ODDUSDT, base: ODD, tick_size: "0.01", lot_size: "0.01"}
unlisted_sectors: {TINY: layer1, FLOKI: meme, DAI: stablecoin, STRAY: other, LONER: gaming, RON: gaming}
"""
NAMES = KnownNames({
    **dict.fromkeys(("SOL", "WIF", "NEAR", "TINY", "DAI", "LONER", "SAFE", "RON"), Kind.ASSET),
    "Binance": Kind.VENUE, "OKX": Kind.VENUE, "Strategy": Kind.COMPANY, "Jerome Powell": Kind.PERSON,
    "SEC": Kind.REGULATOR, "Fed": Kind.CENTRAL_BANK,
})  # fmt: skip


@pytest.fixture(scope="module")
def directory() -> Directory:
    return Directory(parse_document(TEXT, Instruments, "instruments.yaml"))


@pytest.fixture(scope="module")
def shipped() -> Directory:
    return Directory(load_document(CONFIGS / "instruments.yaml", Instruments))


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return parse_gazetteer((CONFIGS / "gazetteer.csv").read_text("utf-8"), "gazetteer.csv")


def test_an_asset_is_resolved_on_every_venue_perpetuals_first(directory):
    found = resolve("SOL", directory, NAMES)
    assert (found.how, found.reason, found.detail) == (How.PERP, Reason.RULE_MATCHED, "")
    listed = {venue: [one.symbol for one in instruments] for venue, instruments in found.venues.items()}
    assert listed == {"paper": ["SOLUSDT", "SOL-SPOT"], "other": ["SOLUSDT"]}
    assert [one.key for one in found.own] == ["paper:SOLUSDT", "other:SOLUSDT", "paper:SOL-SPOT"]


def test_an_asset_without_a_perpetual_is_traded_on_spot(directory):
    found = resolve("WIF", directory, NAMES)
    assert (found.how, [one.key for one in found.own]) == (How.SPOT, ["other:WIF-SPOT"])


def test_the_sector_stands_in_for_an_asset_that_is_listed_nowhere(directory):
    found = resolve("TINY", directory, NAMES)
    assert (found.how, found.reason) == (How.BASKET, Reason.NO_INSTRUMENT)
    assert [one.base for one in found.venues["paper"]] == ["SOL", "NEAR"]
    assert found.own == ()
    assert not found.is_listed
    assert [one.base for one in resolve("TINY", directory, peers_max=1).venues["paper"]] == ["SOL"]


def test_an_asset_does_not_stand_in_for_itself(directory):
    assert [one.base for one in peers_of("SOL", directory, 4)] == ["NEAR"]
    assert peers_of("STRAY", directory, 4) == peers_of("DAI", directory, 4) == peers_of("NOPE", directory, 4) == ()


@pytest.mark.parametrize(
    ("entity", "reason", "words"),
    [
        ("NOPE", Reason.UNKNOWN_ASSET, "on no list"),
        ("SAFE", Reason.NO_INSTRUMENT, "on no venue"),
        ("LONER", Reason.NO_INSTRUMENT, "on no venue"),
        ("STRAY", Reason.NO_INSTRUMENT, "on no venue"),
        ("RON", Reason.NO_INSTRUMENT, "on no venue"),
        ("DAI", Reason.STABLE_NOT_TRADED, "money or a stablecoin"),
        ("EUR", Reason.STABLE_NOT_TRADED, "money or a stablecoin"),
        ("Binance", Reason.NOT_AN_ASSET, "is a venue"),
        ("OKX", Reason.NOT_AN_ASSET, "is a venue"),
        ("Strategy", Reason.NOT_AN_ASSET, "is a company"),
        ("Jerome Powell", Reason.NOT_AN_ASSET, "is a person"),
        ("Fed", Reason.NOT_AN_ASSET, "is a central bank"),
        ("Cork Protocol", Reason.NOT_AN_ASSET, "is a name"),
        ("Near", Reason.AMBIGUOUS_NAME, "may be the asset NEAR"),
        ("sol", Reason.AMBIGUOUS_NAME, "may be the asset SOL"),
        ("Floki", Reason.AMBIGUOUS_NAME, "may be the asset FLOKI"),
        ("", Reason.NO_INSTRUMENT, "no asset is named"),
    ],
)
def test_what_is_not_traded_has_its_reason_in_code_and_words(entity, reason, words, directory):
    found = resolve(entity, directory, NAMES)
    assert (found.how, found.reason, dict(found.venues)) == (How.NONE, reason, {})
    assert words in found.detail
    assert explain(reason)


def test_without_a_list_of_names_nothing_is_called_unknown(directory):
    assert resolve("NOPE", directory).reason is Reason.NO_INSTRUMENT
    assert resolve("Cork Protocol", directory).reason is Reason.NOT_AN_ASSET


def test_a_listed_stablecoin_is_traded_by_its_own_instrument(directory):
    assert [one.base for one in resolve("USDC", directory).own] == ["USDC"]


def test_all_assets_of_a_headline_are_resolved_once_the_primary_first(directory):
    found = resolve_all("NEAR", ("SOL", "Binance", "NEAR", "NOPE", "SOL", "DAI"), directory, NAMES)
    assert [(one.asset, one.how) for one in found] == [
        ("NEAR", How.PERP), ("SOL", How.PERP), ("NOPE", How.NONE), ("DAI", How.NONE),
    ]  # fmt: skip


def test_a_primary_party_is_answered_with_its_reason_and_nobody_with_nothing(directory):
    (found,) = resolve_all("Binance", ("Binance", "Strategy"), directory, NAMES)
    assert found.reason is Reason.NOT_AN_ASSET
    assert resolve_all("", ("Strategy", ""), directory, NAMES) == ()


def test_a_resolution_cannot_be_changed(directory):
    found = resolve("SOL", directory)
    with pytest.raises(AttributeError):
        found.asset = "X"
    with pytest.raises(TypeError):
        found.venues["paper"] = ()


def test_every_asset_that_the_shipped_gazetteer_names_is_known_to_the_shipped_directory(shipped, gazetteer):
    unknown = [code for code in gazetteer.tickers if shipped.sector_of(code) is None]
    assert unknown == [], "add them to unlisted_sectors of instruments.yaml"


def test_a_ticker_that_is_also_a_party_counts_as_the_ticker(gazetteer):
    names = names_in(gazetteer)
    assert names.kind_of("BTC") is Kind.ASSET
    assert (names.kind_of("Binance"), names.kind_of("nobody")) == (Kind.VENUE, None)


class Careless:
    """A directory that answers with whatever it was given, also for other assets and sectors."""

    def __init__(self, listed: list[Instrument], sectors: dict[str, str]) -> None:
        self.listed, self.sectors = listed, sectors

    def resolve(self, asset: str) -> list[Instrument]:
        return [one for one in self.listed if one.base.upper() == asset.upper() or one.base[:1] == asset[:1]]

    def sector_of(self, asset: str) -> str | None:
        return self.sectors.get(asset.upper())

    def in_sector(self, sector: str) -> list[Instrument]:
        return self.listed


CODES = ["SOL", "SUI", "S", "BTC", "NEAR", "DAI", "USD", "TINY"]
SECTORS = ["layer1", "meme", "stablecoin", "other"]
INSTRUMENTS = st.builds(
    lambda venue, base, kind, sector: Instrument(
        venue=venue, symbol=f"{base}-{kind.value}", base=base, kind=kind, sector=sector
    ),
    st.sampled_from(["paper", "other"]), st.sampled_from(CODES), st.sampled_from(MarketKind), st.sampled_from(SECTORS),
)  # fmt: skip
ENTITIES = st.one_of(st.sampled_from([*CODES, *(code.title() for code in CODES), "Binance", ""]), st.text(max_size=8))


@given(
    entity=ENTITIES,
    listed=st.lists(INSTRUMENTS, max_size=8),
    sectors=st.dictionaries(st.sampled_from(CODES), st.sampled_from(SECTORS)),
    names=st.sampled_from([None, NAMES]),
)
def test_no_instrument_of_another_asset_is_returned_but_those_of_its_sector(entity, listed, sectors, names):
    directory = Careless(listed, sectors)
    found = resolve(entity, directory, names)
    instruments = [one for group in found.venues.values() for one in group]
    assert all(one.venue == venue for venue, group in found.venues.items() for one in group)
    if found.is_listed:
        assert instruments
        assert {one.base for one in instruments} == {entity}
        assert (found.how is How.PERP) == any(one.kind is MarketKind.PERP for one in instruments)
    elif found.how is How.BASKET:
        assert instruments
        assert {one.sector for one in instruments} == {directory.sector_of(entity)}
        assert entity not in {one.base for one in instruments}
    else:
        assert instruments == []
    assert (found.detail == "") == found.is_listed


@given(entity=ENTITIES)
def test_the_shipped_directory_never_answers_with_another_asset(entity, shipped):
    found = resolve(entity, shipped)
    assert all(one.base == entity for one in found.own)
    basket = [one for group in found.venues.values() for one in group] if found.how is How.BASKET else []
    assert all(one.sector == shipped.sector_of(entity) for one in basket)
