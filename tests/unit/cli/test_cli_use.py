"""The command line: quick help, wrong use with its cure, and what is shown while one waits."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from herald.cli import progress as bar_module
from herald.cli.progress import ReplayBar
from herald.cli.waiting import StartUp
from herald.settings import PROJECT_ROOT

HEAVY = ("ray", "numpy", "pydantic", "aiohttp", "psycopg", "redis", "polars", "fastapi", "numba")
RUN = "import sys; from herald.cli import main; sys.argv = ['herald', *sys.argv[1:]]; main()"
SHOW_MODULES = f"""
import sys
from herald.cli import main
sys.argv = ["herald", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("loaded:", *sorted(set({HEAVY!r}) & sys.modules.keys()))
"""


def herald(*arguments: str, code: str = RUN, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("HERALD_")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**bare, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    # To read the options of a command, Typer itself takes pydantic.
    [(["--help"], "loaded:"), (["replay", "--help"], "loaded: pydantic"), (["sources", "-h"], "loaded: pydantic")],
)
def test_help_loads_nothing_that_takes_time(arguments: list[str], loaded: str) -> None:
    answer = herald(*arguments, code=SHOW_MODULES)
    assert answer.returncode == 0, answer.stderr
    assert "Usage:" in answer.stdout
    assert answer.stdout.splitlines()[-1].strip() in {"loaded:", loaded}


def test_help_names_every_command() -> None:
    text = herald("--help").stdout
    for command in (
        "up",
        "down",
        "status",
        "halt",
        "reduce",
        "resume",
        "demo",
        "replay",
        "latency",
        "explain",
        "doctor",
    ):
        assert f"\n  {command} " in text


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["flatten"], "flatten"),
        (["demo", "--seconds", "1"], "--seconds"),
        (["demo", "--speed", "2"], "--speed"),
        (["replay"], "--news"),
        (["explain", "--limit", "0"], "--limit"),
    ],
)
def test_wrong_use_is_status_2_and_names_what_is_wrong(arguments: list[str], named: str) -> None:
    answer = herald(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert named in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--news", "/nowhere/news.parquet"], "/nowhere/news.parquet: no such file"),
        (["--from", "yesterday"], "'yesterday' is no time; write it like"),
        (["--speed", "fast"], "--speed fast: give max, real, or a positive number"),
    ],
)
def test_a_replay_of_what_cannot_be_played_says_so_at_once(tmp_path: Path, options: list[str], named: str) -> None:
    news = tmp_path / "news.jsonl"
    news.write_text("")
    given = ["--news", str(news), "--bars", str(news), "--out", str(tmp_path / "out"), *options]
    answer = herald("replay", *given)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert named in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_wrong_setting_is_status_2_and_names_its_variable() -> None:
    answer = herald("status", HERALD_API_PORT="many")
    assert answer.returncode == 2
    assert "HERALD_API_PORT" in answer.stderr


def test_where_nothing_runs_status_is_1_and_says_how_to_start(tmp_path: Path) -> None:
    answer = herald("status", HERALD_HOME=str(tmp_path))
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "herald up" in answer.stderr


def test_a_wrong_configuration_is_status_2_with_file_line_field_and_cure(tmp_path: Path) -> None:
    configs = tmp_path / "configs"
    configs.mkdir()
    for file in (PROJECT_ROOT / "configs").iterdir():
        (configs / file.name).write_bytes(file.read_bytes())
    risk = (configs / "risk.yaml").read_text().replace("leverage: 2.0", "leverage: 200")
    (configs / "risk.yaml").write_text(risk.replace("open_positions:", "open_position:"))
    answer = herald("demo", "--seconds", "5", HERALD_CONFIGS=str(configs), HERALD_HOME=str(tmp_path / "home"))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "risk.yaml" in answer.stderr
    assert "leverage" in answer.stderr
    assert "open_position" in answer.stderr
    assert "Traceback" not in answer.stderr


# -- while one waits ------------------------------------------------------------------------------------------------


def test_a_start_shows_each_step_with_the_seconds_so_far() -> None:
    stream = io.StringIO()
    show = StartUp(stream)
    show("postgres", "starting")
    show("ray", "ready")
    lines = stream.getvalue().splitlines()
    assert [line.split("s  ")[1] for line in lines] == ["postgres starting", "ray ready"]
    assert all(line.startswith("herald:") for line in lines)


def progress(items: int) -> Any:
    return SimpleNamespace(items=items, at=datetime(2025, 6, 7, 12, 0, tzinfo=UTC))


def test_where_there_is_no_terminal_a_replay_tells_its_progress_now_and_then_in_plain_lines() -> None:
    stream = io.StringIO()
    with ReplayBar(stream) as bar:
        for items in range(101):
            bar.show(progress(items), 100)
    lines = stream.getvalue().splitlines()
    assert lines == [f"replay: {items} of 100 items" for items in range(10, 101, 10)]


def test_on_a_terminal_a_replay_shows_a_bar_with_the_simulated_time(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    terminal = Console(file=stream, force_terminal=True, width=100)
    monkeypatch.setattr(bar_module, "Console", lambda file: terminal)
    with ReplayBar(stream) as bar:
        bar.show(progress(30), 120)
    assert "30 of 120 items" in stream.getvalue()
    assert "2025-06-07 12:00" in stream.getvalue()
