"""What a training leaves behind: metrics, lines and files, and the registry that it goes to."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from herald.documents import ConfigurationError
from herald.inference.text_model import DIRECTIONS, TYPES
from herald.run_file import RunFile
from herald.settings import Settings
from herald.taxonomy import EventType
from training import run
from training.behaviour.checks import (
    Answer,
    BehaviourReport,
    Capability,
    CapabilityReport,
    Failure,
    KindReport,
)
from training.corpus.outside import LabelledSet
from training.evaluation import MODEL, Evaluated, EvaluationSet
from training.figures import ALL_ASPECTS, Aspect, Predictions, judge
from training.registry import Alias
from training.run import (
    Assessed,
    behaviour_lines,
    champion_folder,
    estimates_of,
    fine_tuning,
    metrics_of,
    registry_of,
    write_figures,
)
from training.targets import Targets

N = 40


def targets() -> Targets:
    draw = np.random.default_rng(2)
    return Targets(
        types=draw.integers(0, 4, N),
        directions=draw.integers(0, len(DIRECTIONS), N),
        tradable=np.asarray([0, 1] * (N // 2), dtype=np.float32),
        severity=np.full(N, 0.5, dtype=np.float32),
    )


def evaluated(name: str, what: frozenset[Aspect] = ALL_ASPECTS) -> Evaluated:
    labels = targets()
    said = Predictions(np.eye(len(TYPES))[labels.types], np.full((N, 3), 1 / 3), labels.tradable * 0.9, labels.severity)
    never = Predictions(said.types_p[::-1], said.directions_p, np.zeros(N), said.severity)
    predictions = {MODEL: said, "TF-IDF": never}
    figures = {who: judge(one, labels, what=what, resamples=20) for who, one in predictions.items()}
    return Evaluated(name, figures, predictions, labels)


@pytest.fixture(scope="module")
def report() -> BehaviourReport:
    missed = Failure("Is Sui hacked?", Answer(tradable=False), Answer(tradable=True))
    hacked = Failure("Sui drained", Answer(EventType.HACK), Answer(EventType.OTHER))
    return BehaviourReport(
        (
            CapabilityReport(Capability.MINIMUM_FUNCTIONALITY, 0.9, (KindReport("HACK", 20, 1, (hacked,)),)),
            CapabilityReport(
                Capability.TRADABILITY_FLIPS,
                0.9,
                (KindReport("question", 2, 1, (missed,)), KindReport("opinion", 2, 0, ())),
            ),
        )
    )


@pytest.fixture(scope="module")
def assessed(report: BehaviourReport) -> Assessed:
    direction: frozenset[Aspect] = frozenset({"direction"})
    return Assessed((evaluated("corpus, test part"), evaluated("Indian equities", direction)), report)


def test_a_metric_is_named_by_set_and_figure_with_its_interval_beside_it(assessed: Assessed) -> None:
    found = metrics_of(assessed)
    estimate = assessed.sets[0].figures[MODEL].tradable_average_precision
    assert estimate is not None
    name = "corpus_test_part/tradable_average_precision"
    assert [found[name + end] for end in ("", "_low", "_high")] == [estimate.value, estimate.low, estimate.high]
    assert found["corpus_test_part/type_accuracy"] == 1


def test_a_baseline_has_a_place_of_its_own_and_no_interval(assessed: Assessed) -> None:
    found = metrics_of(assessed)
    baseline = {name for name in found if name.startswith("corpus_test_part/tf_idf/")}
    assert "corpus_test_part/tf_idf/type_accuracy" in baseline
    assert found["corpus_test_part/tf_idf/type_accuracy"] < 1
    assert not any(name.endswith(("_low", "_high")) for name in baseline)


def test_a_figure_that_is_not_defined_is_no_metric(assessed: Assessed) -> None:
    found = metrics_of(assessed)
    assert {name for name in found if name.startswith("indian_equities/") and "tf_idf" not in name} == {
        f"indian_equities/direction_macro_f1{end}" for end in ("", "_low", "_high")
    }
    assert "corpus_test_part/tf_idf/tradable_precision" not in found  # it called nothing tradable
    assert "tradable_precision" not in estimates_of(assessed.sets[0].figures["TF-IDF"])


def test_behaviour_is_a_metric_a_capability(assessed: Assessed) -> None:
    found = metrics_of(assessed)
    assert found["behaviour/minimum_functionality"] == pytest.approx(0.95)
    assert found["behaviour/tradability_flips"] == pytest.approx(0.75)


def test_metrics_are_finite_and_named_as_mlflow_allows(assessed: Assessed) -> None:
    for name, value in metrics_of(assessed).items():
        assert re.fullmatch(r"[\w./ -]+", name, re.ASCII), name
        assert np.isfinite(value), name


def test_behaviour_is_told_with_its_verdict_and_every_failure(report: BehaviourReport) -> None:
    assert behaviour_lines(report) == [
        "minimum_functionality: 19 of 20 checks (95%, needs 90%), passes",
        "  expected HACK, found OTHER: Sui drained",
        "tradability_flips: 3 of 4 checks (75%, needs 90%), FAILS",
        "  expected not tradable, found tradable: Is Sui hacked?",
    ]


def test_figures_behaviour_and_plots_are_written_into_a_folder(assessed: Assessed, tmp_path: Path) -> None:
    whats = (frozenset({"type"}), frozenset({"direction"}))
    sets = [
        EvaluationSet(LabelledSet(one.name, ("",) * N, one.targets, what), (), ())
        for one, what in zip(assessed.sets, whats, strict=True)
    ]
    folder = tmp_path / "new" / "figures"
    plots = write_figures(assessed, sets, folder)
    assert [path.relative_to(folder).as_posix() for path in plots] == [
        "corpus--test-part/confusion.png",
        "corpus--test-part/classes.png",
    ]
    assert all(path.is_file() for path in plots)
    written = json.loads((folder / "figures.json").read_text("utf-8"))
    assert list(written) == ["corpus, test part", "Indian equities"]
    assert written["corpus, test part"][MODEL]["type_accuracy"]["value"] == 1
    assert written["Indian equities"][MODEL]["type_accuracy"] is None
    assert (folder / "behaviour.txt").read_text("utf-8").splitlines() == behaviour_lines(assessed.behaviour)


# -- which registry -------------------------------------------------------------------------------------------------


@dataclass
class Opened:
    """Stands for the registry, and keeps by which address it was opened and what was fetched."""

    places: list[tuple[str, Path | None]] = field(default_factory=list)
    fetched: list[tuple[int | str, Path]] = field(default_factory=list)

    def __call__(self, uri: str, files: Path | None = None) -> Opened:
        self.places.append((uri, files))
        return self

    def fetch(self, which: int | str, into: Path) -> Path:
        self.fetched.append((which, into))
        return into / "v7"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    for name in os.environ:
        if name.startswith("HERALD_"):
            monkeypatch.delenv(name)
    found = Opened()
    monkeypatch.setattr(run, "open_registry", found)
    return found


def running(home: Path, *, pid: int | None = None, **addresses: str) -> None:
    """Leave the file of a running Herald in a home."""
    given: dict[str, Any] = {
        "pid": pid or os.getpid(),
        "started_at": "2025-06-07T12:00:00Z",
        "api_url": "http://127.0.0.1:8800",
        "token": "secret",
        "dashboard_url": "",
        "addresses": addresses,
        "profile": "embedded",
        "news": "demo",
    }
    RunFile(**given).write(home)


def own_files(home: Path) -> tuple[str, None]:
    return f"sqlite:///{home / 'mlflow' / 'mlflow.db'}", None


def test_where_nothing_runs_the_homes_own_files_are_the_registry(opened: Opened, tmp_path: Path) -> None:
    registry_of(Settings(home=tmp_path))
    assert opened.places == [own_files(tmp_path)]


def test_the_registry_of_the_settings_wins_over_all_others(opened: Opened, tmp_path: Path) -> None:
    running(tmp_path, mlflow_url="http://127.0.0.1:5500")
    registry_of(Settings(home=tmp_path, mlflow_url="http://mlflow:5000"))
    assert opened.places == [("http://mlflow:5000", None)]


def test_a_running_herald_is_asked_where_its_registry_is(opened: Opened, tmp_path: Path) -> None:
    running(tmp_path, mlflow_url="http://127.0.0.1:5500")
    registry_of(Settings(home=tmp_path))
    assert opened.places == [("http://127.0.0.1:5500", tmp_path / "mlflow" / "artifacts")]


def test_a_running_herald_without_a_registry_leaves_the_homes_files(opened: Opened, tmp_path: Path) -> None:
    running(tmp_path, api="http://127.0.0.1:8800")
    registry_of(Settings(home=tmp_path))
    assert opened.places == [own_files(tmp_path)]


def test_a_herald_that_has_ended_is_not_asked(opened: Opened, tmp_path: Path) -> None:
    ended = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(ended, 0)
    running(tmp_path, pid=ended, mlflow_url="http://127.0.0.1:5500")
    registry_of(Settings(home=tmp_path))
    assert opened.places == [own_files(tmp_path)]


def test_a_model_is_fetched_into_the_home_and_the_champion_where_none_is_named(opened: Opened, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert champion_folder(settings) == tmp_path / "models" / "v7"
    champion_folder(settings, 3)
    assert opened.fetched == [(Alias.CHAMPION, tmp_path / "models"), (3, tmp_path / "models")]


def test_without_torch_the_full_training_names_the_extra_and_the_way_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "training.on_ray", None)
    with pytest.raises(ConfigurationError, match=r"install the extra with .*\.\[train\]'`, or train with --quick"):
        fine_tuning()
