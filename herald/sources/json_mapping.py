"""JSON answers and messages mapped to entries by dotted paths."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from herald.sources.configuration import JsonFields
from herald.sources.reading import Entry, Fault, fault
from herald.sources.text import (
    SUMMARY_CHARS_MAX,
    TITLE_CHARS_MAX,
    URL_CHARS_MAX,
    clean,
    first_sentence,
    plain,
    point_in_time,
    web_address,
)


@dataclass(frozen=True, slots=True)
class JsonMapping:
    """Where the items are, what their fields are called, which of them count."""

    items: str
    fields: JsonFields
    where: Mapping[str, str]
    url_template: str
    base_url: str

    def entries(self, document: Any, most: int) -> tuple[list[Entry], list[Fault]]:
        """Read the items of a document; what cannot be read is a fault, item by item."""
        found = at_path(document, self.items)
        if isinstance(found, dict):
            found = [found]
        if not isinstance(found, list):
            return [], [fault("ITEMS_NOT_FOUND", f"there is no list at {self.items or 'the root'!r}", _shown(document))]
        entries: list[Entry] = []
        faults: list[Fault] = []
        for raw in found[:most]:
            if not isinstance(raw, dict):
                faults.append(fault("ITEM_NOT_AN_OBJECT", f"an item is {type(raw).__name__}", _shown(raw)))
            elif all(clean(at_path(raw, path), 200) == value for path, value in self.where.items()):
                entry = self._entry(raw)
                if entry.title:
                    entries.append(entry)
                else:
                    faults.append(fault("NO_HEADLINE", f"no text at {self.fields.title!r}", _shown(raw)))
        if len(found) > most:
            faults.append(fault("TOO_MANY_ENTRIES", f"{len(found)} entries, the first {most} are read"))
        return entries, faults

    def _entry(self, raw: dict[str, Any]) -> Entry:
        summary = plain(_picked(raw, self.fields.summary), SUMMARY_CHARS_MAX)
        moment = point_in_time(_picked(raw, self.fields.published_at))
        native_id = clean(_picked(raw, self.fields.id), URL_CHARS_MAX)
        url = clean(_picked(raw, self.fields.url), URL_CHARS_MAX)
        if self.url_template:
            url = self.url_template.replace("{id}", quote(native_id)).replace("{url}", quote(url))
        return Entry(
            title=plain(_picked(raw, self.fields.title), TITLE_CHARS_MAX) or first_sentence(summary),
            url=web_address(url, self.base_url),
            summary=summary,
            native_id=native_id,
            published_at=moment,
        )


def parse_json(data: bytes | str) -> Any:
    """Parse JSON in any of its encodings; raises ``ValueError`` for what is none, also for absurd nesting."""
    try:
        return json.loads(data.removeprefix(b"\xef\xbb\xbf") if isinstance(data, bytes) else data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def at_path(document: Any, path: str) -> Any:
    """Return what a dotted path leads to, None where it leads nowhere; an empty path is the document itself."""
    here = document
    for part in path.split(".") if path else ():
        if isinstance(here, dict):
            here = here.get(part)
        elif isinstance(here, list) and part.isdecimal() and int(part) < len(here):
            here = here[int(part)]
        else:
            return None
    return here


def _picked(raw: dict[str, Any], path: str) -> Any:
    return at_path(raw, path) if path else None


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:2000]
