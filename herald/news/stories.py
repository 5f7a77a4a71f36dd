"""Stories that are running: what has been signalled, by whom, and whether another headline tells the same."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from pydantic import Field

from herald.documents import Document
from herald.messages import NewsItem, Share, Signal
from herald.news.reading import Reading
from herald.news.similarity import Gist, gist_of, likeness, shared_at_most
from herald.taxonomy import Direction, EventType

CONFIDENCE_MAX = 0.99
_OPPOSITE = {Direction.BULL: Direction.BEAR, Direction.BEAR: Direction.BULL}
ITEM_KEY = "item_id"
VOICES_KEY = "voices"
STARTED_KEY = "story_started_at"


class _Listed(Enum):
    """Under what a story is found: another party, its primary entity, or its primary entity where it is alone."""

    OTHER = "other"
    PRIMARY = "primary"
    ALONE = "alone"


_Key = tuple[EventType, _Listed, str]


@dataclass(frozen=True, slots=True)
class Bar:
    """Thresholds for one pair of reports. ``party_jaccard_min`` holds where both name the same other party."""

    jaccard_min: float
    containment_min: float
    party_jaccard_min: float
    shared_min: int

    def score(self, left: Gist, right: Gist) -> float:
        """Return the likeness of two headlines where it clears the bar, else 0."""
        most = shared_at_most(left, right)
        if most < self.shared_min or not self._clears(most, left, right):
            return 0.0
        found = likeness(left, right)
        alike = found.jaccard >= self.jaccard_min or found.containment >= self.containment_min
        in_company = not found.discord and found.jaccard >= self.party_jaccard_min
        return found.jaccard + found.containment if found.shared >= self.shared_min and (alike or in_company) else 0.0

    def _clears(self, shared: int, left: Gist, right: Gist) -> bool:
        every, fewer = left.size + right.size - shared, min(left.size, right.size)
        jaccard_min = min(self.jaccard_min, self.party_jaccard_min)
        return shared >= jaccard_min * every or shared >= self.containment_min * fewer


class CorrelationPolicy(Document):
    """When two reports tell one story, how long that matters, and how much is remembered.

    Within ``window_s`` of the first report an independent source raises the confidence. Until ``echo_s`` a further
    report of a story is merged without effect, so that late copies do not trade it again; 0 switches that off. An
    event is known again among the last ``answers_max``; its bare headline for ``headlines_s``, less than a day, because
    some headlines are true every morning.
    """

    window_s: float = Field(default=120.0, gt=0)
    echo_s: float = Field(default=21_600.0, ge=0)
    stories_max: int = Field(default=2_000, gt=0)
    gists_max: int = Field(default=4, gt=0)
    answers_max: int = Field(default=20_000, gt=0)
    headlines_s: float = Field(default=72_000.0, gt=0)
    jaccard_min: Share = 0.3
    containment_min: Share = 0.6
    echo_jaccard_min: Share = 0.4
    echo_containment_min: Share = 0.7
    shared_min: int = Field(default=3, gt=0)
    party_jaccard_min: Share = 0.2
    party_shared_min: int = Field(default=2, gt=0)
    confidence_gain_min: Share = 0.01

    def bar(self, *, same_party: bool, late: bool) -> Bar:
        """Return the bar that a likeness must clear, lower where both reports name the same other party."""
        return Bar(
            jaccard_min=self.echo_jaccard_min if late else self.jaccard_min,
            containment_min=self.echo_containment_min if late else self.containment_min,
            party_jaccard_min=self.party_jaccard_min if same_party else 1.0,
            shared_min=self.party_shared_min if same_party else self.shared_min,
        )


@dataclass(frozen=True, slots=True)
class Story:
    """One event as signalled so far. ``voices`` maps each independent voice to the confidence of its report."""

    story_id: str
    started_at: datetime
    event_type: EventType
    direction: Direction
    primary_entity: str
    entities: frozenset[str]
    others: frozenset[str]
    gists: tuple[Gist, ...]
    voices: Mapping[str, float]
    sources: tuple[str, ...]
    confidence: float
    revision: int


def voice_of(source: str, wire: str) -> str:
    """Name who is speaking: sources on one wire copy one another and are one voice."""
    return f"wire:{wire.casefold()}" if wire else f"source:{source.casefold()}"


def agreed(voices: Mapping[str, float]) -> float:
    """Combine independent confidences by noisy-or: the chance that not all of them are wrong."""
    return round(min(CONFIDENCE_MAX, 1.0 - math.prod(1.0 - confidence for confidence in voices.values())), 6)


def story_after(signal: Signal, before: Story | None, policy: CorrelationPolicy) -> Story:
    """Derive the story as it stands once a signal is out. Live and rebuilt from the bus it comes out the same."""
    voices = signal.extras.get(VOICES_KEY) or {voice_of(signal.source, ""): signal.confidence}
    started = signal.extras.get(STARTED_KEY)
    gists = (*(before.gists if before else ()), gist_of(signal.headline))
    entities = (before.entities if before else frozenset()) | frozenset(signal.entities)
    return Story(
        story_id=signal.story_id,
        started_at=datetime.fromisoformat(started) if started else signal.ts_iso,
        event_type=signal.event_type,
        direction=signal.direction,
        primary_entity=signal.primary_entity,
        entities=entities,
        others=entities - {signal.primary_entity},
        gists=gists[: policy.gists_max],
        voices=voices,
        sources=signal.sources,
        confidence=signal.confidence,
        revision=signal.revision,
    )


class Stories:
    """The running stories, oldest first, found by type and by who is named. Mutable; one owner.

    A story is indexed under each of its other parties, and under its primary entity: in full, and apart where it names
    nobody else. So a crowd of stories about one asset is not looked through for each report that names a party.
    """

    def __init__(self) -> None:
        self._stories: OrderedDict[str, Story] = OrderedDict()
        self._index: dict[_Key, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._stories)

    def get(self, story_id: str) -> Story | None:
        """Return a story by its id."""
        return self._stories.get(story_id)

    def put(self, story: Story, policy: CorrelationPolicy) -> None:
        """Add or replace a story; the oldest leave where there are too many."""
        if story.story_id in self._stories:
            self._unlist(self._stories[story.story_id])
        self._stories[story.story_id] = story
        for key in _keys(story):
            self._index.setdefault(key, {})[story.story_id] = None
        while len(self._stories) > policy.stories_max:
            self._unlist(self._stories.pop(next(iter(self._stories))))

    def find(self, item: NewsItem, reading: Reading, now: datetime, policy: CorrelationPolicy) -> Story | None:
        """Return the running story that an item tells: the likest, among equals the oldest."""
        gist: Gist | None = None
        ours = frozenset(reading.entities) - {reading.primary_entity}
        window_began = now - timedelta(seconds=policy.window_s)
        best: tuple[float, Story] | None = None
        for story in self._candidates(reading, ours, now, policy):
            if not _may_be_same(story, reading):
                continue
            gist = gist or gist_of(item.headline)
            same_party = not ours.isdisjoint(story.others)
            bar = policy.bar(same_party=same_party, late=story.started_at < window_began)
            score = max(bar.score(gist, other) for other in story.gists)
            if score > 0.0 and (best is None or _ranks_before((score, story), best)):
                best = (score, story)
        return best[1] if best else None

    def _candidates(
        self, reading: Reading, ours: frozenset[str], now: datetime, policy: CorrelationPolicy
    ) -> list[Story]:
        """Collect the stories that name one of the same others; where either names no others, those of the primary."""
        of_type, primary = reading.event_type, reading.primary_entity
        keys: list[_Key] = [(of_type, _Listed.OTHER, other) for other in sorted({*ours, primary})]
        keys += [(of_type, _Listed.ALONE if ours else _Listed.PRIMARY, name) for name in sorted({*ours, primary})]
        found: dict[str, None] = {}
        for key in keys:
            found.update(self._index.get(key, {}))
        oldest = now - timedelta(seconds=max(policy.window_s, policy.echo_s))
        return [story for story_id in found if (story := self._stories[story_id]).started_at >= oldest]

    def _unlist(self, story: Story) -> None:
        for key in _keys(story):
            group = self._index[key]
            del group[story.story_id]
            if not group:
                del self._index[key]


def _keys(story: Story) -> list[_Key]:
    keys: list[_Key] = [(story.event_type, _Listed.OTHER, other) for other in sorted(story.others)]
    keys.append((story.event_type, _Listed.PRIMARY, story.primary_entity))
    if not story.others:
        keys.append((story.event_type, _Listed.ALONE, story.primary_entity))
    return keys


def _may_be_same(story: Story, reading: Reading) -> bool:
    """Tell whether primary entities meet and, for a signal, directions do not contradict."""
    ours, theirs = reading.primary_entity, story.primary_entity
    if ours != theirs and ours not in story.entities and theirs not in reading.entities:
        return False
    return not reading.is_signal or _OPPOSITE.get(reading.direction) is not story.direction


def _ranks_before(left: tuple[float, Story], right: tuple[float, Story]) -> bool:
    """Prefer the likelier story, then the older, then the lesser id, whatever the order of looking."""
    if left[0] != right[0]:
        return left[0] > right[0]
    return (left[1].started_at, left[1].story_id) < (right[1].started_at, right[1].story_id)
