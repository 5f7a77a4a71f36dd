"""How a clock mark is written beside a message, and how topics and keys are checked before they are sent."""

from __future__ import annotations

import re
from collections.abc import Sequence

from herald.bus.settings import PublishBounds
from herald.ports import ClockMark, Outgoing, Refused

_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,200}\Z")


def write_mark(mark: ClockMark | None) -> bytes:
    """Write a mark as ``simulated:wall`` in nanoseconds; nothing for None."""
    return b"" if mark is None else b"%d:%d" % (mark.simulated_ns, mark.wall_ns)


def read_mark(text: bytes | None) -> ClockMark | None:
    """Read what ``write_mark`` wrote."""
    if not text:
        return None
    simulated, _, wall = text.partition(b":")
    return ClockMark(int(simulated), int(wall))


def check_outgoing(messages: Sequence[Outgoing], bounds: PublishBounds) -> None:
    """Refuse what no bus would take, before any of the batch is sent. Raises ``Refused``."""
    for message in messages:
        check_topic(message.topic)
        size = len(message.value)
        if size > bounds.message_bytes_max:
            raise Refused(
                f"{message.topic}: a message of {size} bytes for key {message.key!r} is above the limit of"
                f" {bounds.message_bytes_max}; shorten its body, or raise PublishBounds.message_bytes_max"
            )


def check_topic(topic: str) -> None:
    """Refuse a name that Kafka would refuse, on every bus. Raises ``Refused``."""
    if not _TOPIC.match(topic):
        raise Refused(f"{topic!r} is no topic name; use 1 to 200 of A-Z a-z 0-9 . _ -")
