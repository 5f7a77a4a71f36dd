"""Text as it arrives from outside, made safe to carry: valid Unicode, no control characters, a bounded length."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

TITLE_CHARS_MAX = 2_000
SUMMARY_CHARS_MAX = 20_000
URL_CHARS_MAX = 2_000
FIRST_SENTENCE_CHARS_MAX = 300

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_SPACE = re.compile(r"\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")
_LOOKS_LIKE_HTML = re.compile(r"<[a-zA-Z/!][^<>]{0,500}>|&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,20});")
_EPOCH_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (0.0, 1.0))
_YEAR_MIN = 1990
_YEAR_MAX = 2100


def clean(value: object, limit: int) -> str:
    """Return one line of valid text of at most ``limit`` characters; empty for what is not text or a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = str(value)[: limit * 4]
    return _SPACE.sub(" ", _CONTROLS.sub("", text)).strip()[:limit].strip()


def plain(value: object, limit: int) -> str:
    """Return the text of what may be HTML, as one clean line."""
    text = value if isinstance(value, str) else clean(value, limit)
    if _LOOKS_LIKE_HTML.search(text[: limit * 4]):
        text = html_text(text[: limit * 4])
    return clean(text, limit)


def html_text(markup: str) -> str:
    """Return the visible text of an HTML fragment; scripts, styles and the like are left out."""
    tree = LexborHTMLParser(_CONTROLS.sub("", markup))
    for node in tree.css("script, style, noscript, template"):
        node.decompose()
    root = tree.body or tree.root
    return root.text(deep=True, separator=" ", strip=True) if root is not None else ""


def first_sentence(summary: str) -> str:
    """Return the first sentence of a summary, to stand in for a missing headline."""
    return clean(_SENTENCE_END.split(summary, maxsplit=1)[0], FIRST_SENTENCE_CHARS_MAX)


def web_address(value: object, base: str = "") -> str:
    """Return an absolute http(s) URL, empty for anything else (``javascript:``, ``mailto:``, broken)."""
    text = clean(value, URL_CHARS_MAX)
    if not text:
        return ""
    try:
        absolute = urljoin(base, text)
    except ValueError:
        return ""
    return absolute if absolute.lower().startswith(("http://", "https://")) else ""


def point_in_time(value: Any) -> datetime | None:
    """Read a time: ISO 8601, or seconds, milli-, micro- or nanoseconds since the epoch. A time without zone is UTC."""
    if isinstance(value, bool):
        return None
    if isinstance(value, datetime):
        return _zoned(value)
    text = clean(value, 64)
    try:
        return _from_epoch(float(text))
    except (ValueError, OverflowError, OSError):
        pass
    try:
        return _zoned(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _from_epoch(number: float) -> datetime | None:
    if not 0 < number < 1e19:  # noqa: PLR2004 - nanoseconds of the year 2286
        return None
    unit = next(per_second for least, per_second in _EPOCH_UNITS if number >= least)
    return _sane(datetime.fromtimestamp(number / unit, UTC))


def _zoned(when: datetime) -> datetime | None:
    return _sane(when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC))


def _sane(when: datetime) -> datetime | None:
    """Drop times that are nobody's publication date."""
    return when if _YEAR_MIN <= when.year <= _YEAR_MAX else None
