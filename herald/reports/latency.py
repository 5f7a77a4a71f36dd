"""Where the time went: the time between stamps, and exact quantiles over many of them.

The latency of a stage is its stamp less the nearest earlier stamp that is present, in milliseconds. Two spans have
names of their own: ``polling`` is published to received (how long the news waited for Herald to look), and
``whole_way`` is received to acknowledged (what Herald itself took). A span below zero is reported as it was
measured: it means that two clocks disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from pydantic import BaseModel, ConfigDict

from herald.messages import ApprovedOrder, Execution, ItemFate, Passed, RefusedOrder, Signal
from herald.taxonomy import Fate, Leg, Stage

POLLING = "polling"
WHOLE_WAY = "whole_way"
SPANS = (
    POLLING,
    *(stage.value for stage in Stage if stage not in {Stage.PUBLISHED, Stage.RECEIVED}),
    WHOLE_WAY,
)
PERCENTS = (50, 95, 99)

_OF_NEWS = (POLLING, Stage.NORMALISED.value, Stage.CLASSIFIED.value, Stage.SIGNALLED.value)
_OF_DECISIONS = (Stage.DECIDED.value, Stage.APPROVED.value)
_OF_ORDERS = (Stage.SUBMITTED.value, Stage.ACKNOWLEDGED.value, Stage.FILLED.value, WHOLE_WAY)
_MILLISECOND = timedelta(milliseconds=1)


class LatencyRow(BaseModel):
    """Quantiles of one span, in milliseconds, over ``count`` samples."""

    model_config = ConfigDict(frozen=True)

    span: str
    count: int
    p50: float
    p95: float
    p99: float


class LatencyTable(BaseModel):
    """One row for each span that was measured, in the order of the stages."""

    model_config = ConfigDict(frozen=True)

    rows: tuple[LatencyRow, ...] = ()

    def row(self, span: str) -> LatencyRow | None:
        """Return the row of a span; None where nothing was measured."""
        return next((row for row in self.rows if row.span == span), None)


def quantile(ordered: Sequence[float], percent: int) -> float:
    """Return the nearest-rank quantile: the smallest sample that at least ``percent`` % of all do not exceed.

    ``ordered`` is ascending and not empty; ``percent`` is 0 to 100. The result is always one of the samples, so a
    quantile is never a number that nobody measured (type 1 of Hyndman and Fan, 1996).
    """
    if not ordered:
        message = "there is no quantile of no samples; ask only where something was measured"
        raise ValueError(message)
    if not 0 <= percent <= 100:  # noqa: PLR2004 - per cent
        message = f"percent must be 0 to 100, not {percent}"
        raise ValueError(message)
    rank = -(-percent * len(ordered) // 100)
    return ordered[max(rank, 1) - 1]


def milliseconds(earlier: datetime, later: datetime) -> float:
    """Return the span from one time to another in milliseconds."""
    return (later - earlier) / _MILLISECOND


def stage_latencies(stamps: Mapping[Stage, datetime]) -> dict[str, float]:
    """Return the milliseconds of every span that the stamps show, by the name of the span."""
    present = [stage for stage in Stage if stage in stamps]
    spans = {
        POLLING if stage is Stage.RECEIVED else stage.value: milliseconds(stamps[before], stamps[stage])
        for before, stage in pairwise(present)
    }
    if Stage.RECEIVED in stamps and Stage.ACKNOWLEDGED in stamps:
        spans[WHOLE_WAY] = milliseconds(stamps[Stage.RECEIVED], stamps[Stage.ACKNOWLEDGED])
    return spans


def latency_table(samples: Iterable[Mapping[str, float]]) -> LatencyTable:
    """Gather samples (each a span's name to milliseconds) into quantiles. Unknown names are left out."""
    values: dict[str, list[float]] = {span: [] for span in SPANS}
    for sample in samples:
        for span, taken_ms in sample.items():
            if span in values:
                values[span].append(taken_ms)
    return LatencyTable(rows=tuple(_row(span, sorted(found)) for span, found in values.items() if found))


def measure(
    items: Iterable[ItemFate] = (),
    signals: Iterable[Signal] = (),
    decisions: Iterable[ApprovedOrder | RefusedOrder | Passed] = (),
    executions: Iterable[Execution] = (),
) -> LatencyTable:
    """Measure a run so that each span of each message counts once.

    A message repeats the stamps of those before it, so a span is read where it is set: news spans once an item,
    decision spans once a verdict, order spans once an order. Exits answer a price and not a headline; only entries
    and hedges count.
    """
    samples = [*_of_news(items, signals), *_of_decisions(decisions), *_of_orders(executions)]
    return latency_table(samples)


def _of_news(items: Iterable[ItemFate], signals: Iterable[Signal]) -> list[dict[str, float]]:
    """Take one sample an item; a signal's stamps go to the item that caused it, or stand alone where there is none."""
    of_signals = {signal.event_id: signal.stamps for signal in signals}
    stamps = []
    for item in items:
        caused = of_signals.pop(item.event_id, {}) if item.fate in {Fate.SIGNAL, Fate.MERGED} else {}
        stamps.append({**caused, **item.stamps})
    return [_only(stage_latencies(one), _OF_NEWS) for one in [*stamps, *of_signals.values()]]


def _of_decisions(decisions: Iterable[ApprovedOrder | RefusedOrder | Passed]) -> list[dict[str, float]]:
    return [
        _only(stage_latencies(decision.stamps), _OF_DECISIONS)
        for decision in decisions
        if isinstance(decision, Passed) or decision.intent.leg is not Leg.EXIT
    ]


def _of_orders(executions: Iterable[Execution]) -> list[dict[str, float]]:
    """Take one sample an order: its earliest acknowledgement, and its earliest fill."""
    stamps: dict[str, dict[Stage, datetime]] = {}
    for execution in executions:
        if execution.leg is not Leg.EXIT:
            known = stamps.setdefault(execution.client_order_id, {})
            for stage, at in execution.stamps.items():
                known[stage] = min(at, known.get(stage, at))
    return [_only(stage_latencies(one), _OF_ORDERS) for one in stamps.values()]


def _only(spans: Mapping[str, float], names: Iterable[str]) -> dict[str, float]:
    return {name: spans[name] for name in names if name in spans}


def _row(span: str, ordered: Sequence[float]) -> LatencyRow:
    p50, p95, p99 = (quantile(ordered, percent) for percent in PERCENTS)
    return LatencyRow(span=span, count=len(ordered), p50=p50, p95=p95, p99=p99)
