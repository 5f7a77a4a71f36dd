"""Replays: accounted for to the last item, the same twice, and the same while processes are killed."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.ray]

BEGIN = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
FILES = ("items", "signals", "decisions", "orders", "fills")
STORIES = (
    ("binance.listings", "Binance Will List Ethereum (ETH) Perpetual Contract"),
    ("coindesk", "Strategy buys 12,{n:03d} bitcoin for $1.2 billion"),
    ("cointelegraph", "SEC approves spot Ethereum ETF from Issuer {n}"),
    ("coindesk", "Bitcoin price analysis: what is next for BTC"),
    ("theblock", "Hackers drain ${n}0 million of ETH from a bridge"),
    ("bitcoinworld", "Top 10 presales to buy before they 100x"),
)


def write_recording(folder: Path, items: int) -> tuple[Path, Path, Path]:
    """Write made news, a story a minute and some of it twice, and made bars for two symbols."""
    news = folder / "news.jsonl"
    with news.open("w") as file:
        for number in range(items):
            source, title = STORIES[number % len(STORIES)]
            at = (BEGIN + timedelta(seconds=61 * number)).isoformat()
            line = {"source": source, "headline": title.format(n=number + 10), "published_at": at}
            file.write(json.dumps(line) + "\n")
            if number % 7 == 0:
                file.write(json.dumps(line) + "\n")
        file.write(json.dumps({"source": "broken", "published_at": BEGIN.isoformat()}) + "\n")
    paths = []
    for symbol, price in (("BTCUSDT", 90_000.0), ("ETHUSDT", 2_400.0)):
        path = folder / f"{symbol}_1m.csv"
        rows = ["open_time,open,high,low,close,volume"]
        last = price
        for minute in range(items * 2 + 60):
            at = BEGIN + timedelta(minutes=minute - 10)
            close = last * (1 + (((minute * 7919) % 41) - 20) / 20_000)
            rows.append(
                f"{at.isoformat(sep=' ')},{last:.2f},{max(last, close):.2f},{min(last, close):.2f},{close:.2f},90.5"
            )
            last = close
        path.write_text("\n".join(rows) + "\n")
        paths.append(path)
    return news, paths[0], paths[1]


def replay(user, recording, out: Path, *more: str):
    news, btc, eth = recording
    return user.run("replay", "--news", str(news), "--bars", str(btc), "--bars", str(eth), "--out", str(out), *more)


@pytest.fixture
def recording(tmp_path):
    return write_recording(tmp_path, 60)


@pytest.fixture
def undisturbed(user, recording, tmp_path):
    out = tmp_path / "undisturbed"
    ended = replay(user, recording, out)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return out


def same(one: Path, other: Path) -> list[str]:
    return [name for name in FILES if (one / f"{name}.jsonl").read_bytes() != (other / f"{name}.jsonl").read_bytes()]


def test_every_item_is_accounted_for_and_killing_processes_changes_nothing(
    user, recording, undisturbed, tmp_path
) -> None:
    report = json.loads((undisturbed / "report.json").read_text())
    lines = recording[0].read_text().splitlines()
    items = [json.loads(line) for line in (undisturbed / "items.jsonl").read_text().splitlines()]
    assert len(items) == len(lines) == report["items"]
    assert all(check["ok"] for check in report["checks"])
    fates = {item["fate"] for item in items}
    assert {"signal", "duplicate", "no_signal", "dead_letter"} <= fates
    orders = [json.loads(line) for line in (undisturbed / "orders.jsonl").read_text().splitlines()]
    assert len(orders) >= 6
    assert len({order["client_order_id"] for order in orders}) == len(orders)

    chaos = tmp_path / "chaos"
    ended = replay(user, recording, chaos, "--chaos", "8", "--seed", "5")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "killed with SIGKILL" in ended.stdout
    assert same(undisturbed, chaos) == []


@pytest.mark.kafka
@pytest.mark.services
def test_a_replay_over_kafka_makes_the_same_trades_with_the_broker_killed(
    user, recording, undisturbed, tmp_path, kafka_address
) -> None:
    assert kafka_address
    out = tmp_path / "kafka"
    user.extra["HERALD_BUS"] = "kafka"
    ended = replay(user, recording, out, "--chaos", "6", "--seed", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert same(undisturbed, out) == []


def test_wrong_use_is_told_with_its_cure_and_status_2(user, recording, tmp_path) -> None:
    missing = user.run(
        "replay", "--news", str(tmp_path / "none"), "--bars", str(recording[1]), "--out", str(tmp_path / "o")
    )
    assert missing.returncode == 2
    assert "none" in missing.stderr
    configs = tmp_path / "configs"
    shutil.copytree(Path(__file__).parents[2] / "configs", configs)
    text = (configs / "risk.yaml").read_text().replace("daily_loss_share", "daily_los_share")
    (configs / "risk.yaml").write_text(text)
    user.extra["HERALD_CONFIGS"] = str(configs)
    wrong = replay(user, recording, tmp_path / "o")
    assert wrong.returncode == 2
    assert "risk.yaml" in wrong.stderr
    assert "did you mean 'daily_loss_share'" in wrong.stderr
