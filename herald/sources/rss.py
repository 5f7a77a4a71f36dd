"""Feeds: RSS, Atom and CDF, well-formed or not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from herald.ports import Batch, Rejected
from herald.sources.configuration import RssSourceConfig
from herald.sources.fetching import Fetcher
from herald.sources.novelty import Novelty
from herald.sources.parsing import ParserProcess
from herald.sources.polling import Polling


class RssSource:
    """A feed that is asked for what is new.

    Survives a restart: the keys of entries given out, ETag and Last-Modified. A restart with an older snapshot repeats
    entries and loses none.
    """

    def __init__(
        self, config: RssSourceConfig, http: Fetcher, parser: ParserProcess, snapshot: dict[str, Any] | None = None
    ) -> None:
        state = snapshot or {}
        self.name = config.name
        self._config = config
        self._parser = parser
        self._polling = Polling(config, http, state)
        self._novelty = Novelty(config.name, state.get("seen", ()), max_items=config.max_items)

    async def next_batch(self, now: datetime) -> Batch:
        """Fetch the feed and return its new entries. Raises ``Unavailable`` or ``Refused``."""
        answer = await self._polling.fetch(now)
        if answer is None:
            return Batch()
        if isinstance(answer, Rejected):
            return Batch(rejected=(answer,))
        reading = await self._parser.read(
            answer.body, headers=answer.headers, url=answer.url, max_entries=self._config.max_items
        )
        self._polling.accept(answer)
        return self._novelty.batch(reversed(reading.entries), reading.faults, answer.received_at)

    def next_wake_up(self, now: datetime) -> datetime:
        """Return when the feed may be asked again."""
        return self._polling.next_wake_up(now)

    def snapshot(self) -> dict[str, Any]:
        """Return validators and the keys of what was given out."""
        return {**self._polling.snapshot(), "seen": self._novelty.keys()}

    async def close(self) -> None:
        """Nothing of its own is open; fetcher and parser are shared."""
