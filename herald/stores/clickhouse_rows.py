"""Rows of the analytical tables, made of messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from herald.messages import Execution, Message, Signal
from herald.ports import Quote
from herald.taxonomy import Leg, Stage

POLLING = "polling"
WHOLE_WAY = "whole_way"

Row = dict[str, Any]

_OF_NEWS = frozenset({POLLING, Stage.NORMALISED.value, Stage.CLASSIFIED.value, Stage.SIGNALLED.value})
_NS_PER_US = 1000


def rows_of(messages: Iterable[Message]) -> dict[str, list[Row]]:
    """Return the rows of signals and executions by table. Other messages have no table here."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for message in messages:
        if isinstance(message, Signal):
            rows["signals"].append(_signal(message))
            rows["stage_latency"] += _latencies(message.stamps, message.ts_iso, message.event_id, of_news=True)
        elif isinstance(message, Execution):
            rows["executions"].append(_execution(message))
            if message.leg is not Leg.EXIT:  # an exit answers a price, not a headline
                rows["stage_latency"] += _latencies(
                    message.stamps, message.ts_iso, message.client_order_id, of_news=False
                )
    return dict(rows)


def quote_rows(quotes: Sequence[tuple[str, Quote]]) -> list[Row]:
    """Return the rows of quotes."""
    return [
        {
            "instrument_key": key,
            "at": f"{quote.at_ns // 1_000_000_000}.{quote.at_ns % 1_000_000_000 // _NS_PER_US:06d}",
            "bid": quote.bid,
            "ask": quote.ask,
            "bid_size": quote.bid_size,
            "ask_size": quote.ask_size,
        }
        for key, quote in quotes
    ]


def stage_spans(stamps: Mapping[Stage, datetime]) -> dict[str, float]:
    """Return the milliseconds from each stamp to the next, by the name of the later stage.

    Published to received is ``polling``; received to acknowledged is ``whole_way`` besides.
    """
    present = [stage for stage in Stage if stage in stamps]
    spans = {
        POLLING if later is Stage.RECEIVED else later.value: _milliseconds(stamps[later] - stamps[earlier])
        for earlier, later in pairwise(present)
    }
    if Stage.RECEIVED in stamps and Stage.ACKNOWLEDGED in stamps:
        spans[WHOLE_WAY] = _milliseconds(stamps[Stage.ACKNOWLEDGED] - stamps[Stage.RECEIVED])
    return spans


def _latencies(stamps: Mapping[Stage, datetime], at: datetime, key: str, *, of_news: bool) -> list[Row]:
    """Take each span once: those of the news from its signal, the later ones from the report on its order."""
    return [
        {"stage": stage, "at": _time(at), "key": key, "ms": taken_ms}
        for stage, taken_ms in stage_spans(stamps).items()
        if (stage in _OF_NEWS) == of_news
    ]


def _signal(signal: Signal) -> Row:
    return {
        "at": _time(signal.ts_iso),
        "event_id": signal.event_id,
        "story_id": signal.story_id,
        "revision": signal.revision,
        "source": signal.source,
        "event_type": signal.event_type.value,
        "direction": signal.direction.value,
        "primary_entity": signal.primary_entity,
        "model": signal.model,
        "severity": signal.severity,
        "confidence": signal.confidence,
        "tradable": signal.tradable,
        "headline": signal.headline,
    }


def _execution(report: Execution) -> Row:
    return {
        "at": _time(report.ts_iso),
        "execution_id": report.execution_id,
        "client_order_id": report.client_order_id,
        "trade_id": report.trade_id,
        "event_id": report.event_id,
        "story_id": report.story_id,
        "event_type": report.event_type.value,
        "playbook": report.playbook,
        "leg": report.leg.value,
        "venue": report.venue,
        "instrument_key": report.instrument_key,
        "side": report.side.value,
        "status": report.status.value,
        "reason": report.reason.value,
        "quantity": float(report.quantity),
        "filled_quantity": float(report.filled_quantity),
        "average_price": float(report.average_price) if report.average_price is not None else None,
        "arrival_mid": float(report.arrival_mid),
        "slippage_bps": report.slippage_bps,
        "latency_ms": report.latency_ms,
        "new_quantity": float(sum(fill.side.sign * fill.quantity for fill in report.fills)),
        "new_notional_usd": float(sum(fill.side.sign * fill.quantity * fill.price for fill in report.fills)),
        "new_fees_usd": float(sum(fill.fee_usd for fill in report.fills)),
    }


def _time(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S.%f")


def _milliseconds(span: timedelta) -> float:
    return span / timedelta(milliseconds=1)
