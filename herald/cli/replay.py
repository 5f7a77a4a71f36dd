"""``herald replay``."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from herald.cli.exits import DONE, FOUND_FAILURE, INTERRUPTED
from herald.cli.waiting import StartUp
from herald.documents import ConfigurationError
from herald.logs import configure_logs
from herald.settings import load_settings


def run(
    *,
    news: Path,
    bars: list[Path],
    out: Path,
    begin: datetime | None,
    end: datetime | None,
    seed: int,
    speed: str,
    chaos: int,
    model: str,
    as_json: bool,
) -> None:
    """Replay, with a progress bar, then print the report."""
    for path in (news, *bars):
        if not path.is_file():
            raise ConfigurationError(f"{path}: no such file; give recorded news with --news and bars with --bars")
    factor = _factor(speed)
    waiting = StartUp(sys.stderr)
    waiting("herald", "loading")
    from actors.interrupts import until_interrupted
    from actors.recorded_run import RecordedRun
    from herald.bootstrap.wiring import Recording
    from herald.cli.model_choice import wiring_of_model
    from herald.cli.progress import ReplayBar
    from herald.reports.latency import measure
    from herald.reports.terminal import print_report

    configure_logs(logging.WARNING if chaos else logging.CRITICAL)
    recording = Recording(news.resolve(), tuple(path.resolve() for path in bars), begin, end, seed)
    settings = load_settings()
    reader = wiring_of_model(settings, model, train_first=False)
    with ReplayBar(sys.stderr) as bar:
        recorded = RecordedRun(settings, recording, factor, chaos, waiting, bar.show, reader)

        async def main() -> Any:
            return await until_interrupted(recorded.run)

        outcome = asyncio.run(main())
    if outcome is None:
        sys.stderr.write("herald: interrupted; nothing was written\n")
        sys.exit(INTERRUPTED)
    outcome.write(out)
    if as_json:
        sys.stdout.write(outcome.report.model_dump_json(indent=1) + "\n")
    else:
        console = Console()
        run_ = outcome.run
        print_report(outcome.report, console, measure(run_.items, run_.signals, run_.decisions, run_.executions))
        for line in outcome.notes:
            console.print(line, highlight=False)
        console.print(f"report: {out / 'report.html'}", highlight=False)
    sys.exit(DONE if outcome.report.ok else FOUND_FAILURE)


def _factor(speed: str) -> float | None:
    if speed == "max":
        return None
    if speed == "real":
        return 1.0
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if factor <= 0:
        raise ConfigurationError(f"--speed {speed}: give max, real, or a positive number")
    return factor
