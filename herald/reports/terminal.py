"""The report of a run, printed in a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from herald.reports.figures import Pnl, RunReport
from herald.reports.latency import WHOLE_WAY, LatencyTable
from herald.reports.wording import figure, moment, share, usd


def print_report(report: RunReport, console: Console, latency: LatencyTable | None = None) -> None:
    """Print what a run came to."""
    console.print(_summary(report))
    for title, rows in (("event type", report.by_event_type), ("playbook", report.by_playbook)):
        if rows:
            console.print(_pnl_table(title, rows))
    refused = [row for row in report.reasons if row.kind in {"passed", "refused"}]
    if refused:
        reasons = _plain_table("why not", "count:r", "reason", "")
        for row in refused:
            reasons.add_row(row.kind, str(row.count), row.reason.value, row.sentence)
        console.print(reasons)
    if latency is not None and latency.rows:
        print_latency(latency, console)
    for check in report.checks:
        if not check.ok:
            ids = f" ({', '.join(check.missing)})" if check.missing else ""
            console.print(Text(f"does not balance: {check.statement}: {check.left} against {check.right}{ids}", "red"))


def print_latency(latency: LatencyTable, console: Console) -> None:
    """Print the quantiles of every span in milliseconds."""
    table = _plain_table("latency, ms", "samples:r", "p50:r", "p95:r", "p99:r")
    for row in latency.rows:
        style = "bold" if row.span == WHOLE_WAY else ""
        quantiles = (figure(value, 2) for value in (row.p50, row.p95, row.p99))
        table.add_row(row.span.replace("_", " "), str(row.count), *quantiles, style=style)
    console.print(table)


def _summary(report: RunReport) -> Table:
    fates = ", ".join(f"{count} {fate.replace('_', ' ')}" for fate, count in report.items_by_fate.items() if count)
    fills = report.fills
    table = _plain_table("Herald, report of a run", "")
    table.add_row("time", f"{moment(report.started_at)} to {moment(report.ended_at)} UTC")
    table.add_row("items", f"{report.items}: {fates}" if fates else "0")
    table.add_row("signals", f"{report.signals}, which gave {report.approved + report.refused} order intents")
    table.add_row("decisions", f"{report.approved} approved, {report.refused} refused, {report.passed} passed")
    table.add_row("orders", f"{fills.orders}, {share(fills.fill_ratio)} filled, {fills.in_doubt} in doubt")
    table.add_row("slippage, bps", _spread(fills.slippage_bps_mean, fills.slippage_bps_p50, fills.slippage_bps_p95))
    table.add_row(
        "trades", f"{report.total.trades}, {share(report.total.win_rate)} of {report.total.closed} closed won"
    )
    table.add_row("net USD", f"{usd(report.net_usd)} after {usd(report.total.fees_usd)} fees")
    table.add_row("equity USD", f"{usd(report.initial_equity_usd)} to {usd(report.final_equity_usd)}")
    still_open = ", ".join(f"{key} {quantity}" for key, quantity in report.open_positions.items())
    table.add_row("still open", still_open or "nothing")
    holding = sum(check.ok for check in report.checks)
    table.add_row("checks", f"{holding} of {len(report.checks)} hold")
    return table


def _pnl_table(title: str, rows: tuple[Pnl, ...]) -> Table:
    table = _plain_table(title, "trades:r", "won:r", "gross:r", "fees:r", "net USD:r")
    for row in rows:
        money = (usd(value) for value in (row.gross_usd, row.fees_usd, row.net_usd))
        table.add_row(row.group, str(row.trades), share(row.win_rate), *money)
    return table


def _plain_table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        name, _, right = column.partition(":")
        table.add_column(name, justify="right" if right else "left")
    return table


def _spread(mean: float | None, p50: float | None, p95: float | None) -> str:
    return f"mean {figure(mean, 2)}, p50 {figure(p50, 2)}, p95 {figure(p95, 2)}"
