"""A trained classifier on Ray Serve: questions that come together are answered together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from ray import serve as ray_serve

from herald.inference.serving import ModelPlace
from herald.news.judgement import Judgement
from herald.ports import Asked
from training.versions import version_in

if TYPE_CHECKING:
    from herald.inference.text_model import TextModel

LOWEST_PRIORITY = 19
PROBE = Asked("Herald reads this headline to see that the model answers", ())


def files_of(place: ModelPlace) -> Path:
    """Return a model's folder, fetched first where this node lacks it. Raises ``RegistryError`` where that fails."""
    if place.folder.is_dir() or not place.registry:
        return place.folder
    from training.registry import open_registry  # noqa: PLC0415 - MLflow takes seconds and is seldom needed

    return open_registry(place.registry).fetch(version_in(place.name), place.folder.parent)


def _loaded(place: ModelPlace, threads: int) -> TextModel:
    from herald.inference.text_model import load_model  # noqa: PLC0415 - seconds; who only asks shall not wait

    model = load_model(files_of(place), threads=threads)
    model.judge([PROBE.headline], [PROBE.evidence])
    return model


def _step_back() -> None:
    """Give this thread the lowest priority; systems on which a thread has none of its own leave it as it is."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)


class ClassifierReplica:
    """One process with one version of the model.

    Guarantees: the same question has the same answer, alone or in a batch. It keeps nothing, so a replica that dies
    loses only the questions that it held, whose askers are told.
    """

    def __init__(self, place: ModelPlace, threads: int, batch_max: int, batch_wait_s: float) -> None:
        """Load the model and try it. Raises ``ModelUnusableError``.

        That takes seconds of a core, in a thread that steps back before others: on a small machine the version that
        serves would be late meanwhile.
        """
        with ThreadPoolExecutor(1, initializer=_step_back) as loading:
            self._model: TextModel = loading.submit(_loaded, place, threads).result()
        self._together.set_max_batch_size(batch_max)  # type: ignore[attr-defined]
        self._together.set_batch_wait_timeout_s(batch_wait_s)  # type: ignore[attr-defined]

    async def judge(self, asked: Sequence[Asked]) -> list[Judgement]:
        """Return one judgement a headline, in order."""
        judged: list[Judgement] = await self._together(asked)
        return judged

    def name(self) -> str:
        """Return the model's name, as its judgements carry it."""
        return self._model.card.name

    def check_health(self) -> None:
        """Read a headline; Serve replaces a replica that raises here or does not answer."""
        self._judged([PROBE])

    @ray_serve.batch
    async def _together(self, questions: list[Sequence[Asked]]) -> list[list[Judgement]]:
        flat = [one for question in questions for one in question]
        judged = iter(await asyncio.to_thread(self._judged, flat))
        return [[next(judged) for _ in question] for question in questions]

    def _judged(self, asked: Sequence[Asked]) -> list[Judgement]:
        return self._model.judge([one.headline for one in asked], [one.evidence for one in asked])


serve_deployment = ray_serve.deployment(name="classifier")(ClassifierReplica)
