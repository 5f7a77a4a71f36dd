"""The models that were trained: their runs and versions in MLflow, and which of them serves.

MLflow is imported when a registry is opened, for that takes seconds. It keeps quiet and reports to nobody.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herald.inference.text_model import ModelCard, ModelUnusableError, load_model
from herald.settings import PROJECT_ROOT
from training.mlflow_access import (
    ALREADY_THERE,
    NOT_THERE,
    RegistryError,
    asking,
    mlflow_failures,
    mlflow_modules,
    passing,
)
from training.model_form import model_files, parts_of, settle, sweep, write_form
from training.provenance import provenance
from training.versions import MODEL, Alias, folder_name

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

EXPERIMENT = MODEL
FIGURES = "figures"
"""Folder of a run's artifacts that holds its plots and reports."""
CONFIGS = PROJECT_ROOT / "configs"

__all__ = ["Alias", "ModelRegistry", "RegisteredModel", "RegistryError", "open_registry"]

_SQLITE = "sqlite:///"
_BATCH_MAX = 100
_REGISTRATION_S = 60


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A version of the model, and what its run measured. ``run_id`` is empty where no run is known."""

    version: int
    aliases: tuple[str, ...]
    run_id: str
    metrics: Mapping[str, float]
    created_at: datetime


class ModelRegistry:
    """The versions of Herald's classifier in one MLflow.

    Guarantees: a version is registered last, when all its files are stored, and only if they can be loaded. A call that
    fails raises ``RegistryError``; a run that was begun is then marked as failed.
    """

    def __init__(self, client: MlflowClient, experiment_id: str) -> None:
        self._client, self._experiment = client, experiment_id

    def log_run(  # noqa: PLR0917 - called with names
        self,
        name: str,
        params: Mapping[str, object],
        metrics: Mapping[str, float],
        artifacts_dir: Path | None,
        model_folder: Path,
        tags: Mapping[str, str],
        configs: Path = CONFIGS,
    ) -> int:
        """Record a training run with its figures and its model, and return the version that the model gets.

        ``artifacts_dir`` holds plots and reports, ``configs`` the rules and names whose evidence the model weighs; they
        are stored with it. Corpus hash, commit, interpreter and packages become tags, over which ``tags`` win; the run
        and the version carry them. Raises ``RegistryError``.
        """
        card, parts = _card(model_folder), parts_of(model_folder, configs)
        if artifacts_dir is not None and not artifacts_dir.is_dir():
            raise RegistryError(f"{artifacts_dir} is no folder; give that of the plots, or None")
        known = {"corpus_sha256": card.corpus_sha256, "rules_version": card.rules_version}
        kept = {**provenance(), **known, **tags}
        with asking(f"run {name!r} cannot be recorded"):
            run = self._client.create_run(self._experiment, run_name=name, tags=kept)
            run_id = run.info.run_id
            try:
                for chunk in _chunks(params):
                    self._client.log_batch(run_id, params=_entities("Param", {k: str(v) for k, v in chunk.items()}))
                if artifacts_dir is not None:
                    self._client.log_artifacts(run_id, str(artifacts_dir), FIGURES)
                logged = self._log_model(run, parts, params)
                for numbers in _chunks(metrics):
                    self._client.log_batch(run_id, metrics=_metrics(numbers, run, logged))
                version = self._register(run_id, logged, kept)
            except BaseException:
                with suppress(*mlflow_failures()):
                    self._client.set_terminated(run_id, "FAILED")
                raise
            self._client.set_terminated(run_id, "FINISHED")
        return version

    def version_of(self, alias: Alias) -> int | None:
        """Return the version that an alias points to; None where it points nowhere."""
        found = self._aliases().get(alias)
        return None if found is None else int(found)

    def set_alias(self, alias: Alias, version: int) -> None:
        """Point an alias to a version, in one step, from wherever it pointed before."""
        with asking(f"{alias} cannot be set to version {version}"):
            self._client.set_registered_model_alias(MODEL, alias, str(version))

    def remove_alias(self, alias: Alias) -> None:
        """Let an alias point nowhere."""
        with asking(f"{alias} cannot be removed"):
            self._client.delete_registered_model_alias(MODEL, alias)

    def set_tag(self, version: int, name: str, text: str) -> None:
        """Write a tag of a version, over what it held."""
        with asking(f"version {version} cannot be tagged"):
            self._client.set_model_version_tag(MODEL, str(version), name, text)

    def tag_of(self, version: int, name: str) -> str | None:
        """Return a tag of a version; None where it has no such tag."""
        tags: dict[str, str] = self._version(version).tags
        return tags.get(name)

    def versions(self) -> tuple[RegisteredModel, ...]:
        """Return all versions, the newest first."""
        aliases = self._aliases()
        with asking("the versions cannot be listed"):
            found = list(self._client.search_model_versions(f"name='{MODEL}'"))
        listed = [
            RegisteredModel(
                version=int(one.version),
                aliases=tuple(sorted(alias for alias, version in aliases.items() if int(version) == int(one.version))),
                run_id=one.run_id or "",
                metrics=self._metrics_of(one.run_id),
                created_at=datetime.fromtimestamp(one.creation_timestamp / 1000, UTC),
            )
            for one in found
        ]
        return tuple(sorted(listed, key=lambda one: -one.version))

    def fetch(self, which: int | str, into: Path) -> Path:
        """Return a local folder with the files of a version or alias, downloaded into ``into`` if it is not there.

        The folder gets its name when all its files are on the disk, so one that is found is whole.
        """
        version = self._resolved(which)
        found = self._version(version)
        folder = into / folder_name(version, found.run_id or str(found.creation_timestamp))
        if folder.is_dir():
            return folder
        with asking(f"version {version} cannot be fetched into {into}"):
            into.mkdir(parents=True, exist_ok=True)
            sweep(into)
            with tempfile.TemporaryDirectory(prefix=f".partial-{os.getpid()}-", dir=into) as partial:
                downloaded = mlflow_modules().artifacts.download_artifacts(
                    artifact_uri=self._client.get_model_version_download_uri(MODEL, str(version)),
                    dst_path=partial,
                    tracking_uri=self._client.tracking_uri,
                )
                settle(model_files(Path(downloaded), version), folder)
        return folder

    def _aliases(self) -> dict[str, str]:
        with asking("the aliases cannot be read"):
            aliases: dict[str, str] = self._client.get_registered_model(MODEL).aliases
        return aliases

    def _version(self, version: int) -> ModelVersion:
        with asking(f"version {version} cannot be read"):
            return self._client.get_model_version(MODEL, str(version))

    def _resolved(self, which: int | str) -> int:
        if isinstance(which, int) or which.isdecimal():
            return int(which)
        if which not in set(Alias):
            raise RegistryError(f"{which!r} is no version; give a number or one of {', '.join(Alias)}")
        version = self.version_of(Alias(which))
        if version is None:
            raise RegistryError(f"no version is the {which}; promote one, or name a version by its number")
        return version

    def _metrics_of(self, run_id: str | None) -> dict[str, float]:
        """Return what a run measured; nothing where the run was deleted for good."""
        if not run_id:
            return {}
        with asking(f"run {run_id} cannot be read"):
            try:
                metrics: dict[str, float] = self._client.get_run(run_id).data.metrics
            except mlflow_modules().MlflowException as error:
                if error.error_code != NOT_THERE:
                    raise
                return {}
        return metrics

    def _log_model(self, run: Run, parts: Mapping[str, Path], params: Mapping[str, object]) -> LoggedModel:
        """Store a model in MLflow's form. A model that could not be stored is marked as failed."""
        run_id, entities = run.info.run_id, mlflow_modules().entities
        settings = {name: str(value) for name, value in params.items()}
        logged = self._client.create_logged_model(self._experiment, MODEL, run_id, params=settings)
        try:
            self._client.log_outputs(run_id, [entities.LoggedModelOutput(logged.model_id, step=0)])
            with tempfile.TemporaryDirectory(prefix="herald-model-") as temporary:
                form = Path(temporary) / "model"
                write_form(form, parts, run_id, logged)
                self._client.log_model_artifacts(logged.model_id, str(form))
        except BaseException:
            with suppress(*mlflow_failures()):
                self._client.finalize_logged_model(logged.model_id, "FAILED")
            raise
        return self._client.finalize_logged_model(logged.model_id, "READY")

    def _register(self, run_id: str, logged: LoggedModel, tags: Mapping[str, str]) -> int:
        version = self._client.create_model_version(
            MODEL,
            source=logged.artifact_location,
            run_id=run_id,
            tags=dict(tags),
            await_creation_for=_REGISTRATION_S,
            model_id=logged.model_id,
        )
        return int(version.version)


def open_registry(tracking_uri: str, files: Path | None = None) -> ModelRegistry:
    """Open the registry of an MLflow, ``http://…`` or ``sqlite:///…``, and make its entries if it has none yet.

    A SQLite store keeps its files in ``artifacts`` beside it, where the embedded server keeps them too; ``files`` names
    that folder where the server is asked, so that what is made with it running can be read without it. Raises
    ``RegistryError`` where nothing answers, or a store that a server wrote is opened without it.
    """
    with asking(f"the registry at {tracking_uri} cannot be opened"):
        location = files.as_uri() if files is not None else None
        if tracking_uri.startswith(_SQLITE):
            folder = Path(tracking_uri.removeprefix(_SQLITE)).resolve().parent
            folder.mkdir(parents=True, exist_ok=True)
            location = (folder / "artifacts").as_uri()
        client: MlflowClient = mlflow_modules().MlflowClient(tracking_uri, tracking_uri)
        experiment_id, kept_at = _experiment(client, location)
        with passing(ALREADY_THERE):
            client.create_registered_model(MODEL, description="What Herald's models make of a headline")
    if location is not None and kept_at.startswith("mlflow-artifacts:"):
        raise RegistryError(
            f"the files of {tracking_uri} are kept by its server; start that, and give its http:// address"
        )
    return ModelRegistry(client, experiment_id)


def _experiment(client: MlflowClient, location: str | None) -> tuple[str, str]:
    """Return number and place of files of the experiment, made where there is none."""
    with passing(ALREADY_THERE):
        if client.get_experiment_by_name(EXPERIMENT) is None:
            client.create_experiment(EXPERIMENT, location)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None or experiment.lifecycle_stage != "active":
        raise RegistryError(f"the experiment {EXPERIMENT} was deleted; restore it with `mlflow experiments restore`")
    return str(experiment.experiment_id), str(experiment.artifact_location)


def _card(folder: Path) -> ModelCard:
    """Return the card of a model that can be loaded. Raises ``RegistryError``."""
    try:
        return load_model(folder).card
    except ModelUnusableError as error:
        raise RegistryError(f"nothing was registered: {error}") from error


def _metrics(numbers: Mapping[str, float], run: Run, logged: LoggedModel) -> list[Any]:
    metric, at = mlflow_modules().entities.Metric, run.info.start_time
    return [metric(name, float(value), at, 0, model_id=logged.model_id) for name, value in numbers.items()]


def _entities(kind: str, values: Mapping[str, str]) -> list[Any]:
    make = getattr(mlflow_modules().entities, kind)
    return [make(name, value) for name, value in values.items()]


def _chunks(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield parts no larger than what MLflow takes at once."""
    names = list(values)
    for begin in range(0, len(names), _BATCH_MAX):
        yield {name: values[name] for name in names[begin : begin + _BATCH_MAX]}
