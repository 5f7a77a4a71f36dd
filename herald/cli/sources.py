"""``herald sources test``: what a collector would make of a document."""

from __future__ import annotations

import asyncio
import json
import sys

from herald.cli.exits import DONE, FOUND_FAILURE
from herald.sources.inspection import inspect


def test(target: str, *, as_json: bool) -> None:
    """Print the items of a feed, page or API answer; exit with 1 where it cannot be read."""
    found = asyncio.run(inspect(target))
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(f"{target}: {found['format'] or 'unknown format'}, {len(found['items'])} items\n")
        for item in found["items"]:
            sys.stdout.write(f"  {item['published_at'] or '(no date)':<28} {item['title']}\n")
            if item["url"]:
                sys.stdout.write(f"  {'':<28} {item['url']}\n")
        if found["error"]:
            sys.stderr.write(f"herald: {found['error']['code']}: {found['error']['message']}\n")
    sys.exit(FOUND_FAILURE if found["error"] else DONE)
