"""The buses while processes and servers die: nothing is lost, and redeliveries change nothing downstream."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import signal
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from herald.bus.consuming import BusDeadLetters, ConsumeCounters, ConsumePolicy, consume
from herald.bus.kafka import KafkaBus
from herald.bus.redis_streams import RedisStreamsBus
from herald.bus.settings import KafkaBusSettings, PublishBounds, RedisBusSettings
from herald.clocks import WallClock
from herald.messages import DEAD_LETTERS_TOPIC, DeadLetter
from herald.ports import Bus, Consumer, Delivery, Outgoing, Unavailable
from herald.stores.embedded.kafka_broker import KafkaBroker
from herald.stores.embedded.redis_server import RedisServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(90)]
WORKER = Path(__file__).with_name("bus_worker.py")
PATIENCE_S = 30.0
RATE_HZ = 300


@dataclass
class Sink:
    """What is downstream: handles each key and value once, whatever is delivered."""

    seen: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    redelivered: int = 0
    last_at: float = 0.0

    async def handle(self, delivery: Delivery) -> None:
        number = int(delivery.value)
        if number in self.seen[delivery.key]:
            self.redelivered += 1
        else:
            self.seen[delivery.key].append(number)
        self.last_at = time.monotonic()


@dataclass
class Kit:
    """A bus on a real server that a test may kill."""

    kind: str
    address: str
    bus: Bus
    kill: Callable[[], Awaitable[None]]
    start: Callable[[], Awaitable[object]]


@pytest.fixture(params=["redis", pytest.param("kafka", marks=pytest.mark.kafka)])
async def kit(request: pytest.FixtureRequest, killable: RedisServer | KafkaBroker) -> AsyncIterator[Kit]:
    if isinstance(killable, RedisServer):
        made = Kit("redis", killable.url, redis_bus(killable), lambda: kill_redis(killable), killable.start)
    else:
        settings = KafkaBusSettings(partitions=3, session_s=1.5, heartbeat_s=0.3)
        made = Kit("kafka", killable.address, KafkaBus(killable.address, settings), killable.kill, killable.start)
    yield made
    await made.bus.close()


@pytest.fixture
def killable(request: pytest.FixtureRequest) -> RedisServer | KafkaBroker:
    kind = request.node.callspec.params["kit"]
    return request.getfixturevalue("redis_server" if kind == "redis" else "own_kafka_broker")


@pytest.fixture
def topic() -> str:
    return f"faults.{secrets.token_hex(6)}"


def redis_bus(server: RedisServer, settings: RedisBusSettings | None = None) -> RedisStreamsBus:
    return RedisStreamsBus(server.url, settings or RedisBusSettings(lease_s=0.6, standby_poll_s=0.05))


async def kill_redis(server: RedisServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await server.until_dead(0.01)


async def caught_up(bus: Bus, topic: str, group: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await bus.backlog(topic, group):  # noqa: ASYNC110 - a server tells its backlog only when asked
            await asyncio.sleep(0.02)


def loop_of(
    kit_bus: Bus, consumer: Consumer, sink: Sink, counters: ConsumeCounters | None = None
) -> asyncio.Task[None]:
    clock = WallClock()
    letters = BusDeadLetters(kit_bus, "sink", clock)
    policy = ConsumePolicy(batch_max=16, wait_s=0.5)
    return asyncio.create_task(consume(consumer, sink.handle, letters, policy, clock, counters=counters))


async def stopped(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    done, running = await asyncio.wait(tasks, timeout=5.0)
    assert not running, "a cancelled loop must end"
    assert all(task.cancelled() for task in done)


async def published_at_a_rate(bus: Bus, topic: str, count: int, *, keys: int = 5) -> None:
    """Publish one message after the other, each awaited, no faster than the rate."""
    started = time.monotonic()
    for number in range(count):
        await bus.publish([Outgoing(topic, f"k{number % keys}", str(number).encode())])
        await asyncio.sleep(max(0.0, started + number / RATE_HZ - time.monotonic()))


def expected(count: int, *, keys: int = 5) -> dict[str, list[int]]:
    return {f"k{key}": list(range(key, count, keys)) for key in range(keys)}


async def test_a_consumer_killed_between_handling_and_commit_loses_nothing(
    kit: Kit, topic: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    sink, count = tmp_path / "sink", 200
    consumer = await kit.bus.subscribe([topic], "g", "setup")
    await consumer.close()
    await kit.bus.publish([Outgoing(topic, "k", b"%d" % number) for number in range(count)])
    resumed_s = []
    for crash_after in ("5", "40", "1", "0"):
        before = sink.stat().st_size if sink.exists() else 0
        arguments = (kit.kind, kit.address, topic, "g", "worker", str(sink), crash_after)
        worker = await asyncio.create_subprocess_exec(sys.executable, str(WORKER), *arguments)
        started = time.monotonic()
        if crash_after != "0":
            async with asyncio.timeout(PATIENCE_S):
                assert await worker.wait() == -signal.SIGKILL
            assert sink.stat().st_size > before
            resumed_s.append(round(time.monotonic() - started, 2))
        else:
            await caught_up(kit.bus, topic, "g")
            worker.kill()
            await worker.wait()
    lines = [int(line) for line in sink.read_text().split()]
    first_time = list(dict.fromkeys(lines))
    assert first_time == list(range(count)), "each message handled, first in order"
    redelivered = len(lines) - count
    assert 3 <= redelivered <= 3 * 16, "what was handled and not committed comes again, no more than a batch a crash"
    record_property("redelivered", redelivered)
    print(f"{kit.kind}: {redelivered} redeliveries after 3 kills; process start to kill {resumed_s} s")


async def test_a_server_killed_under_a_producer_and_a_consumer_loses_nothing(
    kit: Kit, topic: str, record_property: Callable[[str, object], None]
) -> None:
    sink, count = Sink(), 900
    consumer = await kit.bus.subscribe([topic], "g", "m")
    consuming = loop_of(kit.bus, consumer, sink)
    producing = asyncio.create_task(published_at_a_rate(kit.bus, topic, count))
    async with asyncio.timeout(PATIENCE_S):
        while sum(map(len, sink.seen.values())) < count // 3:  # noqa: ASYNC110 - the sink only counts
            await asyncio.sleep(0.01)
    await kit.kill()
    killed_at = sink_stood_at = time.monotonic()
    await kit.start()
    serving_at = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        while sink.last_at <= sink_stood_at + 0.05:  # noqa: ASYNC110 - the sink only counts
            await asyncio.sleep(0.005)
    first_after = sink.last_at - killed_at
    async with asyncio.timeout(PATIENCE_S):
        await producing
    await caught_up(kit.bus, topic, "g")
    await stopped(consuming)
    await consumer.close()
    assert sink.seen == expected(count), "every message once downstream, in order of its key"
    record_property("redelivered", sink.redelivered)
    print(
        f"{kit.kind}: server back after {serving_at - killed_at:.2f} s, first message handled {first_after:.2f} s"
        f" after the kill, {sink.redelivered} redeliveries"
    )


async def test_a_poison_message_becomes_a_dead_letter_and_the_next_is_served(kit: Kit, topic: str) -> None:
    consumer = await kit.bus.subscribe([topic], "g", "m")
    sink, counters = Sink(), ConsumeCounters()
    consuming = loop_of(kit.bus, consumer, sink, counters)
    poison = f"not a number {topic}"
    await kit.bus.publish(
        [Outgoing(topic, "k", b"1"), Outgoing(topic, "k", poison.encode()), Outgoing(topic, "k", b"2")]
    )
    await caught_up(kit.bus, topic, "g")
    await stopped(consuming)
    await consumer.close()
    assert sink.seen == {"k": [1, 2]}
    assert (counters.handled, counters.dead_lettered) == (2, 1)
    letters = [DeadLetter.from_wire(delivery.value) for delivery in await kit.bus.recent(DEAD_LETTERS_TOPIC, 100)]
    (letter,) = [letter for letter in letters if letter.payload == poison]
    assert letter.reason == "MALFORMED"
    assert "ValueError" in letter.detail
    assert topic in letter.detail


async def test_members_that_join_and_die_lose_nothing_and_handle_nothing_twice_downstream(
    kit: Kit, topic: str, record_property: Callable[[str, object], None]
) -> None:
    sink, count = Sink(), 900
    first = await kit.bus.subscribe([topic], "g", "first")
    first_loop = loop_of(kit.bus, first, sink)
    producing = asyncio.create_task(published_at_a_rate(kit.bus, topic, count))

    async def handled(share: float) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while sum(map(len, sink.seen.values())) < share * count:  # noqa: ASYNC110 - the sink only counts
                await asyncio.sleep(0.01)

    await handled(0.2)
    second = await kit.bus.subscribe([topic], "g", "second")
    second_loop = loop_of(kit.bus, second, sink)
    await handled(0.5)
    await stopped(first_loop)
    in_hand = await first.next_batch(16, 5.0)
    for delivery in in_hand:
        await sink.handle(delivery)
    await first.abandon()  # type: ignore[attr-defined]
    died_at = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        await producing
    await caught_up(kit.bus, topic, "g")
    await stopped(second_loop)
    await second.close()
    assert {key: sorted(numbers) for key, numbers in sink.seen.items()} == expected(count), "each message handled"
    assert sink.redelivered >= len(in_hand) > 0, "what it had handled and not committed came to the other"
    record_property("redelivered", sink.redelivered)
    print(f"{kit.kind}: {sink.redelivered} redeliveries, caught up {time.monotonic() - died_at:.1f} s after the death")


async def test_publish_says_so_when_its_budget_is_spent_and_a_later_call_succeeds(kit: Kit, topic: str) -> None:
    bounds = PublishBounds(budget_s=0.3)
    impatient: Bus = (
        RedisStreamsBus(kit.address, RedisBusSettings(publish=bounds))
        if kit.kind == "redis"
        else KafkaBus(kit.address, KafkaBusSettings(publish=bounds))
    )
    await impatient.publish([Outgoing(topic, "k", b"1")])
    await kit.kill()
    with pytest.raises(Unavailable, match=r"not published within 0\.3 s"):
        await impatient.publish([Outgoing(topic, "k", b"2")])
    await kit.start()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await impatient.publish([Outgoing(topic, "k", b"3")])
                break
            except Unavailable:
                continue
    numbers = [int(delivery.value) for delivery in await impatient.recent(topic, 100)]
    assert list(dict.fromkeys(numbers)) in ([1, 3], [1, 2, 3]), "what was in doubt may be there, in its place"
    await impatient.close()


async def test_a_loop_that_is_cancelled_at_any_moment_ends(kit: Kit, topic: str) -> None:
    producing = asyncio.create_task(published_at_a_rate(kit.bus, topic, 100_000))
    draw = random.Random(7)
    consumer = await kit.bus.subscribe([topic], "g", "m")
    for _ in range(60):
        loop = loop_of(kit.bus, consumer, Sink())
        await asyncio.sleep(draw.random() * 0.04)
        await stopped(loop)
    await stopped(producing)
    await consumer.close()


# -- Redis alone ----------------------------------------------------------------------------------------------------


async def test_redis_that_lost_its_data_is_used_again_from_its_new_beginning(
    redis_server: RedisServer, topic: str
) -> None:
    bus = redis_bus(redis_server)
    sink = Sink()
    consumer = await bus.subscribe([topic], "g", "m")
    consuming = loop_of(bus, consumer, sink)
    await bus.publish([Outgoing(topic, "k", b"1")])
    await caught_up(bus, topic, "g")
    (before,) = await bus.recent(topic, 1)
    await bus._redis.flushall()
    await bus.publish([Outgoing(topic, "k", b"2"), Outgoing(topic, "k", b"3")])
    await caught_up(bus, topic, "g")
    assert sink.seen == {"k": [1, 2, 3]}
    assert before.message_id not in {delivery.message_id for delivery in await bus.recent(topic, 10)}
    await stopped(consuming)
    await consumer.close()
    await bus.close()


async def test_redis_keeps_what_a_group_has_not_read_and_says_when_the_topic_is_full(
    redis_server: RedisServer, topic: str
) -> None:
    settings = RedisBusSettings(
        retained_messages=200, length_max=1_000, publish=PublishBounds(budget_s=0.2, batch_messages_max=100)
    )
    bus = redis_bus(redis_server, settings)
    slow = await bus.subscribe([topic], "slow", "m")
    with pytest.raises(Unavailable, match="group 'slow' has not acknowledged"):
        await bus.publish([Outgoing(topic, "k", b"%d" % number) for number in range(5_000)])
    held = await bus.backlog(topic, "slow")
    assert 900 <= held <= 1_000
    read: list[int] = []
    while len(read) < held:
        batch = await slow.next_batch(100, 1.0)
        read += [int(delivery.value) for delivery in batch]
        await slow.commit(batch)
    assert read == list(range(held)), "nothing unread was trimmed"
    for start in range(held, held + 1_000, 50):
        await bus.publish([Outgoing(topic, "k", b"%d" % number) for number in range(start, start + 50)])
        await slow.commit(await slow.next_batch(100, 1.0))
    kept = len(await bus.recent(topic, 10_000))
    assert 200 <= kept < 600, "what is read is trimmed to about what is to be retained"
    assert await bus.backlog(topic, "slow") == 0
    await slow.close()
    await bus.close()


async def test_redis_appends_a_batch_once_when_its_answer_was_lost(redis_server: RedisServer, topic: str) -> None:
    bus = redis_bus(redis_server)
    batch = [Outgoing(topic, "k", b"1"), Outgoing(topic, "k", b"2")]
    await bus._send(batch, 7)
    await bus._send(batch, 7)
    assert [delivery.value for delivery in await bus.recent(topic, 10)] == [b"1", b"2"]
    await bus._send(batch, 8)
    assert len(await bus.recent(topic, 10)) == 4
    await bus.close()


async def test_redis_hands_on_what_the_server_gave_to_a_member_without_the_lease(
    redis_server: RedisServer, topic: str
) -> None:
    bus = redis_bus(redis_server)
    owner = await bus.subscribe([topic], "g", "owner")
    await bus.publish([Outgoing(topic, "k", b"1")])
    stream = bus._keys.stream(topic)
    assert await bus._redis.xreadgroup("g", "woke-up-late", {stream: ">"}, count=1)
    async with asyncio.timeout(PATIENCE_S):
        got: list[Delivery] = []
        while not got:
            got = await owner.next_batch(10, 1.0)
    assert (got[0].value, got[0].deliveries) == (b"1", 2)
    await owner.commit(got)
    assert await bus.backlog(topic, "g") == 0
    await owner.close()
    await bus.close()
