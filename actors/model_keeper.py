"""The keeper of models: what the registry calls champion and challenger is what serves."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Collection, Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import ray
import structlog
from ray.exceptions import RayError, RayTaskError

from actors.peers import MODELS
from actors.shell import Shell
from herald.bootstrap.adapters import open_hot
from herald.bootstrap.configuration import models_of
from herald.bootstrap.wiring import ServedModel, Wiring
from herald.inference.registry_watch import RegistryWatch
from herald.inference.serving import ModelFailedError, ModelPlace, ServingPolicy
from herald.ports import Unavailable
from serve.presence import serve_runs
from training.versions import MODEL, Alias, folder_name, version_in

LOOK_PERIOD_S = 2.0
TRY_AGAIN_S = 60.0
FETCH_LIMIT_S = 600.0
SERVING_FILE = "serving.json"
FOLDER = re.compile(r"\w[\w.-]*")

log = structlog.get_logger()

Serving = Mapping[Alias, ModelPlace]
"""Which model plays which part: CHAMPION and, where there is one, CHALLENGER."""

PARTS = (Alias.CHAMPION, Alias.CHALLENGER)


class Server(Protocol):
    """What brings models to serve; ``serve.versions`` on a cluster. Each call blocks."""

    def start(self, place: ModelPlace, policy: ServingPolicy) -> None:
        """Return once a model answers. Raises ``ModelFailedError``."""

    def end(self, model: str) -> None:
        """End a model after what it holds is answered."""

    def missing(self, models: Collection[str]) -> set[str]:
        """Return those of ``models`` that were started and do not serve any more."""


@dataclass(frozen=True, slots=True)
class FetchingServer:
    """Brings models to serve whose files may have to be fetched first; ``fetch`` raises ``ModelFailedError``.

    ``server`` returns what brings them to serve, and is asked when it is needed.
    """

    server: Callable[[], Server]
    fetch: Callable[[str], None]

    def start(self, place: ModelPlace, policy: ServingPolicy) -> None:
        """Return once a model answers. Raises ``ModelFailedError``."""
        if place.registry and not place.folder.is_dir():
            self.fetch(place.name)
        self.server().start(place, policy)

    def end(self, model: str) -> None:
        """End a model after what it holds is answered."""
        self.server().end(model)

    def missing(self, models: Collection[str]) -> set[str]:
        """Return those of ``models`` that were started and do not serve any more."""
        return self.server().missing(models) if models else set()


@dataclass
class ModelKeeper:
    """Makes what serves equal to what is wanted.

    Guarantees: a part passes to another model only when that one answers; who asks is told then, and the one before
    goes on answering for ``drain_s``. A model that cannot be brought to serve leaves the part as it was, and is tried
    again after a while; one that somebody else has deleted is started again. Nothing is lost with its process: the
    next is given what is ``running``, goes on with what is wanted of it and ends the rest.
    """

    server: Server
    policy: ServingPolicy
    publish: Callable[[Mapping[str, str]], Awaitable[None]]
    now_s: Callable[[], float] = time.monotonic
    running: set[str] = field(default_factory=set)
    serving: dict[Alias, ModelPlace] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    _retired: dict[str, float] = field(default_factory=dict)
    _try_again_s: dict[str, float] = field(default_factory=dict)

    async def want(self, wanted: Serving) -> None:
        """Bring the wanted models to serve, the champion first. Raises ``Unavailable`` where nobody can be told."""
        self._forgive({place.name for place in wanted.values()})
        for part in PARTS:
            place = wanted.get(part)
            if place == self.serving.get(part):
                continue
            if place is None:
                await self._tell({one: held for one, held in self.serving.items() if one is not part})
            elif await self._started(place):
                await self._tell({**self.serving, part: place})
        await self._tell(self.serving)  # again, for a hot state that has lost it
        self._retire()

    async def tend(self) -> None:
        """Start what serves no more but should, and end the models that have had their time to finish."""
        places = {place.name: place for place in self.serving.values()}
        for name in await asyncio.to_thread(self.server.missing, tuple(places)):
            if name not in self.troubles:  # else it was told already, and is tried again after a while
                log.warning("a model serves no more, by nobody here; it is started again", model=name)
            await self._started(places[name])
        now_s = self.now_s()
        for name in [name for name, since_s in self._retired.items() if now_s - since_s >= self.policy.drain_s]:
            await asyncio.to_thread(self.server.end, name)
            del self._retired[name]
            self.running.discard(name)
            log.info("model ended", model=name)

    async def _started(self, place: ModelPlace) -> bool:
        if self.now_s() < self._try_again_s.get(place.name, float("-inf")):
            return False
        try:
            await asyncio.to_thread(self.server.start, place, self.policy)
        except ModelFailedError as error:
            self.troubles[place.name] = str(error)
            self._try_again_s[place.name] = self.now_s() + TRY_AGAIN_S
            log.error("model cannot serve; what served before goes on", model=place.name, error=str(error))
            return False
        self.running.add(place.name)
        self._retired.pop(place.name, None)  # at once: telling may fail, and what is told next must not end
        self.troubles.pop(place.name, None)
        self._try_again_s.pop(place.name, None)
        log.info("model serves", model=place.name)
        return True

    async def _tell(self, serving: Serving) -> None:
        """Tell who asks; a part has passed when that is done."""
        await self.publish({part.value: place.name for part, place in serving.items()})
        self.serving = dict(serving)

    def _retire(self) -> None:
        used = {place.name for place in self.serving.values()}
        for name in self.running - used:
            self._retired.setdefault(name, self.now_s())
        for name in used:
            self._retired.pop(name, None)

    def _forgive(self, wanted: Container[str]) -> None:
        """Forget the failures of models that nobody wants any more."""
        for failures in (self.troubles, self._try_again_s):
            for name in [name for name in failures if name not in wanted]:
                del failures[name]


class ModelKeeperShell(Shell):
    """Owns what runs of Herald on Ray Serve.

    Guarantees: while the registry cannot be asked, what served goes on; a Herald that starts without it begins with
    what served last. Killing the keeper harms no reader.
    """

    def __init__(self, wiring: Wiring) -> None:
        """Begin with the addresses and files of ``wiring``."""
        self._wiring = wiring
        self._folder = wiring.settings.home / "models"
        self._unreachable = ""
        self._unwritten = False
        super().__init__(MODELS)

    async def _begin(self) -> None:
        self._hot = await open_hot(self._wiring)
        self._watch = RegistryWatch(self._wiring.addresses.mlflow_url, MODEL)
        self._keeper = ModelKeeper(
            FetchingServer(_versions, self._fetch),
            models_of(self._wiring).serving,
            self._hot.put_models,
            running=await asyncio.to_thread(_running),
        )
        self._keep(self._follow(), "follow the registry")

    async def _follow(self) -> None:
        if self._wiring.model is ServedModel.CHAMPION and (last := self._last()):
            await self._take_over(last)
        while True:
            await self._take_over(await self._wanted())
            await self._keeper.tend()
            await asyncio.sleep(LOOK_PERIOD_S)

    async def _take_over(self, wanted: Serving | None) -> None:
        if wanted is None:
            return
        before = self._keeper.serving
        try:
            await self._keeper.want(wanted)
        except Unavailable as error:
            log.warning("who serves could not be told", cause=str(error))
        self._unwritten = self._unwritten or self._keeper.serving != before
        if self._unwritten and self._wiring.model is ServedModel.CHAMPION:
            self._remember()

    async def _wanted(self) -> Serving | None:
        """Return who is to serve; None where that cannot be known now."""
        if self._wiring.model is ServedModel.GIVEN and self._wiring.model_files is not None:
            return {Alias.CHAMPION: ModelPlace(self._wiring.model_files)}
        if self._wiring.model is not ServedModel.CHAMPION or not self._wiring.addresses.mlflow_url:
            return None
        try:
            found = await self._watch.aliases()
        except Unavailable as error:
            if str(error) != self._unreachable:
                log.warning("the registry cannot be asked; what serves goes on", cause=str(error))
            self._unreachable = str(error)
            return None
        self._unreachable = ""
        named = {part: found[part] for part in PARTS if part in found}
        if named.get(Alias.CHALLENGER) == named.get(Alias.CHAMPION):
            named.pop(Alias.CHALLENGER, None)  # one alias was moved by hand: there is nothing to compare
        return {part: self._place(folder_name(one.version, one.run_id)) for part, one in named.items()}

    def _place(self, name: str) -> ModelPlace:
        return ModelPlace(self._folder / name, self._wiring.addresses.mlflow_url)

    def _fetch(self, name: str) -> None:
        """Bring a version's files to this node. Blocks; raises ``ModelFailedError``."""
        artifacts = self._wiring.settings.home / "mlflow" / "artifacts"
        files = artifacts if self._wiring.settings.profile == "embedded" else None
        wanted = (self._wiring.addresses.mlflow_url, files, version_in(name), self._folder)
        try:
            remote_fetch.remote(*wanted).future().result(FETCH_LIMIT_S)
        except RayTaskError as error:
            raise ModelFailedError(f"model {name} cannot be fetched: {error.cause}") from error
        except (RayError, TimeoutError) as error:
            raise ModelFailedError(f"model {name} cannot be fetched: {str(error) or 'it took too long'}") from error

    def _last(self) -> Serving:
        """Return what served last in this home, as far as its files are here."""
        try:
            names = parts_in((self._folder / SERVING_FILE).read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning("what served last cannot be read; the registry will tell", cause=str(error))
            return {}
        places = {part: self._place(name) for part, name in names.items()}
        return {part: place for part, place in places.items() if place.folder.is_dir()}

    def _remember(self) -> None:
        """Write down what serves; where that fails, again at the next look."""
        names = {part.value: place.name for part, place in self._keeper.serving.items()}
        fresh = self._folder / f".{SERVING_FILE}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(names), "utf-8")
            fresh.replace(self._folder / SERVING_FILE)
        except OSError as error:
            log.warning("what serves could not be written down", cause=str(error))
        else:
            self._unwritten = False

    async def _end(self) -> None:
        await asyncio.to_thread(_end_all)
        await self._hot.close()

    def _detail(self) -> dict[str, Any]:
        names = {part.value: place.name for part, place in self._keeper.serving.items()}
        return {**(names or {"champion": "none; the rules read alone"}), "troubles": dict(self._keeper.troubles)}


def _versions() -> Any:
    """Return ``serve.versions``, loaded when a model is first wanted: who reads by rules alone never waits for it."""
    from serve import versions  # noqa: PLC0415 - see above

    return versions


def _running() -> set[str]:
    """Return the models that serve, or are on the way there, from before this process."""
    if not serve_runs():
        return set()
    versions = _versions()
    return {name.removeprefix(versions.PREFIX) for name in versions.applications()}


def _end_all() -> None:
    if serve_runs():
        _versions().end_all()


def parts_in(text: str) -> dict[Alias, str]:
    """Read the file of what served last: folders by part. Raises ``ValueError``; unknown parts are left out."""
    names = json.loads(text)
    if not isinstance(names, dict):
        raise ValueError(f"expected folders by part, found {type(names).__name__}")  # noqa: TRY004 - damaged text
    found = {part: names[part] for part in PARTS if part in names}
    wrong = [name for name in found.values() if not isinstance(name, str) or not FOLDER.fullmatch(name)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no name of a folder")
    return found


def fetch(registry: str, files: Path | None, version: int, folder: Path) -> str:
    """Download a version's files; in a process of its own, for MLflow takes seconds and much memory."""
    from training.registry import open_registry  # noqa: PLC0415 - see above

    return str(open_registry(registry, files=files).fetch(version, folder))


remote_fetch = ray.remote(num_cpus=0, max_calls=1)(fetch)
RemoteModelKeeper = ray.remote(max_restarts=-1, num_cpus=0)(ModelKeeperShell)
