"""The progress of a training, where nobody watches and on a terminal."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from herald.cli import progress
from herald.cli import training_bar as bar_module
from herald.cli.training_bar import TrainingBar


class Clock:
    """Stands still until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(bar_module, "time", SimpleNamespace(monotonic=lambda: self.now))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_each_step_is_one_plain_line_with_seconds_and_share(clock: Clock) -> None:
    stream = io.StringIO()
    with TrainingBar(stream) as bar:
        bar("encoding", 0.0, {})
        clock.now += 75
        bar("fitting", 0.5, {})
    assert stream.getvalue().splitlines() == ["herald:     0 s  encoding 0%", "herald:    75 s  fitting 50%"]


def test_the_latest_figures_stand_behind_a_step(clock: Clock) -> None:
    stream = io.StringIO()
    with TrainingBar(stream) as bar:
        bar("fine-tuning", 0.25, {"epoch": 2, "loss": 1.23456})
    assert stream.getvalue() == "herald:     0 s  fine-tuning 25% epoch 2, loss 1.23\n"


def test_a_step_that_goes_on_is_told_now_and_then_only(clock: Clock) -> None:
    stream = io.StringIO()
    with TrainingBar(stream) as bar:
        for share in range(100):
            bar("encoding", share / 100, {})
            clock.now += 1
    told = [line.split("  ")[-1] for line in stream.getvalue().splitlines()]
    assert told == [f"encoding {share}%" for share in (0, 20, 40, 60, 80)]


def test_a_new_step_is_told_at_once(clock: Clock) -> None:
    stream = io.StringIO()
    with TrainingBar(stream) as bar:
        for what in ("encoding", "fitting", "encoding"):
            bar(what, 0.0, {})
            bar(what, 0.1, {})
    told = [line.split("  ")[-1] for line in stream.getvalue().splitlines()]
    assert told == ["encoding 0%", "fitting 0%", "encoding 0%"]


def test_no_bar_and_no_control_codes_are_written_where_there_is_no_terminal(clock: Clock) -> None:
    stream = io.StringIO()
    with TrainingBar(stream) as bar:
        bar("encoding", 0.3, {"loss": 0.5})
        clock.now += 30
        bar("encoding", 0.9, {"loss": 0.25})
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\r" not in text
    assert len(text.splitlines()) == 2


def test_an_error_in_the_training_is_not_swallowed() -> None:
    stream = io.StringIO()

    def fail() -> None:
        with TrainingBar(stream) as bar:
            bar("fitting", 0.0, {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "fitting" in stream.getvalue()


def test_on_a_terminal_a_bar_shows_step_share_and_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    terminal = Console(file=stream, force_terminal=True, width=100)
    monkeypatch.setattr(progress, "Console", lambda file: terminal)
    with TrainingBar(stream) as bar:
        bar("fine-tuning", 0.5, {"loss": 1.5})
    shown = stream.getvalue()
    assert "fine-tuning" in shown
    assert "50%" in shown
    assert "loss 1.5" in shown
    assert "herald:" not in shown


def test_a_step_is_one_line_however_long_and_brackets_are_text() -> None:
    stream = io.StringIO()
    with TrainingBar(stream) as bar:
        bar("judging: " + "a set with a long name " * 3 + "[/x]", 0.5, {"epoch": 2, "loss": 1.5})
    assert len(stream.getvalue().splitlines()) == 1
    assert "[/x]" in stream.getvalue()
