"""venues.yaml: how a venue that Herald plays itself behaves, and what it costs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herald.documents import ConfigurationError, Document

Bps = Annotated[float, Field(ge=0, le=1_000)]


class VenueRules(Document):
    """One venue. Fees, spreads and impact in basis points; a maker's fee may be a rebate."""

    fee_taker_bps: Bps = 4.0
    fee_maker_bps: float = Field(default=2.0, ge=-50, le=1_000)
    half_spread_bps: Bps = 1.0
    half_spread_bps_by_symbol: dict[str, Bps] = Field(default_factory=dict)
    depth_share: float = Field(default=0.05, gt=0, le=1)
    fresh_ms: int = Field(default=1_000, ge=0)
    latency_ms: int = Field(default=5, ge=0, le=60_000)
    impact_bps: Bps = 2.0

    def half_spread_of(self, symbol: str) -> float:
        """Return half the spread of a symbol, in basis points."""
        return self.half_spread_bps_by_symbol.get(symbol, self.half_spread_bps)


class VenuesDocument(Document):
    """All venues by name."""

    venues: dict[str, VenueRules]

    def of(self, name: str) -> VenueRules:
        """Return the rules of a venue. Raises ``ConfigurationError``."""
        rules = self.venues.get(name)
        if rules is None:
            known = ", ".join(sorted(self.venues)) or "none"
            raise ConfigurationError(f"venues.yaml has no venue '{name}' (it has {known}); add it")
        return rules
