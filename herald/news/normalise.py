"""From what a source sent to a clean headline: text, times, URL and identity."""

from __future__ import annotations

import html
import re
import unicodedata
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from selectolax.lexbor import LexborHTMLParser

from herald.messages import NewsItem, RawItem, content_hash, event_id_of, iso
from herald.news.profiles import SourceProfile
from herald.news.words import plain_form
from herald.taxonomy import Reason, Stage

HEADLINE_CHARS_MAX = 500
BODY_CHARS_MAX = 4_000
RAW_CHARS_MAX = 50_000
URL_CHARS_MAX = 2_000
FUTURE_TOLERANCE = timedelta(minutes=2)
IDENTIFYING_WORDS_MIN = 4
IDENTIFYING_BODY_WORDS = 40
ENTITY_PASSES_MAX = 3

_TAG = re.compile(r"<[a-zA-Z/!]")
_HAS_HTML = re.compile(r"<[a-zA-Z/!]|&[#\w]")
_ESCAPED_QUOTE = re.compile(r"\\(?=[\"'])")
_QUOTES = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'", "´": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "«": '"', "»": '"',
    "™": None, "®": None, "©": None, "℠": None,
})  # fmt: skip
_ENCLOSED_LETTER = re.compile("([\u2460-\u24ff])")
_DROPPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_TRACKING = frozenset({
    "fbclid", "gclid", "dclid", "msclkid", "igshid", "mc_cid", "mc_eid", "cmpid", "ref", "ref_src", "ref_url", "spm",
    "_ga", "_gl", "yclid", "twclid", "ocid", "guccounter", "s_cid",
})  # fmt: skip
_DEFAULT_PORTS = {"http": 80, "https": 443}


class MalformedItem(ValueError):  # noqa: N818 - names a thing, as the dead letters do
    """An entry that holds no headline. ``code`` is a ``Reason``; the text names the source and the cure."""

    def __init__(self, code: Reason, message: str) -> None:
        super().__init__(message)
        self.code = code


def normalise(raw: RawItem, profile: SourceProfile, now: datetime) -> NewsItem:
    """Derive the headline of an entry. Raises ``MalformedItem`` where neither title nor summary holds text.

    An entry without a title, as social feeds send, takes the beginning of its summary. A time of publication that is
    missing, or later than ``now`` by more than ``FUTURE_TOLERANCE``, becomes the time of receipt, noted in ``extras``.
    """
    body = clean(raw.summary)[:BODY_CHARS_MAX]
    headline = clean(raw.title)[:HEADLINE_CHARS_MAX].rstrip() or body[:HEADLINE_CHARS_MAX].rstrip()
    if not headline:
        raise MalformedItem(
            Reason.EMPTY_HEADLINE,
            f"{profile.name}: an entry ({raw.url or raw.native_id or 'no address'}) has neither title nor summary; "
            "check the source's title selector, or drop the entry at the source",
        )
    published_at, note = _published_at(raw, now)
    digest = identity(raw, profile, headline, body)
    return NewsItem(
        event_id=event_id_of(digest),
        item_id=delivery(raw, profile, digest),
        content_hash=digest,
        source=profile.name,
        headline=headline,
        body=body,
        url=canonical_url(raw.url),
        published_at=published_at,
        received_at=raw.received_at,
        trust=profile.trust,
        allow_listed=profile.allow_listed,
        verified=profile.verified,
        venue=profile.venue,
        wire=profile.wire,
        extras={**raw.extras, **note, **({"native_id": raw.native_id} if raw.native_id else {})},
        stamps={Stage.PUBLISHED: published_at, Stage.RECEIVED: raw.received_at},
    )


def identity(raw: RawItem, profile: SourceProfile, headline: str, body: str) -> str:
    """Hash what makes an entry itself: the source, the words of the headline, and the day that the source states.

    The address stays out, for feeds repeat one text under many; so does the body, for summaries are edited after the
    fact, except where the headline is too short to tell one event from another. The day keeps a headline that returns
    ("Fed leaves rates unchanged") from being taken for its elder. Other sources hash apart: they corroborate.
    """
    words = plain_form(headline) or headline
    day = raw.published_at.date().isoformat() if raw.published_at else ""
    short = words.count(" ") + 1 < IDENTIFYING_WORDS_MIN
    detail = " ".join(plain_form(body).split(" ")[:IDENTIFYING_BODY_WORDS]) if short else ""
    return content_hash("news", profile.name.casefold(), words, day, detail)


def delivery(raw: RawItem, profile: SourceProfile, digest: str) -> str:
    """Name one delivery of an event: the entry as its source numbers it, and the moment at which it came."""
    return event_id_of(content_hash("item", profile.name, digest, raw.native_id, raw.url, iso(raw.received_at)))


def clean(text: str) -> str:
    """Reduce text to what a reader sees: no tags, entities, control or invisible characters, plain quotes."""
    text = text[:RAW_CHARS_MAX]
    for _ in range(ENTITY_PASSES_MAX):
        if not _HAS_HTML.search(text):
            break
        before = text
        text = _without_tags(text) if _TAG.search(text) else html.unescape(text)
        if text == before:
            break
    if not text.isascii():
        text = _folded(text)
    elif not text.isprintable():
        text = _visible(text)
    return " ".join(_ESCAPED_QUOTE.sub("", text.translate(_QUOTES)).split())


def _without_tags(text: str) -> str:
    root = LexborHTMLParser(text)
    root.strip_tags(["script", "style", "noscript", "template"], recursive=True)
    return root.body.text(separator=" ") if root.body is not None else ""


def _folded(text: str) -> str:
    """Apply NFKC everywhere but to enclosed letters, which would turn ``USDⓈ-M`` into another ticker."""
    parts = _ENCLOSED_LETTER.split(text.translate(_QUOTES))
    return _visible("".join(part if i % 2 else unicodedata.normalize("NFKC", part) for i, part in enumerate(parts)))


def _visible(text: str) -> str:
    return "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char) not in _DROPPED_CATEGORIES
    )


def _published_at(raw: RawItem, now: datetime) -> tuple[datetime, dict[str, str]]:
    if raw.published_at is None:
        return raw.received_at, {"published_at_note": "missing"}
    if raw.published_at > now + FUTURE_TOLERANCE:
        return raw.received_at, {"published_at_note": f"in the future: {raw.published_at.isoformat()}"}
    return raw.published_at, {}


def canonical_url(url: str) -> str:
    """Write an http(s) address in one form, without fragment and tracking parameters; empty for anything else."""
    url = url.strip()
    if not url or len(url) > URL_CHARS_MAX:
        return ""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    if scheme not in _DEFAULT_PORTS or not host:
        return ""
    if ":" in host:
        host = f"[{host}]"
    netloc = host if port in {None, _DEFAULT_PORTS[scheme]} else f"{host}:{port}"
    query = parse_qsl(parts.query, keep_blank_values=True) if parts.query else []
    kept = sorted((key, value) for key, value in query if not _is_tracking(key))
    return urlunsplit((scheme, netloc, parts.path or "/", urlencode(kept), ""))


def _is_tracking(key: str) -> bool:
    return key.lower() in _TRACKING or key.lower().startswith("utm_")
