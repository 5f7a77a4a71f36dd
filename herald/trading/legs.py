"""What to trade: the primary instrument, or the legs of a basket with their shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from herald.market.quotes import Quote
from herald.messages import Instrument, Signal
from herald.taxonomy import Leg, MarketKind, Reason, Side
from herald.trading.directory import InstrumentDirectory
from herald.trading.playbooks import Basket, BasketLeg, Playbook, PlaybookBook
from herald.trading.resolving import peers_of, resolve

Quotes = Callable[[str], Quote | None]


@dataclass(frozen=True, slots=True)
class PlannedLeg:
    """One instrument to trade. ``share`` is of the whole size; the shares of the entries add up to ``scale``."""

    instrument: Instrument
    quote: Quote
    side: Side
    share: float
    leg: Leg = Leg.ENTRY


@dataclass(frozen=True, slots=True)
class Legs:
    """What to trade, or why nothing. ``notes`` name what was left out."""

    legs: tuple[PlannedLeg, ...] = ()
    reason: Reason = Reason.RULE_MATCHED
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LegPlanner:
    """Chooses legs from the directory, by the quotes of one moment."""

    book: PlaybookBook
    directory: InstrumentDirectory
    quotes: Quotes
    now_ns: int
    stale_after_ns: int

    def plan(self, playbook: Playbook, signal: Signal) -> Legs:
        """Choose the legs of a playbook for a signal."""
        side = playbook.side_for(signal.direction)
        if playbook.target == "basket":
            return self._basket(self.book.baskets[playbook.basket], side, 1.0)
        asset = signal.primary_entity
        found = self._priced(asset, side)
        if isinstance(found, _Priced):
            return Legs((PlannedLeg(found.instrument, found.quote, side, 1.0),))
        why = resolve(asset, self.directory).detail
        note = f"{asset or 'no entity'}: {found.value}" + (f" ({why})" if why else "")
        basket = self._fallback(playbook, asset)
        if basket is None or found is Reason.STALE_QUOTE:
            return Legs(reason=found, notes=(note,))
        instead = self._basket(basket, side, playbook.fallback_share)
        return Legs(instead.legs, instead.reason, (note, f"{playbook.fallback} instead", *instead.notes))

    def _fallback(self, playbook: Playbook, asset: str) -> Basket | None:
        if playbook.fallback != "sector":
            return self.book.baskets.get(playbook.fallback)
        peers = peers_of(asset, self.directory, playbook.sector_legs_max)
        return Basket(legs=tuple(BasketLeg(asset=peer.base) for peer in peers)) if peers else None

    def _basket(self, basket: Basket, side: Side, scale: float) -> Legs:
        priced: list[tuple[float, _Priced]] = []
        notes: list[str] = []
        reasons: list[Reason] = []
        for leg in basket.legs:
            found = self._priced(leg.asset, side)
            if isinstance(found, _Priced):
                priced.append((leg.weight, found))
            else:
                notes.append(f"{leg.asset} left out: {found.value}")
                reasons.append(found)
        if not priced:
            return Legs(reason=reasons[0], notes=tuple(notes))
        total = sum(weight for weight, _ in priced)
        legs = [PlannedLeg(one.instrument, one.quote, side, scale * weight / total) for weight, one in priced]
        return Legs((*legs, *self._hedge(basket, legs, notes)), notes=tuple(notes))

    def _hedge(self, basket: Basket, legs: list[PlannedLeg], notes: list[str]) -> tuple[PlannedLeg, ...]:
        """Plan the leg that takes over ``share`` of the basket's beta: size = share x sum(size x beta) / own beta."""
        if basket.hedge is None:
            return ()
        side = legs[0].side.opposite
        found = self._priced(basket.hedge.asset, side)
        if not isinstance(found, _Priced):
            notes.append(f"not hedged, {basket.hedge.asset}: {found.value}")
            return ()
        beta = sum(leg.share * leg.instrument.beta for leg in legs) / found.instrument.beta
        share = basket.hedge.share * beta
        if share <= 0 or any(leg.instrument.key == found.instrument.key for leg in legs):
            notes.append(f"not hedged: {basket.hedge.asset} is in the basket or would add to its risk")
            return ()
        return (PlannedLeg(found.instrument, found.quote, side, share, Leg.HEDGE),)

    def _priced(self, asset: str, side: Side) -> _Priced | Reason:
        """Return the best instrument of an asset that has a usable quote, else why there is none."""
        resolution = resolve(asset, self.directory)
        reason = Reason.NO_INSTRUMENT if resolution.is_listed else resolution.reason
        for instrument in resolution.own:
            if instrument.kind is MarketKind.SPOT and side is Side.SELL:
                continue  # what is not held cannot be sold
            quote = self.quotes(instrument.key)
            if quote is None or not 0 < quote.bid <= quote.ask:
                reason = reason if reason is Reason.STALE_QUOTE else Reason.NO_QUOTE
            elif self.now_ns - quote.at_ns > self.stale_after_ns:
                reason = Reason.STALE_QUOTE
            else:
                return _Priced(instrument, quote)
        return reason


@dataclass(frozen=True, slots=True)
class _Priced:
    instrument: Instrument
    quote: Quote = field(repr=False)
