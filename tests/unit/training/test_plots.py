"""Plots: each writes a picture that changes with what it shows, and refuses what it cannot show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from herald.taxonomy import EventType
from training.figures import ClassFigures, Predictions, judge
from training.plots import (
    plot_classes,
    plot_confusion,
    plot_precision_recall,
    plot_reliability,
    readable,
    wilson_interval,
)
from training.targets import Targets


@pytest.fixture
def targets() -> Targets:
    draw = np.random.default_rng(0)
    return Targets(
        types=draw.integers(0, 24, 80),
        directions=draw.integers(0, 3, 80),
        tradable=(draw.random(80) < 0.4).astype(np.float32),
        severity=np.full(80, 0.5, dtype=np.float32),
    )


@pytest.fixture
def predictions(targets: Targets) -> Predictions:
    draw = np.random.default_rng(1)
    types = np.eye(25)[np.where(draw.random(80) < 0.7, targets.types, 3)] * 0.6 + 0.4 / 25
    tradable_p = np.clip(0.5 * targets.tradable + 0.5 * draw.random(80), 0, 1)
    return Predictions(types, np.full((80, 3), 1 / 3), tradable_p, np.full(80, 0.5))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved, for a look at what they hold."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(self: Figure, *arguments, **options) -> None:
        figures.append(self)
        save(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


def texts(axes: Axes) -> list[str]:
    return [one.get_text() for one in axes.texts]


def test_each_plot_is_a_png_with_something_on_it_and_pyplot_holds_nothing(predictions, targets, tmp_path: Path) -> None:
    plot_confusion(predictions, targets, tmp_path / "confusion.png")
    plot_reliability(predictions, targets, tmp_path / "reliability.png")
    plot_classes(judge(predictions, targets, resamples=1).per_class, tmp_path / "classes.png")
    plot_precision_recall(predictions, targets, tmp_path / "curve.png")
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
        picture = imread(path)
        assert min(picture.shape[:2]) > 700, path
        assert picture[..., :3].std() > 0.05, path
    assert len(list(tmp_path.iterdir())) == 4
    assert plt.get_fignums() == []


def test_the_confusion_matrix_writes_counts_and_colours_shares_of_rows(predictions, targets, tmp_path, drawn) -> None:
    plot_confusion(predictions, targets, tmp_path / "a.png", title="Held out")
    axes = drawn[0].axes[0]
    shares = np.asarray(axes.images[0].get_array())
    assert shares.shape == (25, 25)
    assert shares.sum(axis=1) == pytest.approx((np.bincount(targets.types, minlength=25) > 0).astype(float))
    assert sum(int(text) for text in texts(axes)) == 80
    assert axes.get_yticklabels()[0].get_text() == f"Listing  ({(targets.types == 0).sum()})"
    assert axes.get_xticklabels()[24].get_text() == "Other"
    assert drawn[0].get_suptitle() == "Held out"


def test_a_row_of_the_confusion_matrix_is_a_label_and_a_column_a_prediction(tmp_path, drawn) -> None:
    n = 5
    zeros = np.zeros(n)
    targets = Targets(np.full(n, 2), np.zeros(n, dtype=np.int64), zeros, zeros)
    plot_confusion(Predictions(np.eye(25)[[7] * n], np.eye(3)[[0] * n], zeros, zeros), targets, tmp_path / "a.png")
    cell = drawn[0].axes[0].texts[0]
    assert (cell.get_text(), cell.get_position()) == ("5", (7, 2))


def test_the_reliability_diagram_shows_the_error_that_the_figures_report(predictions, targets, tmp_path, drawn) -> None:
    plot_reliability(predictions, targets, tmp_path / "a.png")
    figures = judge(predictions, targets, resamples=1)
    titles = [axes.get_title() for axes in drawn[0].axes]
    assert titles[0] == f"Tradable: ECE {figures.tradable_ece.value:.3f} on 80 examples"
    assert titles[1] == f"Likeliest type: ECE {figures.type_ece.value:.3f} on 80 examples"
    for histogram in drawn[0].axes[2:]:
        assert sum(bar.get_height() for bar in histogram.patches) == 80


def test_a_reliability_diagram_needs_labels_only_for_what_it_shows(predictions, targets, tmp_path, drawn) -> None:
    unlabelled = replace(targets, types=np.full(80, -1))
    plot_reliability(predictions, unlabelled, tmp_path / "a.png", what=frozenset({"tradable"}))
    assert len(drawn[0].axes) == 2
    with pytest.raises(ValueError, match="type: a label"):
        plot_reliability(predictions, unlabelled, tmp_path / "b.png")
    with pytest.raises(ValueError, match="has no confidence"):
        plot_reliability(predictions, targets, tmp_path / "b.png", what=frozenset({"severity"}))
    assert not (tmp_path / "b.png").exists()


def test_the_bars_of_classes_are_sorted_by_support(tmp_path, drawn) -> None:
    def of(f1: float, support: int) -> ClassFigures:
        return ClassFigures(precision=0.1, recall=0.2, f1=f1, support=support)

    plot_classes(
        {EventType.HACK: of(0.25, 3), EventType.ETF: of(0.5, 9), EventType.DEPEG: of(0, 0)}, tmp_path / "a.png"
    )
    axes = drawn[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ETF  (9)", "Hack  (3)", "Depeg  (0)"]
    assert axes.yaxis_inverted()
    assert [bar.get_width() for bar in axes.containers[2]] == [0.5, 0.25, 0]
    with pytest.raises(ValueError, match="no types to draw"):
        plot_classes({}, tmp_path / "b.png")


def test_the_precision_recall_curve_names_the_model_and_each_baseline(predictions, targets, tmp_path, drawn) -> None:
    never = replace(predictions, tradable_p=np.full(80, 0.3))
    plot_precision_recall(predictions, targets, tmp_path / "a.png", name="fine-tuned", baselines={"majority": never})
    axes = drawn[0].axes[0]
    labels = axes.get_legend_handles_labels()[1]
    area = judge(predictions, targets, resamples=1).tradable_average_precision.value
    share = targets.tradable.mean()
    assert f"fine-tuned (AP {area:.3f})" in labels
    assert f"majority (AP {share:.3f})" in labels
    flat = next(line for line in axes.lines if line.get_label().startswith("majority"))
    assert flat.get_ydata() == pytest.approx([share, share])


def test_a_precision_recall_curve_without_tradable_examples_is_refused(predictions, targets, tmp_path) -> None:
    none = replace(targets, tradable=np.zeros(80, dtype=np.float32))
    with pytest.raises(ValueError, match="no example is tradable"):
        plot_precision_recall(predictions, none, tmp_path / "a.png")
    short = replace(predictions, tradable_p=np.zeros(3))
    with pytest.raises(ValueError, match=r"tradable: \(3,\) said"):
        plot_precision_recall(predictions, targets, tmp_path / "a.png", baselines={"short": short})


def test_a_baseline_by_the_name_of_the_model_is_refused(predictions, targets, tmp_path) -> None:
    with pytest.raises(ValueError, match="'model' names the model and a baseline"):
        plot_precision_recall(predictions, targets, tmp_path / "a.png", baselines={"model": predictions})


def test_types_are_written_as_readers_know_them() -> None:
    names = [readable(one) for one in EventType]
    assert len(set(names)) == len(EventType)
    assert {"ETF", "SEC action", "Network upgrade", "Funding, M&A", "Fed speech"} <= set(names)


def test_the_wilson_interval_is_that_of_the_textbook() -> None:
    low, high = wilson_interval(np.array([0.5, 0.0, 1.0]), np.array([100, 10, 10]))
    assert low == pytest.approx([0.4038, 0.0, 0.7225], abs=1e-4)
    assert high == pytest.approx([0.5962, 0.2775, 1.0], abs=1e-4)
