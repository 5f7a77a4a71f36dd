"""A model folder in MLflow's form, and back: what is stored with a version, and what is fetched of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from herald.inference.text_model import CARD, PARTIES, ModelCard, lost_parties
from training.mlflow_access import RegistryError, mlflow_modules
from training.provenance import PACKAGES_NEEDED, installed

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

MODEL, RULES, NAMES = "model", "rules", "gazetteer"
"""The parts of a registered model: the files of ``save_model``, the rules and the gazetteer."""

_READER = Path(__file__).with_name("registered_reader.py")


def parts_of(folder: Path, configs: Path) -> dict[str, Path]:
    """Return what a model needs to read a headline, by its names in ``registered_reader``. Raises ``RegistryError``."""
    parts = {MODEL: folder, RULES: configs / "rules.yaml", NAMES: configs / "gazetteer.csv"}
    missing = [str(path) for path in parts.values() if not path.exists()]
    if missing:
        raise RegistryError(f"{', '.join(missing)}: not there, and a model needs it; restore it")
    return parts


def write_form(form: Path, parts: Mapping[str, Path], run_id: str, logged: LoggedModel) -> None:
    """Write a model in MLflow's form: its parts, the code that reads them, signature and requirements."""
    mlflow = mlflow_modules()
    column, schema = mlflow.types.ColSpec, mlflow.types.Schema
    answer = [
        column("string", "event_type"),
        column("double", "event_type_p"),
        column("string", "direction"),
        column("double", "tradable_p"),
        column("double", "severity"),
    ]
    mlflow.pyfunc.save_model(
        form,
        python_model=str(_READER),
        artifacts={name: str(path) for name, path in parts.items()},
        signature=mlflow.models.ModelSignature(schema([column("string", "text")]), schema(answer)),
        pip_requirements=[f"{name}=={installed(name)}" for name in PACKAGES_NEEDED if installed(name)],
        mlflow_model=mlflow.models.Model(
            artifact_path=logged.artifact_location, run_id=run_id, model_uuid=logged.model_id, model_id=logged.model_id
        ),
    )


def model_files(downloaded: Path, version: int) -> Path:
    """Return where Herald's own files lie in a model of MLflow's form."""
    try:
        form = mlflow_modules().models.Model.load(str(downloaded))
        files = downloaded / str(form.flavors["python_function"]["artifacts"][MODEL]["path"])
    except KeyError as error:
        raise RegistryError(f"version {version} is no model of Herald's; register one by training it") from error
    if not (files / CARD).is_file():
        raise RegistryError(f"version {version} has lost its files ({CARD} is not there); train it again")
    try:
        card = ModelCard.model_validate_json((files / CARD).read_text("utf-8"))
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise RegistryError(f"version {version} has a damaged {CARD} ({said}); train it again") from error
    if lost_parties(files, card):
        raise RegistryError(f"version {version} has lost its recogniser of parties ({PARTIES}/); train it again")
    return files


def settle(files: Path, folder: Path) -> None:
    """Give a downloaded folder its name, once its bytes are on the disk."""
    for path in files.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    try:
        files.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster, with the same files
            raise


def sweep(into: Path) -> None:
    """Remove what downloads left behind whose process has ended."""
    for left in into.glob(".partial-*"):
        pid = left.name.split("-")[1]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
