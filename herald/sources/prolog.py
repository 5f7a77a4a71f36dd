"""What stands before a feed's first element, judged before any parser sees it: encoding, entities, the root's name.

Nested entities expand without bound ("billion laughs"), external ones read files and addresses. A declaration of a
short literal is harmless; so is the reference to a public character set that old RSS carries, which is never fetched.
Every step here is linear in the size of the document.
"""

from __future__ import annotations

import re

DECLARATIONS_MAX = 100

_DECLARATION = re.compile(rb"<!ENTITY\s", re.IGNORECASE)
_LITERAL = re.compile(rb"<!ENTITY\s{1,100}[\w.:-]{1,100}\s{1,100}(?:\"([^\"]{0,200})\"|'([^']{0,200})')\s{0,100}>")
_CHARACTER_SET = re.compile(
    rb"<!ENTITY\s{1,100}%\s{1,100}[\w.:-]{1,100}\s{1,100}PUBLIC\s{1,100}[\"']-//(?:W3C|Netscape)"
)
_REFERENCE = re.compile(rb"&(?!#\d{1,7};|#[xX][0-9a-fA-F]{1,6};)|%")
_HIDING = re.compile(
    rb"(?:encoding|charset)\s{0,9}=\s{0,9}[\"']?[\w.-]{0,9}(utf-?7|punycode|idna|unicode.escape)", re.IGNORECASE
)
_ROOT = re.compile(rb"<(?:[A-Za-z][\w-]{0,50}:)?([A-Za-z]\w{0,50})")
_SPACE = re.compile(rb"\s+")
_EBCDIC_MARK = b"\x4c\x6f\xa7\x94"
_UTF8_MARK = b"\xef\xbb\xbf"
_DECLARED_WITHIN = 200


def entity_fault(data: bytes) -> str | None:
    """Say why a document's entity declarations are refused; None where it has none, or harmless ones."""
    text = _ascii_view(data)
    start = _doctype(text)
    if start < 0:
        return None
    found = [match.start() for match in _DECLARATION.finditer(text, start)]
    if len(found) > DECLARATIONS_MAX:
        return f"it declares {len(found)} entities, at most {DECLARATIONS_MAX} are read"
    return next((fault for fault in (_fault_at(text, at) for at in found) if fault), None)


def root_name(data: bytes) -> str:
    """Return the local name of the first element in lower case; empty where a DOCTYPE or no element comes first."""
    text = _ascii_view(data)
    match = _ROOT.match(text, _after_misc(text))
    return match.group(1).decode("ascii").lower() if match else ""


def encoding_fault(data: bytes, content_type: str) -> str | None:
    """Say why a document's declared encoding is not read: one that hides markup from inspection; else None."""
    for declared in (data[:_DECLARED_WITHIN], content_type.encode("ascii", "replace")):
        match = _HIDING.search(declared)
        if match:
            return f"it declares the encoding {match.group(1).decode('ascii')!r}; serve it as UTF-8"
    return None


def _ascii_view(data: bytes) -> bytes:
    """Return the bytes as ASCII-compatible text, whatever the width of their characters."""
    if data.startswith(_EBCDIC_MARK):
        return data.decode("cp037").encode()
    return data.replace(b"\x00", b"").lstrip(b"\xff\xfe") if b"\x00" in data[:64] else data.removeprefix(_UTF8_MARK)


def _after_misc(text: bytes) -> int:
    """Return where the first thing begins that is neither space, comment nor processing instruction."""
    at = 0
    while True:
        gap = _SPACE.match(text, at)
        at = gap.end() if gap else at
        closing = b"?>" if text.startswith(b"<?", at) else b"-->" if text.startswith(b"<!--", at) else b""
        end = text.find(closing, at) if closing else -1
        if end < 0:
            return at
        at = end + len(closing)


def _doctype(text: bytes) -> int:
    """Return where the DOCTYPE begins, -1 where there is none before the first element."""
    at = _after_misc(text)
    return at if text[at : at + 9].upper() == b"<!DOCTYPE" else -1


def _fault_at(text: bytes, start: int) -> str | None:
    if _CHARACTER_SET.match(text, start):
        return None
    literal = _LITERAL.match(text, start)
    shown = text[start : start + 60].decode("ascii", "replace")
    if literal is None:
        return f"it declares an external, parameter or long entity: {shown!r}"
    value = literal.group(1) if literal.group(1) is not None else literal.group(2)
    return f"it declares an entity made of others: {shown!r}" if _REFERENCE.search(value) else None
