"""Text and JSON as PostgreSQL takes them."""

from __future__ import annotations

import json
import re
from typing import Any

_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def to_json(value: Any) -> str:
    """Write JSON exactly, as ASCII, in the order given. Raises ``TypeError`` or ``ValueError`` where it is not JSON."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def for_jsonb(text: str) -> str:
    """Replace the one character that ``jsonb`` refuses, NUL, by U+FFFD."""
    return _ESCAPED_NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text


def for_text(text: str) -> str:
    """Replace the one character that ``text`` refuses, NUL, by U+FFFD."""
    return text.replace("\x00", "\ufffd")
