"""The classifier on a real Ray Serve: swapped under load, killed, refused when broken."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import ray
from ray import serve as ray_serve

from actors.deployment import start_ray
from actors.model_following import open_served
from benchmarks.bare_model import write_bare_model
from herald.bootstrap.configuration import gazetteer_of, rulebook_of
from herald.bootstrap.wiring import NOWHERE, Wiring
from herald.inference.model_path import ModelPath
from herald.inference.serving import AskingPolicy, ModelFailedError, ModelPlace, ServingPolicy
from herald.inference.text_model import load_model
from herald.news.reading import Reading
from herald.news.reading_desk import ReadText, TextDesk
from herald.news.verdict import VerdictPolicy
from herald.ports import Asked, Unavailable
from herald.settings import load_settings
from serve import versions
from serve.presence import serve_runs

pytestmark = [
    pytest.mark.ray,
    # Serve's own client leaves a socket and a loop to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

POLICY = ServingPolicy(cpus=0.1, replicas_max=1, drain_s=5.0)
PATIENT = AskingPolicy(answer_ms=60_000)  # the machine of the tests may be busy: nothing here is a matter of speed
WIRING = Wiring(load_settings(), NOWHERE)
GAZETTEER = gazetteer_of(WIRING)
DESK = TextDesk(rulebook_of(WIRING), GAZETTEER)
PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[ModelPlace]:
    folder = tmp_path_factory.mktemp("models")
    return [ModelPlace(write_bare_model(folder / f"v{number}-bare")) for number in (1, 2)]


@pytest.fixture(scope="module", autouse=True)
def cluster(places: list[ModelPlace]) -> Iterator[None]:
    """A Ray of this module alone, with the first model serving."""
    start_ray(None, 0, dashboard=False)
    versions.start(places[0], POLICY)
    yield
    ray_serve.shutdown()  # the threads of its client would go on after Ray, and start another one
    ray.shutdown()


@pytest.fixture
async def path(places: list[ModelPlace]) -> ModelPath:
    way = ModelPath(GAZETTEER, PATIENT, VerdictPolicy(), now_s=time.monotonic)
    way.serve(await open_served(places[0].name))
    return way


def headline(number: int) -> ReadText:
    """Return a headline that no other test asks about, since answers are remembered."""
    return DESK.read(f"Company {number} adds {number} BTC to its treasury", datetime(2025, 6, 1, tzinfo=UTC))


async def read(path: ModelPath, number: int) -> Reading:
    one = headline(number)
    [reading] = await path.read([(one.item, one.reading)])
    return reading


async def test_through_serve_a_headline_is_judged_as_by_the_model_itself(places: list[ModelPlace]) -> None:
    asked = [Asked(f"Exchange number {number} lists a token", ("tradable:True",)) for number in range(5)]
    judge = await open_served(places[0].name)
    judged = await asyncio.gather(*(judge.judge(asked[number:]) for number in range(5)))
    direct = load_model(places[0].folder).judge([one.headline for one in asked], [one.evidence for one in asked])
    for number, answer in enumerate(judged):
        assert [one.model for one in answer] == ["bare"] * (5 - number)
        for ours, theirs in zip(answer, direct[number:], strict=True):
            assert ours.event_types == pytest.approx(theirs.event_types)
            assert ours.familiarity == pytest.approx(theirs.familiarity, abs=1e-5)


async def test_a_model_takes_over_under_load_without_a_question_lost(path: ModelPath, places: list[ModelPlace]) -> None:
    readings: list[Reading] = []
    over = asyncio.Event()

    async def ask(asker: int) -> None:
        number = asker * 100_000
        while not over.is_set():
            number += 1
            readings.append(await read(path, number))

    loading = [asyncio.create_task(ask(asker)) for asker in range(4)]
    await asyncio.to_thread(versions.start, places[1], POLICY)
    path.serve(await open_served(places[1].name))
    await asyncio.sleep(0.2)
    await asyncio.to_thread(versions.end, places[0].name)
    over.set()
    await asyncio.gather(*loading)
    assert len(readings) > 50
    assert not any(reading.degraded for reading in readings)
    assert path.version == places[1].name
    assert versions.running() == {versions.app_of(places[1].name)}
    with pytest.raises(Unavailable, match="does not serve"):
        await asyncio.to_thread(versions.open_judge, places[0].name)
    await asyncio.to_thread(versions.start, places[0], POLICY)


async def test_while_its_replica_is_dead_the_rules_read_and_then_the_model_again(
    places: list[ModelPlace],
) -> None:
    path = ModelPath(GAZETTEER, AskingPolicy(answer_ms=500, rest_ms=200), VerdictPolicy(), now_s=time.monotonic)
    path.serve(await open_served(places[0].name))
    [pid] = await asyncio.to_thread(versions.replica_pids, places[0].name)
    os.kill(pid, signal.SIGKILL)
    first = await read(path, 1_000_001)
    assert first.degraded
    assert first.model == "rules"
    number = 1_000_001
    async with asyncio.timeout(PATIENCE_S):
        while (reading := await read(path, number)).degraded:
            number += 1
            await asyncio.sleep(0.2)
    assert reading.model == "bare"
    assert await asyncio.to_thread(versions.replica_pids, places[0].name) != [pid]


async def test_who_asked_a_model_that_was_deleted_and_started_again_asks_it_again(places: list[ModelPlace]) -> None:
    path = ModelPath(GAZETTEER, AskingPolicy(answer_ms=500, rest_ms=200), VerdictPolicy(), now_s=time.monotonic)
    path.serve(await open_served(places[0].name))
    await asyncio.to_thread(ray_serve.delete, versions.app_of(places[0].name))
    assert await asyncio.to_thread(versions.missing, [places[0].name]) == {places[0].name}
    number = 2_000_001
    assert (await read(path, number)).degraded
    await asyncio.to_thread(versions.start, places[0], POLICY)
    assert await asyncio.to_thread(versions.missing, [places[0].name]) == set()
    async with asyncio.timeout(PATIENCE_S):
        while (reading := await read(path, number)).degraded:
            number += 1
            await asyncio.sleep(0.2)
    assert reading.model == "bare"


def test_that_serve_runs_is_known_without_its_library() -> None:
    assert serve_runs()


async def test_a_model_that_cannot_be_loaded_is_refused_with_its_reason(tmp_path: Path) -> None:
    broken = write_bare_model(tmp_path / "v9-broken")
    (broken / "heads.npz").write_bytes(b"not a file of arrays")
    with pytest.raises(ModelFailedError, match=r"v9-broken does not serve.*no usable model"):
        await asyncio.to_thread(versions.start, ModelPlace(broken), POLICY)
    assert versions.app_of("v9-broken") not in versions.applications()
