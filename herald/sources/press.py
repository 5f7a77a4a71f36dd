"""The seeded stream of invented reports: who tells which story when, in which words, with bursts, echoes and noise."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from herald.sources.headlines import ASSETS, PATTERNS, Story, write_filler, write_story
from herald.taxonomy import Direction, EventType

DESKS = {
    "binance.announcements": "venue",
    "agency.press": "agency",
    "flash.wire": "wire",
    "chain.alerts": "chain",
    "ledger.post": "desk",
    "block.courier": "desk",
}
"""Names of the desks and what they report first; a desk of the press echoes everybody."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How the news comes. Shares are probabilities a story; ``echo_s`` is how late another desk may be."""

    stories_per_min: float = 24.0
    burst_share: float = 0.06
    burst_stories: int = 4
    echo_share: float = 0.5
    echo_s: tuple[float, float] = (1.5, 20.0)
    repeat_share: float = 0.05
    advert_share: float = 0.12
    commentary_share: float = 0.18
    malformed_share: float = 0.02


@dataclass(frozen=True, slots=True, order=True)
class Report:
    """One headline at one desk, ``at_s`` seconds after the beginning. ``kind``: news, echo, filler or malformed."""

    at_s: float
    number: int
    story_number: int
    desk: str
    kind: str
    headline: str
    event_type: EventType
    direction: Direction
    severity: float
    asset: str


def openings() -> list[Report]:
    """Return what stands at each desk before the first story: a feed without an entry would be a broken one."""
    unknown = EventType.MARKET_COMMENTARY, Direction.UNKNOWN
    return [
        Report(0.0, number, 0, desk, "filler", f"What to watch today, by {desk}", *unknown, 0.0, "BTC")
        for number, desk in enumerate(DESKS)
    ]


def reports(seed: int, rhythm: Rhythm, assets: tuple[str, ...] = tuple(ASSETS)) -> Iterator[Report]:
    """Yield reports in time order without end; the same arguments give the same reports. The first is at 0 s."""
    random = Random(seed)  # noqa: S311 - invented news, not secrets
    waiting: list[Report] = []
    at_s, story_number, number = 0.0, 0, 0
    for size in _sizes(random, rhythm):
        for position in range(size):
            story = _story(random, rhythm, assets, is_first=story_number == 0)
            for report in _told(random, rhythm, story, at_s + position * 0.4):
                heapq.heappush(waiting, replace(report, number=number, story_number=story_number))
                number += 1
            story_number += 1
        at_s += random.expovariate(rhythm.stories_per_min / 60.0)
        while waiting and waiting[0].at_s <= at_s:
            yield heapq.heappop(waiting)


def _sizes(random: Random, rhythm: Rhythm) -> Iterator[int]:
    """Yield how many stories come at once: one, or now and then a burst."""
    yield 1
    while True:
        yield rhythm.burst_stories if random.random() < rhythm.burst_share else 1


def _story(random: Random, rhythm: Rhythm, assets: tuple[str, ...], *, is_first: bool) -> Story:
    if is_first:
        strong = tuple(one for one in PATTERNS if one.event_type is EventType.ETF and one.direction is Direction.BULL)
        return write_story(random, assets, strong[:1])
    drawn = random.random()
    if drawn < rhythm.advert_share:
        return write_filler(random, assets, advert=True)
    if drawn < rhythm.advert_share + rhythm.commentary_share:
        return write_filler(random, assets, advert=False)
    return write_story(random, assets)


def _told(random: Random, rhythm: Rhythm, story: Story, at_s: float) -> list[Report]:
    """Tell a story: its first report, then echoes at other desks in other words, now and then the same words again."""
    first_desk = random.choice([name for name, beat in DESKS.items() if beat == story.beat])
    first = Report(
        at_s=at_s,
        number=0,
        story_number=0,
        desk=first_desk,
        kind="news" if story.severity else "filler",
        headline=story.wordings[0],
        event_type=story.event_type,
        direction=story.direction,
        severity=story.severity,
        asset=story.asset,
    )
    told = [first]
    others = [name for name, beat in DESKS.items() if beat in {"desk", "wire"} and name != first_desk]
    if story.severity and random.random() < rhythm.echo_share:
        for desk in random.sample(others, random.randint(1, min(2, len(others)))):
            wording = random.choice(story.wordings)
            told.append(
                replace(first, at_s=at_s + random.uniform(*rhythm.echo_s), desk=desk, kind="echo", headline=wording)
            )
    if random.random() < rhythm.repeat_share:
        told.append(replace(first, at_s=at_s + random.uniform(*rhythm.echo_s), kind="echo"))
    if random.random() < rhythm.malformed_share:
        told.append(replace(first, at_s=at_s + 0.1, desk=random.choice(others), kind="malformed", headline=""))
    return told
