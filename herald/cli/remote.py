"""Questions to the running Herald, over its local HTTP interface."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from herald.ports import Unavailable
from herald.run_file import RunFile
from herald.settings import Settings

TIMEOUT_S = 40.0


def running(settings: Settings) -> RunFile:
    """Return the run file of the Herald that runs in this home. Raises ``Unavailable``."""
    run = RunFile.read(settings.home)
    if run is None:
        raise Unavailable(f"nothing runs in {settings.home}; start it with: herald up")
    return run


def addresses_of(run: RunFile) -> dict[str, str]:
    """Return the addresses that people open, by name."""
    found = {"api": run.api_url, "ray dashboard": run.dashboard_url, "mlflow": run.addresses["mlflow_url"]}
    return {name: url for name, url in found.items() if url}


def fetch(settings: Settings, path: str) -> Any:
    """Ask the running Herald. Raises ``Unavailable``."""
    url = running(settings).api_url + path
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - our own loopback address
            return json.load(answer)
    except urllib.error.HTTPError as error:
        detail = json.loads(error.read() or b"{}").get("detail", error.reason)
        raise Unavailable(f"{path}: {detail}") from error
    except (OSError, ValueError) as error:
        raise Unavailable(f"{url} does not answer ({error}); see {settings.home}/logs/herald.log") from error
