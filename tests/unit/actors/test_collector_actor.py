"""A collector: each sentence of its guarantees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actors import collector as module
from actors.collector import Collector, CollectorShell
from herald.bootstrap.configuration import gazetteer_of, rulebook_of, sources_of
from herald.bootstrap.wiring import NOWHERE, Recording, ServedModel, Wiring
from herald.clocks import SimulatedClock
from herald.messages import DEAD_LETTERS_TOPIC, ITEMS_TOPIC, RawItem
from herald.nanoseconds import to_ns
from herald.ports import Batch, ClockMark, Refused, Rejected, Unavailable
from herald.settings import load_settings
from herald.stores.memory import MemorySourceStates
from herald.taxonomy import Fate, Reason, Stage

T0 = datetime(2025, 6, 7, 12, 0, tzinfo=UTC)
WIRING = Wiring(load_settings(), NOWHERE, model=ServedModel.NONE)
RULEBOOK, GAZETTEER, SOURCES = rulebook_of(WIRING), gazetteer_of(WIRING), sources_of(WIRING)


def raw(title: str, number: int = 0) -> RawItem:
    return RawItem(source="coindesk", title=title, native_id=str(number), published_at=T0, received_at=T0)


class Listed:
    """A source that gives its batches one after the other, and goes on from a snapshot."""

    def __init__(self, batches: Sequence[Batch | Exception], at: int = 0) -> None:
        self.name = "listed"
        self._batches = batches
        self._at = at

    async def next_batch(self, now: datetime) -> Batch:
        if self._at == len(self._batches):
            return Batch(done=True)
        given = self._batches[self._at]
        if isinstance(given, Exception):
            raise given
        self._at += 1
        return given

    def next_wake_up(self, now: datetime) -> datetime:
        return now

    def snapshot(self) -> dict[str, Any]:
        return {"at": self._at}

    async def close(self) -> None:
        """Hold nothing."""


class Desk:
    """A correlator that takes items over, after it was away for some calls."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.taken: list[str] = []
        self.stored_then: list[Any] = []
        self.states: MemorySourceStates | None = None

    async def take(self, read: Sequence[tuple[Any, Any]], mark: Any) -> list[Any]:
        if self.away:
            self.away -= 1
            raise Unavailable("restarting")
        if self.states is not None:
            self.stored_then.append(await self.states.load("listed"))
        self.taken += [item.headline for item, _ in read]
        self.items = [item for item, _ in read]
        return []


@pytest.fixture
def states() -> MemorySourceStates:
    return MemorySourceStates()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HAND_OVER_PAUSE_S", 0.0)


def collector(house: Any, desk: Desk, states: MemorySourceStates) -> Collector:
    return Collector(
        bus=house.bus, clock=house.clock, correlator=desk, states=states, profiles=SOURCES, rulebook=RULEBOOK,
        gazetteer=GAZETTEER,
    )  # fmt: skip


async def test_what_a_source_gives_is_read_and_handed_over(house, states) -> None:
    desk = Desk()
    one = collector(house, desk, states)
    batch = await one.collect(Listed([Batch((raw("Uniswap Hacked for $120M"), raw("Nothing at all", 1)))]))
    assert desk.taken == ["Uniswap Hacked for $120M", "Nothing at all"] == [item.title for item in batch.items]
    assert {Stage.RECEIVED, Stage.NORMALISED, Stage.CLASSIFIED} <= desk.items[0].stamps.keys()
    assert (one.items, one.rejected) == (2, 0)


async def test_the_snapshot_is_stored_only_after_the_items_were_taken_over(house, states) -> None:
    desk = Desk()
    desk.states = states
    await collector(house, desk, states).collect(Listed([Batch((raw("a headline"),))]))
    assert desk.stored_then == [None]
    assert await states.load("listed") == {"at": 1}


async def test_a_hand_over_that_fails_leaves_the_stored_snapshot_and_its_items_come_again_from_there(
    house, states
) -> None:
    batches = [Batch((raw("the first"),)), Batch((raw("the second", 1),))]
    desk = Desk()
    one = collector(house, desk, states)
    source = Listed(batches)
    await one.collect(source)
    desk.away = module.HAND_OVER_ATTEMPTS
    with pytest.raises(Unavailable, match="will be collected again"):
        await one.collect(source)
    stored = await states.load("listed")
    assert stored == {"at": 1}
    await one.collect(Listed(batches, stored["at"]))
    assert desk.taken == ["the first", "the second"]


async def test_a_correlator_that_is_being_restarted_is_asked_again(house, states) -> None:
    desk = Desk(away=3)
    await collector(house, desk, states).collect(Listed([Batch((raw("a headline"),))]))
    assert desk.taken == ["a headline"]


async def test_what_cannot_be_read_goes_to_the_dead_letters_and_has_a_fate_and_the_next_is_served(
    house, states
) -> None:
    desk = Desk()
    one = collector(house, desk, states)
    bad = Rejected("NOT_JSON", "line 3: expected a value", "{ nope")
    await one.collect(Listed([Batch((raw("<b> </b>"), raw("a headline", 1)), (bad,))]))
    letters, fates = await house.told(DEAD_LETTERS_TOPIC), await house.told(ITEMS_TOPIC)
    assert [(one.origin, one.reason) for one in letters] == [
        ("source:coindesk", Reason.EMPTY_HEADLINE), ("source:listed", "NOT_JSON")
    ]  # fmt: skip
    assert [one.fate for one in fates] == [Fate.DEAD_LETTER] * 2
    assert [one.event_id for one in fates] == [one.dead_letter_id for one in letters]
    assert "<b> </b>" in letters[0].payload
    assert (desk.taken, one.items, one.rejected) == (["a headline"], 1, 2)


async def test_the_same_bad_input_has_the_same_dead_letter_and_a_huge_one_is_cut(house, states) -> None:
    bad = Batch((), (Rejected("TOO_LARGE", "above the limit", "x" * 30_000),))
    for _ in range(2):
        await collector(house, Desk(), states).collect(Listed([bad]))
    first, again = await house.told(DEAD_LETTERS_TOPIC)
    assert first == again
    assert len(first.payload) == module.PAYLOAD_CHARACTERS_MAX


async def test_a_snapshot_that_has_not_changed_is_not_written_again(house, states) -> None:
    writes: list[str] = []

    class Counted(MemorySourceStates):
        async def save(self, source: str, snapshot: dict[str, Any]) -> None:
            writes.append(source)
            await super().save(source, snapshot)

    one = collector(house, Desk(), Counted())
    source = Listed([])
    await one.collect(source)
    await one.collect(source)
    assert writes == ["listed"]


@pytest.mark.parametrize("error", [Unavailable("HTTP 503"), Refused("HTTP 404")])
async def test_a_source_that_fails_raises_and_stores_nothing(house, states, error) -> None:
    with pytest.raises(type(error)):
        await collector(house, Desk(), states).collect(Listed([error]))
    assert await states.load_all() == {}


# -- the shell ------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(tmp_path: Path) -> Wiring:
    """A recording of three items, a minute apart."""
    lines = [
        json.dumps({"headline": f"headline {n}", "published_at": (T0 + timedelta(minutes=n)).isoformat()})
        for n in range(3)
    ]
    news = tmp_path / "news.jsonl"
    news.write_text("\n".join(lines), "utf-8")
    return Wiring(load_settings(), NOWHERE, recording=Recording(news, ()), model=ServedModel.NONE)


def stage(house: Any, monkeypatch: pytest.MonkeyPatch, desk: Desk, states: MemorySourceStates) -> None:
    async def bus(_: Any) -> Any:
        return house.bus

    async def postgres(_: Any) -> Any:
        async def close() -> None:
            """Hold nothing."""

        return SimpleNamespace(close=close)

    monkeypatch.setattr(module, "open_bus", bus)
    monkeypatch.setattr(module, "open_postgres", postgres)
    monkeypatch.setattr(module, "SourceStates", lambda _: states)
    monkeypatch.setattr(module, "CorrelatorPeer", lambda: desk)
    monkeypatch.setattr(module, "open_clock", lambda _: SimulatedClock(T0))
    monkeypatch.setattr(module, "rulebook_of", lambda _: RULEBOOK)
    monkeypatch.setattr(module, "gazetteer_of", lambda _: GAZETTEER)


def mark(minutes: float) -> ClockMark:
    return ClockMark(to_ns(T0 + timedelta(minutes=minutes)), 0)


async def test_a_recording_is_polled_item_by_item_and_says_when_it_goes_on(
    house, states, monkeypatch, recorded
) -> None:
    desk = Desk()
    stage(house, monkeypatch, desk, states)
    shell = CollectorShell(recorded, "recorded")
    assert await shell.poll(mark(0)) == (1, False, T0 + timedelta(minutes=1))
    assert await shell.poll(mark(0.5)) == (0, False, T0 + timedelta(minutes=1))
    assert await shell.poll(mark(1)) == (1, False, T0 + timedelta(minutes=2))
    await shell.close()
    heir = CollectorShell(recorded, "recorded")
    assert await heir.poll(mark(2)) == (1, True, None)
    assert desk.taken == ["headline 0", "headline 1", "headline 2"]
    await heir.close()


async def test_an_item_of_a_recording_whose_hand_over_failed_is_polled_again(
    house, states, monkeypatch, recorded
) -> None:
    desk = Desk(away=module.HAND_OVER_ATTEMPTS)
    stage(house, monkeypatch, desk, states)
    shell = CollectorShell(recorded, "recorded")
    with pytest.raises(Unavailable):
        await shell.poll(mark(0))
    assert await shell.poll(mark(0)) == (1, False, T0 + timedelta(minutes=1))
    assert desk.taken == ["headline 0"]
    await shell.close()


async def test_a_caller_that_asks_again_too_soon_gets_what_comes_after(house, states, monkeypatch, recorded) -> None:
    """A peer gives a call up after a while, and repeats it; what it had begun goes on."""
    gate = asyncio.Event()

    class Slow(Desk):
        async def take(self, read: Sequence[tuple[Any, Any]], mark: Any) -> list[Any]:
            await gate.wait()
            return await super().take(read, mark)

    desk = Slow()
    stage(house, monkeypatch, desk, states)
    shell = CollectorShell(recorded, "recorded")
    first, again = (asyncio.ensure_future(shell.poll(mark(5))) for _ in range(2))
    for _ in range(50):
        await asyncio.sleep(0)
    gate.set()
    assert await first == (1, False, T0 + timedelta(minutes=1))
    assert await again == (1, False, T0 + timedelta(minutes=2))
    assert desk.taken == ["headline 0", "headline 1"]
    assert await states.load("recorded") is not None
    await shell.close()


async def test_a_changed_list_of_sources_closes_and_opens_only_what_changed(house, states, monkeypatch) -> None:
    stage(house, monkeypatch, Desk(), states)
    built: list[str] = []
    monkeypatch.setattr(module, "build_source", lambda config, *_: built.append(config.name) or Listed([]))

    async def idle(self: Any, source: Any) -> None:
        """Poll nothing."""

    monkeypatch.setattr(CollectorShell, "_poll_forever", idle)
    group, members = next(iter(SOURCES.by_group().items()))
    shell = CollectorShell(WIRING, group)
    await shell.ready()
    assert built == sorted(config.name for config in members)
    kept, changed, *rest = members
    slower = changed.model_copy(update={"trust": 0.123})
    monkeypatch.setattr(module, "sources_of", lambda _: SOURCES.model_copy(update={"sources": (kept, slower)}))
    built.clear()
    gone = sorted(one.name for one in (changed, *rest))
    assert await shell.reload() == {"closed": gone, "opened": [changed.name]}
    assert built == [changed.name]
    assert await shell.reload() == {"closed": [], "opened": []}
    assert (await shell.health()).detail["sources"] == 2
    await shell.close()
