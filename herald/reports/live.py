"""The live table of a run.

On a terminal the table is redrawn in place. Where the output is a file or a pipe, each row is printed once, when
nothing more is expected of it, and no colours are written.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from herald.messages import ApprovedOrder, Execution, ItemFate, Passed, RefusedOrder, Signal
from herald.reports.latency import WHOLE_WAY, milliseconds, stage_latencies
from herald.reports.wording import figure
from herald.taxonomy import Direction, Fate, Leg, OrderStatus, Reason, Stage

LiveMessage = ItemFate | Signal | ApprovedOrder | RefusedOrder | Passed | Execution

_DECISION_RANK = {"": 0, "passed": 1, "refused": 2, "approved": 3}
_DECISION_STYLE = {"approved": "green", "refused": "yellow", "passed": "dim"}
_DIRECTION_STYLE = {Direction.BULL: "green", Direction.BEAR: "red", Direction.UNKNOWN: "dim"}


@dataclass(slots=True)
class LiveRow:
    """What is known so far of one report of the news. ``closed_by`` is why its position was, or is being, closed."""

    event_id: str
    at: datetime | None = None
    source: str = ""
    headline: str = ""
    fate: Fate | None = None
    event_type: str = ""
    direction: Direction | None = None
    severity: float | None = None
    decision: str = ""
    reason: Reason | None = None
    taken_ms: float | None = None
    closed_by: Reason | None = None
    is_printed: bool = False
    orders: dict[str, Execution] = field(default_factory=dict)
    approved: set[str] = field(default_factory=set)

    @property
    def is_settled(self) -> bool:
        """True where its entry is done, or where there will be none."""
        if self.fate is not None and self.fate is not Fate.SIGNAL:
            return True
        if self.decision in {"passed", "refused"}:
            return True
        return bool(self.approved) and all(
            key in self.orders and self.orders[key].status.is_final for key in self.approved
        )

    @property
    def fill(self) -> str:
        """What was filled of the orders of the news, and at which price."""
        entries = [order for order in self.orders.values() if order.leg is not Leg.EXIT]
        entries.sort(key=lambda order: (order.leg is Leg.HEDGE, order.client_order_id))
        return "; ".join(map(_fill_text, entries))


class LiveTable:
    """The newest rows, made from messages that may come in any order and more than once.

    At most ``remembered`` rows are kept; the last ``shown`` of them are drawn.
    """

    def __init__(self, shown: int = 18, remembered: int = 500) -> None:
        self._rows: OrderedDict[str, LiveRow] = OrderedDict()
        self._shown = shown
        self._remembered = remembered

    @property
    def rows(self) -> list[LiveRow]:
        """The rows that are remembered, oldest first."""
        return list(self._rows.values())

    def consume(self, message: LiveMessage) -> LiveRow:
        """Take in one message and return its row."""
        row = self._row(_event_id(message))
        if isinstance(message, ItemFate):
            _take_item(row, message)
        elif isinstance(message, Signal):
            _take_signal(row, message)
        elif isinstance(message, Execution):
            _take_execution(row, message)
        else:
            _take_decision(row, message)
        return row

    def render(self, width: int) -> Table:
        """Draw the newest rows; the headline is cut to what ``width`` leaves."""
        table = Table(box=box.SIMPLE_HEAD, width=width, pad_edge=False, padding=(0, 1, 0, 0))
        for name in ("time", "source"):
            table.add_column(name, no_wrap=True, overflow="ellipsis", style="dim", max_width=16)
        table.add_column("headline", no_wrap=True, overflow="ellipsis", ratio=1, min_width=16)
        for name in ("event", "dir"):
            table.add_column(name, no_wrap=True)
        table.add_column("sev", justify="right", no_wrap=True)
        for name in ("decision", "fill", "reason"):
            table.add_column(name, no_wrap=True, overflow="ellipsis")
        table.add_column("ms", justify="right", no_wrap=True)
        for row in self.rows[-self._shown :]:
            table.add_row(*_cells(row), style="dim" if row.fate not in {None, Fate.SIGNAL} else "")
        return table

    def _row(self, event_id: str) -> LiveRow:
        row = self._rows.setdefault(event_id, LiveRow(event_id))
        while len(self._rows) > self._remembered:
            self._rows.popitem(last=False)
        return row


class LiveView:
    """Shows a ``LiveTable`` on a console: in place on a terminal, line by line elsewhere."""

    def __init__(self, console: Console, table: LiveTable) -> None:
        self._console = console
        self._table = table
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[LiveView]:
        """Keep the table on the screen while the block runs."""
        if not self._console.is_terminal:
            yield self
            return
        with Live(console=self._console, auto_refresh=False) as live:
            self._live = live
            yield self
            self._live = None

    def show(self, message: LiveMessage) -> None:
        """Take in one message and bring the screen up to date."""
        row = self._table.consume(message)
        if self._live is not None:
            self._live.update(self._table.render(self._console.width), refresh=True)
        elif row.is_settled and not row.is_printed:
            row.is_printed = True
            self._console.print(plain_line(row), soft_wrap=True, markup=False, highlight=False)


def plain_line(row: LiveRow, headline_width: int = 60) -> str:
    """Write a row as one line of text."""
    cells = [cell.plain for cell in _cells(row)]
    cells[2] = (
        cells[2] if len(cells[2]) <= headline_width else cells[2][: headline_width - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )
    return "  ".join(cell for cell in cells if cell)


def _event_id(message: LiveMessage) -> str:
    return message.intent.event_id if isinstance(message, ApprovedOrder | RefusedOrder) else message.event_id


def _take_item(row: LiveRow, item: ItemFate) -> None:
    """Take an item's fate; the first report of a story is not overwritten by later copies of the same text."""
    if row.fate is Fate.SIGNAL:
        return
    row.at, row.source, row.headline, row.fate = item.at, item.source, item.headline, item.fate
    if not row.decision:
        row.reason = item.reason
    _measure(row, item.stamps)


def _take_signal(row: LiveRow, signal: Signal) -> None:
    row.at = row.at or signal.ts_iso
    row.source = row.source or signal.source
    row.headline = row.headline or signal.headline
    row.event_type, row.direction, row.severity = signal.event_type.value, signal.direction, signal.severity
    _measure(row, signal.stamps)


def _take_decision(row: LiveRow, decision: ApprovedOrder | RefusedOrder | Passed) -> None:
    """Take a decision. Where playbooks differ, the row shows the one that came nearest to an order."""
    if not isinstance(decision, Passed):
        if decision.intent.leg is Leg.EXIT:
            row.closed_by = row.reason = decision.intent.reason
            return
        row.event_type, row.direction = decision.intent.event_type.value, decision.intent.direction
    if isinstance(decision, ApprovedOrder):
        row.approved.add(decision.client_order_id)
    if _DECISION_RANK[decision.decision] >= _DECISION_RANK[row.decision]:
        row.decision = decision.decision
        if not row.orders:
            row.reason = row.closed_by or decision.reason
    _measure(row, decision.stamps)


def _take_execution(row: LiveRow, execution: Execution) -> None:
    known = row.orders.get(execution.client_order_id)
    if known is not None and (known.status.is_final or known.filled_quantity > execution.filled_quantity):
        return
    row.orders[execution.client_order_id] = execution
    row.reason = row.closed_by or execution.reason
    if execution.leg is not Leg.EXIT:
        row.decision = "approved"
        _measure(row, execution.stamps)


def _measure(row: LiveRow, stamps: dict[Stage, datetime]) -> None:
    """Show the whole way where it is known, else the time from received to the last stage so far."""
    whole = stage_latencies(stamps).get(WHOLE_WAY)
    if whole is not None:
        row.taken_ms = whole
    elif Stage.RECEIVED in stamps and not row.orders:
        reached = milliseconds(stamps[Stage.RECEIVED], max(stamps.values()))
        row.taken_ms = max(reached, row.taken_ms or 0.0)


def _fill_text(order: Execution) -> str:
    if order.filled_quantity == 0:
        return order.status.value.lower().replace("_", " ")
    part = "" if order.status is OrderStatus.FILLED else f"/{_trimmed(order.quantity)}"
    price = f" @ {_trimmed(order.average_price)}" if order.average_price is not None else ""
    return f"{order.side} {_trimmed(order.filled_quantity)}{part}{price}"


def _trimmed(value: Decimal) -> str:
    text = f"{value:.6f}"
    return text.rstrip("0").rstrip(".")


def _cells(row: LiveRow) -> list[Text]:
    direction = Text(row.direction.value, _DIRECTION_STYLE[row.direction]) if row.direction else Text("")
    return [
        Text(f"{row.at:%H:%M:%S}" if row.at else ""),
        Text(row.source),
        Text(" ".join(row.headline.split())),
        Text(row.event_type or (row.fate.value.replace("_", " ") if row.fate else "")),
        direction,
        Text(f"{row.severity:.2f}" if row.severity is not None else ""),
        Text(row.decision, _DECISION_STYLE.get(row.decision, "")),
        Text(row.fill),
        Text(row.reason.value if row.reason else ""),
        Text(figure(row.taken_ms) if row.taken_ms is not None else ""),
    ]
