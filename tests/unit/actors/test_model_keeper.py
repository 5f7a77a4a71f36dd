"""The keeper of models: a part changes hands only when the next model answers, and what served before ends later."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from actors.model_keeper import TRY_AGAIN_S, FetchingServer, ModelKeeper, parts_in
from herald.inference.serving import ModelFailedError, ModelPlace, ServingPolicy
from herald.ports import Unavailable
from training.versions import Alias

CHAMPION, CHALLENGER = Alias.CHAMPION, Alias.CHALLENGER
DRAIN_S = 10.0
POLICY = ServingPolicy(drain_s=DRAIN_S)


def place(name: str) -> ModelPlace:
    return ModelPlace(Path("/models") / name)


V1, V2, V3 = place("v1-a"), place("v2-b"), place("v3-c")


@dataclass
class Serve:
    """What stands for Ray Serve: what runs, and the order of everything that was done."""

    running: set[str] = field(default_factory=set)
    failing: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def start(self, place: ModelPlace, policy: ServingPolicy) -> None:
        self.done.append(f"start {place.name}")
        if place.name in self.failing:
            raise ModelFailedError(self.failing[place.name])
        self.running.add(place.name)

    def end(self, model: str) -> None:
        self.done.append(f"end {model}")
        self.running.discard(model)

    def missing(self, models: Collection[str]) -> set[str]:
        return set(models) - self.running


@dataclass
class Readers:
    """Those who ask the models: what they were told, unless they cannot be told now."""

    told: list[dict[str, str]] = field(default_factory=list)
    away: int = 0
    serve: Serve | None = None
    running_then: list[set[str]] = field(default_factory=list)

    async def put(self, serving: Mapping[str, str]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("Redis is away")
        self.told.append(dict(serving))
        if self.serve is not None:
            self.running_then.append(set(self.serve.running))


@dataclass
class House:
    """A keeper with what it serves on and whom it tells; ``clock`` is moved by a test."""

    serve: Serve = field(default_factory=Serve)
    readers: Readers = field(default_factory=Readers)
    clock: list[float] = field(default_factory=lambda: [0.0])

    def keeper(self, **given: Any) -> ModelKeeper:
        return ModelKeeper(self.serve, POLICY, self.readers.put, now_s=lambda: self.clock[0], **given)

    async def after(self, seconds: float, keeper: ModelKeeper) -> None:
        self.clock[0] += seconds
        await keeper.tend()


@pytest.fixture
def house() -> House:
    one = House()
    one.readers.serve = one.serve
    return one


async def test_readers_are_told_of_a_model_only_when_it_serves(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1, CHALLENGER: V2})
    assert house.serve.done == ["start v1-a", "start v2-b"], "the champion first"
    assert house.readers.told[0] == {"champion": "v1-a"}
    assert house.readers.told[-1] == {"champion": "v1-a", "challenger": "v2-b"}
    for told, running in zip(house.readers.told, house.readers.running_then, strict=True):
        assert set(told.values()) <= running


async def test_what_serves_already_is_not_started_again_and_told_again(house: House) -> None:
    keeper = house.keeper()
    for _ in range(3):
        await keeper.want({CHAMPION: V1})
    assert house.serve.done == ["start v1-a"]
    assert house.readers.told[-2:] == [{"champion": "v1-a"}] * 2, "for a hot state that has lost it"


async def test_what_somebody_else_has_deleted_is_started_again(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1, CHALLENGER: V2})
    house.serve.running.discard("v1-a")
    await keeper.tend()
    assert house.serve.done == ["start v1-a", "start v2-b", "start v1-a"]
    assert house.serve.running == {"v1-a", "v2-b"}


async def test_what_cannot_be_started_again_is_told_and_tried_only_after_a_while(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1})
    house.serve.running.clear()
    house.serve.failing["v1-a"] = "no room"
    await keeper.tend()
    await house.after(TRY_AGAIN_S - 0.001, keeper)
    assert house.serve.done == ["start v1-a"] * 2
    assert keeper.troubles == {"v1-a": "no room"}
    house.serve.failing.clear()
    await house.after(0.001, keeper)
    assert house.serve.running == {"v1-a"}
    assert keeper.troubles == {}


async def test_the_model_before_answers_on_for_as_long_as_was_set_and_ends_then(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1})
    await keeper.want({CHAMPION: V2})
    assert house.readers.told[-1] == {"champion": "v2-b"}
    await house.after(DRAIN_S - 0.001, keeper)
    assert house.serve.running == {"v1-a", "v2-b"}
    await keeper.want({CHAMPION: V2})
    await house.after(0.001, keeper)
    assert house.serve.running == {"v2-b"}
    await house.after(10 * DRAIN_S, keeper)
    assert house.serve.done.count("end v1-a") == 1


async def test_a_model_that_cannot_serve_leaves_the_champion_and_is_tried_again_later(house: House) -> None:
    house.serve.failing = {"v2-b": "no encoder.onnx"}
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1})
    for _ in range(3):
        await keeper.want({CHAMPION: V2})
        await house.after((TRY_AGAIN_S - 1) / 3, keeper)
    assert house.serve.done == ["start v1-a", "start v2-b"]
    assert (keeper.serving, keeper.troubles) == ({CHAMPION: V1}, {"v2-b": "no encoder.onnx"})
    assert house.readers.told[-1] == {"champion": "v1-a"}
    house.serve.failing = {}
    house.clock[0] += 1
    await keeper.want({CHAMPION: V2})
    assert (keeper.serving, keeper.troubles) == ({CHAMPION: V2}, {})


async def test_a_challenger_that_cannot_serve_holds_no_champion_up(house: House) -> None:
    house.serve.failing = {"v3-c": "no encoder.onnx"}
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1, CHALLENGER: V3})
    await keeper.want({CHAMPION: V2, CHALLENGER: V3})
    assert keeper.serving == {CHAMPION: V2}
    assert keeper.troubles == {"v3-c": "no encoder.onnx"}, "the success of another does not hide it"
    await keeper.want({CHAMPION: V2})
    assert keeper.troubles == {}, "nobody wants it any more"


async def test_a_model_that_comes_back_before_its_end_does_not_end(house: House) -> None:
    keeper = house.keeper()
    for wanted in (V1, V2, V1):
        await keeper.want({CHAMPION: wanted})
        await house.after(DRAIN_S - 1, keeper)
    await house.after(10 * DRAIN_S, keeper)
    assert house.serve.running == {"v1-a"}
    assert "end v1-a" not in house.serve.done


async def test_a_model_that_came_back_while_nobody_could_be_told_does_not_end_either(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1})
    await keeper.want({CHAMPION: V2})
    house.readers.away = 1
    with pytest.raises(Unavailable):
        await keeper.want({CHAMPION: V1})
    await house.after(DRAIN_S, keeper)
    assert house.serve.running == {"v1-a", "v2-b"}
    await keeper.want({CHAMPION: V1})
    await house.after(DRAIN_S, keeper)
    assert house.serve.running == {"v1-a"}


async def test_a_part_has_passed_only_when_readers_were_told(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1})
    house.readers.away = 1
    with pytest.raises(Unavailable):
        await keeper.want({CHAMPION: V2})
    assert keeper.serving == {CHAMPION: V1}
    await house.after(10 * DRAIN_S, keeper)
    assert "v1-a" in house.serve.running, "readers still ask it"
    await keeper.want({CHAMPION: V2})
    assert house.readers.told[-1] == {"champion": "v2-b"}
    await house.after(DRAIN_S - 1, keeper)
    assert "v1-a" in house.serve.running
    await house.after(1, keeper)
    assert house.serve.running == {"v2-b"}


async def test_a_model_that_was_started_in_vain_is_ended(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1})
    house.readers.away = 1
    with pytest.raises(Unavailable):
        await keeper.want({CHAMPION: V2})
    await keeper.want({CHAMPION: V1})
    await house.after(DRAIN_S, keeper)
    assert house.serve.running == {"v1-a"}


async def test_a_challenger_that_is_promoted_goes_on_and_only_the_champion_before_ends(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1, CHALLENGER: V2})
    await keeper.want({CHAMPION: V2})
    assert house.readers.told[-1] == {"champion": "v2-b"}
    await house.after(DRAIN_S, keeper)
    assert house.serve.running == {"v2-b"}
    assert house.serve.done.count("end v2-b") == 0


async def test_a_challenger_that_is_gone_is_told_and_ended(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1, CHALLENGER: V2})
    await keeper.want({CHAMPION: V1})
    assert house.readers.told[-1] == {"champion": "v1-a"}
    await house.after(DRAIN_S, keeper)
    assert house.serve.running == {"v1-a"}


async def test_a_champion_that_is_taken_away_leaves_nobody(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1})
    await keeper.want({})
    assert (house.readers.told[-1], keeper.serving) == ({}, {})


async def test_one_model_may_play_both_parts(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1, CHALLENGER: V1})
    await keeper.want({CHAMPION: V1})
    await house.after(DRAIN_S, keeper)
    assert house.serve.running == {"v1-a"}


async def test_the_next_keeper_goes_on_with_what_runs_and_ends_what_nobody_wants(house: House) -> None:
    keeper = house.keeper()
    await keeper.want({CHAMPION: V1})
    await keeper.want({CHAMPION: V2})
    heir = house.keeper(running=set(house.serve.running))
    await heir.want({CHAMPION: V2})
    assert house.readers.told[-1] == {"champion": "v2-b"}
    await house.after(DRAIN_S, heir)
    assert house.serve.running == {"v2-b"}


# -- files that are not here yet --------------------------------------------------------------------------------------


def test_files_are_fetched_before_a_model_starts_and_only_where_they_are_missing(tmp_path: Path) -> None:
    serve = Serve()

    def fetch(name: str) -> None:
        serve.done.append(f"fetch {name}")
        (tmp_path / name).mkdir()

    server = FetchingServer(lambda: serve, fetch)
    for _ in range(2):
        server.start(ModelPlace(tmp_path / "v1-a", "http://registry"), POLICY)
    server.start(ModelPlace(tmp_path / "given"), POLICY)
    server.end("v1-a")
    assert server.missing(["v1-a", "given"]) == {"v1-a"}
    assert serve.done == ["fetch v1-a", "start v1-a", "start v1-a", "start given", "end v1-a"]


def test_a_model_whose_files_cannot_be_fetched_is_not_started(tmp_path: Path) -> None:
    serve = Serve()

    def fetch(name: str) -> None:
        raise ModelFailedError(f"model {name} cannot be fetched")

    with pytest.raises(ModelFailedError, match="cannot be fetched"):
        FetchingServer(lambda: serve, fetch).start(ModelPlace(tmp_path / "v1-a", "http://registry"), POLICY)
    assert serve.done == []


def test_where_no_model_serves_the_library_of_serve_is_not_loaded() -> None:
    def versions() -> Serve:
        raise AssertionError("loaded")

    assert FetchingServer(versions, lambda name: None).missing([]) == set()


# -- what is remembered -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{}", {}),
        ('{"champion": "v1-a"}', {CHAMPION: "v1-a"}),
        ('{"champion": "v1-a", "challenger": "v2-b"}', {CHAMPION: "v1-a", CHALLENGER: "v2-b"}),
        ('{"champion": "v1-a", "understudy": "v9-z", "previous-champion": "v0"}', {CHAMPION: "v1-a"}),
    ],
)
def test_what_served_last_is_read_by_part_and_unknown_parts_are_left_out(text: str, found: dict[Alias, str]) -> None:
    assert parts_in(text) == found


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"v1-a"', '{"champion": 7}', '{"champion": null}', '{"champion": ""}',
     '{"champion": ["v1"]}', '{"champion": "../v1-a"}', '{"champion": "/etc"}', '{"champion": ".."}',
     '{"champion": "."}'],
)  # fmt: skip
def test_a_damaged_memory_is_told_from_an_empty_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parts_in(text)
