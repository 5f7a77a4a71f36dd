"""A replay from start to report, in a home of its own."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actors.chaos import Chaos
from actors.deployment import parts_of
from actors.interrupts import Interrupted, unless
from actors.replay import Replay, ReplayProgress
from actors.session import Session
from herald.bootstrap.recordings import recorded_span
from herald.bootstrap.wiring import Recording, Wiring
from herald.messages import Message
from herald.reports.figures import Run, RunReport
from herald.reports.files import write_run
from herald.settings import Settings, apart
from herald.tasks import end_tasks


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """What a replay came to."""

    run: Run
    report: RunReport
    progress: ReplayProgress
    notes: tuple[str, ...]

    def write(self, directory: Path) -> None:
        """Write the files of the run."""
        write_run(directory, self.run, self.report)


@dataclass
class RecordedRun:
    """Plays a recording through a fresh Herald: an empty account, no memory of earlier runs.

    The data lie in a temporary home that is removed at the end; the embedded servers and the actors are those of any
    other run. ``chaos`` is how many processes are killed on the way; ``reader`` says, as overrides of the wiring, which
    model reads beside the rules.
    """

    settings: Settings
    recording: Recording
    speed: float | None
    chaos: int
    progress: Callable[[str, str], None]
    show: Callable[[ReplayProgress, int], None]
    reader: Mapping[str, Any]
    kills: list[str] = field(default_factory=list)

    async def run(self, stop: asyncio.Event) -> ReplayOutcome | None:
        """Return the outcome; None where it was interrupted."""
        begin, end, total = await asyncio.to_thread(recorded_span, self.recording)
        home = Path(tempfile.mkdtemp(prefix="herald-replay-"))
        settings = apart(self.settings, home)
        overrides = {"recording": self.recording, "topic_prefix": f"{home.name}.", **self.reader}
        session = Session(
            settings,
            overrides,
            since=datetime.fromtimestamp(0, UTC),
            notice=_ignore,
            progress=self.progress,
            dashboard=False,
            mlflow=False,
        )
        try:
            return await self._play(stop, session, begin, end, total)
        except Interrupted:
            return None
        finally:
            await session.stop()
            await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)

    async def _play(
        self, stop: asyncio.Event, session: Session, begin: datetime, end: datetime, total: int
    ) -> ReplayOutcome:
        wiring = await unless(stop, session.start())
        replay = Replay(wiring, speed=self.speed, watch=lambda progress: self.show(progress, total))
        chaos = self._chaos(wiring, session)
        killing = asyncio.get_running_loop().create_task(chaos.run())
        try:
            progress = await unless(stop, replay.run(begin))
        finally:
            await end_tasks(killing)
        progress.kills.extend(chaos.killed)
        await unless(stop, session.drain())
        run, report = session.report(begin, max(end, progress.at or end), received=total)
        return ReplayOutcome(run, report, progress, _notes(progress))

    def _chaos(self, wiring: Wiring, session: Session) -> Chaos:
        dice = random.Random(self.recording.seed)  # noqa: S311 - which process dies is no secret
        actors = [part.name for part in parts_of(wiring)]
        return Chaos(actors, session.node.server_pids, dice, self.chaos)


def _ignore(message: Message) -> None:
    """A replay shows a progress bar and no rows."""


def _notes(progress: ReplayProgress) -> tuple[str, ...]:
    notes = [f"{progress.items} items in {progress.wall_s:.1f} s, {progress.steps} steps of simulated time"]
    if progress.kills:
        counts = {name: progress.kills.count(name) for name in sorted(set(progress.kills))}
        killed = ", ".join(f"{name} {count}" for name, count in counts.items())
        notes.append(f"killed with SIGKILL on the way: {len(progress.kills)} ({killed}); calls repeated: "
                     f"{progress.retried_calls}")  # fmt: skip
    return tuple(notes)
