from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from herald.messages import ApprovedOrder, Execution, ExitPlan, Fill, Instrument, OrderIntent, Signal
from herald.taxonomy import Direction, EventType, Leg, OrderStatus, OrderType, Reason, Side

NOW = datetime(2025, 6, 7, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def instrument_of() -> Callable[..., Instrument]:
    def make(base: str = "SOL", **fields: Any) -> Instrument:
        given = {"tick_size": Decimal("0.01"), "lot_size": Decimal("0.01"), "min_notional_usd": Decimal(5)} | fields
        return Instrument(**{"venue": "paper", "symbol": f"{base}USDT", "base": base} | given)

    return make


@pytest.fixture(scope="session")
def signal_of() -> Callable[..., Signal]:
    def make(**fields: Any) -> Signal:
        given: dict[str, Any] = {
            "event_id": "e1",
            "idempotency_key": "e1",
            "story_id": "e1",
            "ts_iso": NOW - timedelta(seconds=1),
            "source": "wire",
            "headline": "headline",
            "event_type": EventType.HACK,
            "primary_entity": "SOL",
            "severity": 0.8,
            "direction": Direction.BEAR,
            "confidence": 0.9,
        }
        return Signal(**given | fields)

    return make


@pytest.fixture(scope="session")
def intent_of(instrument_of: Callable[..., Instrument]) -> Callable[..., OrderIntent]:
    def make(intent_id: str = "i1", **fields: Any) -> OrderIntent:
        price = fields.pop("price", Decimal(100))
        given: dict[str, Any] = {
            "intent_id": intent_id,
            "trade_id": fields.get("trade_id", intent_id),
            "event_id": fields.get("story_id", "s1"),
            "story_id": "s1",
            "event_type": EventType.HACK,
            "direction": Direction.BEAR,
            "source": "wire",
            "news_at": NOW - timedelta(seconds=1),
            "playbook": "book",
            "playbook_version": "1",
            "leg": Leg.ENTRY,
            "instrument": instrument_of(),
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "quantity": Decimal(10),
            "limit_price": price,
            "mid": price,
            "quote_at": NOW,
            "severity": 0.8,
            "confidence": 0.9,
            "exit_plan": ExitPlan(take_profit_bps=40, stop_loss_bps=30, flat_after_s=90),
            "created_at": NOW,
        }
        return OrderIntent(**given | fields)

    return make


@pytest.fixture(scope="session")
def approve() -> Callable[..., ApprovedOrder]:
    def make(intent: OrderIntent, quantity: Decimal | None = None) -> ApprovedOrder:
        return ApprovedOrder(
            intent=intent,
            client_order_id=intent.intent_id,
            quantity=intent.quantity if quantity is None else quantity,
            reason=Reason.WITHIN_LIMITS,
            decided_at=NOW,
        )

    return make


@pytest.fixture(scope="session")
def report_of() -> Callable[..., Execution]:
    def make(  # noqa: PLR0917
        approved: ApprovedOrder,
        status: OrderStatus,
        filled: Decimal = Decimal(0),
        new: Decimal | None = None,
        price: Decimal | None = None,
        at: datetime = NOW,
        **fields: Any,
    ) -> Execution:
        intent = approved.intent
        price = intent.mid if price is None else price
        quantity = filled if new is None else new
        sequence = fields.pop("sequence", 0)
        fill = Fill(
            fill_id=f"{approved.client_order_id}-{sequence}",
            client_order_id=approved.client_order_id,
            instrument_key=intent.instrument.key,
            side=intent.side,
            quantity=quantity,
            price=price,
            fee_usd=fields.pop("fee_usd", Decimal(0)),
            at=at,
        )
        given: dict[str, Any] = {
            "execution_id": f"{approved.client_order_id}-{sequence}",
            "order_id": "o",
            "client_order_id": approved.client_order_id,
            "trade_id": intent.trade_id,
            "event_id": intent.event_id,
            "story_id": intent.story_id,
            "event_type": intent.event_type,
            "playbook": intent.playbook,
            "playbook_version": intent.playbook_version,
            "leg": intent.leg,
            "venue": intent.instrument.venue,
            "symbol": intent.instrument.symbol,
            "instrument_key": intent.instrument.key,
            "side": intent.side,
            "status": status,
            "quantity": approved.quantity,
            "filled_quantity": filled,
            "average_price": price if filled else None,
            "arrival_mid": intent.mid,
            "fills": (fill,) if quantity else (),
            "reason": Reason.FILLED_IN_FULL,
            "ts_iso": at,
        }
        return Execution(**given | fields)

    return make
