"""Documents read into entries, purely: bytes in, entries and faults out. Feeds and pages meet here.

These functions may be slow on a hostile document (feedparser's patterns are not all linear), so live sources run them
in a process of their own, ``parsing.ParserProcess``, which is ended when a document takes too long.
"""

from __future__ import annotations

import calendar
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import feedparser
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from herald.sources.prolog import encoding_fault, entity_fault, root_name
from herald.sources.text import (
    SUMMARY_CHARS_MAX,
    TITLE_CHARS_MAX,
    URL_CHARS_MAX,
    clean,
    first_sentence,
    html_text,
    plain,
    point_in_time,
    web_address,
)

PAYLOAD_CHARS_MAX = 2_000
_TAGS_MAX = 20
_ROOTS = {"rss": "rss", "rdf": "rss", "feed": "atom", "channel": "cdf"}
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a document: clean text, an absolute URL, and the time that it states, in UTC."""

    title: str
    url: str = ""
    summary: str = ""
    native_id: str = ""
    published_at: datetime | None = None
    extras: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a document or one of its entries cannot be read. ``code`` is fixed, ``payload`` the beginning of it."""

    code: str
    detail: str
    payload: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document holds: its format ("rss", "atom", "cdf", "html"; empty where unknown), entries, faults."""

    format: str = ""
    entries: tuple[Entry, ...] = ()
    faults: tuple[Fault, ...] = ()

    def to_json(self) -> bytes:
        """Encode for the way between two processes."""
        return json.dumps(asdict(self), default=datetime.isoformat).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Reading:
        """Decode what ``to_json`` wrote."""
        raw = json.loads(data)
        entries = tuple(
            Entry(**{**entry, "published_at": point_in_time(entry["published_at"])}) for entry in raw["entries"]
        )
        return cls(raw["format"], entries, tuple(Fault(**one) for one in raw["faults"]))


@dataclass(frozen=True, slots=True)
class Selectors:
    """Where a page keeps its entries, as CSS selectors; all but ``item`` are looked up inside the item."""

    item: str
    title: str = ""
    link: str = ""
    time: str = ""
    summary: str = ""


def refusal(code: str, detail: str, data: bytes | str = "") -> Reading:
    """Return the reading of a document that cannot be read at all."""
    return Reading(faults=(fault(code, detail, data),))


def fault(code: str, detail: str, data: bytes | str = "") -> Fault:
    """Make a fault that shows the beginning of what was received."""
    text = data[:PAYLOAD_CHARS_MAX].decode("utf-8", "replace") if isinstance(data, bytes) else data
    return Fault(code, clean(detail, 500), clean(text, PAYLOAD_CHARS_MAX))


# -- feeds --------------------------------------------------------------------------------------------------------


def read_feed(data: bytes, headers: Mapping[str, str], url: str, max_entries: int) -> Reading:
    """Read RSS, Atom or CDF. Every document ends as entries or as a rejection that says why."""
    content_type = headers.get("content-type", "")
    if not data.strip(b"\x00\xef\xbb\xbf\xff\xfe \t\r\n"):
        return refusal("EMPTY_DOCUMENT", "the body is empty")
    why = encoding_fault(data, content_type)
    if why:
        return refusal("UNSUPPORTED_ENCODING", why, data)
    why = entity_fault(data)
    if why:
        return refusal("ENTITY_DECLARATIONS", why, data)
    known = {name: headers[name] for name in ("content-type", "content-language") if headers.get(name)}
    if url:
        known["content-location"] = url
    try:
        feed = feedparser.parse(data, response_headers=known, sanitize_html=False, resolve_relative_uris=False)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RuntimeError, ArithmeticError) as error:
        return refusal("PARSER_FAILED", f"{type(error).__name__}: {error}", data)
    return _feed_reading(feed, data, url, max_entries)


def _feed_reading(feed: Any, data: bytes, url: str, max_entries: int) -> Reading:
    entries: list[Entry] = []
    faults: list[Fault] = []
    kind = _feed_kind(feed, data)
    if not feed.entries:
        return Reading(kind, faults=(_without_entries(feed, kind, data),))
    for raw in feed.entries[:max_entries]:
        entry = _feed_entry(raw, url)
        if entry.title:
            entries.append(entry)
        else:
            name = entry.native_id or entry.url or "an entry"
            faults.append(fault("NO_HEADLINE", f"{name} has neither title nor summary", name))
    if len(feed.entries) > max_entries:
        faults.append(fault("TOO_MANY_ENTRIES", f"{len(feed.entries)} entries, the first {max_entries} are read"))
    return Reading(kind, tuple(entries), tuple(faults))


def _feed_kind(feed: Any, data: bytes) -> str:
    version = str(feed.get("version") or "")
    known = next((kind for kind in ("atom", "cdf", "rss") if version.startswith(kind)), "")
    return known or _ROOTS.get(root_name(data), "rss" if feed.entries else "")


def _without_entries(feed: Any, kind: str, data: bytes) -> Fault:
    start = data[:1000].lstrip().lower()
    if not kind and (b"<html" in start or b"<!doctype html" in start):
        return fault("HTML_INSTEAD_OF_FEED", "the address serves a page; look for the feed that it links to", data)
    if kind and not feed.get("bozo"):
        return fault("EMPTY_FEED", "a feed without entries", data)
    if kind:
        return fault("MALFORMED_FEED", f"no entry can be read: {feed.get('bozo_exception')}", data)
    return fault("NOT_A_FEED", "neither RSS nor Atom nor CDF", data)


def _feed_entry(raw: Any, url: str) -> Entry:
    summary = _feed_text(raw, "summary", SUMMARY_CHARS_MAX) or _feed_content(raw)
    title = _feed_text(raw, "title", TITLE_CHARS_MAX)
    moment = _feed_time(raw)
    tags = [clean(tag.get("term"), 100) for tag in (raw.get("tags") or [])[:_TAGS_MAX]]
    extras: dict[str, Any] = {"tags": [tag for tag in tags if tag]} if any(tags) else {}
    author = clean(raw.get("author"), 200)
    if author:
        extras["author"] = author
    return Entry(
        title=title or first_sentence(summary),
        url=web_address(raw.get("link"), url),
        summary=summary,
        native_id=clean(raw.get("id"), URL_CHARS_MAX),
        published_at=moment,
        extras=extras,
    )


def _feed_text(raw: Any, name: str, limit: int) -> str:
    value = raw.get(name)
    detail = raw.get(f"{name}_detail")
    kind = detail.get("type", "") if isinstance(detail, dict) else ""
    if not isinstance(value, str):
        return ""
    return clean(html_text(value[: limit * 4]), limit) if kind in _HTML_TYPES else clean(value, limit)


def _feed_content(raw: Any) -> str:
    pieces = raw.get("content") or []
    return next((text for text in (plain(piece.get("value"), SUMMARY_CHARS_MAX) for piece in pieces) if text), "")


def _feed_time(raw: Any) -> datetime | None:
    for name in ("published_parsed", "updated_parsed", "created_parsed"):
        parts = dict.get(raw, name)
        if isinstance(parts, time.struct_time):
            try:
                return point_in_time(datetime.fromtimestamp(calendar.timegm(parts), UTC))
            except (ValueError, OverflowError, OSError):
                continue
    return None


# -- pages --------------------------------------------------------------------------------------------------------


def read_page(data: bytes, headers: Mapping[str, str], url: str, selectors: Selectors, max_entries: int) -> Reading:
    """Read the entries of an HTML page by CSS selectors."""
    try:
        tree = LexborHTMLParser(_decoded(data, headers.get("content-type", "")))
        nodes = tree.css(selectors.item)
        pairs = [(node, _page_entry(node, selectors, url)) for node in nodes[:max_entries]]
    except (SelectolaxError, ValueError) as error:
        return refusal("BAD_SELECTOR", f"{selectors.item!r}: {error}", data)
    if not nodes:
        return Reading("html", faults=(fault("NOTHING_SELECTED", f"no element is {selectors.item!r}", data),))
    faults = [fault("NO_HEADLINE", "an item without text", node.html or "") for node, one in pairs if not one.title]
    if len(nodes) > max_entries:
        faults.append(fault("TOO_MANY_ENTRIES", f"{len(nodes)} entries, the first {max_entries} are read"))
    return Reading("html", tuple(entry for _, entry in pairs if entry.title), tuple(faults))


def _page_entry(node: LexborNode, selectors: Selectors, url: str) -> Entry:
    link = node.css_first(selectors.link) if selectors.link else (node if node.tag == "a" else node.css_first("a"))
    moment = _page_time(node, selectors)
    address = web_address(link.attributes.get("href"), url) if link is not None else ""
    return Entry(
        title=_text_at(node, selectors.title, TITLE_CHARS_MAX),
        url=address,
        summary=_text_at(node, selectors.summary, SUMMARY_CHARS_MAX) if selectors.summary else "",
        native_id=address,
        published_at=moment,
    )


def _page_time(node: LexborNode, selectors: Selectors) -> datetime | None:
    place = node.css_first(selectors.time or "time")
    if place is None:
        return None
    return point_in_time(place.attributes.get("datetime") or place.text(strip=True))


def _text_at(node: LexborNode, selector: str, limit: int) -> str:
    place = node.css_first(selector) if selector else node
    return clean(place.text(deep=True, separator=" ", strip=True), limit) if place is not None else ""


def _decoded(data: bytes, content_type: str) -> str | bytes:
    """Decode by the charset that the server states; else leave it to the HTML parser, which reads the meta element."""
    _, _, charset = content_type.lower().partition("charset=")
    name = charset.split(";")[0].strip(" \"'")
    if not name:
        return data
    try:
        return data.decode(name, "replace")
    except (LookupError, ValueError):
        return data
