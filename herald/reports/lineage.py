"""The story of one headline in words: what was read in it, what was decided, what was done, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from herald.messages import ApprovedOrder, Decision, Execution, ItemFate, Passed, Signal
from herald.reports.latency import POLLING, WHOLE_WAY, stage_latencies
from herald.reports.reasons import explain
from herald.reports.wording import amount
from herald.taxonomy import Leg, Stage

Entry = tuple[datetime, int, str, str]

_decision: TypeAdapter[Any] = TypeAdapter(Decision)


def lineage_lines(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Tell a lineage, given as the JSON of its messages by kind, in the order in which it happened.

    A line each: UTC time, kind, what happened and why. The last lines say where the time of each order went.
    """
    executions = [Execution.model_validate(one) for one in found.get("executions", ())]
    told = [
        *(_item(ItemFate.model_validate(one)) for one in found.get("items", ())),
        *(_signal(Signal.model_validate(one)) for one in found.get("signals", ())),
        *(_decided(_decision.validate_python(one)) for one in found.get("decisions", ())),
        *(_execution(one) for one in executions),
    ]
    for at, _, kind, text in sorted(told):
        yield f"{_clock(at)}  {kind:<9} {text}"
    for one in executions:
        if one.leg is Leg.ENTRY and Stage.RECEIVED in one.stamps and Stage.ACKNOWLEDGED in one.stamps:
            yield f"{'took':<14}{'':<10} {_way(one)}"


def headline_line(item: ItemFate, width: int = 100) -> str:
    """Return one line for a list of headlines: the time, the fate and the id to ask about."""
    what = item.fate.value.replace("_", " ")
    return f"{_clock(item.at)}  {item.event_id}  {what:<11} {item.source}: {item.headline[:width]}"


def _item(item: ItemFate) -> Entry:
    detail = f" ({item.detail})" if item.detail else ""
    text = f"{item.source}: {item.headline}\n{'':<24} {_fate(item)}: {explain(item.reason)}{detail}"
    return item.at, 0, "headline", text


def _fate(item: ItemFate) -> str:
    return item.fate.value.replace("_", " ")


def _signal(signal: Signal) -> Entry:
    text = (
        f"{signal.event_type.value} {signal.direction.value} {signal.primary_entity or 'market'}"
        f" severity {signal.severity:.2f} confidence {signal.confidence:.2f} by {signal.model}"
        f" from {', '.join(signal.sources or (signal.source,))}"
    )
    if signal.revision > 1:
        text += f" (amendment {signal.revision - 1} of the story)"
    if signal.corrects_story_id:
        text += f" (takes back {signal.corrects_story_id})"
    return signal.stamps.get(Stage.SIGNALLED, signal.ts_iso), 1, "signal", text


def _decided(decision: Any) -> Entry:
    detail = f" ({decision.detail})" if getattr(decision, "detail", "") else ""
    why = f"{explain(decision.reason)}{detail}"
    if isinstance(decision, Passed):
        playbook = f" by {decision.playbook}" if decision.playbook else ""
        return decision.decided_at, 2, "passed", f"not traded{playbook}: {why}"
    intent = decision.intent
    quantity = decision.quantity if isinstance(decision, ApprovedOrder) else intent.quantity
    if intent.leg is Leg.EXIT:
        why = f"{explain(intent.reason)} {why}"
    limit = f" at {amount(intent.limit_price)} or better" if intent.limit_price else " at market"
    text = f"{intent.leg.value.lower()} {intent.side.value} {amount(quantity)} {intent.instrument.key}{limit}"
    return decision.decided_at, 2, decision.decision, f"{text}, {intent.playbook}: {why}"


def _execution(execution: Execution) -> Entry:
    text = f"{execution.status.value} {execution.side.value} {amount(execution.filled_quantity)}"
    text += f" of {amount(execution.quantity)} {execution.instrument_key}"
    if execution.average_price is not None:
        text += f" at {amount(execution.average_price)}, fee {execution.fee_usd:.2f} USD"
    if execution.slippage_bps is not None:
        text += f", slippage {execution.slippage_bps:.1f} bps"
    return execution.ts_iso, 3, "order", f"{text}: {explain(execution.reason)}"


def _way(execution: Execution) -> str:
    spans = stage_latencies(execution.stamps)
    whole = spans.pop(WHOLE_WAY)
    steps = ", ".join(f"{span} {taken:.1f}" for span, taken in spans.items() if span != POLLING)
    return f"{whole:.1f} ms from the received bytes to the acknowledged order: {steps}"


def _clock(at: datetime) -> str:
    return f"{at:%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"
