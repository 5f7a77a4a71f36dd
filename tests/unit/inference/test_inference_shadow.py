"""The challenger in the shadow: it reads what the champion read, delays nobody and breaks nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from herald.inference import shadow as module
from herald.inference.model_path import ModelPath
from herald.inference.serving import AskingPolicy
from herald.inference.shadow import Shadow
from herald.news.comparison import ModelAnswer, ModelComparison
from herald.news.judgement import Judgement
from herald.news.verdict import VerdictPolicy, tradable_probability
from herald.ports import Asked, Judge, Unavailable
from herald.tasks import end_tasks
from herald.taxonomy import Direction, EventType

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Judging:
    """A model that answers at once, unless it is told what else to raise, return or wait for."""

    judgement_of: Callable[..., Judgement]
    version: str = "v2"
    does: list[Any] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    async def judge(self, asked: Sequence[Asked]) -> list[Judgement]:
        self.asked.append(len(asked))
        does = self.does.pop(0) if self.does else None
        if isinstance(does, BaseException):
            raise does
        if isinstance(does, asyncio.Event):
            await does.wait()
        answers = [self.judgement_of(one.headline, f"m{self.version[1:]}", **self.changes) for one in asked]
        return does(answers) if callable(does) else answers


@dataclass
class Desk:
    """A champion with a shadow, and where its comparisons go."""

    path: ModelPath
    shadow: Shadow
    found_of: Callable[..., Any]
    told: asyncio.Queue[ModelComparison] = field(default_factory=asyncio.Queue)
    away: int = 0

    async def publish(self, comparisons: Sequence[ModelComparison]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("the broker is away")
        for one in comparisons:
            self.told.put_nowait(one)

    async def read(self, *headlines: str) -> list[Any]:
        return await self.path.read(self.found_of(*headlines))

    async def hear(self, count: int) -> list[ModelComparison]:
        return [await self.told.get() for _ in range(count)]


@pytest.fixture
def judging(judgement_of) -> Callable[..., Judging]:
    return lambda version="v2", does=(), **changes: Judging(judgement_of, version, list(does), changes)


@pytest.fixture
def desk_with(gazetteer, found_of, judging) -> Callable[..., Desk]:
    def make(challenger: Judge | None = None, *, waiting_max: int = 100, champion: Judging | None = None) -> Desk:
        shadow = Shadow(gazetteer, VerdictPolicy(), waiting_max=waiting_max, now=lambda: NOW)
        path = ModelPath(gazetteer, AskingPolicy(), VerdictPolicy(), now_s=lambda: 0.0, shadow=shadow)
        path.serve(champion or judging("v1"))
        shadow.follow(challenger)
        return Desk(path, shadow, found_of)

    return make


@pytest.fixture
async def running() -> AsyncIterator[Callable[[Desk], asyncio.Task[None]]]:
    tasks: list[asyncio.Task[None]] = []

    def run(desk: Desk) -> asyncio.Task[None]:
        tasks.append(asyncio.ensure_future(desk.shadow.run(desk.publish)))
        return tasks[-1]

    yield run
    await end_tasks(*tasks)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REST_S", 0.0)


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks run until something holds."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to hold")


def numbered(count: int) -> list[str]:
    return [f"headline {number}" for number in range(count)]


async def test_each_headline_that_the_champion_read_is_compared(desk_with, judging, running, found_of) -> None:
    desk = desk_with(judging(tradable_p=0.01))
    running(desk)
    readings = await desk.read(*numbered(3))
    told = await desk.hear(3)
    assert [one.headline for one in told] == numbered(3)
    [(item, ruled), *_] = found_of(*numbered(3))
    champion = told[0].champion
    assert (champion.model, champion.event_type, champion.severity) == ("m1", EventType.HACK, readings[0].severity)
    asked = desk.path._known[next(iter(desk.path._known))]
    assert champion.tradable_p == round(tradable_probability(ruled, asked, VerdictPolicy()), 4)
    assert (told[0].challenger.model, told[0].challenger.tradable, told[0].agree) == ("m2", False, False)
    assert (told[0].event_id, told[0].source, told[0].at) == (item.event_id, item.source, NOW)
    assert (desk.shadow.compared, desk.shadow.agreed, desk.shadow.skipped) == (3, 0, 0)


async def test_a_comparison_has_the_same_id_whenever_it_is_made(desk_with, judging, running) -> None:
    desk = desk_with(judging())
    running(desk)
    await desk.read("headline 1")
    await desk.read("headline 1")
    first, again = await desk.hear(2)
    assert first.comparison_id == again.comparison_id == f"{first.event_id}:m1:m2"
    desk.shadow.follow(judging("v3"))
    await desk.read("headline 1")
    [other] = await desk.hear(1)
    assert other.comparison_id == f"{first.event_id}:m1:m3"


async def test_without_a_challenger_nothing_is_kept_for_one(desk_with, judging, running) -> None:
    desk = desk_with(None, waiting_max=1)
    await desk.read(*numbered(5))
    assert (desk.shadow.version, desk.shadow.skipped) == ("", 0)
    running(desk)
    desk.shadow.follow(judging())
    await desk.read("headline 7")
    assert [one.headline for one in await desk.hear(1)] == ["headline 7"]


async def test_what_the_rules_read_alone_is_not_compared(desk_with, judging) -> None:
    challenger = judging()
    desk = desk_with(challenger, waiting_max=1, champion=judging("v1", does=[Unavailable("gone")]))
    await desk.read(*numbered(5))
    assert desk.shadow.skipped == 0, "nothing was offered"


async def test_a_challenger_that_hangs_delays_no_reading_and_only_so_many_headlines_wait_for_it(
    desk_with, judging, running
) -> None:
    gate = asyncio.Event()
    challenger = judging(does=[gate])
    desk = desk_with(challenger, waiting_max=4)
    running(desk)
    await desk.read("headline 0")
    await until(lambda: bool(challenger.asked))
    readings = await desk.read(*numbered(10))
    assert [one.degraded for one in readings] == [False] * 10
    assert desk.shadow.skipped == 6
    gate.set()
    assert len(await desk.hear(5)) == 5
    assert (desk.shadow.compared, desk.shadow.skipped, desk.told.empty()) == (5, 6, True)


async def test_a_question_holds_at_most_so_many_headlines(desk_with, judging, running) -> None:
    challenger = judging()
    desk = desk_with(challenger)
    await desk.read(*numbered(module.TOGETHER_MAX + 5))
    running(desk)
    await desk.hear(module.TOGETHER_MAX + 5)
    assert challenger.asked == [module.TOGETHER_MAX, 5]


@pytest.mark.parametrize(
    ("failure", "level"),
    [
        (Unavailable("gone"), "warning"),
        (TimeoutError(), "warning"),
        (ValueError("a bug"), "error"),
        (lambda answers: answers[1:], "error"),
        (lambda answers: None, "error"),
    ],
    ids=["gone", "gave up", "bug", "too few", "none"],
)
async def test_a_challenger_that_fails_is_asked_again_for_the_next_headlines(
    desk_with, judging, running, failure, level
) -> None:
    challenger = judging(does=[failure])
    desk = desk_with(challenger)
    with capture_logs() as logs:
        task = running(desk)
        await desk.read(*numbered(2))
        await until(lambda: desk.shadow.skipped > 0)
    assert [entry["log_level"] for entry in logs] == [level]
    await desk.read("headline 7")
    assert [one.headline for one in await desk.hear(1)] == ["headline 7"]
    assert not task.done()
    assert (desk.shadow.compared, desk.shadow.skipped) == (1, 2)


async def test_a_challenger_whose_figures_make_no_sense_ends_nothing(desk_with, judging, running) -> None:
    challenger = judging(severity=float("nan"))
    desk = desk_with(challenger)
    task = running(desk)
    await desk.read("headline 1")
    await until(lambda: desk.shadow.skipped > 0)
    challenger.changes = {}
    await desk.read("headline 2")
    assert [one.headline for one in await desk.hear(1)] == ["headline 2"]
    assert not task.done()


async def test_a_challenger_that_is_too_slow_is_given_up(desk_with, judging, running, monkeypatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 1e-9)
    desk = desk_with(judging(does=[asyncio.Event()]))
    running(desk)
    await desk.read("headline 1")
    await until(lambda: desk.shadow.skipped > 0)
    await desk.read("headline 2")
    assert [one.headline for one in await desk.hear(1)] == ["headline 2"]


async def test_a_bus_that_is_away_does_not_end_the_comparing(desk_with, judging, running) -> None:
    desk = desk_with(judging())
    desk.away = 1
    task = running(desk)
    await desk.read("headline 1")
    await until(lambda: desk.shadow.skipped > 0)
    await desk.read("headline 2")
    assert [one.headline for one in await desk.hear(1)] == ["headline 2"]
    assert not task.done()
    assert (desk.shadow.compared, desk.shadow.agreed) == (1, 1), "what nobody was told is not counted"


async def test_another_challenger_is_followed_and_one_that_is_gone_is_not_asked(desk_with, judging, running) -> None:
    before, after = judging(), judging("v3")
    desk = desk_with(before)
    await desk.read("headline 1")
    desk.shadow.follow(after)
    assert desk.shadow.version == "v3"
    running(desk)
    assert [one.challenger.model for one in await desk.hear(1)] == ["m3"]
    await desk.read("headline 2")
    desk.shadow.follow(None)
    await until(desk.shadow._waiting.empty)
    desk.shadow.follow(after)
    await desk.read("headline 3")
    assert [one.headline for one in await desk.hear(1)] == ["headline 3"]
    assert before.asked == []


# -- agreement --------------------------------------------------------------------------------------------------------


def answer(event_type: EventType, direction: Direction, *, tradable: bool, model: str = "m") -> ModelAnswer:
    return ModelAnswer(
        model=model, event_type=event_type, direction=direction, tradable=tradable, tradable_p=0.5, severity=0.5
    )


HACK, LISTING, BULL, BEAR = EventType.HACK, EventType.LISTING, Direction.BULL, Direction.BEAR


@pytest.mark.parametrize(
    ("ours", "theirs", "agree"),
    [
        ((HACK, BEAR, True), (HACK, BEAR, True), True),
        ((HACK, BEAR, True), (HACK, BULL, True), False),
        ((HACK, BEAR, True), (HACK, Direction.UNKNOWN, True), False),
        ((HACK, BEAR, True), (LISTING, BEAR, True), False),
        ((HACK, BEAR, True), (HACK, BEAR, False), False),
        ((HACK, BEAR, False), (LISTING, BULL, False), True),
        ((HACK, BEAR, False), (HACK, BEAR, False), True),
    ],
)
def test_two_models_agree_where_they_would_be_traded_alike(ours, theirs, agree) -> None:
    one = answer(ours[0], ours[1], tradable=ours[2])
    other = answer(theirs[0], theirs[1], tradable=theirs[2], model="other")
    assert one.agrees_with(other) is agree
    assert other.agrees_with(one) is agree


def test_how_much_is_not_what_two_models_must_agree_on() -> None:
    one = answer(HACK, BEAR, tradable=True)
    assert one.agrees_with(one.model_copy(update={"severity": 0.9, "tradable_p": 0.9}))
