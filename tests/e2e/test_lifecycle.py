"""The tools of a day on one running Herald."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator

import psutil
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.ray]


@pytest.fixture(scope="module")
def running(make_user, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    user = make_user(tmp_path_factory.mktemp("day") / "home")
    started = user.run("up")
    assert started.returncode == 0, started.stdout + started.stderr
    yield user
    user.run("down")
    assert user.processes_in_the_end() == []


def status(user) -> dict:
    found = user.run("status", "--json")
    shown = json.loads(found.stdout)
    down = isinstance(shown["actors"], dict) or not all(actor["ready"] for actor in shown["actors"])
    assert found.returncode == (1 if down or "error" in shown["account"] else 0), found.stderr
    return shown


def test_up_prints_where_to_look_and_a_second_up_starts_nothing(running) -> None:
    before = len(running.processes())
    again = running.run("up")
    assert again.returncode == 0
    assert "runs already" in again.stdout
    assert len(running.processes()) <= before + 2


def test_status_shows_every_actor_ready(running) -> None:
    deadline = time.monotonic() + 30
    while True:
        actors = status(running)["actors"]
        names = {actor["name"].split("-")[0] for actor in actors if actor["ready"]}
        if {"collector", "correlator", "trader", "risk", "router", "market", "ledger"} <= names:
            return
        assert time.monotonic() < deadline, actors
        time.sleep(0.5)


def test_halt_stops_new_orders_and_resume_lets_them_go_on(running) -> None:
    assert running.run("halt", "--why", "test").stdout == "HALTED\n"
    assert status(running)["trading_state"] == "HALTED"
    deadline = time.monotonic() + 90
    while not any("TRADING_HALTED" in name for name in status(running)["decisions"]):
        assert time.monotonic() < deadline, status(running)["decisions"]
        time.sleep(1)
    assert running.run("resume").stdout == "ACTIVE\n"
    assert status(running)["trading_state"] == "ACTIVE"


def test_every_order_can_be_explained_from_the_words_of_its_headline(running) -> None:
    deadline = time.monotonic() + 90
    while "FILLED" not in status(running)["orders"]:
        assert time.monotonic() < deadline, status(running)
        time.sleep(1)
    assert "  orders          FILLED" in running.run("status").stdout
    listed = json.loads(running.run("explain", "--limit", "500", "--json").stdout)
    traded = []
    for item in listed:
        if item["fate"] == "signal" and item["event_id"] == item["story_id"]:
            told = running.run("explain", item["event_id"])
            assert told.returncode == 0, told.stderr
            assert item["headline"] in told.stdout
            traded += [told.stdout] if "order     FILLED" in told.stdout else []
            if traded:
                break
    assert "ms from the received bytes to the acknowledged order" in traded[0]
    words = listed[-1]["headline"].split()[:3]
    assert listed[-1]["event_id"] in running.run("explain", *words, "--limit", "500").stdout
    assert running.run("explain", "no such words anywhere").returncode == 1
    assert running.run("explain", "00000000-0000-0000-0000-000000000000").returncode == 1


def test_latency_is_measured_for_the_stages(running) -> None:
    found = running.run("latency", "--json")
    assert found.returncode == 0, found.stderr
    stages = {row["stage"]: row for row in json.loads(found.stdout)}
    assert stages["signalled"]["p50"] <= stages["signalled"]["p99"]


def test_doctor_finds_everything_well_once_mlflow_has_come_up(running) -> None:
    deadline = time.monotonic() + 240
    while True:
        found = running.run("doctor", "--json")
        wrong = [check for check in json.loads(found.stdout) if not check["ok"]]
        if not wrong:
            break
        assert [check["name"] for check in wrong] == ["mlflow"]
        assert found.returncode == 1
        assert time.monotonic() < deadline, wrong
        time.sleep(2)
    assert found.returncode == 0


def test_a_killed_trader_comes_back_by_itself(running) -> None:
    trader = next(actor for actor in status(running)["actors"] if actor["name"] == "trader")
    os.kill(trader["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 60
    while True:
        now = next((actor for actor in status(running)["actors"] if actor["name"] == "trader"), None)
        if now and now["ready"] and now["pid"] != trader["pid"]:
            return
        assert time.monotonic() < deadline, now
        time.sleep(0.5)


def test_a_halt_survives_a_restart_and_works_while_nothing_runs(make_user, tmp_path) -> None:
    user = make_user(tmp_path / "home")
    assert user.run("halt").returncode == 1  # nothing has run here
    assert "FAIL" not in user.run("doctor").stdout
    assert user.run("halt", "--by", "desk").stdout == "HALTED\n"
    assert user.run("up").returncode == 0
    try:
        assert status(user)["trading_state"] == "HALTED"
    finally:
        node = psutil.Process(json.loads((user.home / "run" / "herald.json").read_text())["pid"])
        node.kill()
        assert user.processes_in_the_end() == []
