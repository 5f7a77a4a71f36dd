"""Where and how Herald runs, read once from the environment. The only reader of environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from herald.documents import ConfigurationError

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Herald's settings. Each may be given as ``HERALD_<NAME>`` in the environment."""

    model_config = SettingsConfigDict(env_prefix="HERALD_", frozen=True, extra="ignore", env_ignore_empty=True)

    profile: Literal["embedded", "services"] = Field(
        default="embedded", description="embedded: all from pip; services: URLs"
    )
    home: Path = Field(default=PROJECT_ROOT / ".herald", description="data directory; survives restarts")
    configs: Path = Field(default=PROJECT_ROOT / "configs", description="folder of the YAML files")
    cache: Path = Field(default=Path.home() / ".cache" / "herald", description="downloads that all homes share")
    data: Path | None = Field(default=None, description="folder of recorded data sets")
    bus: Literal["redis", "kafka"] = Field(default="redis", description="which bus carries the messages")
    kafka: str | None = Field(default=None, description="bootstrap address of a Kafka cluster, host:port")
    redis_url: SecretStr | None = Field(default=None, description="redis://… of the services profile")
    postgres_url: SecretStr | None = Field(default=None, description="postgresql://… of the services profile")
    clickhouse_url: SecretStr | None = Field(default=None, description="clickhouse://… of the services profile")
    mlflow_url: str | None = Field(default=None, description="tracking address of the services profile")
    ray_address: str | None = Field(default=None, description="address of a running Ray cluster; none starts one")
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8800, ge=0, le=65535)
    dashboard_port: int = Field(default=8265, ge=0, le=65535)
    mlflow_port: int = Field(default=5500, ge=0, le=65535)

    @model_validator(mode="after")
    def _services_need_urls(self) -> Self:
        if self.profile == "services":
            needed = {
                "HERALD_REDIS_URL": self.redis_url,
                "HERALD_POSTGRES_URL": self.postgres_url,
                "HERALD_CLICKHOUSE_URL": self.clickhouse_url,
            }
            missing = [name for name, value in needed.items() if value is None]
            if missing:
                message = f"the services profile needs {', '.join(missing)}; set them, or use HERALD_PROFILE=embedded"
                raise ValueError(message)
        return self


def load_settings(**overrides: object) -> Settings:
    """Read the settings; ``overrides`` win over the environment. Raises ``ConfigurationError``."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [_explain(problem["loc"], problem["msg"], problem["input"]) for problem in error.errors()]
        raise ConfigurationError("\n".join(lines)) from error
    return settings.model_copy(update={"home": settings.home.expanduser().resolve()})


def _explain(location: tuple[int | str, ...], problem: str, given: object) -> str:
    """Name the variable and the problem; what was given is told only where it cannot be or hold a secret."""
    name = str(location[0]) if location else "profile"
    tellable = bool(location) and not name.endswith("_url")
    return f"HERALD_{name.upper()}: {problem}" + (f" (given: {given!r})" if tellable else "")
