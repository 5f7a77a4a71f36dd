"""MLflow, imported when it is first needed, for that takes seconds: quiet, without telemetry, its errors made plain."""

from __future__ import annotations

import importlib
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

ALREADY_THERE, NOT_THERE = "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"
"""MLflow's codes of two errors that have a meaning of their own."""

_SWITCHES = {
    "MLFLOW_DISABLE_TELEMETRY": True,
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": True,
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": False,
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": 2,
    "MLFLOW_HTTP_REQUEST_TIMEOUT": 60,
}
_LOGGERS = ("mlflow", "alembic")
_PASSWORD = re.compile(r"(?<=//)[^/\s@]*@")


class RegistryError(RuntimeError):
    """A registry that cannot do what was asked. Its text names the thing and the cure."""


@cache
def mlflow_modules() -> Any:
    """Import MLflow, quiet and without telemetry; switches that the user set stay as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow = importlib.import_module("mlflow")
        for submodule in ("artifacts", "models", "pyfunc", "types"):
            importlib.import_module(f"mlflow.{submodule}")
        importlib.import_module("sqlalchemy")
    variables = importlib.import_module("mlflow.environment_variables")
    for name, value in _SWITCHES.items():
        switch = getattr(variables, name)
        if not switch.is_set():
            switch.set(value)
    importlib.import_module("mlflow.telemetry").set_telemetry_client()
    for logger in _LOGGERS:
        logging.getLogger(logger).setLevel(logging.WARNING)
    return mlflow


def mlflow_failures() -> tuple[type[Exception], ...]:
    """Return what MLflow raises when it or its store cannot do a thing; ``OSError`` covers the network."""
    return mlflow_modules().MlflowException, importlib.import_module("sqlalchemy.exc").SQLAlchemyError, OSError


@contextmanager
def passing(code: str) -> Iterator[None]:
    """Let MLflow's error of this code pass: another process has made the thing already."""
    try:
        yield
    except mlflow_modules().MlflowException as error:
        if error.error_code != code:
            raise


@contextmanager
def asking(failing: str) -> Iterator[None]:
    """Turn MLflow's errors into ``RegistryError``, and keep its warnings from those who cannot act on them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except mlflow_failures() as error:
            cause = str(error).strip().splitlines() or [type(error).__name__]
            gone = getattr(error, "error_code", "") == NOT_THERE
            cure = "name a version that the registry lists" if gone else "see that MLflow runs and has room"
            raise RegistryError(without_password(f"{failing}: {cause[0]}; {cure}")) from error


def without_password(text: str) -> str:
    """Return the text without the user and password of an address."""
    return _PASSWORD.sub("", text)
