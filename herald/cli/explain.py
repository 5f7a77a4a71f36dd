"""``herald explain``."""

from __future__ import annotations

import json
import sys
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from herald.cli.exits import FOUND_FAILURE
from herald.cli.remote import fetch
from herald.messages import ItemFate
from herald.reports.lineage import headline_line, lineage_lines
from herald.settings import load_settings


def run(what: list[str], *, limit: int, as_json: bool) -> None:
    """Tell the story of one headline by its event id, or list the headlines that hold some words."""
    words = " ".join(what)
    if _is_event_id(words):
        found = fetch(load_settings(), f"/events/{words.lower()}")
        _write(found, as_json=as_json, lines=lineage_lines)
        return
    headlines = fetch(load_settings(), f"/headlines?{urlencode({'words': words, 'limit': limit})}")
    if not headlines and not as_json:
        sys.stderr.write(f"herald: no headline holds the words {words!r}\n" if words else "herald: no headline yet\n")
        sys.exit(FOUND_FAILURE)
    _write(headlines, as_json=as_json, lines=lambda found: map(headline_line, map(ItemFate.model_validate, found)))


def _write(found: Any, *, as_json: bool, lines: Any) -> None:
    if as_json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(found))


def _is_event_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
