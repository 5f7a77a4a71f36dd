"""Risk: which intents become orders, how large, and when trading stops by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from herald.messages import ApprovedOrder, OrderIntent, RefusedOrder
from herald.taxonomy import Direction, Leg, OrderType, Reason, TradingState
from herald.trading.exposure import exposed_keys, exposure_of, gross_usd, reducible
from herald.trading.portfolio import ZERO
from herald.trading.risk_limits import RiskLimits
from herald.trading.risk_state import RiskState, apply_verdict, worst_price
from herald.trading.rounding import decimal_of, down_to_lot, is_whole


@dataclass(frozen=True, slots=True)
class _Refusal:
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class _Room:
    """How much a limit leaves, in USD, and what it is called when it cuts an order or refuses it."""

    usd: Decimal
    cuts: Reason
    refuses: Reason


@dataclass(frozen=True, slots=True)
class _Reviewer:
    """One call's fixed surroundings. ``before`` is the account before the first leg of the event."""

    before: RiskState
    limits: RiskLimits
    trading: TradingState
    now: datetime


def review(
    state: RiskState, intents: Sequence[OrderIntent], limits: RiskLimits, trading: TradingState, now: datetime
) -> tuple[RiskState, list[ApprovedOrder | RefusedOrder]]:
    """Give a verdict on every intent of one event, and the account with what was approved set aside.

    Entries are judged before hedges, and verdicts come in that order. A hedge is cut in the proportion in which its
    entries were, and refused where none was allowed. The new state is exactly the fold of the verdicts.
    """
    reviewer = _Reviewer(state.rolled(now), limits, trading, now)
    verdicts: list[ApprovedOrder | RefusedOrder] = []
    for intent in sorted(intents, key=lambda one: one.leg is Leg.HEDGE):
        verdict = _verdict(reviewer, state.rolled(now), intent, verdicts)
        state = apply_verdict(state, verdict)
        verdicts.append(verdict)
    return state, verdicts


def automatic_state(state: RiskState, limits: RiskLimits, now: datetime) -> tuple[TradingState, Reason] | None:
    """Return the state that the rules demand and why; None where they demand nothing."""
    if _day_is_lost(state, limits, now):
        return TradingState.HALTED, Reason.DAILY_LOSS_LIMIT
    if _is_drawn_down(state, limits):
        return TradingState.HALTED, Reason.DRAWDOWN_LIMIT
    window = timedelta(seconds=limits.reject_window_s)
    recent = [one.rejected for one in state.outcomes if now - window < one.at <= now]
    if len(recent) >= limits.reject_orders_min and sum(recent) > limits.reject_rate * len(recent):
        return TradingState.HALTED, Reason.REJECT_RATE
    if _is_slow(state, limits, now):
        return TradingState.HALTED, Reason.HIGH_LATENCY
    return None


def _verdict(
    reviewer: _Reviewer, state: RiskState, intent: OrderIntent, earlier: Sequence[ApprovedOrder | RefusedOrder]
) -> ApprovedOrder | RefusedOrder:
    refusal = _invalid(intent)
    if intent.intent_id in state.reservations:
        refusal = _Refusal(Reason.INVALID_ORDER, f"{intent.intent_id} was approved before and is still open")
    if refusal is None and intent.reduce_only:
        return _exit(state, intent, reviewer.now)
    wanted = intent.quantity
    if refusal is None:
        refusal = _gate(reviewer, intent) or _crowded(state, intent, reviewer.limits)
    if refusal is None and intent.leg is Leg.HEDGE:
        wanted, refusal = _hedge(intent, earlier)
    if refusal is not None:
        return _refused(intent, refusal, reviewer.now)
    return _cut(reviewer, state, intent, wanted)


def _exit(state: RiskState, intent: OrderIntent, now: datetime) -> ApprovedOrder | RefusedOrder:
    """Allow what closes a position, in every trading state, and nothing beyond it."""
    quantity = min(intent.quantity, reducible(state, intent.instrument.key, intent.side))
    if quantity <= 0:
        return _refused(intent, _Refusal(Reason.NOTHING_TO_REDUCE, f"no open {intent.instrument.key} to close"), now)
    return _approved(intent, quantity, Reason.REDUCES_POSITION, now)


def _invalid(intent: OrderIntent) -> _Refusal | None:
    instrument, limit = intent.instrument, intent.limit_price
    problem = ""
    if intent.mid <= 0:
        problem = f"mid {intent.mid} is not above zero"
    elif instrument.lot_size <= 0 or instrument.tick_size <= 0:
        problem = f"{instrument.key} states no lot or tick"
    elif intent.quantity <= 0 or not is_whole(intent.quantity, instrument.lot_size):
        problem = f"quantity {intent.quantity} is not whole lots of {instrument.lot_size}"
    elif intent.order_type is OrderType.LIMIT and (limit is None or limit <= 0):
        problem = "a limit order needs a limit price above zero"
    elif limit is not None and not is_whole(limit, instrument.tick_size):
        problem = f"limit price {limit} is not on the tick of {instrument.tick_size}"
    return _Refusal(Reason.INVALID_ORDER, problem) if problem else None


def _gate(reviewer: _Reviewer, intent: OrderIntent) -> _Refusal | None:
    """Return the first rule that forbids an opening order whatever its size."""
    limits, before, now = reviewer.limits, reviewer.before, reviewer.now
    if reviewer.trading is TradingState.HALTED:
        return _Refusal(Reason.TRADING_HALTED, "trading is halted; resume it to open positions")
    if reviewer.trading is TradingState.REDUCING:
        return _Refusal(Reason.REDUCING_ONLY, "only orders that close are allowed now")
    if _day_is_lost(before, limits, now):
        return _Refusal(Reason.DAILY_LOSS_LIMIT, f"{before.day_loss_usd(now):.2f} USD lost since the day began")
    if _is_drawn_down(before, limits):
        return _Refusal(Reason.DRAWDOWN_LIMIT, f"{before.drawdown_usd():.2f} USD below the highest equity")
    return _stale(intent, limits, now) or _repeated(before, intent, limits, now) or _unclear(intent, limits)


def _stale(intent: OrderIntent, limits: RiskLimits, now: datetime) -> _Refusal | None:
    age_s = (now - intent.news_at).total_seconds()
    if age_s > limits.stale_news_s:
        return _Refusal(Reason.STALE_NEWS, f"{age_s:.1f} s old, {limits.stale_news_s:g} s allowed")
    if age_s < -limits.future_news_s:
        return _Refusal(Reason.STALE_NEWS, f"dated {-age_s:.1f} s ahead, {limits.future_news_s:g} s allowed")
    return None


def _repeated(before: RiskState, intent: OrderIntent, limits: RiskLimits, now: datetime) -> _Refusal | None:
    story = before.stories.get(intent.story_id)
    if story is not None:
        amends = intent.event_id != intent.story_id
        reason = Reason.AMENDMENT_OF_TRADED_STORY if amends else Reason.STORY_ALREADY_TRADED
        return _Refusal(reason, f"first traded at {story.at.isoformat()}")
    last = before.last_trades.get(intent.instrument.key)
    if last is not None and last.story_id != intent.story_id:
        left_s = limits.cool_down_s - (now - last.at).total_seconds()
        if left_s > 0:
            return _Refusal(Reason.COOL_DOWN, f"{intent.instrument.key} rests for another {left_s:.1f} s")
    return None


def _unclear(intent: OrderIntent, limits: RiskLimits) -> _Refusal | None:
    if intent.direction is Direction.UNKNOWN and intent.instrument.venue not in limits.paper_venues:
        return _Refusal(Reason.UNKNOWN_DIRECTION_LIVE, "an UNKNOWN direction trades on paper only")
    return None


def _crowded(state: RiskState, intent: OrderIntent, limits: RiskLimits) -> _Refusal | None:
    keys = exposed_keys(state)
    if intent.instrument.key not in keys and len(keys) >= limits.open_positions:
        return _Refusal(Reason.OPEN_POSITIONS_LIMIT, f"{len(keys)} positions are open, {limits.open_positions} allowed")
    return None


def _hedge(intent: OrderIntent, earlier: Sequence[ApprovedOrder | RefusedOrder]) -> tuple[Decimal, _Refusal | None]:
    """Scale a hedge to what was allowed of its entries in this call."""
    entries = [one for one in earlier if one.intent.playbook == intent.playbook and one.intent.leg is Leg.ENTRY]
    asked = sum((one.intent.notional_usd for one in entries), ZERO)
    allowed = sum((one.quantity * one.intent.mid for one in entries if isinstance(one, ApprovedOrder)), ZERO)
    if entries and allowed == 0:
        return ZERO, _Refusal(entries[0].reason, "none of the entries that it hedges was allowed")
    quantity = intent.quantity * allowed / asked if asked else intent.quantity
    return down_to_lot(quantity, intent.instrument.lot_size), None


def _cut(reviewer: _Reviewer, state: RiskState, intent: OrderIntent, wanted: Decimal) -> ApprovedOrder | RefusedOrder:
    """Cut an order to the tightest limit, or refuse it where less than the venue's minimum remains."""
    price, instrument = worst_price(intent), intent.instrument
    tightest = min(_rooms(reviewer, state, intent), key=lambda room: room.usd)
    quantity = min(wanted, down_to_lot(max(ZERO, tightest.usd) / price, instrument.lot_size))
    if quantity <= 0 or quantity * intent.mid < instrument.min_notional_usd:
        fits = wanted * price <= tightest.usd
        reason = Reason.SIZE_BELOW_MINIMUM if fits else tightest.refuses
        detail = f"{max(ZERO, tightest.usd):.2f} USD left, the venue takes {instrument.min_notional_usd}"
        return _refused(intent, _Refusal(reason, detail), reviewer.now)
    if quantity == intent.quantity:
        return _approved(intent, quantity, Reason.WITHIN_LIMITS, reviewer.now)
    reason = tightest.cuts if quantity < wanted else Reason.CUT_TO_EVENT_LIMIT
    return _approved(intent, quantity, reason, reviewer.now)


def _rooms(reviewer: _Reviewer, state: RiskState, intent: OrderIntent) -> list[_Room]:
    """Return what each limit on size leaves for an order; the first of equal ones is named."""
    limits, key = reviewer.limits, intent.instrument.key
    equity = max(ZERO, reviewer.before.equity_usd)
    story = state.stories.get(intent.story_id)
    used = story.notional_usd if story else ZERO
    own = exposure_of(state, key, intent.mid)
    others = gross_usd(state) - exposure_of(state, key).worst_usd

    def gross_room(limit: Decimal) -> Decimal:
        free = limit - others
        return free - own.on(intent.side) if own.worst_usd <= free else ZERO

    rooms = [
        _Room(equity * decimal_of(limits.event_equity_share) - used, Reason.CUT_TO_EVENT_LIMIT, Reason.EVENT_LIMIT),
        _Room(
            limits.position_limit_usd(intent.instrument) - own.on(intent.side),
            Reason.CUT_TO_POSITION_LIMIT,
            Reason.POSITION_LIMIT,
        ),
        _Room(gross_room(limits.gross_notional_usd), Reason.CUT_TO_NOTIONAL_LIMIT, Reason.NOTIONAL_LIMIT),
        _Room(gross_room(equity * decimal_of(limits.leverage)), Reason.CUT_TO_LEVERAGE_LIMIT, Reason.LEVERAGE_LIMIT),
    ]
    if intent.direction is Direction.UNKNOWN:
        share = equity * decimal_of(limits.unknown_equity_share)
        rooms.insert(0, _Room(share - used, Reason.CUT_TO_UNKNOWN_LIMIT, Reason.SIZE_BELOW_MINIMUM))
    return rooms


def _day_is_lost(state: RiskState, limits: RiskLimits, now: datetime) -> bool:
    start = state.rolled(now).day_start_usd
    return state.day_loss_usd(now) >= start * decimal_of(limits.daily_loss_share)


def _is_drawn_down(state: RiskState, limits: RiskLimits) -> bool:
    return state.drawdown_usd() >= state.peak_usd * decimal_of(limits.drawdown_share)


def _is_slow(state: RiskState, limits: RiskLimits, now: datetime) -> bool:
    """True where every acknowledgement of a stretch of ``latency_for_s``, which reaches to the last, was slow."""
    slow_from: datetime | None = None
    for one in state.acknowledgements:
        if one.latency_ms <= limits.latency_ms:
            slow_from = None
        elif slow_from is None:
            slow_from = one.at
    if slow_from is None:
        return False
    stretch, last = timedelta(seconds=limits.latency_for_s), state.acknowledgements[-1].at
    return last - slow_from >= stretch and now - last < stretch


def _approved(intent: OrderIntent, quantity: Decimal, reason: Reason, now: datetime) -> ApprovedOrder:
    return ApprovedOrder(
        stamps=intent.stamps,
        intent=intent,
        client_order_id=intent.intent_id,
        quantity=quantity,
        reason=reason,
        decided_at=now,
    )


def _refused(intent: OrderIntent, refusal: _Refusal, now: datetime) -> RefusedOrder:
    return RefusedOrder(
        stamps=intent.stamps, intent=intent, reason=refusal.reason, detail=refusal.detail, decided_at=now
    )
