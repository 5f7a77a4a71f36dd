from __future__ import annotations

import io
import random

import pytest
from rich.console import Console

from herald.reports.latency import measure
from herald.reports.live import LiveTable, LiveView, plain_line
from herald.reports.terminal import print_report
from herald.taxonomy import Fate, Leg, Reason


def console(width: int = 140, *, terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(), width=width, force_terminal=terminal, color_system="standard" if terminal else None
    )


def text_of(target: Console) -> str:
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def messages_of(desk) -> list:
    return [*desk.items, *desk.signals, *desk.decisions, *desk.executions]


def drawn(table: LiveTable, width: int = 140) -> str:
    target = console(width)
    target.print(table.render(width))
    return text_of(target)


def test_a_row_tells_the_whole_way_of_a_headline(busy_desk) -> None:
    table = LiveTable()
    for message in messages_of(busy_desk):
        row = table.consume(message)
    row = next(row for row in table.rows if row.event_id == "winner")
    assert (row.decision, row.fill, row.reason, row.taken_ms) == ("approved", "BUY 2 @ 100.5", Reason.TAKE_PROFIT, 20.0)
    assert row.is_settled


@pytest.mark.parametrize("seed", range(5))
def test_messages_may_come_in_any_order_and_twice(busy_desk, seed: int) -> None:
    expected, shuffled = LiveTable(), LiveTable()
    messages = messages_of(busy_desk)
    for message in messages:
        expected.consume(message)
    twice = messages * 2
    random.Random(seed).shuffle(twice)
    for message in twice:
        shuffled.consume(message)
    key = plain_line
    assert sorted(map(key, shuffled.rows)) == sorted(map(key, expected.rows))


def test_a_later_copy_of_the_text_does_not_hide_the_signal(desk) -> None:
    table = LiveTable()
    desk.signal("one", 1)
    desk.item("one", 2, Fate.DUPLICATE, Reason.EXACT_DUPLICATE)
    for message in (*desk.items, *desk.signals):
        row = table.consume(message)
    assert row.fate is Fate.SIGNAL


def test_the_headline_is_cut_to_the_width(desk) -> None:
    table = LiveTable()
    table.consume(desk.item("one", 1, Fate.NO_SIGNAL, Reason.COMMENTARY, "word " * 100))
    assert max(map(len, drawn(table, 90).splitlines())) <= 90
    assert "\N{HORIZONTAL ELLIPSIS}" in drawn(table, 90)


def test_only_the_newest_rows_are_drawn_and_remembered(desk) -> None:
    table = LiveTable(shown=2, remembered=3)
    for index in range(5):
        table.consume(desk.item(f"item{index}", index, Fate.NO_SIGNAL, Reason.COMMENTARY, f"headline {index}"))
    assert [row.event_id for row in table.rows] == ["item2", "item3", "item4"]
    assert "headline 2" not in drawn(table)
    assert "headline 4" in drawn(table)


def test_a_pipe_gets_each_row_once_when_it_is_settled_and_no_colours(busy_desk) -> None:
    target = console()
    view = LiveView(target, LiveTable())
    with view.shown():
        for message in messages_of(busy_desk):
            view.show(message)
    lines = text_of(target).splitlines()
    assert len(lines) == 9
    assert "\x1b" not in text_of(target)
    assert any("Story winner <b>&</b>" in line and "approved" in line for line in lines)


def test_an_order_that_is_still_open_is_not_printed_yet(desk) -> None:
    target = console()
    view = LiveView(target, LiveTable())
    desk.order(desk.signal("one", 1), 1, ("2", "100"))
    for message in (*desk.items, *desk.signals, *desk.decisions):
        view.show(message)
    assert text_of(target) == ""
    view.show(desk.executions[0])
    assert "BUY 2 @ 100" in text_of(target)


def test_a_terminal_gets_the_table_in_place(busy_desk) -> None:
    target = console(terminal=True)
    view = LiveView(target, LiveTable())
    with view.shown():
        for message in messages_of(busy_desk):
            view.show(message)
    assert "winner" in text_of(target)
    assert "\x1b[" in text_of(target)


def test_the_report_is_printed_with_its_refusals_and_latency(busy_desk) -> None:
    target = console()
    latency = measure(busy_desk.items, busy_desk.signals, busy_desk.decisions, busy_desk.executions)
    print_report(busy_desk.account(), target, latency)
    text = text_of(target)
    assert "2.40 after 0.60 fees" in text
    assert "The symbol had traded a short while before and was cooling down." in text
    assert "whole way" in text
    assert "does not balance" not in text


def test_the_printed_report_names_what_does_not_balance(busy_desk) -> None:
    busy_desk.executions.pop()
    target = console(200)
    print_report(busy_desk.account(), target)
    assert "does not balance: approved = orders reported: 6 against 5" in text_of(target)


def test_an_exit_does_not_count_as_the_way_of_the_headline(desk) -> None:
    signal = desk.signal("one", 1)
    desk.order(signal, 1, ("2", "100"))
    desk.order(signal, 600, ("2", "101"), leg=Leg.EXIT, reason=Reason.TIME_LIMIT)
    table = LiveTable()
    for message in messages_of(desk):
        row = table.consume(message)
    assert row.taken_ms == 20.0
    assert row.reason is Reason.TIME_LIMIT
