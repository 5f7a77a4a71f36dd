"""How the made market of demonstrations opens."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from herald.documents import Document
from herald.market.simulated import SimulatedAsset, SimulatedState
from herald.messages import Instrument


class OpeningAsset(Document):
    """One asset at the opening: price in USD, depth on either side in USD, volatility in bps a root second."""

    price: float = Field(gt=0)
    depth_usd: float = Field(default=120_000.0, gt=0)
    half_spread_bps: float = Field(default=0.8, gt=0)
    volatility_bps: float = Field(default=0.8, gt=0)


class MarketOpening(Document):
    """demo-market.yaml: the assets that the made market quotes. ``leader`` takes the others along by their betas."""

    leader: str = "BTC"
    assets: dict[str, OpeningAsset]


def opening_state(opening: MarketOpening, instruments: Iterable[Instrument], seed: int, now_ns: int) -> SimulatedState:
    """Open the market in every instrument whose base has an opening price."""
    assets = {
        instrument.key: SimulatedAsset(
            price=asset.price,
            tick=float(instrument.tick_size),
            depth_usd=asset.depth_usd,
            half_spread_bps=asset.half_spread_bps,
            volatility_bps=asset.volatility_bps,
            beta=instrument.beta,
            leader=instrument.base == opening.leader,
        )
        for instrument in instruments
        if (asset := opening.assets.get(instrument.base)) is not None
    }
    return SimulatedState(at_ns=now_ns, seed=seed, assets=assets)
