"""Times as whole nanoseconds since the epoch, the form in which arrays and kernels hold them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ns(when: datetime) -> int:
    """Convert a time to nanoseconds since the epoch, exactly (a ``datetime`` holds whole microseconds)."""
    span = when - _EPOCH
    return ((span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds) * NS_PER_US


def from_ns(ns: int) -> datetime:
    """Convert nanoseconds since the epoch to a UTC time, dropping what is below a microsecond."""
    return _EPOCH + timedelta(microseconds=ns // NS_PER_US)
