"""Which model a command reads with: found in the registry of this home, or trained first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from herald.cli.training_bar import TrainingBar
from herald.settings import Settings

RULES, CHAMPION = "rules", "champion"


def model_folder(settings: Settings, which: str, *, train_first: bool) -> Path | None:
    """Return the files of a version or alias; with ``train_first`` a quick model is trained where there is none yet.

    None where there is no champion and none is to be trained. Raises ``RegistryError``.
    """
    if which == CHAMPION and not _may_have_models(settings) and not train_first:
        return None  # told without MLflow's library, which takes seconds
    from training.registry import Alias
    from training.run import champion_folder, registry_of

    if which == CHAMPION and registry_of(settings).version_of(Alias.CHAMPION) is None:
        if not train_first:
            return None
        _train(settings)
    return champion_folder(settings, which)


def wiring_of_model(settings: Settings, which: str, *, train_first: bool) -> dict[str, Any]:
    """Return what the wiring of a run with this model differs by; says so where the rules must read alone."""
    from herald.bootstrap.configuration import check_configuration
    from herald.bootstrap.wiring import ServedModel

    check_configuration(settings)  # before a training of minutes
    folder = None if which == RULES else model_folder(settings, which, train_first=train_first)
    if folder is not None:
        return {"model": ServedModel.GIVEN, "model_files": folder}
    if which != RULES:
        sys.stderr.write("herald: no model is trained yet, so the rules read alone; `herald train --quick` makes one\n")
    return {"model": ServedModel.NONE}


def _may_have_models(settings: Settings) -> bool:
    return bool(settings.mlflow_url) or (settings.home / "mlflow" / "mlflow.db").exists()


def _train(settings: Settings) -> None:
    from training.build import BuildSettings
    from training.run import train

    sys.stderr.write("herald: no model yet; the quick one is trained now, once; `herald train` makes a better one\n")
    with TrainingBar(sys.stderr) as bar:
        train(settings, BuildSettings(kind="quick"), bar)
