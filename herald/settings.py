"""Where and how Herald runs, read once from the environment. The only reader of environment variables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from herald.documents import ConfigurationError

PROJECT_ROOT = Path(__file__).resolve().parent.parent
ADDRESS_STARTS = {
    "redis_url": ("redis://", "rediss://", "unix://"),
    "postgres_url": ("postgresql://", "postgres://"),
    "clickhouse_url": ("clickhouse://", "clickhouses://", "http://", "https://", "chdb://"),
    "mlflow_url": ("http://", "https://"),
}
HOST_AND_PORT = re.compile(r"[^\s:/,]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")


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
    model: Literal["champion", "rules"] = Field(
        default="champion", description="who reads headlines: the registry's champion beside the rules, or these alone"
    )
    encoder: str = Field(
        default="",
        description="encoder to train on: a folder or a Hugging Face id, ORG/NAME@REVISION; empty: the package's",
    )
    ray_address: str | None = Field(default=None, description="address of a running Ray cluster; none starts one")
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8800, ge=0, le=65535)
    dashboard_port: int = Field(default=8265, ge=0, le=65535)
    mlflow_port: int = Field(default=5500, ge=0, le=65535)

    @field_validator(*ADDRESS_STARTS)
    @classmethod
    def _begins_with_its_scheme(cls, value: Any, info: ValidationInfo) -> Any:
        starts = ADDRESS_STARTS[str(info.field_name)]
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text is not None and not text.startswith(starts):
            raise ValueError(f"the address begins with none of {', '.join(starts)}")
        return value

    @field_validator("encoder")
    @classmethod
    def _folder_is_absolute(cls, value: str) -> str:
        """A worker that trains runs in another folder."""
        folder = Path(value).expanduser()
        return str(folder.resolve()) if value and folder.is_dir() else value

    @field_validator("kafka")
    @classmethod
    def _is_host_and_port(cls, value: str | None) -> str | None:
        if value is not None and not all(HOST_AND_PORT.fullmatch(part) for part in value.split(",")):
            raise ValueError("not host:port, nor several with commas between")
        return value

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


def apart(settings: Settings, home: Path) -> Settings:
    """Return the settings of a run that touches nothing of the user's own: its home, its servers, its Ray."""
    own = {"home": home, "profile": "embedded", "kafka": None, "ray_address": None}
    return settings.model_copy(update=own)


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
