"""Which versions MLflow calls champion and challenger, asked over its REST interface without its library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from herald.ports import Unavailable

LIMIT_S = 5.0
_NOT_THERE = 404
_OK = 200
_NO_SUCH = "RESOURCE_DOES_NOT_EXIST"


@dataclass(frozen=True, slots=True)
class AliasedVersion:
    """A registered version and the run that made it."""

    version: int
    run_id: str


class RegistryWatch:
    """Asks for the aliases of one registered model. A version's run is asked for once: it does not change."""

    def __init__(self, url: str, model: str) -> None:
        self._url, self._model = url.rstrip("/"), model
        self._runs: dict[int, str] = {}
        self._made_at: Any = None

    async def aliases(self) -> dict[str, AliasedVersion]:
        """Return the versions that have an alias, by alias. Raises ``Unavailable``."""
        timeout = aiohttp.ClientTimeout(total=LIMIT_S)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as session:
                found = await self._get(session, "registered-models/get", {"name": self._model})
                aliases = self._known(found["registered_model"]) if found is not None else []
                versions = {str(one["alias"]): int(one["version"]) for one in aliases}
                for version in {*versions.values()} - {*self._runs}:
                    self._runs[version] = await self._run_of(session, version)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"MLflow at {self._url}: {type(error).__name__}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unavailable(f"MLflow at {self._url} answered in an unknown form: {error!r}") from error
        return {alias: AliasedVersion(version, self._runs[version]) for alias, version in versions.items()}

    def _known(self, model: Mapping[str, Any]) -> list[Any]:
        """Return a model's aliases; one that was deleted and made again counts its versions from 1 again."""
        if self._made_at != (made_at := model.get("creation_timestamp")):
            self._made_at = made_at
            self._runs.clear()
        aliases: list[Any] = model.get("aliases", [])
        return aliases

    async def _run_of(self, session: aiohttp.ClientSession, version: int) -> str:
        found = await self._get(session, "model-versions/get", {"name": self._model, "version": str(version)})
        if found is None:
            raise Unavailable(f"MLflow at {self._url} has an alias for version {version}, which is not there")
        registered = found["model_version"]
        return str(registered.get("run_id") or registered["creation_timestamp"])

    async def _get(self, session: aiohttp.ClientSession, what: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """Return what MLflow says; None where it says that there is no such thing, which a proxy's 404 does not."""
        async with session.get(f"{self._url}/api/2.0/mlflow/{what}", params=query) as answer:
            if answer.status not in {_OK, _NOT_THERE}:
                raise Unavailable(f"MLflow at {self._url} answered {answer.status} to {what}")
            found = await answer.json()
            if not isinstance(found, dict):
                raise Unavailable(f"MLflow at {self._url} answered no object to {what}")
            if answer.status == _OK:
                return found
            if found["error_code"] == _NO_SUCH:
                return None
            raise Unavailable(f"MLflow at {self._url} answered {found['error_code']} to {what}")
