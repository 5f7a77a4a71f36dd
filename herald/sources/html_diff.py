"""Pages without a feed: what was not there at the last look is news."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from herald.messages import iso
from herald.ports import Batch, Rejected
from herald.sources.configuration import HtmlSourceConfig
from herald.sources.fetching import Fetcher
from herald.sources.novelty import Novelty
from herald.sources.parsing import ParserProcess
from herald.sources.polling import Polling
from herald.sources.reading import Selectors
from herald.sources.text import point_in_time


class HtmlDiffSource:
    """A page whose items are compared with those of earlier looks; the first that finds items is the baseline.

    Of the baseline only what states a time after the very first look is given out: an empty or broken page at first
    must not make old items new. A page on which the selector finds nothing any more is reported: its layout changed.
    """

    def __init__(
        self, config: HtmlSourceConfig, http: Fetcher, parser: ParserProcess, snapshot: dict[str, Any] | None = None
    ) -> None:
        state = snapshot or {}
        self.name = config.name
        self._config = config
        self._parser = parser
        self._polling = Polling(config, http, state)
        self._novelty = Novelty(config.name, state.get("seen", ()), max_items=config.max_items)
        self._has_baseline = bool(state.get("has_baseline", False))
        self._began_at = point_in_time(state.get("began_at"))

    async def next_batch(self, now: datetime) -> Batch:
        """Fetch the page and return what is new on it. Raises ``Unavailable`` or ``Refused``."""
        answer = await self._polling.fetch(now)
        if answer is None:
            return Batch()
        if isinstance(answer, Rejected):
            return Batch(rejected=(answer,))
        config = self._config
        reading = await self._parser.read(
            answer.body,
            headers=answer.headers,
            url=answer.url,
            max_entries=config.max_items,
            selectors=Selectors(config.item, config.title, config.link, config.time, config.summary),
        )
        self._polling.accept(answer)
        batch = self._novelty.batch(reversed(reading.entries), reading.faults, answer.received_at)
        began_at = self._began_at = self._began_at or answer.received_at
        if self._has_baseline:
            return batch
        self._has_baseline = bool(reading.entries)
        later = tuple(item for item in batch.items if item.published_at and item.published_at > began_at)
        return Batch(items=later, rejected=batch.rejected)

    def next_wake_up(self, now: datetime) -> datetime:
        """Return when the page may be asked again."""
        return self._polling.next_wake_up(now)

    def snapshot(self) -> dict[str, Any]:
        """Return validators, the baseline and the keys of what was given out."""
        return {
            **self._polling.snapshot(),
            "seen": self._novelty.keys(),
            "has_baseline": self._has_baseline,
            "began_at": iso(self._began_at) if self._began_at else "",
        }

    async def close(self) -> None:
        """Nothing of its own is open; fetcher and parser are shared."""
