"""A run with a beginning and an end: a node, everything it publishes on record, and a report of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.node import Node
from actors.recorder import Recorder, Records
from herald.bootstrap.adapters import open_bus, open_clock, open_hot
from herald.bootstrap.configuration import risk_limits
from herald.bootstrap.wiring import Wiring
from herald.messages import Message
from herald.ports import Unavailable
from herald.reports.accounting import account
from herald.reports.figures import Run, RunReport
from herald.reports.files import write_run
from herald.settings import Settings
from herald.tasks import end_tasks

RECORD_LIMIT_S = 60.0
RECORD_PAUSE_S = 0.05


class Session:
    """Starts a node with a recorder on its topics, and writes the report when it ends."""

    def __init__(
        self,
        settings: Settings,
        overrides: dict[str, Any],
        *,
        since: datetime,
        notice: Callable[[Message], None],
        progress: Callable[[str, str], None],
        dashboard: bool = True,
        mlflow: bool = True,
    ) -> None:
        """Record what is made from ``since`` on; ``notice`` sees each message once."""
        self.node = Node(settings, overrides, dashboard=dashboard, mlflow=mlflow)
        self._since = since
        self._notice = notice
        self._progress = progress
        self._recording: asyncio.Task[None] | None = None
        self.records = Records()

    async def start(self) -> Wiring:
        """Start the node and the recorder."""
        wiring = await self.node.start(self._progress)
        self._bus = await open_bus(wiring)
        self._recorder = Recorder(self._bus, open_clock(wiring), self._since, self._notice)
        self.records = self._recorder.records
        self._recording = asyncio.get_running_loop().create_task(self._recorder.run())
        hot = await open_hot(wiring)
        equity = await hot.equity_usd()
        await hot.close()
        self._opening_equity: Decimal = equity if equity is not None else risk_limits(wiring).starting_equity_usd
        return wiring

    async def drain(self) -> None:
        """Wait until all that was published is on record."""
        deadline = time.monotonic() + RECORD_LIMIT_S
        while time.monotonic() < deadline:
            with suppress(Unavailable):
                if await self._recorder.backlog() == 0:
                    return
            await asyncio.sleep(RECORD_PAUSE_S)
        raise Unavailable(f"the records of the run were not complete after {RECORD_LIMIT_S:.0f} s; see the logs")

    def report(self, started_at: datetime, ended_at: datetime, received: int | None = None) -> tuple[Run, RunReport]:
        """Account for everything on record."""
        records = self.records
        run = Run(
            items=tuple(records.items.values()),
            signals=tuple(records.signals.values()),
            decisions=tuple(records.decisions.values()),
            executions=tuple(records.executions.values()),
        )
        report = account(
            run.items,
            run.signals,
            run.decisions,
            run.executions,
            started_at=started_at,
            ended_at=ended_at,
            initial_equity_usd=self._opening_equity,
            dead_letters=tuple(records.dead_letters.values()),
            received=received,
        )
        return run, report

    def write(self, directory: Path, run: Run, report: RunReport) -> None:
        """Write the files of the run."""
        write_run(directory, run, report)

    async def stop(self) -> None:
        """Stop the recorder and the node; safe at any moment of the start."""
        if self._recording is not None:
            await end_tasks(self._recording)
            await self._bus.close()
        await self.node.stop(self._progress)
