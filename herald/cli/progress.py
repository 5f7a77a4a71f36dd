"""The progress of long work: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from actors.replay import ReplayProgress


class Bar:
    """A bar with one task, drawn while it is entered; ``columns`` follow what is being done."""

    def __init__(self, stream: TextIO, what: str, columns: Sequence[ProgressColumn], **fields: Any) -> None:
        """Draw on ``stream``; where that is no terminal nothing is drawn."""
        self._console = Console(file=stream)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            *columns,
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(what, total=1, **fields)

    def __enter__(self) -> Self:
        """Start drawing."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        self._bar.stop()


class ReplayBar(Bar):
    """Shows how many of the recorded items have passed, and the simulated time."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on ``stream``; where that is no terminal a line is written now and then."""
        counts = TextColumn("{task.completed:.0f} of {task.total:.0f} items")
        super().__init__(stream, "replay", (counts, TextColumn("{task.fields[at]}")), at="")
        self._told = 0

    def show(self, progress: ReplayProgress, total: int) -> None:
        """Show how far it is."""
        at: datetime | None = progress.at
        self._bar.update(self._task, completed=progress.items, total=total, at=f"{at:%Y-%m-%d %H:%M}" if at else "")
        if not self._console.is_terminal and progress.items - self._told >= max(1, total // 10):
            self._told = progress.items
            self._console.print(f"replay: {progress.items} of {total} items", highlight=False)
