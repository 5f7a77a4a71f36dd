"""The demonstration: a whole Herald for a minute, on made news and a made market."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actors.interrupts import Interrupted, unless
from actors.model_following import until_models_read
from actors.newsdesk import NewsDesk
from actors.peers import TRADER, Peer
from actors.session import Session
from herald.messages import Message
from herald.ports import Unavailable
from herald.reports.figures import RunReport
from herald.reports.latency import LatencyTable, measure
from herald.settings import Settings
from herald.taxonomy import Reason

FLAT_LIMIT_S = 10.0
FLAT_PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a demonstration came to, and where to look further."""

    report: RunReport
    latency: LatencyTable
    out: Path
    dashboard_url: str
    mlflow_url: str


@dataclass
class Demo:
    """Runs for ``seconds`` from the first item on, closes what is open and reports.

    ``reader`` says, as overrides of the wiring, which model reads beside the rules.
    """

    settings: Settings
    seconds: float
    seed: int
    rate: float
    out: Path
    reader: Mapping[str, Any]
    progress: Callable[[str, str], None]
    notice: Callable[[Message], None]

    async def run(self, stop: asyncio.Event) -> Outcome | None:
        """Return the outcome; None where it was interrupted before anything had begun."""
        started_at = datetime.now(UTC)
        self._first, self._begun = asyncio.Event(), False
        desk = NewsDesk(self.seed, self.rate)
        overrides = {**desk.wiring(await desk.start()), **self.reader}
        session = Session(self.settings, overrides, since=started_at, notice=self._noticed, progress=self.progress)
        try:
            try:
                await unless(stop, session.start())
                self._say_where_to_look(session)
                await unless(stop, until_models_read(self.progress))
                desk.begin()
                self._begun = True
                self.progress("news", "begins")
                await unless(stop, self._first.wait())
                await unless(stop, asyncio.sleep(self.seconds))
            except Interrupted:
                if not session.records.items:
                    return None
            return await self._finish(desk, session, started_at)
        finally:
            await desk.close()
            await session.stop()

    def _say_where_to_look(self, session: Session) -> None:
        wiring = session.node.wiring
        if session.node.dashboard_url:
            self.progress("Ray dashboard", f"{session.node.dashboard_url} (asks for what `ray get-auth-token` prints)")
        if wiring is not None and wiring.addresses.mlflow_url:
            self.progress("MLflow", f"{wiring.addresses.mlflow_url} (comes up in half a minute)")

    async def _finish(self, desk: NewsDesk, session: Session, started_at: datetime) -> Outcome:
        await desk.close()
        self.progress("positions", "closing")
        await self._flatten()
        await session.drain()
        run, report = session.report(started_at, datetime.now(UTC))
        session.write(self.out, run, report)
        wiring = session.node.wiring
        return Outcome(
            report=report,
            latency=measure(run.items, run.signals, run.decisions, run.executions),
            out=self.out,
            dashboard_url=session.node.dashboard_url,
            mlflow_url=wiring.addresses.mlflow_url if wiring else "",
        )

    async def _flatten(self) -> None:
        """Close every trade at the market; what cannot be closed in time is reported as open."""
        trader = Peer(TRADER)
        deadline = time.monotonic() + FLAT_LIMIT_S
        while time.monotonic() < deadline:
            with suppress(Unavailable):
                if await trader.call("on_time", None, Reason.FLATTEN) == 0:
                    return
            await asyncio.sleep(FLAT_PAUSE_S)

    def _noticed(self, message: Message) -> None:
        if self._begun:
            self._first.set()
        self.notice(message)
