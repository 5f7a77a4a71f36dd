"""The one loop by which every actor takes messages from the bus.

What an error of the handler means:

    ValueError (so every ValidationError), Refused   bad input: dead letter, go on
    Unavailable                                      not now: again after a pause, for as long as it takes
    JournalConflict and what the policy adds         this process must stop: leaves the loop, nothing is committed
    anything else                                    again, up to ``attempts_max``; then dead letter, go on

A message is committed after its handler returned, or after its dead letter is durable; never before.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Protocol, TypeVar

import structlog

from herald.bus.retrying import stop_if_cancelled
from herald.bus.settings import Backoff
from herald.messages import DEAD_LETTERS_TOPIC, DeadLetter, content_hash, event_id_of
from herald.ports import Bus, Clock, Consumer, Delivery, JournalConflict, Outgoing, Refused, Unavailable

ResultT = TypeVar("ResultT")
Handle = Callable[[Delivery], Awaitable[None]]
HandleAll = Callable[[Sequence[Delivery]], Awaitable[None]]
PAYLOAD_CHARS_MAX = 400_000
"""Longest payload that a dead letter keeps whole: what any bus still takes after JSON has escaped every character."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ConsumePolicy:
    """Bounds of the loop. ``deliveries_max`` is how often a message may have killed its process (0: no limit).

    Up to ``concurrency`` messages of one batch are handled at the same time, never two of one key. After a batch the
    loop rests ``linger_s``, so that the next one is larger.
    ``stop_on`` are errors after which this process must not go on.
    """

    batch_max: int = 64
    concurrency: int = 1
    linger_s: float = 0.0
    wait_s: float = 1.0
    attempts_max: int = 5
    deliveries_max: int = 20
    last_commit_s: float = 2.0
    backoff: Backoff = field(default_factory=lambda: Backoff(initial_s=0.02, delay_s_max=2.0))
    stop_on: tuple[type[Exception], ...] = (JournalConflict,)
    draw: Callable[[], float] = random.random


@dataclass(slots=True)
class ConsumeCounters:
    """What a loop has done so far, for metrics."""

    handled: int = 0
    redelivered: int = 0
    retried: int = 0
    waited: int = 0
    dead_lettered: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a message could not be handled, after how many attempts, and what a person can do about it."""

    reason: str
    detail: str
    cure: str
    attempts: int


class DeadLetters(Protocol):
    """Where messages go that could not be handled."""

    async def put(self, delivery: Delivery, failure: Failure) -> None:
        """Keep the message whole, durably. Raises ``Unavailable``."""


class BusDeadLetters:
    """Publishes dead letters on the bus. Their id is derived, so the same message has the same dead letter."""

    def __init__(self, bus: Bus, origin: str, clock: Clock, topic: str = DEAD_LETTERS_TOPIC) -> None:
        self._bus = bus
        self._origin = origin
        self._clock = clock
        self._topic = topic

    async def put(self, delivery: Delivery, failure: Failure) -> None:
        """Publish the dead letter of a message. Raises ``Unavailable``."""
        payload = delivery.value.decode("utf-8", "backslashreplace")
        letter_id = event_id_of(content_hash(self._origin, delivery.topic, delivery.key, payload))
        if len(payload) > PAYLOAD_CHARS_MAX:
            payload = f"{payload[:PAYLOAD_CHARS_MAX]}… ({len(payload)} characters in all)"
        letter = DeadLetter(
            dead_letter_id=letter_id,
            origin=self._origin,
            reason=failure.reason,
            detail=f"{delivery.topic} {delivery.message_id} key {delivery.key!r}: {failure.detail}; {failure.cure}",
            payload=payload,
            attempts=failure.attempts,
            at=self._clock.now(),
        )
        mark = self._clock.mark()
        await self._bus.publish([Outgoing(self._topic, letter.dead_letter_id, letter.to_wire(), mark)])


async def consume(
    consumer: Consumer,
    handle: Handle,
    dead_letters: DeadLetters,
    policy: ConsumePolicy,
    clock: Clock,
    *,
    counters: ConsumeCounters | None = None,
) -> None:
    """Take messages and hand them to ``handle``, in the order of each key, until cancelled.

    ``clock`` observes the mark of each message before it is handled. On cancellation, and on an error that stops the
    loop, what was handled is committed first; the message in hand is not.
    """
    await _Loop(consumer, handle, dead_letters, policy, clock, counters or ConsumeCounters()).run()


async def consume_batches(
    consumer: Consumer, handle_all: HandleAll, dead_letters: DeadLetters, policy: ConsumePolicy, clock: Clock
) -> None:
    """Hand whole batches to ``handle_all``, for a reader that gains by writing much at once, until cancelled.

    A batch that fails is handed over again message by message, by the rules of ``consume``: one bad message becomes a
    dead letter and the others are kept.
    """

    async def handle_one(delivery: Delivery) -> None:
        await handle_all([delivery])

    await _Loop(consumer, handle_one, dead_letters, policy, clock, ConsumeCounters(), handle_all).run()


@dataclass(slots=True)
class _Loop:
    consumer: Consumer
    handle: Handle
    dead_letters: DeadLetters
    policy: ConsumePolicy
    clock: Clock
    counters: ConsumeCounters
    handle_all: HandleAll | None = None

    async def run(self) -> None:
        while True:
            batch = await self._until_available(
                lambda: self.consumer.next_batch(self.policy.batch_max, self.policy.wait_s), "bus.reading"
            )
            if not batch:
                continue
            done: set[int] = set()
            try:
                if self.handle_all is None or not await self._handled_whole(batch, self.handle_all):
                    await self._settle_all(batch, done)
            except BaseException:
                # A broker that counts by offset takes a commit for all before it: only what has no gap is committed.
                await self._commit_last([batch[index] for index in takewhile(done.__contains__, range(len(batch)))])
                raise
            await self._until_available(partial(self.consumer.commit, batch), "bus.committing")
            await asyncio.sleep(self.policy.linger_s)

    async def _handled_whole(self, batch: Sequence[Delivery], handle_all: HandleAll) -> bool:
        """Hand over a whole batch; False where it failed, and each message must be looked at by itself."""
        for delivery in batch:
            self.clock.observe(delivery.mark)
        try:
            await handle_all(batch)
        except self.policy.stop_on:
            raise
        except Exception as error:  # noqa: BLE001 - what is wrong with which message is found one by one
            _log.warning("bus.batch_failed", messages=len(batch), error=repr(error))
            return False
        self.counters.handled += len(batch)
        return True

    async def _settle_all(self, batch: Sequence[Delivery], done: set[int]) -> None:
        """Settle a batch, keys side by side and the messages of a key one after the other; note which are done."""
        lanes: dict[tuple[str, str], list[int]] = {}
        for index, delivery in enumerate(batch):
            lane = (delivery.topic, delivery.key) if self.policy.concurrency > 1 else ("", "")
            lanes.setdefault(lane, []).append(index)
        places = asyncio.Semaphore(self.policy.concurrency)

        async def settle(indices: Sequence[int]) -> None:
            for index in indices:
                stop_if_cancelled()
                async with places:
                    await self._settle(batch[index])
                done.add(index)

        if len(lanes) == 1:
            await settle(range(len(batch)))
            return
        try:
            async with asyncio.TaskGroup() as group:
                for indices in lanes.values():
                    group.create_task(settle(indices))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from errors

    async def _settle(self, delivery: Delivery) -> None:
        """Handle one message, or make it a dead letter."""
        self.clock.observe(delivery.mark)
        failure = self._worn_out(delivery) or await self._attempt(delivery)
        if failure is None:
            self.counters.handled += 1
            return
        await self._until_available(lambda: self.dead_letters.put(delivery, failure), "bus.dead_lettering")
        self.counters.dead_lettered += 1
        _log.error(
            "bus.dead_letter",
            topic=delivery.topic,
            message_id=delivery.message_id,
            key=delivery.key,
            reason=failure.reason,
            detail=failure.detail,
            attempts=failure.attempts,
        )

    def _worn_out(self, delivery: Delivery) -> Failure | None:
        if delivery.deliveries > 1:
            self.counters.redelivered += 1
        if not 0 < self.policy.deliveries_max < delivery.deliveries:
            return None
        return Failure(
            reason="HANDLER_DIED",
            detail=f"delivered {delivery.deliveries} times, and no attempt ever ended",
            cure="look in the logs for what ends the process while this message is handled, then publish it again",
            attempts=delivery.deliveries,
        )

    async def _attempt(self, delivery: Delivery) -> Failure | None:
        attempts = unavailable = 0
        while True:
            stop_if_cancelled()
            try:
                await self.handle(delivery)
            except self.policy.stop_on:
                raise
            except Unavailable as error:
                unavailable += 1
                self.counters.waited += 1
                _log.warning("bus.handler_waits", **_names(delivery), tries=unavailable, error=str(error))
                await self._pause(unavailable)
            except (ValueError, Refused) as error:
                return Failure(
                    reason="REFUSED" if isinstance(error, Refused) else "MALFORMED",
                    detail=f"{type(error).__name__}: {error}",
                    cure="correct the message at its producer, then publish it again",
                    attempts=attempts + 1,
                )
            except Exception as error:  # noqa: BLE001 - the last line: it is counted, logged and kept with its reason
                attempts += 1
                self.counters.retried += 1
                _log.warning("bus.handler_failed", **_names(delivery), attempt=attempts, exc_info=error)
                if attempts >= self.policy.attempts_max:
                    return Failure(
                        reason="HANDLER_FAILED",
                        detail=f"{type(error).__name__}: {error}",
                        cure="correct the handler (its traceback is in the log), then publish the message again",
                        attempts=attempts,
                    )
                await self._pause(attempts)
            else:
                return None

    async def _until_available(self, ask: Callable[[], Awaitable[ResultT]], event: str) -> ResultT:
        tries = 0
        while True:
            stop_if_cancelled()
            try:
                return await ask()
            except Unavailable as error:
                tries += 1
                _log.warning(event, tries=tries, error=str(error))
            await self._pause(tries)

    async def _pause(self, tries: int) -> None:
        await asyncio.sleep(self.policy.backoff.delay_s(tries, self.policy.draw()))

    async def _commit_last(self, done: Sequence[Delivery]) -> None:
        """Commit on the way out; where that fails, the messages are only delivered again."""
        if not done:
            return
        try:
            async with asyncio.timeout(self.policy.last_commit_s):
                await self.consumer.commit(done)
        except (Unavailable, TimeoutError) as error:
            _log.warning("bus.last_commit_failed", messages=len(done), error=str(error))


def _names(delivery: Delivery) -> dict[str, str]:
    return {"topic": delivery.topic, "message_id": delivery.message_id, "key": delivery.key}
