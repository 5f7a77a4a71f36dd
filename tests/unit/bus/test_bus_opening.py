"""Choosing the bus: the right one, seen to answer, or the error that names the cure."""

from __future__ import annotations

from typing import Any

import pytest

from herald.bus import opening as module
from herald.bus.memory import MemoryBus
from herald.bus.opening import open_bus
from herald.bus.prefixed import PrefixedBus
from herald.ports import Outgoing, Refused, Unavailable


class Made:
    """Stands for a bus of either kind; notes how it was made and whether it was closed."""

    buses: list[Made]

    def __init__(self, kind: str, *given: Any, **options: Any) -> None:
        self.kind, self.given, self.options = kind, given, options
        self.closed = False
        Made.buses.append(self)

    async def ping(self) -> str:
        if "nobody" in str(self.given):
            raise Unavailable("nobody answers")
        return "well"

    async def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    Made.buses = []
    monkeypatch.setattr(module, "KafkaBus", lambda *given, **options: Made("kafka", *given, **options))
    monkeypatch.setattr(module, "RedisStreamsBus", lambda *given, **options: Made("redis", *given, **options))


@pytest.mark.parametrize(("kind", "address"), [("redis", "redis://h:1/0"), ("kafka", "h:9092")])
async def test_the_bus_that_was_chosen_is_opened_at_its_address(kind: Any, address: str) -> None:
    made: Any = await open_bus(kind, redis_url="redis://h:1/0", kafka="h:9092")
    assert (made.kind, made.given[0], made.closed) == (kind, address, False)


@pytest.mark.parametrize(("kind", "variable"), [("redis", "HERALD_REDIS_URL"), ("kafka", "HERALD_KAFKA")])
async def test_a_missing_address_is_refused_with_the_variable_that_cures_it(kind: Any, variable: str) -> None:
    with pytest.raises(Refused, match=variable):
        await open_bus(kind)
    assert Made.buses == []


@pytest.mark.parametrize("kind", ["redis", "kafka"])
async def test_a_server_that_does_not_answer_is_unavailable_and_nothing_stays_open(kind: Any) -> None:
    with pytest.raises(Unavailable):
        await open_bus(kind, redis_url="nobody", kafka="nobody")
    assert [one.closed for one in Made.buses] == [True]


async def test_runs_with_prefixes_of_their_own_share_a_broker_and_see_nothing_of_each_other() -> None:
    broker = MemoryBus()
    one, other = PrefixedBus(broker, "one."), PrefixedBus(broker, "other.")
    await one.publish([Outgoing("news", "k", b"1")])
    assert [delivery.topic for delivery in await one.recent("news", 9)] == ["news"]
    assert await other.recent("news", 9) == []
    assert (await one.backlog("news", "g"), await other.backlog("news", "g")) == (1, 0)
    assert [delivery.topic for delivery in await broker.recent("one.news", 9)] == ["one.news"]
