"""The demonstration, as the README tells a newcomer to run it, and broken off at any moment."""

from __future__ import annotations

import json
import signal
import time

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.ray]


def test_the_demo_shows_headlines_and_fills_and_its_books_balance(user, tmp_path) -> None:
    out = tmp_path / "out"
    ended = user.run("demo", "--seconds", "15", "--rate", "3", "--seed", "11", "--model", "rules", "--out", str(out))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "ready" in ended.stderr
    report = json.loads((out / "report.json").read_text())
    assert report["items"] > 10
    assert report["fills_count"] > 0
    assert all(check["ok"] for check in report["checks"])
    assert "http://127.0.0.1" in ended.stdout
    assert (out / "report.html").read_text().startswith("<!")
    kinds = {json.loads(line)["fate"] for line in (out / "items.jsonl").read_text().splitlines()}
    assert {"signal", "no_signal"} <= kinds


@pytest.mark.parametrize("after", ["starting", "ready", "begins"])
def test_ctrl_c_leaves_no_process_and_a_home_that_starts_again(user, after) -> None:
    demo = user.start("demo", "--seconds", "60", "--model", "rules")
    assert demo.stdout is not None
    for line in demo.stdout:
        if after in line:
            break
    time.sleep(0.3)
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=300)
    assert demo.returncode in {0, 1, 130}
    assert user.processes_in_the_end() == []
    assert "FAIL" not in user.run("doctor").stdout
