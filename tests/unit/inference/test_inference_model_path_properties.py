"""The way through the serving model, over any sequence of answers, failures and switches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herald.inference import model_path as module
from herald.inference.model_path import ModelPath
from herald.inference.serving import AskingPolicy
from herald.messages import NewsItem
from herald.news.judgement import Judgement
from herald.news.reading import Reading
from herald.news.verdict import VerdictPolicy
from herald.ports import Asked, Unavailable

HEADLINES = tuple(f"headline {number}" for number in range(12))
REST_S, TOGETHER, CACHE = 0.5, 3, 5

Version = str | None
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.lists(st.sampled_from(HEADLINES), max_size=10)),
        st.tuples(st.just("answers"), st.lists(st.sampled_from(["answer", "slow", "fail", "few", "bug"]), max_size=4)),
        st.tuples(st.just("switch"), st.sampled_from([None, "v1", "v2", "v3"])),
        st.tuples(st.just("switch while asked"), st.sampled_from([None, "v1", "v2", "v3"])),
        st.tuples(st.just("wait"), st.sampled_from([0.0, 0.2, REST_S])),
    ),
    max_size=25,
)


@dataclass
class World:
    """What a model will do with its next questions, and what was asked and answered: by version and headline."""

    judgement_of: Callable[..., Judgement]
    plan: list[str] = field(default_factory=list)
    switch: list[Version] = field(default_factory=list)
    path: ModelPath | None = None
    now_s: float = 0.0
    answered: list[tuple[str, str]] = field(default_factory=list)
    asked: list[tuple[float, str, str]] = field(default_factory=list)

    def serve(self, version: Version) -> None:
        assert self.path is not None
        self.path.serve(Model(self, version) if version is not None else None)


@dataclass
class Model:
    """A version that does what the world has planned."""

    world: World
    version: str

    async def judge(self, asked: Sequence[Asked]) -> list[Judgement]:
        world = self.world
        does = world.plan.pop(0) if world.plan else "answer"
        assert len(asked) <= TOGETHER
        assert len({one.headline for one in asked}) == len(asked)
        world.asked.append((world.now_s, self.version, does))
        if world.switch:
            world.serve(world.switch.pop())
        if does == "slow":
            await asyncio.Event().wait()
        if does == "fail":
            raise Unavailable("gone")
        if does == "bug":
            raise KeyError("a bug")
        answers = [world.judgement_of(one.headline, self.version) for one in asked]
        if does == "few":
            return answers[1:]
        world.answered += [(self.version, one.headline) for one in asked]
        return answers


def check(world: World, headlines: Sequence[str], readings: Sequence[Reading], ruled: dict[str, Reading]) -> None:
    """Each headline has its own reading, in order: a model's, which that model gave, or the rules'."""
    assert len(readings) == len(headlines)
    for headline, reading in zip(headlines, readings, strict=True):
        if reading.degraded:
            assert reading == ruled[headline].model_copy(update={"degraded": True})
        else:
            assert (reading.model, headline) in world.answered
            assert reading.severity == int(headline.split()[1]) / 1000
    for headline in set(headlines):
        alike = [one for other, one in zip(headlines, readings, strict=True) if other == headline]
        assert all(one == alike[0] for one in alike)


async def play(world: World, steps: Sequence[tuple[str, Any]], items: dict[str, tuple[NewsItem, Reading]]) -> None:
    path = world.path
    assert path is not None
    ruled = {headline: reading for headline, (_, reading) in items.items()}
    for what, given_one in steps:
        if what == "wait":
            world.now_s += given_one
        elif what == "answers":
            world.plan = list(given_one)
        elif what == "switch":
            world.serve(given_one)
        elif what == "switch while asked":
            world.switch = [given_one]
        else:
            version, begun, before = path.version, len(world.asked), path.degraded
            known = len(world.answered)
            readings = await path.read([items[one] for one in given_one])
            check(world, given_one, readings, ruled)
            degraded = [one.degraded for one in readings]
            assert {one.model for one in readings if not one.degraded} <= {version}, "no version answers for another"
            answered = {headline for _, headline in world.answered[known:]}
            assert not answered & {headline for headline, one in zip(given_one, degraded, strict=True) if one}
            assert path.degraded - before == sum(degraded)
            asked = world.asked[begun:]
            assert all(who == version for _, who, _ in asked), "one question is put to one model"
            failures = [does for _, _, does in asked if does != "answer"]
            assert len(failures) <= 1, "after a failure nobody is asked"
            if not version:
                assert all(degraded)
            elif asked:
                assert any(degraded) == bool(failures), "degraded exactly where no answer came"


@pytest.mark.parametrize("patient", [False, True])
def test_every_item_has_one_reading_in_order_whatever_the_model_does(
    gazetteer, found_of, judgement_of, monkeypatch: pytest.MonkeyPatch, patient
) -> None:
    items = dict(zip(HEADLINES, found_of(*HEADLINES), strict=True))
    monkeypatch.setattr(module, "PATIENT_PAUSE_S", 0.0)
    asking = AskingPolicy(
        answer_ms=1e-6, answer_ms_each=0, rest_ms=REST_S * 1000, together_max=TOGETHER, cache_max=CACHE
    )

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(steps=STEPS)
    def hold(steps: list[tuple[str, Any]]) -> None:
        async def run() -> None:
            world = World(judgement_of)
            world.path = ModelPath(gazetteer, asking, VerdictPolicy(), now_s=lambda: world.now_s, patient=patient)
            if patient:
                await play_patiently(world, steps, items)
            else:
                await play(world, steps, items)

        asyncio.run(run())

    hold()


async def play_patiently(
    world: World, steps: Sequence[tuple[str, Any]], items: dict[str, tuple[NewsItem, Reading]]
) -> None:
    """Nothing is degraded while models come back and tell the truth: failures, but neither faults nor hanging."""
    path = world.path
    assert path is not None
    world.serve("v1")
    for what, given_one in steps:
        if what == "answers":
            world.plan = ["fail" if one in {"slow", "few", "bug"} else one for one in given_one]
        elif what == "switch":
            world.serve(given_one or "v1")
        elif what == "switch while asked":
            world.switch = [given_one or "v1"]
        elif what == "read":
            readings = await path.read([items[one] for one in given_one])
            assert [one.degraded for one in readings] == [False] * len(given_one)
            assert all(
                (one.model, headline) in world.answered for one, headline in zip(readings, given_one, strict=True)
            )
            assert [one.severity for one in readings] == [int(one.split()[1]) / 1000 for one in given_one]
