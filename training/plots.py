"""Pictures of quality as PNG files: confusion, calibration, the classes one by one, precision against recall.

Each function writes one file and keeps no state: figures are drawn by matplotlib's objects, never by pyplot, whose
figures live until they are closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve
from sklearn.metrics import confusion_matrix as count_confusions

from herald.inference.text_model import TYPES
from herald.taxonomy import EventType
from training.figures import (
    CALIBRATION_BINS,
    RECALL_MIN,
    TRADABLE_FROM,
    Bins,
    ClassFigures,
    Predictions,
    calibration_bins,
    check_fit,
)
from training.targets import Targets

DOTS_PER_INCH = 130
INK, QUIET, FAINT = "#22303c", "#6b7a88", "#d9e0e6"
PALETTE = ("#0f5c8c", "#e08e00", "#2a9d74", "#b5488f", "#7a7a7a", "#5aa9dd")
"""Colours that readers who do not see red or green tell apart, after M. Okabe, K. Ito (2008)."""
NORMAL_95 = 1.96

_BLUES = LinearSegmentedColormap.from_list(
    "herald",
    [(0.0, "#ffffff"), (0.08, "#dbe9f3"), (0.25, "#a9cde4"), (0.5, "#4f93c0"), (0.75, "#0f5c8c"), (1.0, "#0a3d5e")],
)
"""Steeper at its pale end, so that a few errors in a hundred are seen."""
_DARK_FROM = 0.42
_AS_WRITTEN = {
    EventType.ETF: "ETF",
    EventType.SEC_ACTION: "SEC action",
    EventType.FUNDING_MNA: "Funding, M&A",
    EventType.EARNINGS_CORPORATE: "Corporate earnings",
}


def plot_confusion(predictions: Predictions, targets: Targets, path: Path, *, title: str = "Types: confusion") -> None:
    """Write which type was taken for which: counts in the cells, colour by the share of the row.

    Rows are labels, with their number, and columns are predictions. Raises ``ValueError`` as ``judge`` does.
    """
    check_fit(predictions, targets, frozenset({"type"}))
    counts = count_confusions(targets.types, predictions.types, labels=range(len(TYPES)))
    support = counts.sum(axis=1)
    shares = counts / np.maximum(support, 1)[:, None]
    figure = _figure(13.4, 12.0, title)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap=_BLUES, vmin=0, vmax=1)
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] >= _DARK_FROM else INK
        weight = "bold" if row == column else "normal"
        text = str(counts[row, column])
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=colour, fontweight=weight)
    names = [readable(one) for one in TYPES]
    axes.set_xticks(range(len(TYPES)), names, rotation=50, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(TYPES)), [f"{name}  ({many})" for name, many in zip(names, support, strict=True)])
    axes.set_xticks(np.arange(len(TYPES) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(TYPES) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=FAINT, linewidth=0.6)
    axes.set(xlabel="predicted", ylabel="labelled (number of examples)")
    _quiet(axes, frame=False)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(image, ax=axes, shrink=0.5, aspect=30, pad=0.015, format=PercentFormatter(1))
    bar.set_label("share of the row", color=QUIET)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelcolor=INK, labelsize=9)
    _save(figure, path)


def plot_reliability(
    predictions: Predictions,
    targets: Targets,
    path: Path,
    *,
    what: frozenset[Literal["type", "tradable"]] = frozenset({"type", "tradable"}),
    title: str = "Calibration: what is said, and how often it comes true",
) -> None:
    """Write reliability diagrams of tradable and of the likeliest type, each above its histogram of confidence.

    Whiskers are Wilson's 95 % intervals of a bin's share. Raises ``ValueError`` as ``judge`` does.
    """
    if not what <= {"type", "tradable"}:
        raise ValueError(f"{sorted(what)} has no confidence; take 'type', 'tradable' or both")
    check_fit(predictions, targets, what)
    drawn: list[tuple[str, str, str, NDArray[Any], NDArray[Any]]] = []
    if "tradable" in what:
        drawn.append(("Tradable", "said probability", "share tradable", predictions.tradable_p, targets.tradable))
    if "type" in what:
        right = predictions.types == targets.types
        drawn.append(("Likeliest type", "said probability", "share right", predictions.types_p.max(axis=1), right))
    figure = _figure(1.2 + 5.2 * len(drawn), 7.2, title)
    grid = figure.subplots(2, len(drawn), sharex="col", squeeze=False, height_ratios=(3, 1))
    for column, (name, said, came_true, confidence, outcome) in enumerate(drawn):
        bins = calibration_bins(confidence, outcome)
        _reliability(grid[0, column], bins, name, came_true)
        _histogram(grid[1, column], bins, said)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, labelcolor=INK)
    _save(figure, path)


def plot_classes(
    per_class: Mapping[EventType, ClassFigures], path: Path, *, title: str = "Types one by one, most frequent first"
) -> None:
    """Write precision, recall and F1 of each type as bars, sorted by support. Raises ``ValueError`` for no types."""
    if not per_class:
        raise ValueError("there are no types to draw; judge predictions of type first")
    ordered = sorted(per_class, key=lambda one: (-per_class[one].support, one))
    figure = _figure(9.5, 1.8 + 0.42 * len(ordered), title)
    axes = figure.add_subplot()
    places = np.arange(len(ordered))
    thickness = 0.26
    for number, measure in enumerate(("precision", "recall", "f1")):
        values = [getattr(per_class[one], measure) for one in ordered]
        label = "F1" if measure == "f1" else measure
        offset = (number - 1) * thickness
        axes.barh(places + offset, values, height=thickness * 0.9, color=PALETTE[number], label=label, zorder=2)
    for place, one in zip(places, ordered, strict=True):
        f1 = per_class[one].f1
        axes.text(1.015, float(place), f"{f1:.2f}", va="center", fontsize=9, color=PALETTE[2], fontweight="bold")
    axes.text(1.015, -0.85, "F1", fontsize=9, color=PALETTE[2], fontweight="bold", va="center")
    axes.set_yticks(places, [f"{readable(one)}  ({per_class[one].support})" for one in ordered])
    axes.set(xlim=(0, 1), ylim=(len(ordered) - 0.4, -0.6), ylabel="type (number of examples)")
    axes.grid(axis="x", color=FAINT, linewidth=0.8, zorder=0)
    _quiet(axes)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, labelcolor=INK)
    _save(figure, path)


def plot_precision_recall(
    predictions: Predictions,
    targets: Targets,
    path: Path,
    *,
    name: str = "model",
    baselines: Mapping[str, Predictions] | None = None,
    title: str = "Tradable: precision against recall",
) -> None:
    """Write the precision-recall curve of tradable, with baselines as further named curves.

    A dot marks where a probability of 0.5 stands on its curve. Raises ``ValueError`` as ``judge`` does, and where no
    example is tradable or two curves have one name.
    """
    if baselines and name in baselines:
        raise ValueError(f"{name!r} names the model and a baseline; name each curve its own way")
    curves = {name: predictions, **(baselines or {})}
    for one in curves.values():
        check_fit(one, targets, frozenset({"tradable"}))
    if not targets.tradable.any():
        raise ValueError("no example is tradable, so that recall is undefined; give some that are")
    figure = _figure(7.6, 6.6, title)
    axes = figure.add_subplot()
    share = float(targets.tradable.mean())
    axes.axhline(
        share, color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label=f"share tradable ({share:.0%})", zorder=3
    )
    axes.axvline(RECALL_MIN, color=FAINT, linewidth=1.2, zorder=1)
    axes.text(RECALL_MIN + 0.008, 0.015, f"recall {RECALL_MIN:.0%}", color=QUIET, fontsize=9)
    for number, (label, one) in enumerate(curves.items()):
        _curve(axes, one.tradable_p, targets.tradable, label, number)
    axes.plot([], [], marker="o", markersize=8, color=QUIET, linestyle="", label=f"at probability {TRADABLE_FROM}")
    axes.set(xlim=(0, 1.005), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axes.grid(color=FAINT, linewidth=0.6, zorder=0)
    _quiet(axes)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, labelcolor=INK)
    _save(figure, path)


def readable(event_type: EventType) -> str:
    """Return a type as a reader would write it: ``Network upgrade``, ``SEC action``."""
    return _AS_WRITTEN.get(event_type, event_type.replace("_", " ").capitalize())


def wilson_interval(share: NDArray[Any], count: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the 95 % interval of shares of ``count`` trials (E. B. Wilson, JASA 22, 1927)."""
    spread = NORMAL_95**2 / count
    centre = (share + spread / 2) / (1 + spread)
    half = np.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return centre - half, centre + half


def _reliability(axes: Axes, bins: Bins, name: str, came_true: str) -> None:
    filled = bins.count > 0
    said, found, count = bins.confidence[filled], bins.frequency[filled], bins.count[filled]
    error = float(np.sum(count * np.abs(found - said)) / count.sum())
    low, high = wilson_interval(found, count)
    axes.plot((0, 1), (0, 1), color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label="perfect", zorder=1)
    axes.vlines(said, found, said, color=PALETTE[1], linewidth=5, alpha=0.45, label="gap", zorder=2)
    whiskers = np.maximum(0, (found - low, high - found))
    shares = "share, 95% interval"
    axes.errorbar(said, found, whiskers, fmt="o-", color=PALETTE[0], markersize=5, elinewidth=1, label=shares, zorder=3)
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.02), ylabel=came_true)
    axes.set_title(f"{name}: ECE {error:.3f} on {count.sum():,} examples", fontsize=11, color=INK)
    axes.grid(color=FAINT, linewidth=0.6, zorder=0)
    _quiet(axes)


def _histogram(axes: Axes, bins: Bins, said: str) -> None:
    centres = (np.arange(CALIBRATION_BINS) + 0.5) / CALIBRATION_BINS
    axes.bar(centres, bins.count, width=0.92 / CALIBRATION_BINS, color=PALETTE[0], zorder=2)
    for centre, count in zip(centres, bins.count, strict=True):
        if count:
            axes.annotate(
                str(count), (centre, count), (0, 2), textcoords="offset points", ha="center", fontsize=7, color=QUIET
            )
    axes.margins(y=0.18)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.set(xlabel=said, ylabel="examples")
    axes.grid(axis="y", color=FAINT, linewidth=0.6, zorder=0)
    _quiet(axes)


def _curve(axes: Axes, tradable_p: NDArray[Any], tradable: NDArray[Any], label: str, number: int) -> None:
    precision, recall, _ = precision_recall_curve(tradable, tradable_p)
    precision[-1] = precision[-2]  # the last point is a convention, and no threshold gives it
    colour = PALETTE[number % len(PALETTE)]
    area = average_precision_score(tradable, tradable_p)
    width = 1.6 if number else 2.4
    axes.plot(
        recall,
        precision,
        color=colour,
        linewidth=width,
        drawstyle="steps-post",
        label=f"{label} (AP {area:.3f})",
        zorder=3 - 0.1 * number,
    )
    called = tradable_p >= TRADABLE_FROM
    if called.any():
        found = tradable[called].sum()
        at = (found / tradable.sum(), found / called.sum())
        axes.plot(*at, marker="o", markersize=8, color=colour, markeredgecolor="white", linestyle="", zorder=4)


def _figure(width: float, height: float, title: str) -> Figure:
    """Return an empty figure of a size in inches."""
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=13, color=INK, fontweight="bold")
    return figure


def _quiet(axes: Axes, *, frame: bool = True) -> None:
    """Take back what is not data: frame, ticks and labels."""
    for side, spine in axes.spines.items():
        spine.set(visible=frame and side in {"left", "bottom"}, color=FAINT)
    axes.tick_params(length=0, labelcolor=INK, labelsize=9)
    axes.xaxis.label.set_color(QUIET)
    axes.yaxis.label.set_color(QUIET)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="png")
