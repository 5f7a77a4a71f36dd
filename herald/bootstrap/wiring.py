"""What a run is: its settings, its addresses, and what it plays. Plain data that travels to every process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from herald.settings import Settings
from herald.stores.embedded.addresses import Addresses

RECORDED_GROUP = "recorded"
NOWHERE = Addresses(postgres_url="", redis_url="", clickhouse_dsn="")
"""No addresses: for questions that only the configuration answers."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a replay plays."""

    news: Path
    bars: tuple[Path, ...]
    begin: datetime | None = None
    end: datetime | None = None
    seed: int = 0


class ServedModel(StrEnum):
    """Which model reads beside the rules: none, that of the wiring's ``model_files``, or the registry's champion."""

    NONE = "none"
    GIVEN = "given"
    CHAMPION = "champion"


@dataclass(frozen=True)
class Wiring:
    """All that a process needs to know to open its part of the house."""

    settings: Settings
    addresses: Addresses
    kafka: str | None = None
    topic_prefix: str = ""
    sources_file: str = "sources.yaml"
    news_server: tuple[str, int] | None = None
    market_seed: int | None = None
    recording: Recording | None = None
    model: ServedModel = ServedModel.CHAMPION
    model_files: Path | None = None

    @property
    def is_replay(self) -> bool:
        """True where time is simulated and news and prices are recorded."""
        return self.recording is not None

    @cached_property
    def configs(self) -> Path:
        """The folder of the YAML files."""
        return self.settings.configs


def wire(settings: Settings, addresses: Addresses, **overrides: Any) -> Wiring:
    """Make the wiring of a run."""
    if settings.model == "rules":
        overrides.setdefault("model", ServedModel.NONE)
    return Wiring(settings=settings, addresses=addresses, **overrides)


def service_addresses(settings: Settings) -> Addresses:
    """Return the addresses of the services profile, whose presence the settings have checked."""

    def revealed(secret: SecretStr | None) -> str:
        return secret.get_secret_value() if secret is not None else ""

    return Addresses(
        postgres_url=revealed(settings.postgres_url),
        redis_url=revealed(settings.redis_url),
        clickhouse_dsn=revealed(settings.clickhouse_url),
        mlflow_url=settings.mlflow_url or "",
        kafka=settings.kafka or "",
    )
