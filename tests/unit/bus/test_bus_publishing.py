from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from herald.bus.publishing import OrderedPublisher, PublishLanes
from herald.bus.settings import Backoff, PublishBounds
from herald.ports import Outgoing, Unavailable

QUICK = Backoff(initial_s=0.0005, delay_s_max=0.001)


def message(value: int, topic: str = "t") -> Outgoing:
    return Outgoing(topic, "k", str(value).encode())


class Wire:
    """Records what is sent; fails the calls whose numbers are given; can be held shut."""

    def __init__(self, *failing: int) -> None:
        self.failing = failing
        self.calls: list[tuple[int, list[int]]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.called = asyncio.Event()

    async def send(self, messages: Sequence[Outgoing], batch_no: int) -> None:
        self.calls.append((batch_no, [int(message.value) for message in messages]))
        number = len(self.calls)
        self.called.set()
        await self.open.wait()
        if number in self.failing:
            raise Unavailable("away")

    def publisher(self, bounds: PublishBounds | None = None) -> OrderedPublisher:
        return OrderedPublisher(self.send, bounds or PublishBounds(), QUICK, lambda: 0.0)


async def test_a_failed_batch_is_sent_again_whole_under_the_same_number_before_any_later_one() -> None:
    wire = Wire(1, 2)
    publisher = wire.publisher()
    await asyncio.gather(publisher.publish([message(1)]), publisher.publish([message(2)]))
    assert wire.calls == [(1, [1])] * 3 + [(2, [2])]


async def test_calls_that_come_while_one_is_on_its_way_gather_into_one_batch() -> None:
    wire = Wire()
    wire.open.clear()
    publisher = wire.publisher()
    first = asyncio.create_task(publisher.publish([message(0)]))
    await wire.called.wait()
    others = [asyncio.create_task(publisher.publish([message(number)])) for number in range(1, 50)]
    await asyncio.sleep(0)
    wire.open.set()
    await asyncio.gather(first, *others)
    assert wire.calls == [(1, [0]), (2, list(range(1, 50)))]


async def test_a_large_call_is_cut_into_batches_within_the_bounds() -> None:
    wire = Wire()
    await wire.publisher(PublishBounds(batch_messages_max=4)).publish([message(number) for number in range(10)])
    assert [batch for _, batch in wire.calls] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_a_batch_holds_no_more_bytes_than_its_bound() -> None:
    wire = Wire()
    await wire.publisher(PublishBounds(batch_bytes_max=5)).publish([message(111), message(222), message(3)])
    assert [batch for _, batch in wire.calls] == [[111], [222, 3]]


async def test_when_the_budget_is_spent_the_caller_is_told_and_the_next_call_is_tried_afresh() -> None:
    wire = Wire(*range(1, 1000))
    publisher = wire.publisher(PublishBounds(budget_s=0.01))
    with pytest.raises(Unavailable, match=r"not published within 0\.01 s .*tries: away"):
        await publisher.publish([message(1)])
    wire.failing = ()
    await publisher.publish([message(2)])
    assert wire.calls[-1][1] == [2]


async def test_a_cancelled_call_takes_no_other_with_it() -> None:
    wire = Wire()
    wire.open.clear()
    publisher = wire.publisher()
    first = asyncio.create_task(publisher.publish([message(1)]))
    second = asyncio.create_task(publisher.publish([message(2)]))
    await wire.called.wait()
    first.cancel()
    wire.open.set()
    await second
    assert wire.calls[-1][1][-1] == 2
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_more_waiting_messages_than_the_bound_are_refused_for_now() -> None:
    wire = Wire()
    wire.open.clear()
    publisher = wire.publisher(PublishBounds(queued_messages_max=2))
    waiting = asyncio.create_task(publisher.publish([message(1), message(2)]))
    await wire.called.wait()
    with pytest.raises(Unavailable, match="the limit is 2"):
        await publisher.publish([message(3)])
    wire.open.set()
    await waiting


async def test_a_topic_that_is_stuck_holds_up_no_other() -> None:
    stuck = asyncio.Event()
    sent: list[int] = []

    async def send(messages: Sequence[Outgoing], _batch_no: int) -> None:
        if messages[0].topic == "stuck":
            await stuck.wait()
        sent.extend(int(message.value) for message in messages)

    lanes = PublishLanes(send, PublishBounds(), QUICK, lambda: 0.0)
    both = asyncio.create_task(lanes.publish([message(1, "stuck"), message(2, "free")]))
    await lanes.publish([message(3, "free")])
    assert 1 not in sent
    stuck.set()
    await both
    assert sorted(sent) == [1, 2, 3]


def test_back_off_grows_to_its_bound_and_never_beyond() -> None:
    backoff = Backoff(initial_s=0.1, factor=2.0, delay_s_max=1.0)
    full = [backoff.delay_s(attempt, 1.0) for attempt in range(1, 8)]
    assert full == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0])
    assert backoff.delay_s(10_000, 0.0) == pytest.approx(0.5)
    assert all(0 < backoff.delay_s(n, draw) <= 1.0 for n, draw in itertools.product(range(1, 200), (0.0, 0.5, 0.99)))
