"""The bounds of the buses, each named: how long, how many, how large."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with jitter, bounded in delay."""

    initial_s: float = 0.02
    factor: float = 2.0
    delay_s_max: float = 1.0

    def delay_s(self, attempt: int, draw: float) -> float:
        """Return the pause before retry ``attempt`` (from 1). ``draw`` in [0, 1) spreads it over its upper half."""
        doublings = min(attempt - 1, 60)
        whole = min(self.delay_s_max, self.initial_s * self.factor**doublings)
        return whole * (0.5 + 0.5 * draw)


@dataclass(frozen=True, slots=True)
class PublishBounds:
    """What one process may have on its way to the bus."""

    budget_s: float = 30.0
    queued_messages_max: int = 20_000
    batch_messages_max: int = 500
    batch_bytes_max: int = 8 * MIB
    message_bytes_max: int = 4 * MIB


@dataclass(frozen=True, slots=True)
class RedisBusSettings:
    """Bounds of ``RedisStreamsBus``.

    ``retained_messages`` is how much history a topic keeps for readers outside any group; ``length_max`` is where
    ``publish`` refuses to go on because a group has not acknowledged that much. ``lease_s`` is how long a member that
    died keeps its topics before a standby member takes over; a member that restarts need not wait for it.
    """

    prefix: str = "herald"
    retained_messages: int = 20_000
    length_max: int = 200_000
    warn_at_share: float = 0.8
    lease_s: float = 3.0
    standby_poll_s: float = 0.25
    block_s_max: float = 1.0
    connect_timeout_s: float = 2.0
    answer_timeout_s: float = 5.0
    commit_budget_s: float = 10.0
    claim_page: int = 100
    producer_memory_s: float = 300.0
    publish: PublishBounds = field(default_factory=PublishBounds)
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(frozen=True, slots=True)
class KafkaBusSettings:
    """Bounds of ``KafkaBus``.

    One partition a topic keeps the order of a whole topic, so that a replay repeats itself; more partitions spread a
    topic over several members and keep the order of each key only. ``session_s`` is how long a member that died keeps
    its partitions (brokers refuse less than their ``group.min.session.timeout.ms``, 6 s by default); a member that
    restarts under its name need not wait for it.
    """

    partitions: int = 1
    replication: int = 1
    session_s: float = 6.0
    heartbeat_s: float = 1.5
    request_timeout_s: float = 10.0
    start_timeout_s: float = 15.0
    assignment_timeout_s: float = 20.0
    commit_budget_s: float = 15.0
    retry_pause_ms: int = 100
    fetch_wait_ms: int = 500
    read_timeout_s: float = 5.0
    close_timeout_s: float = 2.0
    publish: PublishBounds = field(default_factory=PublishBounds)
    backoff: Backoff = field(default_factory=Backoff)
