"""HTTP interfaces that answer with JSON, such as exchange announcements."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from herald.ports import Batch, Rejected
from herald.sources.configuration import JsonSourceConfig
from herald.sources.fetching import Fetched, Fetcher
from herald.sources.json_mapping import JsonMapping, at_path, parse_json
from herald.sources.novelty import Novelty
from herald.sources.polling import Polling
from herald.sources.reading import fault
from herald.sources.text import clean

_CURSOR_CHARS_MAX = 500


class JsonApiSource:
    """An interface that is asked for its list, or by a cursor for what followed the last answer.

    Survives a restart: the cursor and the keys of items given out. A restart with an older snapshot repeats items and
    loses none.
    """

    def __init__(self, config: JsonSourceConfig, http: Fetcher, snapshot: dict[str, Any] | None = None) -> None:
        state = snapshot or {}
        self.name = config.name
        self._config = config
        self._mapping = JsonMapping(config.items, config.fields, config.where, config.url_template, config.url)
        self._polling = Polling(config, http, state)
        self._novelty = Novelty(config.name, state.get("seen", ()), max_items=config.max_items)
        self._cursor = str(state.get("cursor", ""))

    async def next_batch(self, now: datetime) -> Batch:
        """Ask for what is new. Raises ``Unavailable`` or ``Refused``."""
        params = {self._config.cursor_param: self._cursor} if self._config.cursor_param and self._cursor else None
        answer = await self._polling.fetch(now, params)
        if answer is None:
            return Batch()
        if isinstance(answer, Rejected):
            return Batch(rejected=(answer,))
        batch = self._read(answer)
        self._polling.accept(answer)
        return batch

    def next_wake_up(self, now: datetime) -> datetime:
        """Return when the interface may be asked again."""
        return self._polling.next_wake_up(now)

    def snapshot(self) -> dict[str, Any]:
        """Return validators, cursor and the keys of what was given out."""
        return {**self._polling.snapshot(), "seen": self._novelty.keys(), "cursor": self._cursor}

    async def close(self) -> None:
        """Nothing of its own is open; the fetcher is shared."""

    def _read(self, answer: Fetched) -> Batch:
        try:
            document = parse_json(answer.body)
        except ValueError as error:
            bad = fault("NOT_JSON", f"{self._config.url}: {error}", answer.body)
            return self._novelty.batch((), (bad,), answer.received_at)
        entries, faults = self._mapping.entries(document, self._config.max_items)
        self._move_cursor(document)
        return self._novelty.batch(reversed(entries), faults, answer.received_at)

    def _move_cursor(self, document: Any) -> None:
        if self._config.cursor_path:
            stated = clean(at_path(document, self._config.cursor_path), _CURSOR_CHARS_MAX)
            self._cursor = stated or self._cursor
        elif self._config.cursor_field:
            found = at_path(document, self._config.items)
            items = found if isinstance(found, list) else ()
            values = [clean(at_path(raw, self._config.cursor_field), _CURSOR_CHARS_MAX) for raw in items]
            self._cursor = max([self._cursor, *values], key=_rank)


def _rank(cursor: str) -> tuple[bool, int, str]:
    """Order cursors: numbers by value, texts (times, sortable ids) by their letters, none below all."""
    is_number = cursor.isdecimal()
    return (bool(cursor), int(cursor[:40]) if is_number else 0, "" if is_number else cursor)
