"""The files of a run, written whole or not at all, and read back.

========================  =====================================================================================
``report.json``           the figures (``RunReport``), one JSON object
``report.html``           the same for people, one page that needs nothing else
``latency.json``          quantiles of every span, one JSON object
``items.jsonl``           a line each item: ``event_id``, ``fate``, ``reason``; sorted by time, then id
``signals.jsonl``         a line each signal, sorted by time, then id
``decisions.jsonl``       a line each decision with its reason code, sorted by time, then id
``orders.jsonl``          a line each order as it ended, sorted by time, then id
``fills.jsonl``           a line each fill, sorted by time, then id
========================  =====================================================================================

Stamps say how fast this machine was on that day. They go to ``latency.json`` and to the page only, so that the other
files of two equal replays are equal byte by byte.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from herald.messages import Decision, ItemFate, Passed, Signal
from herald.reports.accounting import distinct_decisions, distinct_items
from herald.reports.figures import Answer, FillRow, OrderRow, Run, RunReport
from herald.reports.html import render_page
from herald.reports.latency import LatencyTable, measure
from herald.reports.orders import distinct_executions, fill_rows, order_rows

REPORT, PAGE, LATENCY = "report.json", "report.html", "latency.json"
ITEMS, SIGNALS, DECISIONS, ORDERS, FILLS = (
    f"{name}.jsonl" for name in ("items", "signals", "decisions", "orders", "fills")
)
_DECISION: TypeAdapter[Answer] = TypeAdapter(Decision)
ReadT = TypeVar("ReadT")


class UnreadableRun(ValueError):  # noqa: N818 - states a condition, reads as one
    """A folder that does not hold a run. Its text names the file and the cure."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as its files tell it."""

    report: RunReport
    latency: LatencyTable
    items: tuple[ItemFate, ...]
    signals: tuple[Signal, ...]
    decisions: tuple[Answer, ...]
    orders: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]


def write_run(directory: Path, run: Run, report: RunReport) -> None:
    """Write all files of a run into ``directory``, which is made where it is missing. ``report.json`` comes last."""
    directory.mkdir(parents=True, exist_ok=True)
    items, decisions = distinct_items(run.items), distinct_decisions(run.decisions)
    executions = distinct_executions(run.executions)
    approved = [one for one in decisions if one.decision == "approved"]
    latency = measure(items, run.signals, decisions, executions)
    texts = {
        ITEMS: _lines(map(_without_stamps, items)),
        SIGNALS: _lines(map(_without_stamps, _ordered_signals(run.signals))),
        DECISIONS: _lines(map(_decision_line, decisions)),
        ORDERS: _lines(row.model_dump_json() for row in order_rows(executions, approved)),
        FILLS: _lines(row.model_dump_json() for row in fill_rows(executions, approved)),
        LATENCY: latency.model_dump_json(indent=2) + "\n",
        PAGE: render_page(report, latency),
        REPORT: report.model_dump_json(indent=2) + "\n",
    }
    for name, text in texts.items():
        replace_file(directory / name, text)


def read_run(directory: Path) -> StoredRun:
    """Read a run back. Raises ``UnreadableRun``."""
    return StoredRun(
        report=_parsed(directory / REPORT, RunReport.model_validate_json),
        latency=read_latency(directory),
        items=_rows(directory / ITEMS, ItemFate.model_validate_json),
        signals=_rows(directory / SIGNALS, Signal.model_validate_json),
        decisions=_rows(directory / DECISIONS, _DECISION.validate_json),
        orders=_rows(directory / ORDERS, OrderRow.model_validate_json),
        fills=_rows(directory / FILLS, FillRow.model_validate_json),
    )


def read_latency(directory: Path) -> LatencyTable:
    """Read only the latencies of a run. Raises ``UnreadableRun``."""
    return _parsed(directory / LATENCY, LatencyTable.model_validate_json)


def replace_file(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, finds the old one or the new one whole."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _lines(objects: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in objects)


def _ordered_signals(signals: Iterable[Signal]) -> list[Signal]:
    unique = {signal.event_id: signal for signal in signals}
    return sorted(unique.values(), key=lambda signal: (signal.ts_iso, signal.event_id))


def _decision_line(decision: Answer) -> str:
    """Write a decision with the ids that every kind shares on top, so that lines can be joined without a schema."""
    if isinstance(decision, Passed):
        return _without_stamps(decision)
    intent = decision.intent
    top = {
        "event_id": intent.event_id,
        "story_id": intent.story_id,
        "event_type": intent.event_type,
        "direction": intent.direction,
        "primary_entity": intent.primary_entity,
        "playbook": intent.playbook,
        "intent_id": intent.intent_id,
        "trade_id": intent.trade_id,
        "leg": intent.leg,
        "symbol": intent.instrument.symbol,
        "side": intent.side,
    }
    body = decision.model_dump(mode="json", exclude={"stamps": True, "intent": {"stamps"}})
    return json.dumps({**top, **body}, ensure_ascii=False, separators=(",", ":"))


def _without_stamps(message: BaseModel) -> str:
    return message.model_dump_json(exclude={"stamps"})


def _parsed(path: Path, parse: Callable[[str], ReadT]) -> ReadT:
    return _checked(path, _text(path), parse, line=0)


def _rows(path: Path, parse: Callable[[str], ReadT]) -> tuple[ReadT, ...]:
    lines = _text(path).split("\n")
    return tuple(_checked(path, line, parse, number) for number, line in enumerate(lines, start=1) if line)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read ({error}); give the folder that a replay or a demo wrote (--out)"
        raise UnreadableRun(message) from error


def _checked(path: Path, text: str, parse: Callable[[str], ReadT], line: int) -> ReadT:
    try:
        return parse(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = f"{path}:{line}" if line else str(path)
        field = ".".join(str(part) for part in first["loc"]) or "the object"
        message = f"{where}: {field}: {first['msg']}; write the run again, or read it with the version that wrote it"
        raise UnreadableRun(message) from error
