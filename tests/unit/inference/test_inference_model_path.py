"""The way through the serving model: every item has one reading, whatever the model does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from herald.inference import model_path as module
from herald.inference.model_path import ModelPath
from herald.inference.serving import AskingPolicy
from herald.news.judgement import Judgement
from herald.news.verdict import VerdictPolicy
from herald.ports import Asked, Refused, Unavailable
from herald.taxonomy import EventType

REST_S = 0.5
AT_ONCE = AskingPolicy(answer_ms=1e-6, answer_ms_each=0, rest_ms=REST_S * 1000)
"""A limit that is over as soon as a judge waits for anything, and never before: no test waits for a clock."""

JudgementOf = Callable[..., Judgement]
Does = Callable[[Sequence[Asked]], Awaitable[list[Judgement]]]


@dataclass
class Judging:
    """A model that answers at once, unless it is told what else to do for its next questions."""

    judgement_of: JudgementOf
    version: str = "v1"
    does: list[Does | BaseException | None] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)

    async def judge(self, asked: Sequence[Asked]) -> list[Judgement]:
        self.asked.append([one.headline for one in asked])
        next_one = self.does.pop(0) if self.does else None
        if isinstance(next_one, BaseException):
            raise next_one
        return await next_one(asked) if next_one is not None else self.answers(asked)

    def answers(self, asked: Sequence[Asked]) -> list[Judgement]:
        return [self.judgement_of(one.headline, f"m{self.version[1:]}") for one in asked]


async def never(asked: Sequence[Asked]) -> list[Judgement]:
    await asyncio.Event().wait()
    raise AssertionError("waited for ever")


@dataclass
class Held:
    """Holds its answer back until it is let go; tells when it was asked."""

    judge: Judging
    come: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    fails: bool = False

    async def __call__(self, asked: Sequence[Asked]) -> list[Judgement]:
        self.come.set()
        await self.go.wait()
        if self.fails:
            raise Unavailable("gone")
        return self.judge.answers(asked)


@dataclass
class Way:
    """A path with a clock that a test moves."""

    path: ModelPath
    found_of: Callable[..., Any]
    clock: list[float]

    async def read(self, *headlines: str) -> list[Any]:
        return await self.path.read(self.found_of(*headlines))

    async def models(self, *headlines: str) -> list[str]:
        """Return who read each headline; empty for the rules alone."""
        return ["" if one.degraded else one.model for one in await self.read(*headlines)]


@pytest.fixture
def way(gazetteer, found_of) -> Callable[..., Way]:
    def make(judge: Judging | None = None, *, patient: bool = False, shadow: Any = None, **changes: Any) -> Way:
        clock = [100.0]
        asking = AT_ONCE.model_copy(update=changes)
        path = ModelPath(gazetteer, asking, VerdictPolicy(), now_s=lambda: clock[0], shadow=shadow, patient=patient)
        path.serve(judge)
        return Way(path, found_of, clock)

    return make


@pytest.fixture
def judging(judgement_of) -> Callable[..., Judging]:
    return lambda version="v1", does=(): Judging(judgement_of, version, list(does))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENT_PAUSE_S", 0.0)


def numbered(count: int, begin: int = 0) -> list[str]:
    return [f"headline {number}" for number in range(begin, begin + count)]


async def test_each_item_is_read_by_the_model_in_order(way, judging) -> None:
    one = way(judging(), together_max=3)
    readings = await one.read(*numbered(8))
    assert [reading.severity for reading in readings] == [number / 1000 for number in range(8)]
    assert {(reading.model, reading.event_type, reading.degraded) for reading in readings} == {
        ("m1", EventType.HACK, False)
    }
    assert (one.path.judged, one.path.degraded, one.path.version) == (8, 0, "v1")


async def test_nothing_to_read_asks_nobody(way, judging) -> None:
    judge = judging()
    assert await way(judge).read() == []
    assert judge.asked == []


async def test_without_a_model_the_rules_read_and_say_so(way, found_of) -> None:
    one = way()
    headlines = ("Sui DEX Cetus hacked, $220M drained", "headline 1")
    ruled = [reading for _, reading in found_of(*headlines)]
    assert await one.read(*headlines) == [reading.model_copy(update={"degraded": True}) for reading in ruled]
    assert (one.path.degraded, one.path.version) == (2, "")


async def test_a_question_holds_at_most_so_many_headlines(way, judging) -> None:
    judge = judging()
    await way(judge, together_max=3).read(*numbered(8))
    assert judge.asked == [numbered(3), numbered(3, 3), numbered(2, 6)]


async def test_the_time_for_an_answer_grows_with_the_question() -> None:
    policy = AskingPolicy(answer_ms=150, answer_ms_each=25)
    assert (policy.limit_s(1), policy.limit_s(32)) == (0.175, 0.95)


@pytest.mark.parametrize(
    "failure",
    [Unavailable("the replica died"), TimeoutError(), never, Refused("its code failed"), ValueError("no such word")],
    ids=["gone", "gave up", "slow", "refused", "bug"],
)
async def test_a_model_that_does_not_answer_leaves_the_rules_reading(way, judging, failure) -> None:
    judge = judging(does=[failure])
    one = way(judge)
    assert await one.models(*numbered(2)) == ["", ""]
    one.clock[0] += REST_S
    assert await one.models(*numbered(2)) == ["m1", "m1"], "what failed is not remembered"


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_a_model_that_answers_too_few_or_too_many_is_not_believed_at_all(way, judging, count) -> None:
    async def wrong(asked: Sequence[Asked]) -> list[Judgement]:
        return judge.answers([asked[0]] * count)

    judge = judging(does=[wrong])
    with capture_logs() as logs:
        assert await way(judge).models(*numbered(2)) == ["", ""]
    [log] = [entry for entry in logs if entry["log_level"] == "error"]
    assert f"{count} answers to 2 headlines" in log["error"]


@pytest.mark.parametrize(
    "changes",
    [{"severity": float("nan")}, {"tradable_p": 1.5}, {"event_types": {}}, {"event_types": {EventType.HACK: 1.0}},
     {"directions": {}}, {"directions": None}],
    ids=["nan", "above one", "no types", "types left out", "no directions", "nothing"],
)  # fmt: skip
async def test_a_judgement_that_makes_no_sense_is_not_believed(way, judging, judgement_of, changes) -> None:
    async def senseless(asked: Sequence[Asked]) -> list[Judgement]:
        return [judgement_of(asked[0].headline, **changes)]

    with capture_logs() as logs:
        assert await way(judging(does=[senseless])).models("headline 1") == [""]
    assert [entry["log_level"] for entry in logs] == ["error"]


async def test_one_senseless_judgement_spoils_no_other(way, judging, judgement_of) -> None:
    async def half(asked: Sequence[Asked]) -> list[Judgement]:
        return [judgement_of(one.headline, severity=float("nan") if one is asked[1] else 0.3) for one in asked]

    one = way(judging(does=[half]))
    assert await one.models(*numbered(3)) == ["m1", "", "m1"]
    assert (one.path.judged, one.path.degraded) == (2, 1)
    assert await one.models(*numbered(3)) == ["m1", "m1", "m1"], "and nobody waits for the model to rest"


async def test_a_reader_that_is_ended_while_it_asks_ends(way, judging) -> None:
    judge = judging()
    held = Held(judge)
    judge.does = [held]
    task = asyncio.ensure_future(way(judge, answer_ms=1e6).read("headline 1"))
    await held.come.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_after_a_failure_nobody_waits_until_the_model_has_rested(way, judging) -> None:
    judge = judging(does=[Unavailable("gone")])
    one = way(judge)
    await one.read("headline 1")
    one.clock[0] += REST_S - 0.001
    assert await one.models("headline 1", "headline 2") == ["", ""]
    assert len(judge.asked) == 1
    one.clock[0] += 0.001
    assert await one.models("headline 1") == ["m1"]
    assert len(judge.asked) == 2


async def test_the_rest_grows_with_each_failure_in_a_row_and_an_answer_ends_that(way, judging) -> None:
    one = way(judging(does=[Unavailable("gone"), Unavailable("gone"), None, Unavailable("gone")]), rest_ms=100.0)
    for rest_s, answers in ((0.1, ""), (0.2, ""), (0.0, "m1"), (0.1, "")):
        assert await one.models(f"headline {rest_s} {answers}") == [answers]
        one.clock[0] += rest_s
    assert await one.models("headline 1") == ["m1"]


async def test_questions_that_fail_together_count_as_one_failure(way, judging) -> None:
    judge = judging()
    judge.does = [Held(judge, fails=True) for _ in range(3)]
    held = list(judge.does)
    one = way(judge, answer_ms=1e6)
    tasks = [asyncio.ensure_future(one.models(headline)) for headline in numbered(3)]
    for waits in held:
        await waits.come.wait()
        waits.go.set()
    await asyncio.gather(*tasks)
    one.clock[0] += REST_S
    assert await one.models("headline 1") == ["m1"]


async def test_what_was_judged_before_a_failure_is_kept_and_the_rest_is_not_waited_for(way, judging) -> None:
    judge = judging(does=[None, never, None])
    one = way(judge, together_max=2)
    await one.read("headline 5")
    judge.asked.clear()
    judge.does = [None, never]
    assert await one.models(*numbered(6)) == ["m1", "m1", "", "", "", "m1"], "the last was known from before"
    assert judge.asked == [numbered(2), numbered(2, 2)]
    assert one.path.degraded == 3


async def test_another_model_is_asked_at_once_also_where_the_one_before_rests(way, judging) -> None:
    one = way(judging(does=[Unavailable("gone")]))
    await one.read("headline 1")
    one.path.serve(judging("v2"))
    assert await one.models("headline 1") == ["m2"]


async def test_a_late_failure_of_the_model_before_does_not_let_its_successor_rest(way, judging) -> None:
    old = judging()
    held = Held(old, fails=True)
    old.does = [held]
    one = way(old, answer_ms=1e6)
    task = asyncio.ensure_future(one.models("headline 1"))
    await held.come.wait()
    one.path.serve(judging("v2"))
    held.go.set()
    assert await task == [""]
    assert await one.models("headline 1") == ["m2"]


async def test_one_headline_twice_in_a_question_is_asked_once(way, judging) -> None:
    judge = judging()
    readings = await way(judge).read("headline 1", "headline 2", "headline 1")
    assert judge.asked == [["headline 1", "headline 2"]]
    assert [reading.severity for reading in readings] == [0.001, 0.002, 0.001]


async def test_a_headline_that_was_judged_is_not_asked_again(way, judging) -> None:
    judge = judging()
    one = way(judge)
    first = await one.read("headline 1")
    judge.does = [Unavailable("gone")]
    assert await one.read("headline 1") == first, "also while the model is gone"
    assert (len(judge.asked), one.path.remembered, one.path.judged) == (1, 1, 1)


async def test_the_same_words_with_other_evidence_are_another_question(way, judging, found_of) -> None:
    judge = judging()
    one = way(judge)
    [(item, ruled)] = found_of("headline 1")
    await one.path.read([(item, ruled), (item, ruled.model_copy(update={"reasons": ("rule:hack-loss",)}))])
    assert judge.asked == [["headline 1", "headline 1"]]


async def test_no_version_is_answered_for_by_another(way, judging) -> None:
    old, new = judging(), judging("v2")
    one = way(old)
    await one.read("headline 1")
    one.path.serve(new)
    assert await one.models("headline 1") == ["m2"]
    one.path.serve(judging(does=[Unavailable("gone")]))
    assert await one.models("headline 1") == ["m1"], "what the first said is still known when it comes back"


async def test_only_so_many_judgements_are_remembered_and_the_longest_unused_goes_first(way, judging) -> None:
    judge = judging()
    one = way(judge, cache_max=3)
    await one.read(*numbered(3))
    await one.read("headline 0")
    await one.read("headline 3")
    judge.asked.clear()
    await one.read("headline 0", "headline 2", "headline 3")
    assert judge.asked == []
    await one.read("headline 1")
    assert judge.asked == [["headline 1"]]


async def test_a_list_that_is_longer_than_the_memory_is_answered_whole(way, judging) -> None:
    one = way(judging(), cache_max=1, together_max=2)
    await one.read("headline 0")
    assert await one.models(*numbered(7)) == ["m1"] * 7


@pytest.mark.parametrize("successor", ["v2", None], ids=["another model", "no model"])
async def test_a_question_that_is_under_way_is_answered_by_the_model_before(way, judging, successor) -> None:
    old = judging()
    held = Held(old)
    old.does = [held]
    one = way(old, answer_ms=1e6, together_max=2)
    task = asyncio.ensure_future(one.models(*numbered(4)))
    await held.come.wait()
    one.path.serve(judging(successor) if successor else None)
    held.go.set()
    assert await task == ["m1"] * 4
    assert await one.models("headline 0") == ["m2" if successor else ""]


async def test_a_patient_path_waits_until_a_model_comes(way, judging) -> None:
    one = way(patient=True)
    task = asyncio.ensure_future(one.models("headline 1"))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not task.done()
    one.path.serve(judging())
    assert await task == ["m1"]


async def test_a_patient_path_asks_again_until_the_model_is_back(way, judging) -> None:
    judge = judging(does=[Unavailable("gone"), TimeoutError(), Unavailable("gone")])
    one = way(judge, patient=True)
    assert await one.models("headline 1") == ["m1"]
    assert (len(judge.asked), one.path.degraded) == (4, 0)


async def test_a_patient_path_asks_the_new_model_and_remembers_the_answer_as_its_own(way, judging) -> None:
    old, new = judging(), judging("v2")
    held = Held(old, fails=True)
    old.does = [held]
    one = way(old, patient=True)
    task = asyncio.ensure_future(one.models("headline 1"))
    await held.come.wait()
    one.path.serve(new)
    held.go.set()
    assert await task == ["m2"]
    assert await one.models("headline 1") == ["m2"]
    assert len(new.asked) == 1, "it is remembered of the new"
    one.path.serve(old)
    assert await one.models("headline 1") == ["m1"], "and not of the old"


@pytest.mark.parametrize("judge_is_there", [False, True], ids=["none comes", "it hangs"])
async def test_a_patient_path_gives_up_in_the_end(way, judging, monkeypatch, judge_is_there) -> None:
    monkeypatch.setattr(module, "PATIENT_S", 1e-9)
    one = way(judging(does=[never]) if judge_is_there else None, patient=True)
    with pytest.raises(Unavailable, match="no model answered"):
        await one.read("headline 1")


async def test_a_patient_path_does_not_wait_for_a_fault_to_go_away_for_long(way, judging) -> None:
    judge = judging(does=[KeyError("a bug")] * module.PATIENT_FAULTS_MAX)
    one = way(judge, patient=True)
    assert await one.models("headline 1") == [""]
    assert len(judge.asked) == module.PATIENT_FAULTS_MAX
    assert await one.models("headline 2") == ["m1"]
