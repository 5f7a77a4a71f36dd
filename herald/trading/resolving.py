"""From a named asset to what trades it: its perpetual, else its spot pair, else its sector, else why nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from herald.messages import Instrument
from herald.news.gazetteer import Kind
from herald.taxonomy import MarketKind, Reason
from herald.trading.directory import InstrumentDirectory

PEERS_MAX = 4
STABLE_SECTOR = "stablecoin"
SECTORS_WITHOUT_PEERS = frozenset({STABLE_SECTOR, "other"})
"""Sectors whose assets do not move together, so that none stands in for another."""

FIAT = frozenset(
    "USD EUR GBP JPY CHF CNY INR CAD AUD NZD HKD SGD KRW TRY BRL RUB NGN ZAR UAH PLN MXN ARS COP CZK RON".split()
)
_TICKER = re.compile(r"[A-Z0-9]{1,20}")


class How(StrEnum):
    """By what an asset is traded."""

    PERP = "perp"
    SPOT = "spot"
    BASKET = "basket"
    NONE = "none"


class Names(Protocol):
    """What a resolution asks about names."""

    def kind_of(self, entity: str) -> Kind | None:
        """Return what an entity is; None where no list holds it."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What trades an asset. ``venues`` maps each venue to its instruments, perpetuals first.

    For PERP and SPOT all of them are of the asset itself. For BASKET they are other assets of its sector, and
    ``reason`` says why the asset itself is not traded, as it does for NONE; ``detail`` is that in words.
    """

    asset: str
    how: How
    venues: Mapping[str, tuple[Instrument, ...]] = field(default_factory=lambda: MappingProxyType({}))
    reason: Reason = Reason.RULE_MATCHED
    detail: str = ""

    @property
    def is_listed(self) -> bool:
        """True where the asset itself is traded somewhere."""
        return self.how in {How.PERP, How.SPOT}

    @property
    def own(self) -> tuple[Instrument, ...]:
        """The asset's own instruments on all venues, perpetuals first; none for a basket."""
        if not self.is_listed:
            return ()
        found = (instrument for listed in self.venues.values() for instrument in listed)
        return tuple(sorted(found, key=_spot_last))


def resolve(
    entity: str, directory: InstrumentDirectory, names: Names | None = None, peers_max: int = PEERS_MAX
) -> Resolution:
    """Resolve one asset by its ticker. Without ``names`` no list can tell a party or an unknown coin from another."""
    refused = _no_ticker(entity, directory, names)
    if refused is not None:
        return refused
    own = [instrument for instrument in directory.resolve(entity) if instrument.base == entity]
    if own:
        perpetual = any(instrument.kind is MarketKind.PERP for instrument in own)
        return Resolution(entity, How.PERP if perpetual else How.SPOT, _by_venue(own))
    sector = directory.sector_of(entity)
    if sector == STABLE_SECTOR or (sector is None and entity in FIAT):
        return _none(entity, Reason.STABLE_NOT_TRADED, f"{entity} is money or a stablecoin, which is not traded")
    if peers := peers_of(entity, directory, peers_max):
        detail = f"{entity} is listed on no venue in use; its sector, {sector}, stands in"
        return Resolution(entity, How.BASKET, _by_venue(peers), Reason.NO_INSTRUMENT, detail)
    if names is not None and sector is None and names.kind_of(entity) is None:
        return _none(entity, Reason.UNKNOWN_ASSET, f"{entity} is on no list of assets")
    return _none(entity, Reason.NO_INSTRUMENT, f"{entity} is listed on no venue in use")


def resolve_all(
    primary: str, entities: Iterable[str], directory: InstrumentDirectory, names: Names | None = None
) -> tuple[Resolution, ...]:
    """Resolve all assets that a headline names, each once: the primary entity first, then in the order given.

    Parties other than the primary entity are left out.
    """
    rest = (resolve(entity, directory, names) for entity in dict.fromkeys(entities) if entity and entity != primary)
    found = [one for one in rest if one.reason is not Reason.NOT_AN_ASSET]
    return (resolve(primary, directory, names), *found) if primary else tuple(found)


def peers_of(asset: str, directory: InstrumentDirectory, peers_max: int) -> tuple[Instrument, ...]:
    """Return what stands in for an asset: one instrument each of others of its sector, the most liquid first."""
    sector = directory.sector_of(asset)
    if sector is None or sector in SECTORS_WITHOUT_PEERS:
        return ()
    others = (one for one in directory.in_sector(sector) if one.base != asset and one.sector == sector)
    return tuple(others)[:peers_max]


def _no_ticker(entity: str, directory: InstrumentDirectory, names: Names | None) -> Resolution | None:
    """Refuse what is no asset. A name is never turned into the ticker that it would be in capitals."""
    if not entity:
        return _none(entity, Reason.NO_INSTRUMENT, "no asset is named")
    kind = names.kind_of(entity) if names is not None else None
    if kind is not None and kind is not Kind.ASSET:
        return _none(entity, Reason.NOT_AN_ASSET, f"{entity} is a {kind.value.replace('_', ' ')}, no asset")
    if _TICKER.fullmatch(entity):
        return None
    ticker = entity.upper()
    if directory.resolve(ticker) or directory.sector_of(ticker) is not None:
        return _none(entity, Reason.AMBIGUOUS_NAME, f"'{entity}' may be the asset {ticker} or another thing")
    return _none(entity, Reason.NOT_AN_ASSET, f"{entity} is a name, no asset")


def _none(asset: str, reason: Reason, detail: str) -> Resolution:
    return Resolution(asset, How.NONE, reason=reason, detail=detail)


def _by_venue(instruments: Sequence[Instrument]) -> Mapping[str, tuple[Instrument, ...]]:
    venues: dict[str, list[Instrument]] = {}
    for instrument in sorted(instruments, key=_spot_last):
        venues.setdefault(instrument.venue, []).append(instrument)
    return MappingProxyType({venue: tuple(listed) for venue, listed in venues.items()})


def _spot_last(instrument: Instrument) -> bool:
    return instrument.kind is MarketKind.SPOT
