"""``herald demo``."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from herald.cli.exits import DONE, FOUND_FAILURE, INTERRUPTED
from herald.cli.waiting import StartUp
from herald.logs import configure_logs
from herald.settings import apart, load_settings


def run(*, seconds: int, out: Path | None, seed: int | None, rate: float, model: str) -> None:
    """Run the demonstration with a live table, then print its report and where to look further."""
    waiting = StartUp(sys.stderr)
    waiting("herald", "loading")
    from actors.demo import Demo, Outcome
    from actors.interrupts import until_interrupted
    from herald.cli.model_choice import wiring_of_model
    from herald.messages import DeadLetter
    from herald.reports.live import LiveTable, LiveView
    from herald.reports.terminal import print_report

    settings = load_settings()
    console = Console()
    view = LiveView(console, LiveTable())
    configure_logs(logging.CRITICAL)
    reader = wiring_of_model(settings, model, train_first=True)
    began = datetime.now(UTC)
    demo = Demo(
        settings=apart(settings, settings.home / "demo"),
        seconds=seconds,
        seed=seed if seed is not None else int(time.time()),
        rate=rate,
        out=out or settings.home / "runs" / f"demo-{began:%Y%m%dT%H%M%SZ}",
        reader=reader,
        progress=waiting,
        notice=lambda message: None if isinstance(message, DeadLetter) else view.show(message),  # type: ignore[arg-type]
    )

    async def main() -> Outcome | None:
        return await until_interrupted(demo.run)

    with view.shown():
        outcome = asyncio.run(main())
    if outcome is None:
        sys.stderr.write("herald: stopped before the first headline; nothing was traded\n")
        sys.exit(INTERRUPTED)
    print_report(outcome.report, console, outcome.latency)
    console.print(f"seed {demo.seed}; report: {outcome.out / 'report.html'}", highlight=False)
    console.print(f"while it ran: Ray dashboard {outcome.dashboard_url}, MLflow {outcome.mlflow_url}", highlight=False)
    sys.exit(DONE if outcome.report.ok else FOUND_FAILURE)
