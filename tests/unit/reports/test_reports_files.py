from __future__ import annotations

import json
import random
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from herald.reports.figures import Run
from herald.reports.files import UnreadableRun, read_latency, read_run, replace_file, write_run

FILES = {
    "report.json",
    "report.html",
    "latency.json",
    "items.jsonl",
    "signals.jsonl",
    "decisions.jsonl",
    "orders.jsonl",
    "fills.jsonl",
}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def folder(busy_desk, tmp_path: Path) -> Path:
    write_run(tmp_path / "out", busy_desk.run(), busy_desk.account())
    return tmp_path / "out"


def test_a_run_is_written_as_these_files_and_no_others(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == FILES


def test_what_was_written_is_read_back(folder: Path, busy_desk) -> None:
    stored = read_run(folder)
    assert stored.report == busy_desk.account()
    assert [len(part) for part in (stored.items, stored.signals, stored.decisions)] == [9, 5, 8]
    assert [order.client_order_id for order in stored.orders] == [
        row["client_order_id"] for row in lines(folder / "orders.jsonl")
    ]
    assert sum(order.fills for order in stored.orders) == len(stored.fills) == 6
    assert stored.latency == read_latency(folder)


def test_every_item_has_its_fate_and_reason(folder: Path) -> None:
    rows = lines(folder / "items.jsonl")
    assert {(row["event_id"], row["fate"], row["reason"]) for row in rows} >= {
        ("dup", "duplicate", "EXACT_DUPLICATE"),
        ("merged", "merged", "SAME_STORY"),
        ("nothing", "no_signal", "COMMENTARY"),
        ("dead", "dead_letter", "MALFORMED"),
        ("winner", "signal", "RULE_MATCHED"),
    }


def test_every_decision_has_its_event_and_reason_on_top(folder: Path) -> None:
    rows = lines(folder / "decisions.jsonl")
    assert all(row["event_id"] and row["reason"] and row["decided_at"].endswith("Z") for row in rows)
    assert {row["decision"] for row in rows} == {"approved", "refused", "passed"}


def test_orders_and_fills_are_sorted_by_time_then_id(folder: Path) -> None:
    orders = [(row["submitted_at"], row["client_order_id"]) for row in lines(folder / "orders.jsonl")]
    fills = [(row["at"], row["fill_id"]) for row in lines(folder / "fills.jsonl")]
    assert orders == sorted(orders)
    assert fills == sorted(fills)


def test_an_order_line_holds_what_a_reader_needs(folder: Path) -> None:
    row = lines(folder / "orders.jsonl")[0]
    wanted = (
        "client_order_id order_id event_id trade_id playbook leg symbol side type quantity limit_price status "
        "filled_quantity average_price slippage_bps fee_usd reason submitted_at"
    )
    assert set(wanted.split()) <= row.keys()
    assert row["quantity"] == "2"
    assert row["fee_usd"] == "0.2"


def test_equal_runs_on_faster_machines_give_equal_files(folder: Path, busy_desk, tmp_path: Path) -> None:
    late = timedelta(milliseconds=77)

    def slower(message):
        return message.model_copy(update={"stamps": {stage: at + late for stage, at in message.stamps.items()}})

    def shuffled(messages):
        return random.Random(5).sample([slower(message) for message in messages], len(messages))

    parts = (busy_desk.items, busy_desk.signals, busy_desk.decisions, busy_desk.executions)
    run = Run(*(shuffled(part) for part in parts))
    write_run(tmp_path / "again", run, busy_desk.account())
    for name in FILES - {"latency.json", "report.html"}:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


def test_no_stamp_reaches_the_files_that_must_repeat(folder: Path) -> None:
    for name in FILES - {"latency.json", "report.html"}:
        assert '"stamps"' not in (folder / name).read_text("utf-8"), name


def test_a_run_is_written_over_an_older_one(folder: Path, new_desk) -> None:
    empty = new_desk()
    write_run(folder, empty.run(), empty.account())
    assert read_run(folder).items == ()
    assert {path.name for path in folder.iterdir()} == FILES


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    replace_file(target, "old")
    with pytest.raises(UnicodeEncodeError):
        replace_file(target, "new \udc80")
    assert target.read_text("utf-8") == "old"


def test_a_folder_without_a_run_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRun, match=r"report\.json: cannot be read.*--out"):
        read_run(tmp_path)


def test_a_broken_line_is_named_by_file_line_and_field(folder: Path) -> None:
    path = folder / "items.jsonl"
    path.write_text(path.read_text("utf-8").replace('"fate":"merged"', '"fate":"lost"'), "utf-8")
    with pytest.raises(UnreadableRun, match=r"items\.jsonl:2: fate: "):
        read_run(folder)


class Page(HTMLParser):
    """Collects what a page would fetch, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [str(value) for name, value in attrs if name in {"src", "href", "data", "srcset"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_fetches_nothing_and_escapes_headlines(folder: Path) -> None:
    page = Page()
    page.feed((folder / "report.html").read_text("utf-8"))
    assert page.fetched == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == 3
    assert "Story winner <b>&</b>" in page.text
    assert "b" not in {tag for tag in page.tags if page.tags.count(tag) > 6}


def test_the_page_says_so_when_the_accounts_do_not_balance(busy_desk, tmp_path: Path) -> None:
    busy_desk.executions.clear()
    write_run(tmp_path, busy_desk.run(), busy_desk.account())
    assert "do not balance" in (tmp_path / "report.html").read_text("utf-8")


def test_an_empty_run_has_a_page(new_desk, tmp_path: Path) -> None:
    desk = new_desk()
    write_run(tmp_path, desk.run(), desk.account())
    assert "Nothing was traded." in (tmp_path / "report.html").read_text("utf-8")
