"""risk.yaml: the limits of the account."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from herald.documents import Document
from herald.messages import Instrument, Share

Usd = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
ShareOf = Annotated[float, Field(gt=0, le=1)]


class RiskLimits(Document):
    """What Risk allows. Shares are of the equity; each field says in its name what it counts."""

    starting_equity_usd: Usd = Decimal(100_000)
    paper_venues: tuple[str, ...] = ("paper",)

    stale_news_s: float = Field(default=180.0, gt=0)
    future_news_s: float = Field(default=60.0, ge=0)
    cool_down_s: float = Field(default=180.0, ge=0, le=3_600)
    event_equity_share: ShareOf = 0.10
    unknown_equity_share: float = Field(default=0.001, ge=0, le=0.001)

    position_notional_usd: Usd = Decimal(15_000)
    position_notional_usd_by_symbol: dict[str, Usd] = Field(default_factory=dict)
    gross_notional_usd: Usd = Decimal(100_000)
    leverage: float = Field(default=2.0, gt=0, le=20)
    open_positions: int = Field(default=12, ge=1)

    daily_loss_share: ShareOf = 0.02
    drawdown_share: ShareOf = 0.05
    reject_rate: Share = 0.20
    reject_window_s: float = Field(default=60.0, gt=0, le=600)
    reject_orders_min: int = Field(default=10, ge=1)
    latency_ms: float = Field(default=500.0, gt=0)
    latency_for_s: float = Field(default=180.0, gt=0, le=600)

    quote_stale_ms: int = Field(default=2_000, gt=0)
    replay_quote_stale_ms: int = Field(default=120_000, gt=0)

    def position_limit_usd(self, instrument: Instrument) -> Decimal:
        """Return the largest position in an instrument, in USD."""
        return self.position_notional_usd_by_symbol.get(instrument.symbol, self.position_notional_usd)
