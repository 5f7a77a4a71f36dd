"""Playbooks: for which news to trade what, how much, and how to get out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from herald.documents import Document, version_of
from herald.messages import ExitPlan, Share
from herald.taxonomy import Direction, EventType, OrderType, Side, TimeInForce
from herald.trading.directory import Asset, InstrumentDirectory
from herald.trading.resolving import resolve

UNKNOWN_SHARE_MAX = 0.001
"""An UNKNOWN direction never puts more than this share of the equity at stake."""

Usd = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]
Bps = Annotated[float, Field(ge=0, le=2_000)]


class BasketLeg(Document):
    """One asset of a basket and its weight, relative to the other legs."""

    asset: Asset
    weight: float = Field(default=1.0, gt=0)


class Hedge(Document):
    """What a basket is hedged with: ``share`` of its beta, on the other side; 1 makes it neutral."""

    asset: Asset
    share: Share = 1.0


class Basket(Document):
    """Assets traded together. Legs that cannot be priced are left out and the others take over their weight."""

    legs: tuple[BasketLeg, ...] = Field(min_length=1)
    hedge: Hedge | None = None

    @model_validator(mode="after")
    def _assets_are_unique(self) -> Self:
        assets = [leg.asset for leg in self.legs]
        if len(set(assets)) < len(assets):
            message = f"an asset is in the basket twice ({', '.join(assets)}); keep one"
            raise ValueError(message)
        return self


class Size(Document):
    """size = min(equity x equity_share, cap of the event, k_usd x severity x liquidity), in USD."""

    equity_share: float = Field(default=0.05, gt=0, le=1)
    k_usd: Usd = Decimal(20_000)
    unknown_share: float = Field(default=UNKNOWN_SHARE_MAX, gt=0, le=UNKNOWN_SHARE_MAX)


class Exit(Document):
    """When a trade is closed. Distances in basis points of the entry; 0 switches one off."""

    take_profit_bps: Bps = 40.0
    stop_loss_bps: Bps = 30.0
    trail_bps: Bps = 0.0
    trail_after_bps: Bps = 0.0
    flat_after_s: float = Field(default=90.0, gt=0, le=86_400)

    def plan(self) -> ExitPlan:
        """Return the plan as messages carry it."""
        return ExitPlan(**self.model_dump())


class Playbook(Document):
    """How to trade one kind of news.

    ``side`` follows the direction of the news or is fixed; only a fixed side can play an UNKNOWN direction.
    ``target`` trades the primary entity or a basket. ``fallback`` is taken where the primary entity has no instrument
    or no price: a basket's name, or ``sector`` for the other assets of its sector, at ``fallback_share`` of the size.
    An order never rests: what does not fill at once is cancelled, since news ages. ``version`` is the hash of the
    playbook's content unless it is given.
    """

    id: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    version: str = ""
    enabled: bool = True
    event_types: tuple[EventType, ...] = Field(min_length=1)
    directions: tuple[Direction, ...] = (Direction.BULL, Direction.BEAR)
    min_severity: Share = 0.5
    min_confidence: Share = 0.6
    side: Literal["follow", "buy", "sell"] = "follow"
    target: Literal["primary", "basket"] = "primary"
    basket: str = ""
    fallback: str = ""
    fallback_share: float = Field(default=0.25, gt=0, le=1)
    sector_legs_max: int = Field(default=4, ge=1, le=20)
    order_type: OrderType = OrderType.LIMIT
    time_in_force: Literal[TimeInForce.IOC, TimeInForce.FOK] = TimeInForce.IOC
    slippage_max_bps: float = Field(default=10.0, ge=0, le=50)
    size: Size = Size()
    exit: Exit = Exit()

    @model_validator(mode="before")
    @classmethod
    def _version_is_content(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("version"):
            return {**data, "version": version_of(json.dumps(data, sort_keys=True, default=str))}
        return data

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        message = ""
        if self.side == "follow" and Direction.UNKNOWN in self.directions:
            message = "an UNKNOWN direction cannot be followed; remove it from directions or fix the side"
        elif self.target == "basket" and not self.basket:
            message = "target is a basket, but none is named; add basket: NAME"
        elif self.target == "basket" and self.fallback:
            message = "a basket has no fallback; remove fallback"
        if message:
            raise ValueError(message)
        return self

    def side_for(self, direction: Direction) -> Side:
        """Return the side on which this playbook trades news of a direction."""
        if self.side == "follow":
            return Side.BUY if direction is Direction.BULL else Side.SELL
        return Side.BUY if self.side == "buy" else Side.SELL


class Liquidity(Document):
    """What counts as liquid: at ``depth_half_usd`` and at ``spread_half_bps`` the score is halved."""

    depth_half_usd: Usd = Decimal(50_000)
    spread_half_bps: float = Field(default=10.0, gt=0)


class PlaybookBook(Document):
    """playbooks.yaml. Of the playbooks that fit a signal the first is played."""

    notional_caps_usd: dict[EventType, Usd]
    liquidity: Liquidity = Liquidity()
    baskets: dict[str, Basket] = Field(default_factory=dict)
    playbooks: tuple[Playbook, ...]

    @model_validator(mode="after")
    def _references_hold(self) -> Self:
        ids = [playbook.id for playbook in self.playbooks]
        problems = [f"playbook '{one}' is given twice; rename one" for one in sorted(set(ids)) if ids.count(one) > 1]
        for playbook in self.playbooks:
            named = [name for name in (playbook.basket, playbook.fallback) if name and name != "sector"]
            problems += [
                f"playbook '{playbook.id}' names basket '{name}', which is not under baskets; add it"
                for name in named
                if name not in self.baskets
            ]
            problems += [
                f"playbook '{playbook.id}' plays {kind.value}, which has no cap; add it to notional_caps_usd"
                for kind in playbook.event_types
                if kind not in self.notional_caps_usd
            ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def get(self, playbook_id: str) -> Playbook | None:
        """Return a playbook by its id."""
        return next((playbook for playbook in self.playbooks if playbook.id == playbook_id), None)

    def assets_without_instrument(self, directory: InstrumentDirectory) -> tuple[str, ...]:
        """Return the assets of the baskets that no instrument trades, sorted."""
        assets = {leg.asset for basket in self.baskets.values() for leg in basket.legs}
        assets |= {basket.hedge.asset for basket in self.baskets.values() if basket.hedge is not None}
        return tuple(sorted(asset for asset in assets if not resolve(asset, directory).is_listed))
