"""``herald train``, ``evaluate``, ``promote``, ``rollback`` and ``models``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.table import Table

from herald.cli.exits import FOUND_FAILURE
from herald.cli.remote import fetch
from herald.cli.training_bar import TrainingBar
from herald.run_file import RunFile
from herald.settings import load_settings

if TYPE_CHECKING:
    from training.figures import Figures
    from training.run import Assessed

FIGURES = {
    "type_macro_f1": "type macro F1",
    "tradable_precision_at_recall_60": "tradable precision at recall 0.6",
    "tradable_precision": "tradable precision",
    "tradable_recall": "tradable recall",
    "direction_macro_f1": "direction macro F1",
    "type_ece": "type calibration error",
    "tradable_ece": "tradable calibration error",
}


def train(kind: Literal["quick", "full"], epochs: int | None, own: Path | None, *, as_json: bool) -> None:
    """Train a model, on headlines at ``own`` too, and tell how good it is."""
    from training.build import BuildSettings
    from training.run import metrics_of
    from training.run import train as train_model

    settings = BuildSettings(kind=kind, own="" if own is None else str(own.resolve()))
    if epochs is not None:
        settings = settings.model_copy(update={"epochs": epochs})
    with TrainingBar(sys.stderr) as bar:
        trained = train_model(load_settings(), settings, bar)
    if as_json:
        found = {"version": trained.version, "outcome": trained.outcome, "metrics": metrics_of(trained.assessed)}
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    _print(trained.assessed)
    sys.stdout.write(f"{trained.outcome}\n")


def evaluate(which: str, out: Path | None, *, as_json: bool) -> None:
    """Judge a model on every labelled set, beside its baselines, and draw it."""
    from herald.inference.text_model import load_model
    from training.build import BuildSettings
    from training.run import Workshop, champion_folder, metrics_of, write_figures

    settings = load_settings()
    folder = champion_folder(settings, which)
    with TrainingBar(sys.stderr) as bar:
        workshop = Workshop(settings, bar)
        assessed = workshop.assess(load_model(folder, threads=BuildSettings().threads), with_baselines=True)
    place = out or settings.home / "evaluations" / folder.name
    plots = write_figures(assessed, workshop.sets, place)
    if as_json:
        sys.stdout.write(json.dumps(metrics_of(assessed), indent=1) + "\n")
        return
    _print(assessed)
    sys.stdout.write(f"{len(plots)} plots and figures.json: {place}\n")


def promote(which: str, force: str | None) -> None:
    """Make a version the champion if it earns that."""
    from training.run import NotPromotedError, promote_version

    with TrainingBar(sys.stderr) as bar:
        try:
            said = promote_version(load_settings(), which, bar, force_reason=force)
        except NotPromotedError as error:
            refused = str(error)
        else:
            refused = ""
    if refused:
        sys.stdout.write(f"{refused}\n")
        sys.exit(FOUND_FAILURE)
    sys.stdout.write(f"{said}\n")


def rollback() -> None:
    """Undo the last promotion."""
    from training.promotion import rollback as roll_back
    from training.run import registry_of

    sys.stdout.write(f"{roll_back(registry_of(load_settings()))}\n")


def models(*, as_json: bool) -> None:
    """List the versions and the part that each plays."""
    from training.run import registry_of

    settings = load_settings()
    found = registry_of(settings).versions()
    if as_json:
        rows = [
            {"version": one.version, "aliases": list(one.aliases), "run_id": one.run_id, "metrics": dict(one.metrics)}
            for one in found
        ]
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return
    if not found:
        sys.stdout.write("no model yet; `herald train` makes one\n")
    for one in found:
        sys.stdout.write(f"version {one.version}  {one.created_at:%Y-%m-%d %H:%M}  {' '.join(one.aliases)}\n")
    if RunFile.read(settings.home) is not None:
        sys.stdout.writelines(f"{line}\n" for line in _live(fetch(settings, "/comparisons")))


def _live(compared: dict[str, Any] | None) -> Iterator[str]:
    """Tell how the challenger compares with the champion on live headlines, and where they differ."""
    if not compared:
        yield "live: no challenger was compared yet"
        return
    share = compared["agreed"] / compared["compared"]
    pair = f"{compared['challenger']} beside {compared['champion']}"
    yield f"live: {pair}: {compared['compared']} headlines, {share:.1%} would have been traded alike"
    for one in compared["disagreements"]:
        yield f"  {one['headline'][:100]}"
        for part in ("champion", "challenger"):
            said = one[part]
            traded = "tradable" if said["tradable"] else "not tradable"
            yield f"    {part:<10} {said['event_type']} {said['direction']}, {traded} ({said['tradable_p']:.2f})"


def _print(assessed: Assessed) -> None:
    """Print a table a set, with the figures that it has labels for."""
    console = Console()
    for one in assessed.sets:
        named = [name for name in FIGURES if any(_cell(figures, name) for figures in one.figures.values())]
        count = next(iter(one.figures.values())).n
        table = Table("", *one.figures, title=f"{one.name}, {count} headlines", title_justify="left")
        for name in named:
            table.add_row(FIGURES[name], *(_cell(figures, name) for figures in one.figures.values()))
        console.print(table)
    for capability in assessed.behaviour.capabilities:
        verdict = "passes" if capability.passed else "FAILS"
        found = f"{capability.pass_rate:.0%} of {capability.checks} checks, needs {capability.minimum_pass_rate:.0%}"
        console.print(f"behaviour: {capability.capability} {found}, {verdict}", highlight=False)
    console.print("in brackets: 95 % intervals by the bootstrap", highlight=False)


def _cell(figures: Figures, name: str) -> str:
    found = dict(figures).get(name)
    value, low, high = (getattr(found, part, None) for part in ("value", "low", "high"))
    return "" if value is None else f"{value:.3f} ({low:.2f}-{high:.2f})"
