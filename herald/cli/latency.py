"""``herald latency``: where the time goes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from herald.cli.exits import FOUND_FAILURE
from herald.cli.remote import fetch
from herald.reports.files import read_latency
from herald.settings import load_settings


def run(directory: Path | None, *, as_json: bool) -> None:
    """Print p50, p95 and p99 a stage, of a recorded run or of the running system."""
    rows = _recorded(directory) if directory is not None else fetch(load_settings(), "/latency")
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return
    if not rows:
        sys.stderr.write("herald: no headline has passed yet; there is nothing to measure\n")
        sys.exit(FOUND_FAILURE)
    sys.stdout.write(f"{'stage':<24}{'count':>8}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}\n")
    for row in rows:
        sys.stdout.write(
            f"{row['stage']:<24}{row['count']:>8}{row['p50']:>10.2f}{row['p95']:>10.2f}{row['p99']:>10.2f}\n"
        )


def _recorded(directory: Path) -> list[dict[str, Any]]:
    """Return the rows of a recorded run in the form of the running system."""
    return [
        {"stage": row.span, "count": row.count, "p50": row.p50, "p95": row.p95, "p99": row.p99}
        for row in read_latency(directory).rows
    ]
