"""The report as one HTML page that needs no other file and no network."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from herald.reports.figures import RunReport
from herald.reports.latency import POLLING, WHOLE_WAY, LatencyTable
from herald.reports.plots import equity_svg, latency_svg, pnl_svg
from herald.reports.wording import amount, figure, moment, share, usd
from herald.taxonomy import Stage

TRADES_SHOWN = 500
_NOT_HERALDS_TIME = {POLLING, Stage.FILLED.value}


def render_page(report: RunReport, latency: LatencyTable) -> str:
    """Render the page. The polling delay and the wait for a fill are in the table and not in the plot."""
    own = [row for row in latency.rows if row.span not in _NOT_HERALDS_TIME]
    return _template().render(
        report=report,
        latency=latency,
        whole_way=latency.row(WHOLE_WAY),
        reasons={kind: list(rows) for kind, rows in groupby(report.reasons, key=lambda row: row.kind)},
        trades=report.trades[:TRADES_SHOWN],
        equity_plot=equity_svg(report.equity, report.ended_at),
        pnl_plot=pnl_svg(report.by_event_type) if report.by_event_type else None,
        latency_plot=latency_svg(own) if own else None,
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("herald.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"usd": usd, "figure": figure, "share": share, "moment": moment, "amount": amount}
    return environment.get_template("report.html.jinja")
