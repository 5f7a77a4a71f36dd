"""How a reader keeps to the models that serve: it goes over to one that has answered, and to no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from actors import model_following as module
from actors.model_following import ModelFollower, open_served, until_models_read
from actors.peers import COLLECTOR, MODELS, NAMESPACE
from herald.bootstrap.configuration import gazetteer_of, rulebook_of
from herald.bootstrap.wiring import NOWHERE, Wiring
from herald.inference.model_path import ModelPath
from herald.inference.serving import AskingPolicy
from herald.inference.shadow import Shadow
from herald.news.judgement import Judgement
from herald.news.reading_desk import TextDesk
from herald.news.verdict import VerdictPolicy
from herald.ports import Asked, Refused, Unavailable
from herald.settings import load_settings
from herald.tasks import end_tasks
from herald.taxonomy import Direction, EventType

NOW = datetime(2025, 6, 7, 12, 0, tzinfo=UTC)
WIRING = Wiring(load_settings(), NOWHERE)
GAZETTEER = gazetteer_of(WIRING)
READ = TextDesk(rulebook_of(WIRING), GAZETTEER).read("Nothing at all", NOW)


class Model:
    """A model that answers at once."""

    def __init__(self, version: str) -> None:
        self.version = version

    async def judge(self, asked: Sequence[Asked]) -> list[Judgement]:
        types = {one: 1.0 if one is EventType.OTHER else 0.0 for one in EventType}
        directions = {one: 1.0 if one is Direction.UNKNOWN else 0.0 for one in Direction}
        return [Judgement(types, directions, 0.1, 0.1, 1.0, unfamiliar=False, model=self.version) for _ in asked]


@dataclass
class House:
    """A reader, what it is told of the models, and which of them can be opened now."""

    follower: ModelFollower
    path: ModelPath
    shadow: Shadow
    serving: dict[str, str] | Unavailable = field(default_factory=dict)
    broken: dict[str, Exception] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)

    async def models(self) -> dict[str, str]:
        if isinstance(self.serving, Unavailable):
            raise self.serving
        return self.serving

    async def open(self, model: str) -> Model:
        self.opened.append(model)
        if model in self.broken:
            raise self.broken[model]
        return Model(model)

    @property
    def reads(self) -> tuple[str, str]:
        """Who reads, and who reads in the shadow."""
        return self.path.version, self.shadow.version


@pytest.fixture
def house() -> House:
    shadow = Shadow(GAZETTEER, VerdictPolicy(), waiting_max=5, now=lambda: NOW)
    path = ModelPath(GAZETTEER, AskingPolicy(), VerdictPolicy(), now_s=lambda: 0.0, shadow=shadow)
    one: Any = House(None, path, shadow)  # type: ignore[arg-type]
    one.follower = ModelFollower(one, path, shadow, one.open)
    return one


async def test_a_reader_goes_over_to_what_serves(house: House) -> None:
    await house.follower.look()
    assert house.reads == ("", "")
    house.serving = {"champion": "v1"}
    await house.follower.look()
    assert house.reads == ("v1", "")
    house.serving = {"champion": "v1", "challenger": "v2"}
    await house.follower.look()
    assert house.reads == ("v1", "v2")
    house.serving = {"champion": "v2"}
    await house.follower.look()
    assert house.reads == ("v2", "")
    assert house.opened == ["v1", "v2", "v2"]


async def test_what_serves_already_is_not_opened_again(house: House) -> None:
    house.serving = {"champion": "v1", "challenger": "v2"}
    for _ in range(3):
        await house.follower.look()
    assert house.opened == ["v1", "v2"]


@pytest.mark.parametrize("error", [Unavailable("not warm"), Refused("its code failed")])
async def test_a_model_that_does_not_answer_yet_leaves_the_one_before_and_is_tried_again(house: House, error) -> None:
    house.serving = {"champion": "v1"}
    await house.follower.look()
    house.serving, house.broken = {"champion": "v2"}, {"v2": error}
    for _ in range(2):
        with pytest.raises(type(error)):
            await house.follower.look()
        assert house.reads == ("v1", "")
    house.broken = {}
    await house.follower.look()
    assert house.reads == ("v2", "")
    assert house.opened == ["v1", "v2", "v2", "v2"]


async def test_until_a_model_is_open_the_one_before_is_asked(house: House) -> None:
    house.serving = {"champion": "v1"}
    await house.follower.look()
    gate, come = asyncio.Event(), asyncio.Event()

    async def slowly(model: str) -> Model:
        come.set()
        await gate.wait()
        return Model(model)

    house.follower._opener = slowly
    house.serving = {"champion": "v2"}
    task = asyncio.ensure_future(house.follower.look())
    await come.wait()
    [reading] = await house.path.read([(READ.item, READ.reading)])
    assert (reading.model, house.reads) == ("v1", ("v1", ""))
    gate.set()
    await task
    [reading] = await house.path.read([(READ.item, READ.reading)])
    assert (reading.model, house.reads) == ("v2", ("v2", ""))


async def test_a_challenger_that_cannot_be_opened_does_not_touch_the_champion(house: House) -> None:
    house.serving, house.broken = {"champion": "v1", "challenger": "v2"}, {"v2": Unavailable("not there")}
    with pytest.raises(Unavailable):
        await house.follower.look()
    assert house.reads == ("v1", "")
    house.serving = {"champion": "v3", "challenger": "v2"}
    with pytest.raises(Unavailable):
        await house.follower.look()
    assert house.reads == ("v3", "")


async def test_without_a_champion_the_rules_read_alone_and_say_so(house: House) -> None:
    house.serving = {"champion": "v1", "challenger": "v2"}
    await house.follower.look()
    house.serving = {}
    await house.follower.look()
    assert house.reads == ("", "")
    [reading] = await house.path.read([(READ.item, READ.reading)])
    assert reading == READ.reading.model_copy(update={"degraded": True})


async def test_what_cannot_be_known_changes_nothing(house: House) -> None:
    house.serving = {"champion": "v1"}
    await house.follower.look()
    house.serving = Unavailable("Redis is away")
    with pytest.raises(Unavailable):
        await house.follower.look()
    assert house.reads == ("v1", "")


async def test_following_outlasts_whatever_a_model_or_the_hot_state_do(house: House, monkeypatch) -> None:
    monkeypatch.setattr(module, "LOOK_PERIOD_S", 0.0)
    house.serving, house.broken = {"champion": "v1"}, {"v1": Refused("its code failed")}
    task = asyncio.ensure_future(house.follower.run())
    await until(lambda: len(house.opened) > 2)
    house.serving = Unavailable("Redis is away")
    await until(lambda: False, turns=5)
    house.serving, house.broken = {"champion": "v1"}, {}
    await until(lambda: house.reads == ("v1", ""))
    assert not task.done()
    await end_tasks(task)


async def until(condition: Callable[[], bool], turns: int = 1_000) -> None:
    """Let the other tasks run until something holds, or for some turns."""
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0)


# -- the first answer -------------------------------------------------------------------------------------------------


class Served(Model):
    """A judge of Ray Serve whose first answer is given."""

    def __init__(self, warm: Callable[[], Any]) -> None:
        super().__init__("v1")
        self.warm = warm


async def test_a_served_model_is_opened_when_it_has_answered_once(monkeypatch) -> None:
    answered: list[str] = []

    async def warm() -> None:
        answered.append("first")

    monkeypatch.setattr(module, "_open", lambda model: Served(warm))
    assert (await open_served("v1")).version == "v1"
    assert answered == ["first"]


async def test_a_served_model_that_gives_no_first_answer_is_not_opened(monkeypatch) -> None:
    monkeypatch.setattr(module, "WARM_LIMIT_S", 1e-9)
    monkeypatch.setattr(module, "_open", lambda model: Served(asyncio.Event().wait))
    with pytest.raises(Unavailable, match="v1 gave no first answer"):
        await open_served("v1")


async def test_a_model_that_does_not_serve_is_unavailable(monkeypatch) -> None:
    def gone(model: str) -> Served:
        raise Unavailable(f"classifier {model} does not serve")

    monkeypatch.setattr(module, "_open", gone)
    with pytest.raises(Unavailable, match="v1 does not serve"):
        await open_served("v1")


# -- until readers read with a model ----------------------------------------------------------------------------------


@dataclass
class Collectors:
    """The actors that run; each collector answers with what it reads by, one answer after the other."""

    answers: dict[str, list[Any]]
    others: tuple[str, ...] = (MODELS,)

    def listed(self, *, all_namespaces: bool) -> list[dict[str, str]]:
        assert all_namespaces
        names = [*self.answers, *self.others]
        foreign = {"name": f"{COLLECTOR}-foreign", "namespace": "another"}
        return [foreign, *({"name": name, "namespace": NAMESPACE} for name in names)]

    def peer(self, name: str) -> Any:
        async def call(method: str) -> Any:
            assert method == "health"
            answer = self.answers[name].pop(0) if len(self.answers[name]) > 1 else self.answers[name][0]
            if isinstance(answer, Exception):
                raise answer
            return SimpleNamespace(detail={} if answer is None else {"reads_by": answer})

        return SimpleNamespace(call=call)


async def waited(monkeypatch: pytest.MonkeyPatch, collectors: Collectors) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(module, "list_named_actors", collectors.listed)
    monkeypatch.setattr(module, "Peer", collectors.peer)
    monkeypatch.setattr(module, "LOOK_PERIOD_S", 0.0)
    await until_models_read(lambda what, how: told.append(f"{what} {how}"))
    return told


async def test_a_start_waits_until_every_collector_reads_with_a_model(monkeypatch) -> None:
    collectors = Collectors({f"{COLLECTOR}-a": [None, "", "v1"], f"{COLLECTOR}-b": [Unavailable("restarting"), "v1"]})
    assert await waited(monkeypatch, collectors) == ["classifier starting", "classifier ready"]


async def test_a_start_does_not_wait_for_ever_for_a_model(monkeypatch) -> None:
    monkeypatch.setattr(module, "READ_LIMIT_S", 1e-9)
    told = await waited(monkeypatch, Collectors({f"{COLLECTOR}-a": [""]}))
    assert told[0] == "classifier starting"
    assert "the rules read alone" in told[1]


@pytest.mark.parametrize("collectors", [Collectors({f"{COLLECTOR}-a": [""]}, others=()), Collectors({})])
async def test_nobody_waits_where_no_model_is_to_serve(monkeypatch, collectors: Collectors) -> None:
    assert await waited(monkeypatch, collectors) == []
