"""The plots of the page, drawn as inline SVG without any library. Colours come from the style of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup, escape

from herald.reports.figures import EquityPoint, Pnl
from herald.reports.latency import LatencyRow

_WIDE = 720
_NARROW = 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 16, 12, 26
_ROW = 26
_LABELS = 148
_VALUES = 78
_POINTS_AT_MOST = 600


def equity_svg(points: Sequence[EquityPoint], ended_at: datetime) -> Markup:
    """Draw equity over time as steps: it changes at a fill and stands until the next."""
    height = 240
    seconds = [(point.at - points[0].at).total_seconds() for point in points]
    usd = [float(point.equity_usd) for point in points]
    span = max((ended_at - points[0].at).total_seconds(), seconds[-1], 1.0)
    ticks = _ticks(min(usd), max(usd))
    low, high = ticks[0], ticks[-1]

    def x(second: float) -> float:
        return _LEFT + (_WIDE - _LEFT - _RIGHT) * second / span

    def y(value: float) -> float:
        return _TOP + (height - _TOP - _BOTTOM) * (high - value) / (high - low)

    path = [f"M{x(seconds[0]):.1f} {y(usd[0]):.1f}"]
    path += [f"H{x(seconds[i]):.1f}V{y(usd[i]):.1f}" for i in _thinned(usd)]
    path.append(f"H{x(span):.1f}")
    base = y(usd[0])
    grid = "".join(_grid_line(y(tick), _usd(tick)) for tick in ticks)
    first, last = (f"{when:%Y-%m-%d %H:%M:%S}" for when in (points[0].at, ended_at))
    ends = (
        f'<text class="axis" x="{_LEFT}" y="{height - 6}">{first}</text>'
        f'<text class="axis" x="{_WIDE - _RIGHT}" y="{height - 6}" text-anchor="end">{last}</text>'
    )
    return _svg(
        _WIDE,
        height,
        "Equity in USD over time",
        f'{grid}<line class="base" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{base:.1f}" y2="{base:.1f}"/>'
        f'<path class="curve" d="{"".join(path)}"/>{ends}',
    )


def pnl_svg(groups: Sequence[Pnl]) -> Markup:
    """Draw net profit of each group as a bar to the right of zero, a loss to the left of it."""
    values = [float(group.net_usd) for group in groups]
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0
    width = _NARROW - _LABELS - _VALUES

    def x(value: float) -> float:
        return _LABELS + width * (value - low) / span

    rows = []
    for index, (group, value) in enumerate(zip(groups, values, strict=True)):
        top = _TOP + index * _ROW
        left, right = sorted((x(0.0), x(value)))
        title = f"{group.group}: {_usd(value)} USD net over {group.trades} trades"
        rows.append(
            f'<g><title>{escape(title)}</title><text class="label" x="{_LABELS - 10}" y="{top + 14}" '
            f'text-anchor="end">{escape(group.group)}</text>'
            f'<rect class="{"gain" if value >= 0 else "loss"}" x="{left:.1f}" y="{top + 2}" '
            f'width="{max(right - left, 1.0):.1f}" height="16" rx="2"/>'
            f'<text class="value" x="{_NARROW - 6}" y="{top + 14}" text-anchor="end">{_usd(value)}</text></g>'
        )
    height = _TOP + len(values) * _ROW + 8
    zero = f'<line class="base" x1="{x(0.0):.1f}" x2="{x(0.0):.1f}" y1="{_TOP - 4}" y2="{height - 6}"/>'
    return _svg(_NARROW, height, "Net profit and loss by event type in USD", "".join(rows) + zero)


def latency_svg(rows: Sequence[LatencyRow]) -> Markup:
    """Draw each span as a bar to its p50, a lighter one to its p95 and a tick at its p99."""
    longest = max((row.p99 for row in rows), default=0.0) or 1.0
    width = _NARROW - _LABELS - _VALUES

    def size(value: float) -> float:
        return max(width * max(value, 0.0) / longest, 1.0)

    parts = []
    for index, row in enumerate(rows):
        top = _TOP + index * _ROW
        tick = _LABELS + size(row.p99)
        title = f"{row.span}: p50 {row.p50:.2f}, p95 {row.p95:.2f}, p99 {row.p99:.2f} ms of {row.count}"
        parts.append(
            f'<g><title>{escape(title)}</title><text class="label" x="{_LABELS - 10}" y="{top + 14}" '
            f'text-anchor="end">{escape(row.span.replace("_", " "))}</text>'
            f'<rect class="wide" x="{_LABELS}" y="{top + 2}" width="{size(row.p95):.1f}" height="16" rx="2"/>'
            f'<rect class="core" x="{_LABELS}" y="{top + 2}" width="{size(row.p50):.1f}" height="16" rx="2"/>'
            f'<line class="tick" x1="{tick:.1f}" x2="{tick:.1f}" y1="{top}" y2="{top + 20}"/>'
            f'<text class="value" x="{_NARROW - 6}" y="{top + 14}" text-anchor="end">{row.p95:.1f} ms</text></g>'
        )
    return _svg(_NARROW, _TOP + len(rows) * _ROW + 4, "Latency by stage in milliseconds", "".join(parts))


def _svg(width: int, height: float, title: str, body: str) -> Markup:
    return Markup(  # noqa: S704 - every text in the body was escaped where it was put in
        f'<svg viewBox="0 0 {width} {height:.0f}" role="img" aria-label="{escape(title)}">{body}</svg>'
    )


def _grid_line(y: float, label: str) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="axis" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Choose three to seven round values that enclose the range."""
    span = (high - low) or max(abs(high) * 0.001, 1.0)
    raw = span / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == last:
        first, last = first - 1, last + 1
    return [step * index for index in range(first, last + 1)]


def _thinned(values: Sequence[float]) -> list[int]:
    """Choose the points to draw: all, or of each stretch the lowest and the highest, so that no peak is lost."""
    if len(values) <= _POINTS_AT_MOST:
        return list(range(1, len(values)))
    stretch = math.ceil(2 * len(values) / _POINTS_AT_MOST)
    chosen = {len(values) - 1}
    for start in range(1, len(values), stretch):
        part = range(start, min(start + stretch, len(values)))
        chosen |= {min(part, key=values.__getitem__), max(part, key=values.__getitem__)}
    return sorted(chosen)


def _usd(value: float) -> str:
    digits = 0 if abs(value) >= 1000 and value == round(value) else 2  # noqa: PLR2004 - cents do not matter up there
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")
