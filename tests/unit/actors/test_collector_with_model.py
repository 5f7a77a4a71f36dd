"""A collector that reads with a model: no item is lost or delayed by it, and each is read once and in order."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actors import collector as module
from actors import model_following
from actors import shell as shell_module
from actors.collector import Collector, CollectorShell
from herald.bootstrap.configuration import gazetteer_of, rulebook_of, sources_of
from herald.bootstrap.wiring import NOWHERE, Recording, Wiring
from herald.clocks import SimulatedClock
from herald.inference import model_path
from herald.inference.model_path import ModelPath
from herald.inference.serving import AskingPolicy
from herald.messages import COMPARISONS_TOPIC, NewsItem, RawItem
from herald.nanoseconds import to_ns
from herald.news.judgement import Judgement
from herald.news.reading import Reading
from herald.news.verdict import VerdictPolicy
from herald.ports import Asked, Batch, ClockMark, Unavailable
from herald.settings import load_settings
from herald.stores.memory import MemorySourceStates
from herald.taxonomy import Direction, EventType, Stage

T0 = datetime(2025, 6, 7, 12, 0, tzinfo=UTC)
WIRING = Wiring(load_settings(), NOWHERE)
RULEBOOK, GAZETTEER, SOURCES = rulebook_of(WIRING), gazetteer_of(WIRING), sources_of(WIRING)


@dataclass
class Model:
    """A model that finds a hack in everything, unless it is told what else to do."""

    version: str = "v1"
    does: list[Any] = field(default_factory=list)

    async def judge(self, asked: Sequence[Asked]) -> list[Judgement]:
        does = self.does.pop(0) if self.does else None
        if isinstance(does, Exception):
            raise does
        types = {one: 0.9 if one is EventType.HACK else 0.1 / (len(EventType) - 1) for one in EventType}
        directions = {Direction.BULL: 0.1, Direction.BEAR: 0.8, Direction.UNKNOWN: 0.1}
        answers = [Judgement(types, directions, 0.95, 0.5, 0.9, unfamiliar=False, model=self.version) for _ in asked]
        return does(answers) if does is not None else answers


class Listed:
    """A source with one batch, which goes on from a snapshot."""

    name = "listed"

    def __init__(self, *titles: str, at: int = 0) -> None:
        self._items = tuple(
            RawItem(source="coindesk", title=title, native_id=title, published_at=T0, received_at=T0)
            for title in titles
        )
        self._at = at

    async def next_batch(self, now: datetime) -> Batch:
        given, self._at = self._items[self._at :], len(self._items)
        return Batch(given)

    def next_wake_up(self, now: datetime) -> datetime:
        return now

    def snapshot(self) -> dict[str, Any]:
        return {"at": self._at}

    async def close(self) -> None:
        """Hold nothing."""


@dataclass
class Desk:
    """A correlator that keeps what it takes over."""

    read: list[tuple[NewsItem, Reading]] = field(default_factory=list)

    async def take(self, read: Sequence[tuple[NewsItem, Reading]], mark: Any) -> list[Any]:
        self.read += read
        return []

    @property
    def models(self) -> list[tuple[str, str]]:
        """Headline and who read it; empty for the rules alone."""
        return [(item.headline, "" if one.degraded else one.model) for item, one in self.read]


@pytest.fixture
def states() -> MemorySourceStates:
    return MemorySourceStates()


@pytest.fixture
def path() -> ModelPath:
    return ModelPath(GAZETTEER, AskingPolicy(), VerdictPolicy(), now_s=lambda: 0.0)


@pytest.fixture
def collector(house: Any, states: MemorySourceStates) -> Callable[..., Collector]:
    def make(desk: Desk, path: ModelPath | None) -> Collector:
        return Collector(
            bus=house.bus, clock=house.clock, correlator=desk, states=states, profiles=SOURCES, rulebook=RULEBOOK,
            gazetteer=GAZETTEER, path=path,
        )  # fmt: skip

    return make


async def test_what_the_model_makes_of_an_item_is_handed_over(collector, path) -> None:
    desk = Desk()
    path.serve(Model())
    await collector(desk, path).collect(Listed("first words", "second words"))
    assert desk.models == [("first words", "v1"), ("second words", "v1")]
    assert {one.event_type for _, one in desk.read} == {EventType.HACK}
    assert all({Stage.NORMALISED, Stage.CLASSIFIED} <= item.stamps.keys() for item, _ in desk.read)


async def test_where_the_rules_read_alone_by_choice_that_is_not_called_degraded(collector) -> None:
    desk = Desk()
    await collector(desk, None).collect(Listed("first words"))
    assert desk.models == [("first words", "rules")]


@pytest.mark.parametrize(
    "does",
    [Unavailable("gone"), TimeoutError(), KeyError("a bug"), lambda answers: answers[1:], lambda answers: None],
    ids=["gone", "gave up", "bug", "too few", "none"],
)
async def test_whatever_a_model_does_no_item_is_lost(collector, path, states, does) -> None:
    desk = Desk()
    path.serve(Model(does=[does]))
    one = collector(desk, path)
    await one.collect(Listed("first words", "second words"))
    assert desk.models == [("first words", ""), ("second words", "")]
    assert (one.items, await states.load("listed")) == (2, {"at": 2})


async def test_a_replay_that_finds_no_model_takes_nothing_over_and_begins_again_from_there(
    collector, states, monkeypatch
) -> None:
    monkeypatch.setattr(model_path, "PATIENT_S", 1e-9)
    patient = ModelPath(GAZETTEER, AskingPolicy(), VerdictPolicy(), now_s=lambda: 0.0, patient=True)
    desk = Desk()
    with pytest.raises(Unavailable, match="no model answered"):
        await collector(desk, patient).collect(Listed("first words"))
    assert (desk.read, await states.load_all()) == ([], {})
    patient.serve(Model())
    await collector(desk, patient).collect(Listed("first words"))
    assert desk.models == [("first words", "v1")]


# -- the shell --------------------------------------------------------------------------------------------------------


@dataclass
class Hot:
    """The hot state: which models serve."""

    serving: dict[str, str] = field(default_factory=dict)
    closed: int = 0

    async def models(self) -> Mapping[str, str]:
        return self.serving

    async def close(self) -> None:
        self.closed += 1


@dataclass
class Scene:
    """What an actor opens, and the actor."""

    house: Any
    states: MemorySourceStates
    wiring: Wiring
    desk: Desk = field(default_factory=Desk)
    hot: Hot = field(default_factory=Hot)
    models: dict[str, Model] = field(default_factory=dict)

    def shell(self) -> CollectorShell:
        return CollectorShell(self.wiring, "recorded")


@pytest.fixture
def scene(house, states, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Scene:
    """A recording of three items, a minute apart, and models that are opened by name."""
    news = tmp_path / "news.jsonl"
    told = [{"headline": f"headline {n}", "published_at": (T0 + timedelta(minutes=n)).isoformat()} for n in range(3)]
    news.write_text("\n".join(map(json.dumps, told)), "utf-8")
    one = Scene(house, states, Wiring(load_settings(), NOWHERE, recording=Recording(news, ())))

    async def opened(what: Any) -> Any:
        return what

    async def open_served(model: str) -> Model:
        if model not in one.models:
            raise Unavailable(f"classifier {model} does not serve")
        return one.models[model]

    async def close() -> None:
        """Hold nothing."""

    monkeypatch.setattr(module, "open_bus", lambda _: opened(house.bus))
    monkeypatch.setattr(module, "open_hot", lambda _: opened(one.hot))
    monkeypatch.setattr(module, "open_postgres", lambda _: opened(SimpleNamespace(close=close)))
    monkeypatch.setattr(module, "SourceStates", lambda _: states)
    monkeypatch.setattr(module, "CorrelatorPeer", lambda: one.desk)
    monkeypatch.setattr(module, "open_clock", lambda _: SimulatedClock(T0))
    monkeypatch.setattr(module, "rulebook_of", lambda _: RULEBOOK)
    monkeypatch.setattr(module, "gazetteer_of", lambda _: GAZETTEER)
    monkeypatch.setattr(module, "open_served", open_served)
    monkeypatch.setattr(model_following, "LOOK_PERIOD_S", 0.0)
    monkeypatch.setattr(shell_module, "BEGIN_PAUSE_S", 0.0)
    monkeypatch.setattr(os, "_exit", lambda status: pytest.fail(f"the actor died with {status}"))
    return one


def mark(minutes: float) -> ClockMark:
    return ClockMark(to_ns(T0 + timedelta(minutes=minutes)), 0)


async def turns(count: int) -> None:
    """Let the loops of an actor run; none of them waits for a clock here."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_replay_waits_for_its_model_and_every_item_is_read_by_it(scene: Scene) -> None:
    shell = scene.shell()
    first = asyncio.ensure_future(shell.poll(mark(0)))
    await turns(20)
    assert not first.done()
    assert (await shell.health()).detail["reads_by"] == ""
    scene.hot.serving = {"champion": "v1"}
    scene.models = {"v1": Model("v1")}
    assert await first == (1, False, T0 + timedelta(minutes=1))
    await shell.poll(mark(1))
    assert scene.desk.models == [("headline 0", "v1"), ("headline 1", "v1")]
    detail = (await shell.health()).detail
    assert {name: detail[name] for name in ("reads_by", "judged", "remembered", "degraded")} == {
        "reads_by": "v1", "judged": 2, "remembered": 0, "degraded": 0,
    }  # fmt: skip
    assert "challenger" not in detail
    await shell.close()
    assert scene.hot.closed == 1


async def test_what_champion_and_challenger_make_of_an_item_is_told_on_the_bus(scene: Scene) -> None:
    scene.hot.serving = {"champion": "v1", "challenger": "v2"}
    scene.models = {"v1": Model("v1"), "v2": Model("v2")}
    shell = scene.shell()
    await shell.ready()
    await turns(20)
    await shell.poll(mark(0))
    await turns(20)
    told = await scene.house.told(COMPARISONS_TOPIC)
    [(item, _)] = scene.desk.read
    assert [(one.event_id, one.champion.model, one.challenger.model, one.agree) for one in told] == [
        (item.event_id, "v1", "v2", True)
    ]
    detail = (await shell.health()).detail
    assert (detail["challenger"], detail["compared"], detail["agreed"]) == ("v2", 1, 1)
    await shell.close()


async def test_a_beginning_that_was_made_twice_follows_the_models_once(scene: Scene, monkeypatch) -> None:
    fails = [Unavailable("PostgreSQL is away")]
    load, followed = scene.states.load_all, []

    async def load_all() -> dict[str, Any]:
        if fails:
            raise fails.pop()
        return await load()

    class Counted(model_following.ModelFollower):
        async def run(self) -> None:
            followed.append(self)
            await super().run()

    monkeypatch.setattr(scene.states, "load_all", load_all)
    monkeypatch.setattr(module, "ModelFollower", Counted)
    scene.hot.serving, scene.models = {"champion": "v1"}, {"v1": Model("v1")}
    shell = scene.shell()
    assert (await shell.poll(mark(0)))[0] == 1
    assert len(followed) == 1
    await shell.close()
