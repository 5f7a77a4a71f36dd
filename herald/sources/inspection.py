"""The library behind ``herald sources test``: what a collector would make of one document, from the net or a file."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from herald.messages import iso
from herald.ports import PortError, Refused
from herald.sources.configuration import JsonFields
from herald.sources.fetching import Fetcher, FetchLimits
from herald.sources.inflation import Body, Unreadable
from herald.sources.json_mapping import JsonMapping, at_path, parse_json
from herald.sources.parsing import ParserProcess
from herald.sources.prolog import root_name
from herald.sources.reading import Entry, Fault, Reading, Selectors, fault, refusal
from herald.sources.text import web_address

MAX_BYTES = 16 * 1024 * 1024
MAX_ENTRIES = 2_000
_WEB = re.compile(r"^https?://", re.IGNORECASE)
_SCHEME = re.compile(r"^[a-zA-Z][a-zA-Z0-9+.-]*://")
_GZIP_MAGIC = b"\x1f\x8b"
_HEADLINES = "article h1 a, article h2 a, article h3 a, h2 a, h3 a"
_DEPTH_MAX = 4
_NAMES = {
    "title": ("title", "headline", "annTitle", "name"),
    "url": ("url", "link", "href", "annUrl", "external_url"),
    "summary": ("summary", "description", "body", "content_text", "content_html", "annDesc"),
    "published_at": (
        "published_at",
        "publishedAt",
        "date_published",
        "releaseDate",
        "dateTimestamp",
        "publish_utc",
        "published",
        "pTime",
        "cTime",
        "date",
        "time",
    ),
    "id": ("id", "guid", "_id", "code", "annId", "event_id"),
}


async def inspect(
    target: str,
    *,
    allow_private: bool = True,
    timeout_s: float = 20.0,
    max_bytes: int = MAX_BYTES,
    selectors: Selectors | None = None,
    fields: JsonFields | None = None,
    items_path: str | None = None,
) -> dict[str, Any]:
    """Read a URL or a file and return ``{"format", "items", "error", "rejected", "feeds"}``.

    What it is is told by its content, not its name. ``error`` is None or ``{"code", "message"}``; nothing is raised for
    a bad address, file or document. ``selectors``, ``fields`` and ``items_path`` say where a page or a JSON answer
    keeps its items; without them the usual places are tried.
    """
    try:
        data, headers, url = await _obtained(target, allow_private, timeout_s, max_bytes)
        data = _unpacked(data, max_bytes)
    except Unreadable as error:
        return _report(refusal(error.code, error.detail))
    except PortError as error:
        code = "REFUSED" if isinstance(error, Refused) else "UNAVAILABLE"
        return _report(refusal(code, str(error)))
    if _is_json(data):
        return _report(_json_reading(data, url, fields, items_path))
    parser = ParserProcess()
    try:
        if _is_page(data):
            asked = selectors or Selectors(_HEADLINES)
            page = await parser.read(data, headers=headers, url=url, max_entries=MAX_ENTRIES, selectors=asked)
            return {**_report(Reading("html", page.entries, page.faults)), "feeds": _linked_feeds(data, url)}
        return _report(await parser.read(data, headers=headers, url=url, max_entries=MAX_ENTRIES))
    except PortError as error:
        return _report(refusal("UNAVAILABLE", str(error)))
    finally:
        await parser.close()


async def _obtained(
    target: str, allow_private: bool, timeout_s: float, max_bytes: int
) -> tuple[bytes, dict[str, str], str]:
    """Return the bytes with the headers and the address they came with."""
    if _WEB.match(target):
        fetcher = Fetcher()
        try:
            limits = FetchLimits(total_s=timeout_s, read_s=timeout_s, max_bytes=max_bytes)
            answer = await fetcher.get(target, limits=limits, allow_private=allow_private)
        finally:
            await fetcher.close()
        return answer.body, dict(answer.headers), answer.url
    if _SCHEME.match(target):
        raise Refused(f"{target}: only http and https addresses and files are read")
    return await asyncio.to_thread(_file, Path(target), max_bytes), {}, ""


def _file(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise Unreadable("NO_SUCH_FILE", f"{str(path)!r} cannot be read: {error}") from error
    if len(data) > max_bytes:
        raise Unreadable("TOO_LARGE", f"{str(path)!r} is larger than {max_bytes} bytes")
    return data


def _unpacked(data: bytes, max_bytes: int) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        return data
    body = Body("gzip", max_bytes)
    body.feed(data)
    return body.finish()


def _is_json(data: bytes) -> bool:
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}


def _is_page(data: bytes) -> bool:
    start = data[:4000].lower()
    is_xml_of_another_kind = any(mark in start for mark in (b"<rss", b"<feed", b"<rdf:rdf", b"<channel"))
    return root_name(data) == "html" or (
        not is_xml_of_another_kind and (b"<!doctype html" in start or b"<html" in start)
    )


# -- JSON of an unknown shape ---------------------------------------------------------------------------------------


def _json_reading(data: bytes, url: str, fields: JsonFields | None, items_path: str | None) -> Reading:
    try:
        document = parse_json(data)
    except ValueError as error:
        return Reading("json", faults=(fault("NOT_JSON", str(error), data),))
    path = _list_path(document) if items_path is None else items_path
    mapping = JsonMapping(path or "", fields or _guessed_fields(document, path or ""), {}, "", url)
    entries, faults = mapping.entries(document, MAX_ENTRIES)
    return Reading("json", tuple(entries), tuple(faults))


def _list_path(document: Any) -> str | None:
    """Return the path to the first list of objects, looking level by level."""
    level: list[tuple[str, Any]] = [("", document)]
    for _ in range(_DEPTH_MAX):
        deeper: list[tuple[str, Any]] = []
        for path, value in level:
            if isinstance(value, list) and value and isinstance(value[0], dict) and _has_title(value[0]):
                return path
            pairs = (
                value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
            )
            deeper.extend((f"{path}.{key}" if path else str(key), inner) for key, inner in pairs)
        level = deeper[:200]
    return None


def _has_title(item: dict[str, Any]) -> bool:
    return any(name in item for name in (*_NAMES["title"], *_NAMES["summary"]))


def _guessed_fields(document: Any, path: str) -> JsonFields:
    found = at_path(document, path)
    samples = [one for one in (found if isinstance(found, list) else [found])[:20] if isinstance(one, dict)]
    guessed = {
        field: next((name for name in names if any(name in sample for sample in samples)), "")
        for field, names in _NAMES.items()
    }
    return JsonFields(**guessed)


# -- the answer -----------------------------------------------------------------------------------------------------


def _report(reading: Reading) -> dict[str, Any]:
    faults = [one for one in reading.faults if one.code != "EMPTY_FEED"]
    error = None if reading.entries or not faults else {"code": faults[0].code, "message": faults[0].detail}
    return {
        "format": reading.format,
        "items": [_shown(entry) for entry in reading.entries],
        "error": error,
        "rejected": [_stated(one) for one in faults],
        "feeds": [],
    }


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "title": entry.title,
        "url": entry.url,
        "published_at": iso(entry.published_at) if entry.published_at else None,
        "summary": entry.summary,
    }


def _stated(one: Fault) -> dict[str, str]:
    return {"code": one.code, "message": one.detail}


def _linked_feeds(data: bytes, url: str) -> list[str]:
    """Return the feeds that a page names in its head."""
    links = LexborHTMLParser(data).css("link[rel~='alternate'][type*='xml']")[:20]
    hrefs = [(link.attributes.get("href") or "") for link in links]
    return [address for href in hrefs if (address := web_address(href, url) or href)]
