"""The correlator: each sentence of its guarantees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from actors.correlator import Correlator
from herald.bootstrap.configuration import gazetteer_of, rulebook_of, sources_of
from herald.bootstrap.wiring import NOWHERE, Wiring
from herald.messages import ITEMS_TOPIC, SIGNALS_TOPIC, RawItem
from herald.nanoseconds import to_ns
from herald.news.correlate import CorrelationPolicy
from herald.news.reading_desk import understand
from herald.ports import ClockMark, Unavailable
from herald.settings import load_settings
from herald.taxonomy import Fate

T0 = datetime(2025, 6, 7, 12, 0, tzinfo=UTC)
WIRING = Wiring(load_settings(), NOWHERE)
RULEBOOK, GAZETTEER, SOURCES = rulebook_of(WIRING), gazetteer_of(WIRING), sources_of(WIRING)
HACK = ("coindesk", "Uniswap Hacked for $120M, Team Pauses Contracts")
ECHO = ("theblock", "Hackers drain $120 million from Uniswap")
CHAT = ("coindesk", "Bitcoin price analysis: what next for BTC?")


def item(told: tuple[str, str], seconds: float = 0) -> tuple[Any, Any]:
    source, headline = told
    at = T0 + timedelta(seconds=seconds)
    raw = RawItem(source=source, title=headline, published_at=at, received_at=at)
    return understand(raw, SOURCES.profile_of(source), RULEBOOK, GAZETTEER, at)


def mark(seconds: float = 0) -> ClockMark:
    return ClockMark(to_ns(T0 + timedelta(seconds=seconds)), 0)


class Fickle:
    """A bus that fails the publications it is told to, before or after they took effect."""

    def __init__(self, bus: Any) -> None:
        self._bus = bus
        self.fails = ""
        self.batches: list[list[str]] = []

    async def publish(self, messages: Any) -> None:
        if self.fails == "before":
            raise Unavailable("broker away")
        self.batches.append([message.topic for message in messages])
        await self._bus.publish(messages)
        if self.fails == "after":
            raise Unavailable("no acknowledgement")

    async def recent(self, topic: str, limit: int) -> Any:
        return await self._bus.recent(topic, limit)


@pytest.fixture
def bus(house) -> Fickle:
    return Fickle(house.bus)


@pytest.fixture
def correlator(house, bus) -> Correlator:
    return Correlator(bus, house.clock, CorrelationPolicy())


async def fates(house: Any) -> list[Fate]:
    return [one.fate for one in await house.told(ITEMS_TOPIC)]


async def test_signal_and_fate_are_on_the_bus_when_it_answers_the_signal_first(house, bus, correlator) -> None:
    (signal,) = await correlator.take([item(HACK)], mark())
    assert bus.batches == [[SIGNALS_TOPIC, ITEMS_TOPIC]]
    assert await house.told(SIGNALS_TOPIC) == [signal]
    (fate,) = await house.told(ITEMS_TOPIC)
    assert (fate.fate, fate.story_id, fate.event_id) == (Fate.SIGNAL, signal.story_id, signal.event_id)
    (delivery,) = await house.bus.recent(SIGNALS_TOPIC, 1)
    assert (delivery.key, delivery.mark) == ("UNI", mark())


async def test_every_item_has_a_fate_and_only_signals_are_signals(house, correlator) -> None:
    signals = await correlator.take([item(HACK), item(CHAT), item(HACK, 1)], mark(1))
    assert await fates(house) == [Fate.SIGNAL, Fate.NO_SIGNAL, Fate.DUPLICATE]
    assert len(signals) == 1


async def test_an_independent_report_amends_the_story_under_its_id(house, correlator) -> None:
    (first,) = await correlator.take([item(HACK)], mark())
    (second,) = await correlator.take([item(ECHO, 5)], mark(5))
    assert (second.story_id, second.revision, second.event_id != first.event_id) == (first.story_id, 2, True)
    assert await fates(house) == [Fate.SIGNAL, Fate.MERGED]


async def test_a_repeated_item_gets_its_first_fate_again_under_the_same_ids(house, correlator) -> None:
    (first,) = await correlator.take([item(HACK)], mark())
    (again,) = await correlator.take([item(HACK)], mark(50))
    assert again.model_copy(update={"stamps": first.stamps}) == first
    one, other = await house.told(ITEMS_TOPIC)
    assert other == one


@pytest.mark.parametrize("fails", ["before", "after"])
async def test_after_a_failed_publication_the_item_has_the_same_outcome_when_it_comes_again(
    house, bus, correlator, fails: str
) -> None:
    bus.fails = fails
    with pytest.raises(Unavailable):
        await correlator.take([item(HACK)], mark())
    bus.fails = ""
    (signal,) = await correlator.take([item(HACK)], mark())
    assert signal.revision == 1
    assert set(await fates(house)) == {Fate.SIGNAL}
    assert {one.event_id for one in await house.told(SIGNALS_TOPIC)} == {signal.event_id}


async def test_a_process_that_takes_its_place_goes_on_with_the_running_stories(house, bus, correlator) -> None:
    (first,) = await correlator.take([item(HACK), item(CHAT)], mark())
    heir = Correlator(bus, house.clock, CorrelationPolicy())
    await heir.recall()
    (second,) = await heir.take([item(ECHO, 5), item(HACK, 6), item(CHAT, 6)], mark(6))
    assert (second.story_id, second.revision) == (first.story_id, 2)
    assert await fates(house) == [Fate.SIGNAL, Fate.NO_SIGNAL, Fate.MERGED, Fate.DUPLICATE, Fate.DUPLICATE]
    assert heir.taken == 3


DENIAL = ("theblock", "Uniswap Denies Reports of $120M Hack")


async def test_a_correction_is_published_as_a_signal_in_the_order_of_its_story(house, bus, correlator) -> None:
    (first,) = await correlator.take([item(HACK)], mark())
    (correction,) = await correlator.take([item(DENIAL, 9)], mark(9))
    assert (correction.corrects_story_id, correction.tradable) == (first.story_id, False)
    assert bus.batches[-1] == [SIGNALS_TOPIC, ITEMS_TOPIC]
    assert [one.key for one in await house.bus.recent(SIGNALS_TOPIC, 9)] == ["UNI", "UNI"]
    assert await fates(house) == [Fate.SIGNAL, Fate.SIGNAL]


async def test_a_correction_of_a_story_that_names_nobody_keeps_its_order_too(house, correlator) -> None:
    told, nobody = item(HACK), {"primary_entity": "", "entities": ()}
    denied = item(DENIAL, 9)
    story = (told[0], told[1].model_copy(update=nobody))
    correction = (denied[0], denied[1].model_copy(update=nobody))
    (first,) = await correlator.take([story], mark())
    (second,) = await correlator.take([correction], mark(9))
    assert second.corrects_story_id == first.story_id
    assert {one.key for one in await house.bus.recent(SIGNALS_TOPIC, 9)} == {first.story_id}


async def test_a_process_that_takes_its_place_knows_what_was_taken_back(house, bus, correlator) -> None:
    await correlator.take([item(HACK), item(DENIAL)], mark())
    heir = Correlator(bus, house.clock, CorrelationPolicy())
    assert await heir.take([item(ECHO, 5)], mark(5)) == []
    assert (await house.told(ITEMS_TOPIC))[-1].detail == "a story that was corrected"


async def test_what_words_miss_is_told_by_the_meaning_that_it_is_given(house, bus) -> None:
    other = ("theblock", "Uniswap Suffers Exploit")
    for same, revisions in ((None, [1, 1]), (lambda *_: 0.9, [1, 2])):
        house.bus = bus._bus = type(house.bus)()
        correlator = Correlator(bus, house.clock, CorrelationPolicy(), same)
        signals = await correlator.take([item(HACK), item(other, 5)], mark(5))
        assert [one.revision for one in signals] == revisions
