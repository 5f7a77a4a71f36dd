from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from herald.messages import (
    ApprovedOrder,
    Decision,
    Fill,
    Instrument,
    Message,
    OrderIntent,
    Passed,
    RawItem,
    Signal,
    Verdict,
    content_hash,
    event_id_of,
    intent_id_of,
    iso,
)
from herald.taxonomy import Direction, EventType, Leg, OrderStatus, Reason, Side, Stage

AT = datetime(2025, 3, 1, 12, 30, 15, 250, tzinfo=UTC)


def signal(**more: object) -> Signal:
    fields: dict[str, object] = {
        "event_id": "e",
        "idempotency_key": "e",
        "story_id": "e",
        "ts_iso": AT,
        "source": "wire",
        "headline": "Exchange lists CöIN 上线",
        "event_type": EventType.LISTING,
        "severity": 0.9,
        "direction": Direction.BULL,
        "confidence": 0.8,
    }
    return Signal(**{**fields, **more})  # type: ignore[arg-type]


def intent(**more: object) -> OrderIntent:
    fields: dict[str, object] = {
        "intent_id": "i",
        "trade_id": "i",
        "event_id": "e",
        "story_id": "e",
        "event_type": EventType.LISTING,
        "direction": Direction.BULL,
        "source": "wire",
        "news_at": AT,
        "playbook": "listing",
        "playbook_version": "1",
        "leg": Leg.ENTRY,
        "instrument": Instrument(venue="paper", symbol="BTCUSDT", base="BTC"),
        "side": Side.BUY,
        "quantity": Decimal("0.10"),
        "mid": Decimal("67000.5"),
        "quote_at": AT,
        "severity": 0.9,
        "confidence": 0.8,
        "created_at": AT,
    }
    return OrderIntent(**{**fields, **more})  # type: ignore[arg-type]


def fill(**more: object) -> Fill:
    fields: dict[str, object] = {
        "fill_id": "f",
        "client_order_id": "c",
        "instrument_key": "paper:BTCUSDT",
        "side": Side.SELL,
        "quantity": Decimal("0.1"),
        "price": Decimal("0.1"),
        "fee_usd": Decimal("-0.01"),
        "at": AT,
    }
    return Fill(**{**fields, **more})  # type: ignore[arg-type]


def test_a_message_comes_back_from_the_wire_as_it_was_sent() -> None:
    sent = signal().stamped(received=AT, published=AT - timedelta(seconds=2))
    assert Signal.from_wire(sent.to_wire()) == sent
    approved = ApprovedOrder(
        intent=intent(), client_order_id="c", quantity=Decimal("0.10"), reason=Reason.WITHIN_LIMITS, decided_at=AT
    )
    assert ApprovedOrder.from_wire(approved.to_wire()) == approved


def test_times_are_iso_8601_in_utc_with_a_z_and_microseconds() -> None:
    sent = json.loads(signal(ts_iso=AT.astimezone(timezone(timedelta(hours=9)))).stamped(received=AT).to_wire())
    assert sent["ts_iso"] == "2025-03-01T12:30:15.000250Z"
    assert sent["stamps"] == {"received": "2025-03-01T12:30:15.000250Z"}
    assert iso(AT.replace(microsecond=0)) == "2025-03-01T12:30:15.000000Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="must carry its zone"):
        signal(ts_iso=AT.replace(tzinfo=None))


def test_money_and_quantities_are_decimal_strings_and_keep_every_digit() -> None:
    exact = Decimal("0.1234567890123456789")
    sent = json.loads(fill(price=exact).to_wire())
    assert (sent["price"], sent["fee_usd"]) == ("0.1234567890123456789", "-0.01")
    assert Fill.from_wire(fill(price=exact).to_wire()).price == exact


@pytest.mark.parametrize("quantity", ["-1", "NaN", "Infinity"])
def test_a_quantity_is_a_finite_number_that_is_not_negative(quantity: str) -> None:
    with pytest.raises(ValidationError, match="quantity"):
        fill(quantity=quantity)


@pytest.mark.parametrize("severity", [-0.01, 1.01, float("nan")])
def test_a_share_is_from_zero_to_one(severity: float) -> None:
    with pytest.raises(ValidationError, match="severity"):
        signal(severity=severity)


def test_a_reader_ignores_fields_that_it_does_not_know() -> None:
    wire = {**json.loads(signal().to_wire()), "from_the_future": 1}
    assert Signal.from_wire(json.dumps(wire)) == signal()


def test_a_message_of_another_version_is_refused() -> None:
    wire = {**json.loads(signal().to_wire()), "schema_version": 2}
    with pytest.raises(ValidationError, match="schema_version"):
        Signal.from_wire(json.dumps(wire))


@pytest.mark.parametrize("wire", [b"", b"{", b"[]", b"\xff", b'{"event_id": 5}'])
def test_what_is_no_message_is_a_value_error(wire: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Signal.from_wire(wire)


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        signal().severity = 0.1


def test_a_stamp_derives_a_new_message_and_keeps_the_stamps_before() -> None:
    first = signal().stamped(received=AT)
    second = first.stamped(signalled=AT + timedelta(seconds=1))
    assert set(first.stamps) == {Stage.RECEIVED}
    assert set(second.stamps) == {Stage.RECEIVED, Stage.SIGNALLED}


def test_a_stamp_must_be_a_stage() -> None:
    with pytest.raises(ValueError, match="lunch"):
        signal().stamped(lunch=AT)


def test_a_decision_is_told_apart_by_its_name() -> None:
    passed = Passed(
        event_id="e",
        story_id="e",
        event_type=EventType.ETF,
        direction=Direction.BEAR,
        reason=Reason.NO_PLAYBOOK,
        decided_at=AT,
    )
    decisions: TypeAdapter[object] = TypeAdapter(Decision)
    assert decisions.validate_json(passed.to_wire()) == passed
    with pytest.raises(ValidationError, match="passed"):
        TypeAdapter[object](Verdict).validate_json(passed.to_wire())


def test_only_an_approved_order_can_be_read_where_one_is_expected() -> None:
    with pytest.raises(ValidationError):
        ApprovedOrder.from_wire(intent().to_wire())


def test_the_notional_is_quantity_times_mid() -> None:
    assert intent().notional_usd == Decimal("6700.050")


def test_an_instrument_is_named_by_venue_and_symbol() -> None:
    assert intent().instrument.key == "paper:BTCUSDT"


def test_a_raw_item_needs_only_what_every_source_has() -> None:
    assert RawItem(source="wire", title="", received_at=AT).published_at is None


@given(st.text(), st.text())
def test_an_event_id_is_a_version_8_uuid_made_of_the_content_alone(title: str, url: str) -> None:
    made = event_id_of(content_hash(title, url))
    parsed = uuid.UUID(made)
    assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)
    assert made == event_id_of(content_hash(title, url))


def test_parts_of_a_hash_do_not_run_into_each_other() -> None:
    assert content_hash("ab", "c") != content_hash("a", "bc")
    assert content_hash("\ud800") != content_hash("\ud801")


def test_an_event_id_keeps_122_bits_of_the_hash() -> None:
    digest = content_hash("headline")
    assert event_id_of(digest).replace("-", "")[:12] == digest[:12]
    assert event_id_of(digest) != event_id_of(content_hash("headline "))


def test_a_story_has_one_intent_id_a_leg() -> None:
    ids = {
        intent_id_of(story, playbook, leg, index)
        for story in ("s1", "s2")
        for playbook in ("a", "b")
        for leg in Leg
        for index in (0, 1)
    }
    assert len(ids) == 2 * 2 * len(Leg) * 2
    assert intent_id_of("s1", "a", Leg.ENTRY) in ids


@given(st.text(), st.text(), st.sampled_from(Leg), st.integers(0, 99))
def test_an_intent_id_is_fit_for_every_venue(story: str, playbook: str, leg: Leg, index: int) -> None:
    made = intent_id_of(story, playbook, leg, index)
    assert len(made) == 32
    assert made.isascii()
    assert made.isalnum()
    assert made == made.lower()


def test_messages_of_all_kinds_are_frozen_and_versioned() -> None:
    kinds = [Message]
    for kind in kinds:
        kinds.extend(sub for sub in kind.__subclasses__() if sub not in kinds and sub.__module__ == Message.__module__)
    assert len(kinds) > 15
    assert all(kind.model_config.get("frozen") and "schema_version" in kind.model_fields for kind in kinds)


def test_sides_and_final_states_know_their_meaning() -> None:
    assert [side.sign for side in Side] == [1, -1]
    assert [side.opposite for side in Side] == [Side.SELL, Side.BUY]
    open_ones = {status for status in OrderStatus if not status.is_final}
    assert open_ones == {
        OrderStatus.PENDING,
        OrderStatus.ACCEPTED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.IN_DOUBT,
    }
