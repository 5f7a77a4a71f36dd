"""The file by which other commands find a running Herald."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from herald.run_file import RunFile

RUN = RunFile(
    pid=os.getpid(),
    started_at="2025-06-07T12:00:00Z",
    api_url="http://127.0.0.1:8800",
    token="secret",
    dashboard_url="",
    addresses={"postgres_url": "postgresql://"},
    profile="embedded",
    news="demo",
)


def test_it_is_read_as_it_was_written_by_its_owner_alone(tmp_path: Path) -> None:
    RUN.write(tmp_path)
    assert RunFile.read(tmp_path) == RUN
    assert RunFile.path(tmp_path).stat().st_mode & 0o777 == 0o600


def test_writing_it_again_replaces_it_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    RUN.write(tmp_path)
    other = replace(RUN, news="configured")
    other.write(tmp_path)
    assert RunFile.read(tmp_path) == other
    assert [path.name for path in RunFile.path(tmp_path).parent.iterdir()] == ["herald.json"]


def test_where_nothing_ran_there_is_none(tmp_path: Path) -> None:
    assert RunFile.read(tmp_path) is None


def test_the_file_of_a_process_that_is_gone_does_not_count(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    replace(RUN, pid=gone.pid).write(tmp_path)
    assert RunFile.read(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x"}'])
def test_a_file_that_is_not_one_does_not_count(tmp_path: Path, text: str) -> None:
    RunFile.path(tmp_path).parent.mkdir()
    RunFile.path(tmp_path).write_text(text)
    assert RunFile.read(tmp_path) is None
