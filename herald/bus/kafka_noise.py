"""The Kafka client reports every attempt to reach a broker that is away; this lets through what is new."""

from __future__ import annotations

import logging
import time


class FirstOfAKind(logging.Filter):
    """Passes a log record where none of its kind (its logger and its text before filling in) passed for a while."""

    def __init__(self, period_s: float = 30.0, kinds_max: int = 256) -> None:
        super().__init__()
        self._period_s = period_s
        self._kinds_max = kinds_max
        self._passed_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be logged."""
        kind, now = (record.name, str(record.msg)), time.monotonic()
        if now - self._passed_at.get(kind, -self._period_s) < self._period_s:
            return False
        if len(self._passed_at) >= self._kinds_max:
            self._passed_at.clear()
        self._passed_at[kind] = now
        return True


_FILTER = FirstOfAKind()


def spare_the_log() -> None:
    """Let the loggers of the client say a thing of one kind at most twice a minute. Safe to repeat."""
    for name in list(logging.root.manager.loggerDict):
        if name == "aiokafka" or name.startswith("aiokafka."):
            logging.getLogger(name).addFilter(_FILTER)
