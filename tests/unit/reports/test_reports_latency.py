from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.reports.latency import SPANS, latency_table, measure, quantile, stage_latencies
from herald.taxonomy import Fate, Leg, Reason, Stage

RECEIVED = datetime(2025, 3, 1, tzinfo=UTC)


def after(ms: float) -> datetime:
    return RECEIVED + timedelta(milliseconds=ms)


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1.0), (1, 1.0), (50, 10.0), (95, 19.0), (96, 20.0), (99, 20.0), (100, 20.0)]
)
def test_a_quantile_is_the_nearest_rank_sample(percent: int, expected: float) -> None:
    assert quantile([float(n) for n in range(1, 21)], percent) == expected


@given(st.lists(st.floats(allow_nan=False), min_size=1).map(sorted), st.integers(1, 100))
def test_a_quantile_is_the_smallest_sample_that_covers_its_share(ordered: list[float], percent: int) -> None:
    found = quantile(ordered, percent)
    covered = sum(value <= found for value in ordered)
    below = sum(value < found for value in ordered)
    assert covered * 100 >= percent * len(ordered) > below * 100


def test_a_quantile_of_nothing_or_beyond_the_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        quantile([], 50)
    with pytest.raises(ValueError, match="0 to 100"):
        quantile([1.0], 101)


def test_a_stage_is_measured_from_the_nearest_earlier_stamp_that_is_present() -> None:
    stamps = {
        Stage.PUBLISHED: after(-2000),
        Stage.RECEIVED: after(0),
        Stage.SIGNALLED: after(4),
        Stage.NORMALISED: after(1),
        Stage.ACKNOWLEDGED: after(30),
        Stage.FILLED: after(90),
    }
    assert stage_latencies(stamps) == {
        "polling": 2000,
        "normalised": 1,
        "signalled": 3,
        "acknowledged": 26,
        "filled": 60,
        "whole_way": 30,
    }


def test_the_whole_way_needs_both_of_its_ends() -> None:
    assert "whole_way" not in stage_latencies({Stage.RECEIVED: after(0), Stage.SUBMITTED: after(5)})
    assert stage_latencies({}) == {}


def test_clocks_that_disagree_show_as_a_negative_span() -> None:
    assert stage_latencies({Stage.PUBLISHED: after(50), Stage.RECEIVED: after(0)}) == {"polling": -50}


def test_the_table_keeps_the_order_of_the_stages_and_leaves_out_what_was_not_measured() -> None:
    table = latency_table([{"whole_way": 3.0}, {"polling": 1.0, "unheard_of": 9.0}, {"whole_way": 1.0}])
    assert [row.span for row in table.rows] == ["polling", "whole_way"]
    whole = table.row("whole_way")
    assert whole is not None
    assert (whole.count, whole.p50, whole.p99) == (2, 1.0, 3.0)
    assert table.row("decided") is None


def test_every_stage_after_the_first_has_a_span() -> None:
    assert len(SPANS) == len(Stage)


def test_a_run_is_measured_once_a_message_and_without_its_exits(desk) -> None:
    signal = desk.signal("one", 0)
    desk.order(signal, 0, ("1", "100"))
    desk.order(signal, 5000, ("1", "100"), leg=Leg.EXIT)
    desk.item("other", 9, Fate.NO_SIGNAL, Reason.COMMENTARY)
    table = measure(desk.items, desk.signals, desk.decisions, desk.executions)
    counts = {row.span: row.count for row in table.rows}
    assert counts == {
        "polling": 2,
        "normalised": 2,
        "signalled": 1,
        "decided": 1,
        "approved": 1,
        "submitted": 1,
        "acknowledged": 1,
        "whole_way": 1,
    }
    whole = table.row("whole_way")
    assert whole is not None
    assert math.isclose(whole.p95, 20.0)


def test_signals_alone_are_enough_to_measure_the_news(desk) -> None:
    desk.signal("one", 0)
    table = measure(signals=desk.signals)
    assert {row.span: row.count for row in table.rows} == {"polling": 1, "normalised": 1, "signalled": 1}
