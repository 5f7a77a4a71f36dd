"""The progress bar of a replay."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from actors.replay import ReplayProgress


class ReplayBar:
    """Shows how many of the recorded items have passed, and the simulated time."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on ``stream``; where that is no terminal a line is written now and then."""
        self._console = Console(file=stream)
        self._bar = Progress(
            TextColumn("replay"),
            BarColumn(),
            TextColumn("{task.completed:.0f} of {task.total:.0f} items"),
            TextColumn("{task.fields[at]}"),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("replay", total=0, at="", start=True)
        self._told = 0

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        self._bar.stop()

    def show(self, progress: ReplayProgress, total: int) -> None:
        """Show how far it is."""
        at: datetime | None = progress.at
        self._bar.update(self._task, completed=progress.items, total=total, at=f"{at:%Y-%m-%d %H:%M}" if at else "")
        if not self._console.is_terminal and progress.items - self._told >= max(1, total // 10):
            self._told = progress.items
            self._console.print(f"replay: {progress.items} of {total} items", highlight=False)
