"""How a model serves and when it is believed: models.yaml."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from herald.documents import Document
from herald.news.verdict import VerdictPolicy

DOUBLINGS_MAX = 30


class AskingPolicy(Document):
    """How collectors ask a model.

    An answer may take ``answer_ms`` and ``answer_ms_each`` a headline; later it is not waited for, and the rules read
    alone. After a failure the model rests for ``rest_ms``, twice as long after each further one in a row, at most for
    ``rest_max_ms``: meanwhile nobody waits for it. ``together_max`` headlines go in one question. ``cache_max``
    judgements are remembered; ``shadow_max`` headlines may wait for the challenger, the rest it does not see.
    """

    answer_ms: float = Field(default=150.0, gt=0)
    answer_ms_each: float = Field(default=25.0, ge=0)
    rest_ms: float = Field(default=50.0, ge=0)
    rest_max_ms: float = Field(default=1_000.0, ge=0)
    together_max: int = Field(default=32, gt=0)
    cache_max: int = Field(default=20_000, gt=0)
    shadow_max: int = Field(default=500, gt=0)

    def limit_s(self, headlines: int) -> float:
        """Return how long an answer on so many headlines may take, in seconds."""
        return (self.answer_ms + self.answer_ms_each * headlines) / 1000

    def rest_s(self, failures: int) -> float:
        """Return how long a model rests after so many failures in a row, at least one, in seconds."""
        doubled_ms = math.ldexp(self.rest_ms, min(failures - 1, DOUBLINGS_MAX))
        return min(doubled_ms, max(self.rest_ms, self.rest_max_ms)) / 1000


class ServingPolicy(Document):
    """One deployment a version on Ray Serve.

    ``cpus`` and ``gpus`` are a replica's share of a node, and may be fractions; ``threads`` are those of its encoder. A
    replica takes up to ``batch_max`` questions together and waits ``batch_wait_ms`` for them to come; it is sent
    ``ongoing_max`` at a time, and ``queued_max`` may wait at each asker: more are refused at once. Between
    ``replicas_min`` and ``replicas_max`` there are as many as keep ``ongoing_target`` questions at each. A replica
    that is silent for ``check_limit_s`` is replaced.
    """

    replicas_min: int = Field(default=1, gt=0)
    replicas_max: int = Field(default=2, gt=0)
    ongoing_target: float = Field(default=8.0, gt=0)
    cpus: float = Field(default=0.5, gt=0)
    gpus: float = Field(default=0.0, ge=0)
    threads: int = Field(default=1, gt=0)
    batch_max: int = Field(default=16, gt=0)
    batch_wait_ms: float = Field(default=0.0, ge=0)
    ongoing_max: int = Field(default=32, gt=0)
    queued_max: int = Field(default=128, gt=0)
    check_period_s: float = Field(default=2.0, gt=0)
    check_limit_s: float = Field(default=10.0, gt=0)
    start_limit_s: float = Field(default=300.0, gt=0, description="how long a version may take until it answers")
    drain_s: float = Field(default=10.0, gt=0, description="how long a version that was replaced still answers")

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Self:
        if self.replicas_max < self.replicas_min:
            message = f"replicas_max {self.replicas_max} is less than replicas_min {self.replicas_min}"
            raise ValueError(message)
        return self


class ModelsDocument(Document):
    """models.yaml: ``verdict`` says when a model is believed, ``asking`` and ``serving`` how it is used."""

    verdict: VerdictPolicy = VerdictPolicy()
    asking: AskingPolicy = AskingPolicy()
    serving: ServingPolicy = ServingPolicy()


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """Where the files of a model are. ``registry`` is asked for them on a node that lacks them; empty asks nobody."""

    folder: Path
    registry: str = ""

    @property
    def name(self) -> str:
        """The name by which it serves: that of its folder, version and beginning of its run."""
        return self.folder.name


class ModelFailedError(RuntimeError):
    """A model that could not be brought to serve. Its text says what was found."""
