"""The Protocols between Herald's meaning and the world. Adapters fulfil them; nothing here does any work.

Errors across a port form one tree:

    PortError
    ├── Unavailable      the other side cannot be reached now: retry with back-off
    ├── Refused          the other side said no: do not retry the same request
    └── OutcomeUnknown   it may or may not have happened: look it up, never assume
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from herald.market.quotes import Quote as Quote  # noqa: PLC0414 - offered here too
from herald.market.quotes import QuotePath as QuotePath  # noqa: PLC0414 - offered here too
from herald.messages import ApprovedOrder, Fill, Instrument, Order, RawItem
from herald.news.judgement import Judgement


class PortError(Exception):
    """Base of the errors that cross a port."""


class Unavailable(PortError):  # noqa: N818 - states a condition, reads as one
    """The other side cannot be reached now. Retry with back-off."""


class Refused(PortError):  # noqa: N818
    """The other side said no. Do not retry the same request."""


class OutcomeUnknown(PortError):  # noqa: N818
    """The request may or may not have taken effect. Look it up."""


# -- time ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClockMark:
    """A point of simulated time and the wall time at which it began. Rides on every message of a replay."""

    simulated_ns: int
    wall_ns: int


class Clock(Protocol):
    """Where time comes from. Decisions use ``now``; evidence of speed uses ``stamp``."""

    def now(self) -> datetime:
        """Return the time by which decisions are made: the wall clock live, the simulated time in a replay."""

    def stamp(self) -> datetime:
        """Return the time for a stage stamp: ``now`` plus the real time spent since it began."""

    def mark(self) -> ClockMark | None:
        """Return the mark to send along with a message; None on the wall clock."""

    def observe(self, mark: ClockMark | None) -> None:
        """Move simulated time forward to a received mark; never backward. Nothing on the wall clock."""


# -- news in ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something a source received and could not read: goes to the dead letters."""

    code: str
    detail: str
    payload: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one look at a source gave."""

    items: tuple[RawItem, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    done: bool = False


class Source(Protocol):
    """Where news comes from. It never sleeps by itself: its collector asks when, then asks for a batch.

    ``snapshot`` is stored by the collector only after the batch before it was handed on, and is given back when the
    source is made again; so a crash repeats items and never loses one.
    """

    name: str

    async def next_batch(self, now: datetime) -> Batch:
        """Fetch what is new. Raises ``Unavailable`` (the collector backs off) or ``Refused`` (reported, slower)."""

    def next_wake_up(self, now: datetime) -> datetime:
        """Return the earliest time at which it makes sense to ask again."""

    def snapshot(self) -> dict[str, Any]:
        """Return the JSON-able state from which this source can go on."""

    async def close(self) -> None:
        """Release connections. Safe to call twice."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A headline for a model to judge, with what the rules and the gazetteer see in it (``evidence_of``)."""

    headline: str
    evidence: tuple[str, ...]


class Judge(Protocol):
    """A trained model that serves. The rules read alone where there is none."""

    version: str

    async def judge(self, asked: Sequence[Asked]) -> list[Judgement]:
        """Return one judgement a headline, in order. Raises ``Unavailable`` where it is gone or has too much to do."""


# -- bus ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish. Messages with one key keep their order."""

    topic: str
    key: str
    value: bytes
    mark: ClockMark | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message received. ``message_id`` is unique in its topic; ``deliveries`` counts attempts from 1."""

    topic: str
    key: str
    value: bytes
    message_id: str
    deliveries: int = 1
    mark: ClockMark | None = None
    position: Any = field(default=None, compare=False)


class Consumer(Protocol):
    """One member of a consumer group."""

    async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
        """Wait for up to ``timeout_s`` and return at most ``limit`` messages, own unacknowledged ones first."""

    async def commit(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge. Only committed messages are not delivered again."""

    async def close(self) -> None:
        """Leave the group; what was not committed goes to another member."""


class Bus(Protocol):
    """At-least-once, ordered by key, durable once ``publish`` returns."""

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Append all, in order; returns when they are durable. Retries within its budget, then ``Unavailable``."""

    async def subscribe(self, topics: Sequence[str], group: str, member: str) -> Consumer:
        """Join a group, which reads a topic from its beginning the first time; the same member resumes."""

    async def recent(self, topic: str, limit: int) -> list[Delivery]:
        """Return the last ``limit`` messages of a topic, oldest first, outside any group."""

    async def backlog(self, topic: str, group: str) -> int:
        """Count the messages of a topic that the group has not committed (0 for an empty topic)."""

    async def ping(self) -> str:
        """Return a word on the server's version. Raises ``Unavailable``."""

    async def close(self) -> None:
        """Close connections."""


# -- market -------------------------------------------------------------------------------------------------------


class Market(Protocol):
    """What is known of prices at a time. Nothing from after that time may be seen."""

    def quote(self, instrument_key: str, now: datetime) -> Quote | None:
        """Return the last quote known at ``now``; None where there is none yet."""

    def path(self, instrument_key: str, after_ns: int, until: datetime) -> QuotePath:
        """Return the quotes with ``after_ns < at_ns <= until``, oldest first."""

    def next_quote_at(self, after: datetime) -> datetime | None:
        """Return when the next quote of any instrument will be known; None live, and at the end of a recording."""


# -- venues -------------------------------------------------------------------------------------------------------


class Venue(Protocol):
    """An exchange. ``client_order_id`` is unique: a second submission of one id returns the first order."""

    name: str

    async def submit(self, order: ApprovedOrder, now: datetime) -> Order:
        """Send an order. Raises ``Unavailable`` (not sent), ``Refused`` (rejected) or ``OutcomeUnknown``."""

    async def lookup(self, client_order_id: str) -> Order | None:
        """Return the venue's record of an order, None where it has none. Raises ``Unavailable``."""

    async def cancel(self, client_order_id: str, now: datetime) -> Order:
        """Cancel what is open of an order and return it. A final order is returned as it is."""

    async def advance(self, now: datetime) -> list[Order]:
        """Return the orders that changed since the last call, with all their fills, oldest change first."""

    async def open_orders(self) -> list[Order]:
        """Return the orders that may still fill."""

    async def fills_since(self, after_fill_id: str | None, limit: int) -> list[Fill]:
        """Return fills in order of execution, for reconciliation."""

    async def positions(self) -> Mapping[str, Any]:
        """Return signed net quantity (Decimal) by instrument key."""

    async def close(self) -> None:
        """Close connections."""


class InstrumentDirectory(Protocol):
    """Which instruments exist, and which of them trades an asset."""

    def resolve(self, asset: str) -> Sequence[Instrument]:
        """Return the instruments of an asset, best first; empty where none is listed."""

    def get(self, instrument_key: str) -> Instrument | None:
        """Return an instrument by its key."""

    def sector_of(self, asset: str) -> str | None:
        """Return the sector of an asset, whether or not it can be traded; None where it is not known."""

    def in_sector(self, sector: str) -> Sequence[Instrument]:
        """Return one instrument an asset of a sector, the most liquid first."""


# -- stores -------------------------------------------------------------------------------------------------------


class JournalConflict(PortError):  # noqa: N818
    """Another writer has appended to the journal: this one is no longer the owner and must stop and rebuild."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One fact that changed the risk state. ``seq`` counts from 1 without gaps; ``key`` is unique."""

    seq: int
    key: str
    kind: str
    at: datetime
    payload: dict[str, Any]


class Journal(Protocol):
    """The append-only record from which the risk state is rebuilt. One writer, fenced by ``seq``."""

    async def load(self, after_seq: int = 0) -> list[JournalEntry]:
        """Return all entries with a greater ``seq``, in order."""

    async def find(self, key: str) -> JournalEntry | None:
        """Return the entry of a key."""

    async def append(self, entries: Sequence[JournalEntry]) -> None:
        """Append all or none, durably. Raises ``JournalConflict`` where a ``seq`` or ``key`` is taken."""


class OrderRecord(Protocol):
    """A venue's own durable record of orders, for venues that Herald itself plays (the paper venue)."""

    async def create(self, order: Order) -> Order:
        """Insert the order with its fills; where its id is known already, change nothing and return what stands."""

    async def update(self, order: Order) -> None:
        """Replace an order and add its new fills."""

    async def find(self, client_order_id: str) -> Order | None:
        """Return an order with its fills."""

    async def open_orders(self) -> list[Order]:
        """Return the orders that are not final, oldest first."""

    async def fills_since(self, after_fill_id: str | None, limit: int) -> list[Fill]:
        """Return fills in the order of their recording, after the given one."""

    async def positions(self) -> Mapping[str, Any]:
        """Return signed net quantity (Decimal) by instrument key, from all fills."""
