"""The progress of a training: a bar on a terminal, a line a step elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TextIO

from rich.progress import TextColumn

from herald.cli.progress import Bar

_TELL_EVERY_S = 20.0


class TrainingBar(Bar):
    """Called with what is being done, the share of it done, and the latest figures."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on ``stream``."""
        share = TextColumn("{task.percentage:>3.0f}%")
        super().__init__(stream, "", (share, TextColumn("{task.fields[figures]}")), figures="")
        self._began = time.monotonic()
        self._what, self._told = "", 0.0

    def __call__(self, what: str, share: float, figures: Mapping[str, float]) -> None:
        """Show one step."""
        told = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
        self._bar.update(self._task, description=what, completed=share, figures=told)
        passed = time.monotonic() - self._began
        if self._console.is_terminal or (what == self._what and passed - self._told < _TELL_EVERY_S):
            return
        self._what, self._told = what, passed
        self._console.print(
            f"herald: {passed:5.0f} s  {what} {share:.0%} {told}".rstrip(),
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
