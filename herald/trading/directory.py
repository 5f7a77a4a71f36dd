"""Which instruments exist, and which of them trades an asset."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Protocol, Self

from pydantic import Field, model_validator

from herald.documents import Document
from herald.messages import Instrument
from herald.taxonomy import MarketKind

Step = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Asset = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,20}$")]


class InstrumentDirectory(Protocol):
    """What a decision asks about instruments."""

    def resolve(self, asset: str) -> Sequence[Instrument]:
        """Return the instruments of an asset, best first; empty where none is listed."""

    def sector_of(self, asset: str) -> str | None:
        """Return the sector of an asset, whether or not it can be traded; None where it is not known."""

    def in_sector(self, sector: str) -> Sequence[Instrument]:
        """Return one instrument an asset of a sector, the most liquid first."""


class InstrumentSpec(Document):
    """One instrument with its venue's filters. ``beta`` is its move for a move of 1 in BTC."""

    venue: str = "paper"
    symbol: str = Field(pattern=r"^[A-Z0-9/:_-]{2,30}$")
    base: Asset
    quote: Asset = "USDT"
    kind: MarketKind = MarketKind.PERP
    tick_size: Step
    lot_size: Step
    min_notional_usd: Step = Decimal(5)
    sector: str = "other"
    beta: float = Field(default=1.0, gt=-5, lt=10)

    def instrument(self) -> Instrument:
        """Return the instrument as messages carry it."""
        return Instrument(**self.model_dump())


class Instruments(Document):
    """instruments.yaml: what may be traded, the most liquid first, and the sectors of assets that may not."""

    instruments: tuple[InstrumentSpec, ...]
    unlisted_sectors: dict[Asset, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _keys_are_unique(self) -> Self:
        seen: set[str] = set()
        for spec in self.instruments:
            key = f"{spec.venue}:{spec.symbol}"
            if key in seen:
                message = f"{key} is listed twice; keep one"
                raise ValueError(message)
            seen.add(key)
        return self


class Directory:
    """Answers as ``ports.InstrumentDirectory``. Perpetuals come before spot, then the order of the document."""

    def __init__(self, document: Instruments) -> None:
        """Keep the document."""
        self._document = document

    def resolve(self, asset: str) -> Sequence[Instrument]:
        """Return the instruments of an asset, best first; empty where none is listed."""
        return self._by_asset.get(asset.upper(), ())

    def get(self, instrument_key: str) -> Instrument | None:
        """Return an instrument by its key."""
        return self._by_key.get(instrument_key)

    def sector_of(self, asset: str) -> str | None:
        """Return the sector of an asset, whether or not it can be traded; None where it is not known."""
        listed = self.resolve(asset)
        return listed[0].sector if listed else self._document.unlisted_sectors.get(asset.upper())

    def in_sector(self, sector: str) -> Sequence[Instrument]:
        """Return one instrument an asset of a sector, the most liquid first."""
        return tuple(listed[0] for listed in self._by_asset.values() if listed[0].sector == sector)

    def all(self) -> Sequence[Instrument]:
        """Return every instrument, in the order of the document."""
        return tuple(self._by_key.values())

    @cached_property
    def _by_key(self) -> dict[str, Instrument]:
        return {(one := spec.instrument()).key: one for spec in self._document.instruments}

    @cached_property
    def _by_asset(self) -> dict[str, tuple[Instrument, ...]]:
        by_asset: dict[str, list[Instrument]] = {}
        for instrument in self._by_key.values():
            by_asset.setdefault(instrument.base, []).append(instrument)
        return {
            asset: tuple(sorted(listed, key=lambda one: one.kind is MarketKind.SPOT))
            for asset, listed in by_asset.items()
        }
