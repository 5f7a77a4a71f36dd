"""A replica of the classifier, and what asks it, without Ray: answers in order, and each failure by its kind."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError, GetTimeoutError, RayTaskError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.schema import ApplicationStatus

from herald.inference.serving import ModelFailedError, ModelPlace, ServingPolicy
from herald.inference.text_model import ModelUnusableError
from herald.news.judgement import Judgement
from herald.ports import Asked, PortError, Refused, Unavailable
from herald.taxonomy import Direction, EventType
from serve import versions
from serve.classifier import LOWEST_PRIORITY, PROBE, ClassifierReplica, files_of
from serve.versions import ServedJudge


@dataclass
class Model:
    """Judges a headline by its number: the severity of "headline 12" is 0.012. Remembers what came together."""

    card: Any = field(default_factory=lambda: SimpleNamespace(name="tiny"))
    together: list[list[str]] = field(default_factory=list)
    broken: Exception | None = None

    def judge(self, texts: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[Judgement]:
        self.together.append(list(texts))
        if self.broken is not None:
            raise self.broken
        numbers = [int(text.split()[-1]) if text != PROBE.headline else 0 for text in texts]
        return [
            Judgement({EventType.OTHER: 1.0}, {Direction.UNKNOWN: 1.0}, len(seen) / 10, number / 1000, 1.0,
                      unfamiliar=False, model="tiny")
            for number, seen in zip(numbers, evidence, strict=True)
        ]  # fmt: skip


def asked(*numbers: int) -> list[Asked]:
    return [Asked(f"headline {number}", ("seen",) * (number % 3)) for number in numbers]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    one = Model()
    monkeypatch.setattr("herald.inference.text_model.load_model", lambda folder, threads: one)
    return one


@pytest.fixture
def replica(model: Model, tmp_path: Path) -> ClassifierReplica:
    return ClassifierReplica(ModelPlace(tmp_path), threads=1, batch_max=16, batch_wait_s=0.0)


def told(judgements: Sequence[Judgement]) -> list[tuple[float, float]]:
    return [(one.severity, one.tradable_p) for one in judgements]


def expected(*numbers: int) -> list[tuple[float, float]]:
    return [(number / 1000, number % 3 / 10) for number in numbers]


def test_a_replica_has_read_a_headline_before_it_serves(replica: ClassifierReplica, model: Model) -> None:
    assert model.together == [[PROBE.headline]]
    assert replica.name() == "tiny"


@pytest.mark.skipif(sys.platform != "linux", reason="only there has a thread a priority of its own")
def test_a_model_is_loaded_behind_all_others_and_serves_beside_them(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    judge = model.judge

    def noting(texts: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[Judgement]:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return judge(texts, evidence)

    monkeypatch.setattr(model, "judge", noting)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    replica = ClassifierReplica(ModelPlace(tmp_path), threads=1, batch_max=16, batch_wait_s=0.0)
    replica.check_health()
    assert seen == [LOWEST_PRIORITY, before]


def test_a_model_that_cannot_read_does_not_begin_to_serve(model: Model, tmp_path: Path) -> None:
    model.broken = ValueError("no such input")
    with pytest.raises(ValueError, match="no such input"):
        ClassifierReplica(ModelPlace(tmp_path), threads=1, batch_max=16, batch_wait_s=0.0)


def test_a_replica_whose_model_breaks_says_so_to_who_looks_after_it(replica: ClassifierReplica, model: Model) -> None:
    replica.check_health()
    model.broken = RuntimeError("out of memory")
    with pytest.raises(RuntimeError, match="out of memory"):
        replica.check_health()


async def together(replica: ClassifierReplica, *questions: Sequence[int]) -> list[list[Judgement]]:
    """Read questions that Serve has put together, which it does only within a replica of its own."""
    read: Any = ClassifierReplica._together
    answers: list[list[Judgement]] = await read.__wrapped__(replica, [asked(*one) for one in questions])
    return answers


async def test_questions_that_come_together_are_read_together_and_each_gets_its_own_answers(
    replica: ClassifierReplica, model: Model
) -> None:
    questions = [(1, 2), (), (5, 1, 3), (4,)]
    model.together.clear()
    assert [told(one) for one in await together(replica, *questions)] == [expected(*one) for one in questions]
    assert len(model.together) == 1
    assert await together(replica, ()) == [[]]


async def test_where_the_model_fails_each_asker_is_told_and_the_next_is_served(
    replica: ClassifierReplica, model: Model
) -> None:
    model.broken = ValueError("no such word")
    with pytest.raises(ValueError, match="no such word"):
        await together(replica, (1,), (2,))
    model.broken = None
    assert [told(one) for one in await together(replica, (3,))] == [expected(3)]


def test_files_that_are_here_are_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[Any] = []

    def opened(registry: str) -> Any:
        return SimpleNamespace(fetch=lambda version, into: fetched.append((registry, version, into)) or into / "v7-abc")

    monkeypatch.setattr("training.registry.open_registry", opened)
    assert files_of(ModelPlace(tmp_path, "http://registry")) == tmp_path
    assert files_of(ModelPlace(tmp_path / "given")) == tmp_path / "given", "nobody can be asked for it"
    assert fetched == []
    missing = tmp_path / "v7-abc"
    assert files_of(ModelPlace(missing, "http://registry")) == missing
    assert fetched == [("http://registry", 7, tmp_path)]


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusableError, match="no usable model"):
        ClassifierReplica(ModelPlace(tmp_path), threads=1, batch_max=16, batch_wait_s=0.0)


# -- who asks ---------------------------------------------------------------------------------------------------------


def judge_that(answer: Callable[[list[Asked]], Any]) -> ServedJudge:
    async def remote(questions: list[Asked]) -> Any:
        return answer(questions)

    return ServedJudge("v1-a", SimpleNamespace(judge=SimpleNamespace(remote=remote)))


def raising(error: Exception) -> Callable[[list[Asked]], Any]:
    def answer(_: list[Asked]) -> Any:
        raise error

    return answer


def of_task(cause: Exception) -> Exception:
    """Return the error as Ray gives it to who asked: that of the code behind, and of the task that ran it."""
    error: Exception = RayTaskError(
        "judge", "Traceback\n  deep inside", cause, pid=1, ip="127.0.0.1"
    ).as_instanceof_cause()
    return error


async def test_a_judge_asks_with_a_list_and_gives_the_answers_on() -> None:
    seen: list[Any] = []
    judge = judge_that(lambda questions: seen.append(questions) or ["answer"])
    assert await judge.judge(tuple(asked(1))) == ["answer"]
    await judge.warm()
    assert seen == [asked(1), [PROBE]]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ActorDiedError(), Unavailable),
        (GetTimeoutError("late"), Unavailable),
        (BackPressureError(num_queued_requests=128, max_queued_requests=128), Unavailable),
        (RayServeException("no replicas"), Unavailable),
        (of_task(RayServeException("draining")), Unavailable),
        (of_task(ValueError("no such word")), Refused),
        (of_task(RuntimeError("out of memory")), Refused),
    ],
    ids=["dead", "late", "too much to do", "no replicas", "draining", "bug", "broken"],
)
async def test_a_judge_tells_a_model_that_is_gone_from_one_whose_code_failed(
    error: Exception, kind: type[PortError]
) -> None:
    for ask in (judge_that(raising(error)).warm, lambda: judge_that(raising(error)).judge(asked(1))):
        with pytest.raises(kind, match="classifier v1-a: ") as caught:
            await ask()
        assert "\n" not in str(caught.value)


# -- starts that fail -------------------------------------------------------------------------------------------------


@dataclass
class Serve:
    """What stands for Ray Serve: an application has its states one after the other, the last for ever."""

    states: list[ApplicationStatus] = field(default_factory=list)
    error: Exception | None = None
    message: str = ""
    begun: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def start(self, **options: Any) -> None:
        assert options["proxy_location"] == "Disabled"

    def run(self, application: Any, *, name: str, route_prefix: str | None, _blocking: bool) -> None:
        assert (route_prefix, _blocking) == (None, False)
        self.begun.append(name)
        if self.error is not None:
            raise self.error

    def status(self) -> Any:
        if not self.begun:
            return SimpleNamespace(applications={})
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        deployments = {"classifier": SimpleNamespace(message=self.message)}
        return SimpleNamespace(applications={self.begun[0]: SimpleNamespace(status=state, deployments=deployments)})

    def delete(self, name: str) -> None:
        self.deleted.append(name)


DEPLOYING, RUNNING, FAILED = (
    ApplicationStatus.DEPLOYING,
    ApplicationStatus.RUNNING,
    ApplicationStatus.DEPLOY_FAILED,
)
APP = versions.app_of("v1-a")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    def start(serve: Serve, **policy: Any) -> None:
        monkeypatch.setattr(versions, "ray_serve", serve)
        monkeypatch.setattr(versions, "_run", serve.run)
        monkeypatch.setattr(versions, "_POLL_S", 0.0)
        versions.start(ModelPlace(tmp_path / "v1-a"), ServingPolicy(**policy))

    return start


def test_a_start_returns_when_the_version_serves_and_is_made_once(started) -> None:
    serve = Serve([DEPLOYING, DEPLOYING, RUNNING])
    started(serve)
    started(serve)
    assert (serve.begun, serve.deleted) == ([APP], [])


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), TimeoutError("late"), ValueError("bad options"), RayServeException("no controller")]
)
def test_a_start_that_fails_is_told_and_leaves_nothing(error: Exception, started) -> None:
    serve = Serve([FAILED], error)
    with pytest.raises(ModelFailedError, match=f"v1-a does not serve: {error}"):
        started(serve)
    assert serve.deleted == [APP]


def test_a_version_that_cannot_be_deployed_is_told_with_what_its_replica_said(started) -> None:
    serve = Serve(
        [DEPLOYING, FAILED], message="Traceback\n  deep inside\nModelUnusableError: no usable model\nretrying"
    )
    with pytest.raises(ModelFailedError, match="does not serve: ModelUnusableError: no usable model"):
        started(serve)
    assert serve.deleted == [APP]


def test_a_version_for_which_no_node_has_room_is_given_up_and_leaves_nothing(started) -> None:
    serve = Serve([DEPLOYING], message="waiting for a node; no Error")
    with pytest.raises(ModelFailedError, match=r"not ready after 0 s; is there a node with room for it"):
        started(serve, start_limit_s=1e-6)
    assert serve.deleted == [APP]
