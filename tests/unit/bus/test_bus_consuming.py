from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest

from herald.bus.consuming import (
    PAYLOAD_CHARS_MAX,
    BusDeadLetters,
    ConsumeCounters,
    ConsumePolicy,
    DeadLetters,
    Failure,
    consume,
)
from herald.bus.memory import MemoryBus, MemoryConsumer
from herald.bus.settings import Backoff
from herald.clocks import SimulatedClock
from herald.messages import DEAD_LETTERS_TOPIC, DeadLetter
from herald.ports import ClockMark, Delivery, JournalConflict, Outgoing, Refused, Unavailable

TOPIC = "t.v1"
POLICY = ConsumePolicy(
    batch_max=8, wait_s=0.2, attempts_max=3, backoff=Backoff(initial_s=0.0005, delay_s_max=0.001), draw=lambda: 0.0
)


@dataclass
class Scene:
    """A bus with numbered messages, and a loop that runs until the group has committed them all."""

    bus: MemoryBus = field(default_factory=MemoryBus)
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    counters: ConsumeCounters = field(default_factory=ConsumeCounters)
    handled: list[bytes] = field(default_factory=list)

    async def publish(self, *values: bytes) -> None:
        await self.bus.publish([Outgoing(TOPIC, "k", value) for value in values])

    async def start(
        self, handle: Callable[[Delivery], Awaitable[None]], dead_letters: DeadLetters | None = None
    ) -> asyncio.Task[None]:
        consumer = await self.bus.subscribe([TOPIC], "g", "m")
        letters = dead_letters or BusDeadLetters(self.bus, "actor", self.clock)
        return asyncio.create_task(consume(consumer, handle, letters, POLICY, self.clock, counters=self.counters))

    async def run(self, handle: Callable[[Delivery], Awaitable[None]]) -> None:
        task = await self.start(handle)
        await self.caught_up()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def caught_up(self) -> None:
        async with asyncio.timeout(5):
            while await self.bus.backlog(TOPIC, "g"):  # noqa: ASYNC110 - a bus tells its backlog only when asked
                await asyncio.sleep(0.001)

    async def letters(self) -> list[DeadLetter]:
        return [DeadLetter.from_wire(delivery.value) for delivery in await self.bus.recent(DEAD_LETTERS_TOPIC, 100)]


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_messages_are_handled_in_order_and_committed(scene: Scene) -> None:
    await scene.publish(b"1", b"2", b"3")

    async def handle(delivery: Delivery) -> None:
        scene.handled.append(delivery.value)

    await scene.run(handle)
    assert scene.handled == [b"1", b"2", b"3"]
    assert scene.counters == ConsumeCounters(handled=3)


async def test_the_clock_observes_the_mark_before_the_handler_runs(scene: Scene) -> None:
    await scene.bus.publish([Outgoing(TOPIC, "k", b"", ClockMark(60_000_000_000, 1))])
    seen = []

    async def handle(delivery: Delivery) -> None:
        seen.append(scene.clock.now().timestamp())

    await scene.run(handle)
    assert seen == [60.0]


@pytest.mark.parametrize(
    ("error", "reason"), [(ValueError("no such field"), "MALFORMED"), (Refused("unknown symbol"), "REFUSED")]
)
async def test_bad_input_is_a_dead_letter_at_the_first_attempt(scene: Scene, error: Exception, reason: str) -> None:
    await scene.publish(b"bad \xff", b"good")

    async def handle(delivery: Delivery) -> None:
        if delivery.value != b"good":
            raise error
        scene.handled.append(delivery.value)

    await scene.run(handle)
    (letter,) = await scene.letters()
    assert scene.handled == [b"good"]
    assert (letter.origin, letter.reason, letter.payload, letter.attempts) == ("actor", reason, "bad \\xff", 1)
    assert type(error).__name__ in letter.detail
    assert str(error) in letter.detail
    assert "publish it again" in letter.detail


async def test_the_same_bad_message_has_the_same_dead_letter_id(scene: Scene) -> None:
    await scene.publish(b"bad", b"bad", b"worse")

    async def handle(delivery: Delivery) -> None:
        raise ValueError(delivery.value)

    await scene.run(handle)
    first, second, third = await scene.letters()
    assert first.dead_letter_id == second.dead_letter_id != third.dead_letter_id


async def test_unavailable_is_waited_out_beyond_any_count_of_attempts(scene: Scene) -> None:
    await scene.publish(b"1", b"2")
    calls = itertools.count()

    async def handle(delivery: Delivery) -> None:
        if next(calls) < 20:
            raise Unavailable("database")
        scene.handled.append(delivery.value)

    await scene.run(handle)
    assert scene.handled == [b"1", b"2"]
    assert (scene.counters.waited, scene.counters.dead_lettered) == (20, 0)


async def test_another_error_is_retried_then_a_dead_letter_with_its_type_and_text(scene: Scene) -> None:
    await scene.publish(b"1", b"2")

    async def handle(delivery: Delivery) -> None:
        if delivery.value == b"1":
            raise ZeroDivisionError("by zero")
        scene.handled.append(delivery.value)

    await scene.run(handle)
    (letter,) = await scene.letters()
    assert (letter.reason, letter.attempts) == ("HANDLER_FAILED", POLICY.attempts_max)
    assert "ZeroDivisionError: by zero" in letter.detail
    assert scene.handled == [b"2"]


async def test_an_error_that_passes_leaves_no_dead_letter(scene: Scene) -> None:
    await scene.publish(b"1")
    outcomes = iter([RuntimeError("once"), RuntimeError("twice"), None])

    async def handle(delivery: Delivery) -> None:
        outcome = next(outcomes)
        if outcome is not None:
            raise outcome
        scene.handled.append(delivery.value)

    await scene.run(handle)
    assert (scene.handled, await scene.letters(), scene.counters.retried) == ([b"1"], [], 2)


async def test_a_lost_journal_stops_the_loop_with_what_came_before_committed(scene: Scene) -> None:
    await scene.publish(b"1", b"2", b"3")

    async def handle(delivery: Delivery) -> None:
        if delivery.value == b"2":
            raise JournalConflict("another writer")

    task = await scene.start(handle)
    with pytest.raises(JournalConflict):
        await task
    assert await scene.bus.backlog(TOPIC, "g") == 2
    assert await scene.letters() == []


async def test_cancelling_commits_what_was_handled_and_not_the_message_in_hand(scene: Scene) -> None:
    await scene.publish(b"1", b"2", b"3")
    in_hand = asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        if delivery.value == b"2":
            in_hand.set()
            await asyncio.Event().wait()

    task = await scene.start(handle)
    await in_hand.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await scene.bus.backlog(TOPIC, "g") == 2


async def test_nothing_is_committed_before_its_dead_letter_is_durable(scene: Scene) -> None:
    backlogs: list[int] = []
    tries = itertools.count()

    class SlowLetters:
        async def put(self, delivery: Delivery, failure: Failure) -> None:
            backlogs.append(await scene.bus.backlog(TOPIC, "g"))
            if next(tries) < 3:
                raise Unavailable("the bus is away")

    async def handle(delivery: Delivery) -> None:
        raise ValueError("bad")

    await scene.publish(b"1")
    task = await scene.start(handle, SlowLetters())
    await scene.caught_up()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert backlogs == [1, 1, 1, 1]


async def test_a_message_that_kept_killing_its_process_is_put_aside_unhandled(scene: Scene) -> None:
    await scene.publish(b"deadly")
    for _ in range(POLICY.deliveries_max):
        consumer = await scene.bus.subscribe([TOPIC], "g", "m")
        assert await consumer.next_batch(1, 1.0)
        await consumer.abandon()

    async def handle(delivery: Delivery) -> None:
        scene.handled.append(delivery.value)

    await scene.run(handle)
    (letter,) = await scene.letters()
    assert (letter.reason, scene.handled, scene.counters.redelivered) == ("HANDLER_DIED", [], 1)


async def test_a_bus_that_is_away_for_reading_and_committing_is_waited_for(scene: Scene) -> None:
    class Flaky(MemoryConsumer):
        calls = itertools.count()

        async def next_batch(self, limit: int, timeout_s: float) -> list[Delivery]:
            if next(self.calls) < 3:
                raise Unavailable("read")
            return await super().next_batch(limit, timeout_s)

        async def commit(self, deliveries: Sequence[Delivery]) -> None:
            if next(self.calls) < 8:
                raise Unavailable("commit")
            await super().commit(deliveries)

    await scene.publish(b"1", b"2")
    member = await scene.bus.subscribe([TOPIC], "g", "m")
    member.__class__ = Flaky

    async def handle(delivery: Delivery) -> None:
        scene.handled.append(delivery.value)

    letters = BusDeadLetters(scene.bus, "actor", scene.clock)
    task = asyncio.create_task(consume(member, handle, letters, POLICY, scene.clock))
    await scene.caught_up()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert scene.handled == [b"1", b"2"]


async def test_a_dead_letter_of_a_huge_payload_is_cut_with_a_note_and_still_published(scene: Scene) -> None:
    await scene.publish(b"\x00" * (PAYLOAD_CHARS_MAX + 5))

    async def handle(delivery: Delivery) -> None:
        raise ValueError("bad")

    await scene.run(handle)
    (letter,) = await scene.letters()
    assert letter.payload.endswith(f"… ({PAYLOAD_CHARS_MAX + 5} characters in all)")
