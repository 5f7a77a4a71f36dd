"""``herald status``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from herald.cli.exits import FOUND_FAILURE
from herald.cli.remote import addresses_of, fetch, running
from herald.settings import load_settings

_ACCOUNT = ("equity_usd", "realised_usd", "unrealised_usd", "fees_usd", "day_loss_usd", "drawdown_usd", "open_orders")
_COUNTS = ("items", "decisions", "orders", "dead_letters")


def run(*, as_json: bool) -> None:
    """Print the state of the running Herald. Status 1 where a part of it does not answer."""
    settings = load_settings()
    node = running(settings)
    found: dict[str, Any] = {
        **fetch(settings, "/status"),
        "addresses": addresses_of(node),
        "started_at": node.started_at,
        "profile": node.profile,
        "news": node.news,
    }
    sys.stdout.write(json.dumps(found, indent=1) + "\n" if as_json else "".join(f"{line}\n" for line in lines(found)))
    if not is_whole(found):
        sys.exit(FOUND_FAILURE)


def is_whole(found: dict[str, Any]) -> bool:
    """Whether every part answered."""
    actors = found["actors"]
    return "error" not in found["account"] and isinstance(actors, list) and all(actor["ready"] for actor in actors)


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Say the status to people."""
    yield f"{_state(found)}; started {found['started_at']}, profile {found['profile']}, news {found['news']}"
    account = found["account"]
    for key in ("error", *_ACCOUNT):
        if key in account:
            yield f"  {'account' if key == 'error' else key:<16}{_figure(key, account[key])}"
    for key, held in account.get("positions", {}).items():
        paid, now = float(held["average_price"]), float(held["mark"])
        yield f"  {'position':<16}{key} {held['quantity']} at {paid:.8g}, now {now:.8g}"
    for title in _COUNTS:
        counts = ", ".join(f"{name} {count}" for name, count in found.get(title, {}).items())
        yield f"  {title:<16}{counts or 'none yet'}"
    actors = found["actors"]
    if isinstance(actors, dict):
        yield f"  DOWN supervisor: {actors['error']}"
    else:
        for actor in actors:
            mark = "ok  " if actor["ready"] else "DOWN"
            yield f"  {mark} {actor['name']:<20} pid {actor['pid']:<8} {_short(actor['detail'])}"
    for name, url in found["addresses"].items():
        yield f"  {name:<16}{url}"


def _state(found: dict[str, Any]) -> str:
    change = found["trading_state_set"]
    if change is None:
        return str(found["trading_state"])
    return f"{found['trading_state']} since {change['at']} by {change['by']} ({change['reason']})"


def _figure(key: str, value: Any) -> str:
    return f"{Decimal(value):,.2f}" if key.endswith("_usd") else str(value)


def _short(detail: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in detail.items() if value not in ("", None, {}, []))
