"""How a reader of headlines keeps to the models that serve."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import structlog
from ray.util import list_named_actors

from actors.peers import COLLECTOR, MODELS, NAMESPACE, Peer
from herald.inference.model_path import ModelPath
from herald.inference.shadow import Shadow
from herald.ports import Judge, PortError, Unavailable
from herald.stores.hot import HotState

if TYPE_CHECKING:
    from serve.versions import ServedJudge

LOOK_PERIOD_S = 0.5
WARM_LIMIT_S, READ_LIMIT_S = 20.0, 90.0

log = structlog.get_logger()


class Opener(Protocol):
    """Opens what asks a model by its name."""

    async def __call__(self, model: str) -> Judge:
        """Return it once a question was answered. Raises ``Unavailable`` or ``Refused``."""


class ModelFollower:
    """Hands the models that serve to a reader.

    Guarantees: a reader goes over to a model only when that one has answered it, in one step; until then it asks the
    one before.
    """

    def __init__(self, hot: HotState, path: ModelPath, shadow: Shadow, opener: Opener) -> None:
        self._hot, self._path, self._shadow, self._opener = hot, path, shadow, opener
        self._champion = self._challenger = ""

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            try:
                await self.look()
            except PortError as error:
                log.warning("models not followed", cause=str(error))
            await asyncio.sleep(LOOK_PERIOD_S)

    async def look(self) -> None:
        """Go over to what serves now. Raises ``PortError`` where that cannot be known or does not answer."""
        serving = await self._hot.models()
        champion, challenger = serving.get("champion", ""), serving.get("challenger", "")
        if champion != self._champion:
            self._path.serve(await self._opened(champion))
            self._champion = champion
            log.info("headlines are read by", model=champion or "the rules alone")
        if challenger != self._challenger:
            self._shadow.follow(await self._opened(challenger))
            self._challenger = challenger

    async def _opened(self, model: str) -> Judge | None:
        return await self._opener(model) if model else None


async def until_models_read(progress: Callable[[str, str], None]) -> None:
    """Wait until every collector that is to read with a model has one, or has waited long enough."""
    names = [str(one["name"]) for one in list_named_actors(all_namespaces=True) if one["namespace"] == NAMESPACE]
    waiting = [name for name in names if name.startswith(COLLECTOR)]
    if MODELS not in names or not waiting:
        return
    progress("classifier", "starting")
    try:
        async with asyncio.timeout(READ_LIMIT_S):
            while waiting:
                waiting = [name for name in waiting if not await _reads_with_model(name)]
                await asyncio.sleep(LOOK_PERIOD_S if waiting else 0)
    except TimeoutError:
        progress("classifier", "is late; the rules read alone until it is there")
    else:
        progress("classifier", "ready")


async def _reads_with_model(collector: str) -> bool:
    try:
        health = await Peer(collector).call("health")
    except Unavailable:
        return False
    return bool(health.detail.get("reads_by"))


async def open_served(model: str) -> Judge:
    """Open a model on Ray Serve, whose library is loaded off the event loop at the first call."""
    judge = await asyncio.to_thread(_open, model)
    try:
        async with asyncio.timeout(WARM_LIMIT_S):
            await judge.warm()
    except TimeoutError as error:
        raise Unavailable(f"classifier {model} gave no first answer within {WARM_LIMIT_S:.0f} s") from error
    return judge


def _open(model: str) -> ServedJudge:
    from serve.versions import open_judge  # noqa: PLC0415 - a second that a reader without a model need not spend

    return open_judge(model)
