"""From the entries of a document to the items that are new, oldest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from herald.messages import RawItem
from herald.ports import Batch, Rejected
from herald.sources.reading import Entry, Fault
from herald.sources.seen import SeenKeys, key_of

_DOCUMENTS_REMEMBERED = 3


class Novelty:
    """Lets each entry of one source through once. An entry whose headline was changed counts as new."""

    def __init__(
        self, source: str, keys: Iterable[str] = (), *, max_items: int = 500, has_backlog: bool = True
    ) -> None:
        """``max_items`` is the most that one document gives; ``has_backlog``: its first look may find old items."""
        self._source = source
        self._seen = SeenKeys(_DOCUMENTS_REMEMBERED * max_items, keys)
        self._is_first_look = has_backlog and len(self._seen) == 0

    def batch(self, entries: Iterable[Entry], faults: Iterable[Fault], received_at: datetime) -> Batch:
        """Return what was not there before; ``entries`` without a time keep their order.

        At the very first look, items without a time of their own may be old: they carry ``extras["backlog"]``.
        """
        fresh = [entry for entry in entries if self._seen.is_new(key_of(entry.native_id or entry.url, entry.title))]
        unread = [one for one in faults if self._seen.is_new(key_of(one.code, one.detail, one.payload[:200]))]
        items = [self._item(entry, received_at) for entry in fresh]
        items.sort(key=lambda item: item.published_at or received_at)
        self._is_first_look = False
        return Batch(items=tuple(items), rejected=tuple(rejected(one) for one in unread))

    def keys(self) -> list[str]:
        """Return what a later run needs to go on."""
        return self._seen.as_list()

    def _item(self, entry: Entry, received_at: datetime) -> RawItem:
        extras: dict[str, Any] = dict(entry.extras)
        if self._is_first_look and entry.published_at is None:
            extras["backlog"] = True
        return RawItem(
            source=self._source,
            title=entry.title,
            summary=entry.summary,
            url=entry.url,
            native_id=entry.native_id,
            published_at=entry.published_at,
            received_at=received_at,
            extras=extras,
        )


def rejected(fault: Fault) -> Rejected:
    """Return the fault as what goes to the dead letters."""
    return Rejected(fault.code, fault.detail, fault.payload)
