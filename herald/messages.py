"""The messages that flow through Herald: frozen facts, one schema for code, wire and storage.

A message is immutable; a later stage derives a new one and adds its stamp. On the wire a message is one JSON
object: times are ISO 8601 in UTC with a ``Z``, money and quantities are decimal strings. The name of a topic
carries the major version of its schema. Within a major version fields may only be added, and only optional ones;
readers ignore fields that they do not know. Anything else is version 2, on a topic of its own.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer

from herald.taxonomy import (
    Direction,
    EventType,
    Fate,
    Leg,
    MarketKind,
    OrderStatus,
    OrderType,
    Reason,
    Side,
    Stage,
    TimeInForce,
)

SIGNALS_TOPIC = "news.signals.v1"
ITEMS_TOPIC = "news.items.v1"
DECISIONS_TOPIC = "trades.decisions.v1"
EXECUTIONS_TOPIC = "trades.executions.v1"
COMPARISONS_TOPIC = "news.comparisons.v1"
DEAD_LETTERS_TOPIC = "herald.dead-letters.v1"
TOPICS = (SIGNALS_TOPIC, ITEMS_TOPIC, DECISIONS_TOPIC, EXECUTIONS_TOPIC, COMPARISONS_TOPIC, DEAD_LETTERS_TOPIC)


def _as_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        message = "a time must carry its zone; write it in UTC with a Z"
        raise ValueError(message)
    return value.astimezone(UTC)


def iso(value: datetime) -> str:
    """Write a time as ISO 8601 in UTC with microseconds and a ``Z``."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


UtcTime = Annotated[datetime, AfterValidator(_as_utc), PlainSerializer(iso, return_type=str, when_used="json")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Money = Annotated[Decimal, Field(allow_inf_nan=False)]
Quantity = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Stamps = dict[Stage, UtcTime]


class Message(BaseModel):
    """Base of all messages: frozen, tolerant of unknown fields, one JSON object on the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")

    schema_version: Literal[1] = 1

    def to_wire(self) -> bytes:
        """Encode as one UTF-8 JSON object."""
        return self.model_dump_json().encode()

    @classmethod
    def from_wire(cls, payload: bytes | str) -> Self:
        """Decode; raises ``pydantic.ValidationError`` (a ``ValueError``) that names each wrong field."""
        return cls.model_validate_json(payload)


class Stamped(Message):
    """A message that carries the time of every stage it has passed."""

    stamps: Stamps = Field(default_factory=dict)

    def stamped(self, **at: datetime) -> Self:
        """Derive the message with further stamps; keyword names are the values of ``Stage``."""
        return self.model_copy(update={"stamps": {**self.stamps, **{Stage(name): when for name, when in at.items()}}})


class RawItem(Message):
    """One entry as a source gave it, before anything is understood of it.

    ``url``, ``published_at`` and ``summary`` are as the source states them; ``received_at`` is when the bytes came.
    """

    source: str
    title: str
    summary: str = ""
    url: str = ""
    native_id: str = ""
    published_at: UtcTime | None = None
    received_at: UtcTime
    extras: dict[str, Any] = Field(default_factory=dict)


class NewsItem(Stamped):
    """A normalised headline: clean text, UTC times, canonical URL, content hash.

    ``event_id`` is a UUID made of the content hash, so the same content always has the same id. ``item_id`` names
    this one delivery of it by its source: a feed that carries the same content twice gives two items of one event.
    """

    event_id: str
    item_id: str = ""
    content_hash: str
    source: str
    headline: str
    body: str = ""
    url: str = ""
    published_at: UtcTime
    received_at: UtcTime
    trust: Share = 0.5
    allow_listed: bool = False
    verified: bool = False
    venue: str = ""
    wire: str = ""
    extras: dict[str, Any] = Field(default_factory=dict)


class Signal(Stamped):
    """``news.signals.v1``: what a headline means. Keyed by ``primary_entity``.

    ``event_id`` names the report that caused this message and is its idempotency key. ``story_id`` is the
    ``event_id`` of the first report of the story; ``revision`` counts its amendments from 1. A correction names in
    ``corrects_story_id`` the story that it takes back: whoever trades that story closes it. It is never traded itself.
    """

    event_id: str
    idempotency_key: str
    story_id: str
    revision: int = Field(default=1, ge=1)
    corrects_story_id: str = ""
    ts_iso: UtcTime
    source: str
    sources: tuple[str, ...] = ()
    headline: str
    url: str = ""
    event_type: EventType
    primary_entity: str = ""
    entities: tuple[str, ...] = ()
    severity: Share
    direction: Direction
    confidence: Share
    tradable: bool = True
    reasons: tuple[str, ...] = ()
    model: str = "rules"
    degraded: bool = False
    raw_text: str = ""
    extras: dict[str, Any] = Field(default_factory=dict)


class ItemFate(Stamped):
    """``news.items.v1``: what became of one news item, so that every item is accounted for."""

    event_id: str
    item_id: str = ""
    source: str
    headline: str
    fate: Fate
    reason: Reason
    detail: str = ""
    story_id: str = ""
    at: UtcTime


class Instrument(Message):
    """What can be traded: one symbol at one venue, with the venue's filters."""

    venue: str
    symbol: str
    base: str
    quote: str = "USDT"
    kind: MarketKind = MarketKind.PERP
    tick_size: Quantity = Decimal("0.1")
    lot_size: Quantity = Decimal("0.001")
    min_notional_usd: Quantity = Decimal(5)
    sector: str = "other"
    beta: float = 1.0

    @property
    def key(self) -> str:
        """``venue:symbol``, unique across venues."""
        return f"{self.venue}:{self.symbol}"


class ExitPlan(Message):
    """When to close a trade. Distances are basis points of the average entry price; 0 switches one off."""

    take_profit_bps: float = Field(default=0.0, ge=0)
    stop_loss_bps: float = Field(default=0.0, ge=0)
    trail_bps: float = Field(default=0.0, ge=0)
    trail_after_bps: float = Field(default=0.0, ge=0)
    flat_after_s: float = Field(default=90.0, gt=0)


class OrderIntent(Stamped):
    """What the Trader wants: not yet allowed by anybody.

    ``intent_id`` is derived from story, playbook and leg, so one story asks for one order a leg, ever.
    ``trade_id`` is the ``intent_id`` of the entry that opened the trade.
    """

    intent_id: str
    trade_id: str
    event_id: str
    story_id: str
    event_type: EventType
    direction: Direction
    source: str
    primary_entity: str = ""
    news_at: UtcTime
    playbook: str
    playbook_version: str
    leg: Leg
    leg_index: int = Field(default=0, ge=0)
    instrument: Instrument
    side: Side
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.IOC
    quantity: Quantity
    limit_price: Quantity | None = None
    mid: Quantity
    quote_at: UtcTime
    severity: Share
    confidence: Share
    reduce_only: bool = False
    exit_plan: ExitPlan | None = None
    reason: Reason = Reason.RULE_MATCHED
    detail: str = ""
    created_at: UtcTime

    @property
    def notional_usd(self) -> Decimal:
        """Quantity times mid, in USD."""
        return self.quantity * self.mid


class ApprovedOrder(Stamped):
    """An intent that Risk allowed, cut to ``quantity``. The only thing that a Router takes."""

    decision: Literal["approved"] = "approved"
    intent: OrderIntent
    client_order_id: str
    quantity: Quantity
    reason: Reason
    decided_at: UtcTime


class RefusedOrder(Stamped):
    """An intent that Risk refused, and why."""

    decision: Literal["refused"] = "refused"
    intent: OrderIntent
    reason: Reason
    detail: str = ""
    decided_at: UtcTime


class Passed(Stamped):
    """A signal that became no intent, and why."""

    decision: Literal["passed"] = "passed"
    event_id: str
    story_id: str
    event_type: EventType
    direction: Direction
    primary_entity: str = ""
    playbook: str = ""
    reason: Reason
    detail: str = ""
    decided_at: UtcTime


Verdict = Annotated[ApprovedOrder | RefusedOrder, Field(discriminator="decision")]
Decision = Annotated[ApprovedOrder | RefusedOrder | Passed, Field(discriminator="decision")]


class Fill(Message):
    """One trade of an order at the venue. ``fill_id`` is the venue's, unique there."""

    fill_id: str
    client_order_id: str
    instrument_key: str
    side: Side
    quantity: Quantity
    price: Quantity
    fee_usd: Money
    liquidity: Literal["taker", "maker"] = "taker"
    at: UtcTime


class Order(Message):
    """An order as its venue records it."""

    client_order_id: str
    order_id: str
    instrument_key: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Quantity
    limit_price: Quantity | None = None
    reduce_only: bool = False
    status: OrderStatus
    filled_quantity: Quantity = Decimal(0)
    average_price: Quantity | None = None
    reason: Reason
    detail: str = ""
    submitted_at: UtcTime
    updated_at: UtcTime
    fills: tuple[Fill, ...] = ()


class Execution(Stamped):
    """``trades.executions.v1``: a report on one order. Keyed by ``client_order_id``.

    ``filled_quantity`` and ``average_price`` are cumulative; ``fills`` are those new in this report.
    ``execution_id`` is ``client_order_id`` and a sequence number. ``slippage_bps`` is the average price against the
    mid at decision, positive where it cost money. ``latency_ms`` is from submission to acknowledgement.
    """

    execution_id: str
    order_id: str
    client_order_id: str
    trade_id: str
    event_id: str
    story_id: str
    event_type: EventType
    playbook: str
    playbook_version: str
    leg: Leg
    venue: str
    symbol: str
    instrument_key: str
    side: Side
    status: OrderStatus
    quantity: Quantity
    filled_quantity: Quantity
    average_price: Quantity | None = None
    arrival_mid: Quantity
    slippage_bps: float | None = None
    latency_ms: float | None = None
    fee_usd: Money = Decimal(0)
    fills: tuple[Fill, ...] = ()
    reason: Reason
    detail: str = ""
    ts_iso: UtcTime


class DeadLetter(Message):
    """``herald.dead-letters.v1``: something that could not be handled, kept whole with its reason."""

    dead_letter_id: str
    origin: str
    reason: str
    detail: str
    payload: str
    attempts: int = 1
    at: UtcTime


def content_hash(*parts: str) -> str:
    """SHA-256, as hex, of the parts joined by a unit separator."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def event_id_of(digest: str) -> str:
    """Make the UUID (version 8, RFC 9562) whose bits are the first 122 of a content hash."""
    raw = bytearray.fromhex(digest[:32])
    raw[6] = (raw[6] & 0x0F) | 0x80
    raw[8] = (raw[8] & 0x3F) | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))


def intent_id_of(story_id: str, playbook: str, leg: Leg, index: int = 0) -> str:
    """Derive the id of an intent. 32 characters of [0-9a-z], which every venue takes as a client order id."""
    return "h" + content_hash("intent", story_id, playbook, leg, str(index))[:31]
