"""``herald up`` and ``herald down``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from herald.cli.exits import DONE, FOUND_FAILURE, INTERRUPTED
from herald.cli.remote import addresses_of
from herald.run_file import NOT_STARTED, RunFile
from herald.settings import Settings, load_settings

STOP_LIMIT_S = 90.0
POLL_S = 0.1


def up(news: str, *, foreground: bool) -> None:
    """Start a node of our own process group and wait until it serves."""
    settings = load_settings()
    if (run := RunFile.read(settings.home)) is not None:
        sys.stdout.write(f"Herald runs already (pid {run.pid}, {run.api_url})\n")
        return
    arguments = [sys.executable, "-m", "actors.service", "--news", news or _default_news(settings)]
    if foreground:
        os.execv(sys.executable, arguments)  # noqa: S606 - our own interpreter
    log = settings.home / "logs" / "herald.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    reading, writing = os.pipe()
    with log.open("ab") as sink:
        node = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*arguments, "--progress-fd", str(writing)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            pass_fds=[writing],
            start_new_session=True,
        )
    os.close(writing)
    told = False
    try:
        with os.fdopen(reading, "r", encoding="utf-8") as progress:
            for line in progress:
                told = told or line.startswith(NOT_STARTED)
                sys.stderr.write(f"herald: {line}")
                sys.stderr.flush()
    except KeyboardInterrupt:
        sys.stderr.write("herald: stopping what was begun\n")
        node.terminate()
        node.wait(STOP_LIMIT_S)
        sys.exit(INTERRUPTED)
    if (run := RunFile.read(settings.home)) is None:
        status = node.wait(STOP_LIMIT_S)
        if told:
            sys.exit(status)
        sys.stderr.write(f"herald: it did not start; the end of {log}:\n{_tail(log)}")
        sys.exit(FOUND_FAILURE)
    for name, url in addresses_of(run).items():
        sys.stdout.write(f"{name:<14}{url}\n")
    if run.dashboard_url:
        sys.stdout.write("The dashboard asks for the token that `ray get-auth-token` prints.\n")


def down() -> None:
    """Ask the node to stop and wait until it has."""
    settings = load_settings()
    run = RunFile.read(settings.home)
    if run is None:
        sys.stdout.write(f"nothing runs in {settings.home}\n")
        return
    process = psutil.Process(run.pid)
    process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT_S
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            sys.stdout.write("stopped\n")
            sys.exit(DONE)
        time.sleep(POLL_S)
    sys.stderr.write(f"herald: process {run.pid} did not stop within {STOP_LIMIT_S:.0f} s; see the log\n")
    sys.exit(FOUND_FAILURE)


def _default_news(settings: Settings) -> str:
    return "demo" if settings.profile == "embedded" else "configured"


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:]) + "\n"
