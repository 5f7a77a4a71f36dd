"""From a signal to order intents, or to the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from herald.messages import OrderIntent, Passed, Signal, intent_id_of
from herald.nanoseconds import NS_PER_MS, from_ns, to_ns
from herald.taxonomy import Leg, OrderType, Reason, Side, Stage
from herald.trading.directory import InstrumentDirectory
from herald.trading.legs import LegPlanner, Legs, PlannedLeg, Quotes
from herald.trading.playbooks import Playbook, PlaybookBook
from herald.trading.rounding import decimal_of, down_to_lot, limit_within
from herald.trading.sizing import liquidity_score, position_usd


@dataclass(frozen=True, slots=True)
class _Decline:
    reason: Reason
    detail: str = ""
    playbook: str = ""


def decide(  # noqa: PLR0917 - the order in which a decision is described
    signal: Signal,
    book: PlaybookBook,
    directory: InstrumentDirectory,
    quotes: Quotes,
    equity_usd: Decimal,
    now: datetime,
    stale_after_ms: int,
    weights: Mapping[str, float] | None = None,
) -> list[OrderIntent] | Passed:
    """Return the intents of a signal, entries before hedges, or why there are none.

    ``quotes`` gives the quote of an instrument key as known at ``now``; one older than ``stale_after_ms`` is not
    traded on. ``weights`` are the learned weights by playbook, 1 where none is given; at 0 a playbook rests.
    """
    playbook = _choose(signal, book, weights or {})
    if isinstance(playbook, _Decline):
        return _passed(signal, playbook, now)
    planner = LegPlanner(book, directory, quotes, to_ns(now), stale_after_ms * NS_PER_MS)
    chosen = planner.plan(playbook, signal)
    if not chosen.legs:
        return _passed(signal, _Decline(chosen.reason, "; ".join(chosen.notes), playbook.id), now)
    weight = (weights or {}).get(playbook.id, 1.0)
    size_usd = _size_usd(signal, playbook, book, chosen, equity_usd, weight=weight)
    intents = _intents(signal, playbook, chosen, size_usd, now)
    if not any(intent.leg is Leg.ENTRY for intent in intents):
        detail = "; ".join((f"{size_usd:.2f} USD is less than the venue takes", *chosen.notes))
        return _passed(signal, _Decline(Reason.SIZE_BELOW_MINIMUM, detail, playbook.id), now)
    return intents


def _choose(signal: Signal, book: PlaybookBook, weights: Mapping[str, float]) -> Playbook | _Decline:
    """Return the first playbook that fits, else the reason of the one that came nearest to fitting."""
    if not signal.tradable:
        return _Decline(Reason.NOT_TRADABLE)
    nearest, nearest_rank = _Decline(Reason.NO_PLAYBOOK, f"none plays {signal.event_type.value}"), 0
    for playbook in book.playbooks:
        if signal.event_type not in playbook.event_types:
            continue
        obstacles = (
            (not playbook.enabled, Reason.NO_PLAYBOOK, "switched off"),
            (weights.get(playbook.id, 1.0) <= 0, Reason.NO_PLAYBOOK, "its learned weight is 0"),
            (signal.direction not in playbook.directions, Reason.DIRECTION_NOT_PLAYED, signal.direction.value),
            (
                signal.severity < playbook.min_severity,
                Reason.BELOW_MIN_SEVERITY,
                f"{signal.severity:.3f} < {playbook.min_severity}",
            ),
            (
                signal.confidence < playbook.min_confidence,
                Reason.BELOW_MIN_CONFIDENCE,
                f"{signal.confidence:.3f} < {playbook.min_confidence}",
            ),
        )
        rank = next((rank for rank, (holds, _, _) in enumerate(obstacles, 1) if holds), None)
        if rank is None:
            return playbook
        if rank > nearest_rank:
            _, reason, detail = obstacles[rank - 1]
            nearest, nearest_rank = _Decline(reason, detail, playbook.id), rank
    return nearest


def _size_usd(
    signal: Signal, playbook: Playbook, book: PlaybookBook, chosen: Legs, equity_usd: Decimal, *, weight: float
) -> Decimal:
    """Size the whole trade; a basket is as liquid as its entries on average, by share."""
    entries = [leg for leg in chosen.legs if leg.leg is Leg.ENTRY]
    total = sum(leg.share for leg in entries)
    liquidity = sum(leg.share * liquidity_score(leg.quote, book.liquidity) for leg in entries) / total
    return position_usd(
        playbook=playbook,
        book=book,
        event_type=signal.event_type,
        direction=signal.direction,
        severity=signal.severity,
        liquidity=liquidity,
        equity_usd=equity_usd,
        weight=weight,
    )


def _intents(signal: Signal, playbook: Playbook, chosen: Legs, size_usd: Decimal, now: datetime) -> list[OrderIntent]:
    sized: list[tuple[PlannedLeg, Decimal]] = []
    notes = list(chosen.notes)
    for leg in chosen.legs:
        quantity = down_to_lot(size_usd * decimal_of(leg.share) / decimal_of(leg.quote.mid), leg.instrument.lot_size)
        if quantity > 0 and quantity * decimal_of(leg.quote.mid) >= leg.instrument.min_notional_usd:
            sized.append((leg, quantity))
        else:
            notes.append(f"{leg.instrument.base} left out: {Reason.SIZE_BELOW_MINIMUM.value}")
    counts = {Leg.ENTRY: 0, Leg.HEDGE: 0, Leg.EXIT: 0}
    intents: list[OrderIntent] = []
    for leg, quantity in sized:
        intents.append(_intent(signal, playbook, leg, counts[leg.leg], quantity, "; ".join(notes), now))
        counts[leg.leg] += 1
    return intents


def _intent(  # noqa: PLR0917 - private, one caller
    signal: Signal, playbook: Playbook, leg: PlannedLeg, index: int, quantity: Decimal, detail: str, now: datetime
) -> OrderIntent:
    intent_id = intent_id_of(signal.story_id, playbook.id, leg.leg, index)
    touch = decimal_of(leg.quote.ask if leg.side is Side.BUY else leg.quote.bid)
    limit = limit_within(touch, playbook.slippage_max_bps, leg.instrument.tick_size, leg.side)
    plan = playbook.exit.plan()
    if leg.leg is Leg.HEDGE:  # it has no view of its own and goes when the basket must
        plan = plan.model_copy(update={"take_profit_bps": 0.0, "stop_loss_bps": 0.0, "trail_bps": 0.0})
    return OrderIntent(
        stamps=signal.stamps,
        intent_id=intent_id,
        trade_id=intent_id,
        event_id=signal.event_id,
        story_id=signal.story_id,
        event_type=signal.event_type,
        direction=signal.direction,
        source=signal.source,
        primary_entity=signal.primary_entity,
        news_at=signal.stamps.get(Stage.PUBLISHED, signal.ts_iso),
        playbook=playbook.id,
        playbook_version=playbook.version,
        leg=leg.leg,
        leg_index=index,
        instrument=leg.instrument,
        side=leg.side,
        order_type=playbook.order_type,
        time_in_force=playbook.time_in_force,
        quantity=quantity,
        limit_price=limit if playbook.order_type is OrderType.LIMIT else None,
        mid=decimal_of(leg.quote.mid),
        quote_at=from_ns(leg.quote.at_ns),
        severity=signal.severity,
        confidence=signal.confidence,
        exit_plan=plan,
        detail=detail,
        created_at=now,
    )


def _passed(signal: Signal, decline: _Decline, now: datetime) -> Passed:
    return Passed(
        stamps=signal.stamps,
        event_id=signal.event_id,
        story_id=signal.story_id,
        event_type=signal.event_type,
        direction=signal.direction,
        primary_entity=signal.primary_entity,
        playbook=decline.playbook,
        reason=decline.reason,
        detail=decline.detail,
        decided_at=now,
    )
