"""Stories that are running: what has been signalled, by whom, and whether another headline tells the same."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from pydantic import Field

from herald.documents import Document
from herald.messages import Share, Signal
from herald.news.reading import Reading
from herald.news.similarity import Bar, Gist, gist_of
from herald.taxonomy import Direction, EventType, Stage

CONFIDENCE_MAX = 0.99
ITEM_KEY = "item_id"
VOICES_KEY = "voices"
STARTED_KEY = "story_started_at"
TRUST_KEY = "story_trust"


class _Listed(Enum):
    """Under what a story is found: another party, its primary entity, or its primary entity where it is alone."""

    OTHER = "other"
    PRIMARY = "primary"
    ALONE = "alone"


_Key = tuple[EventType, _Listed, str]


class CorrelationPolicy(Document):
    """When two reports tell one story, how long that matters, and how much is remembered.

    Within ``window_s`` of the first report an independent source raises the confidence. Until ``echo_s`` a further
    report of a story is merged without effect, so that late copies do not trade it again; 0 switches that off. An
    event is known again among the last ``answers_max``; its bare headline for ``headlines_s``, less than a day, because
    some headlines are true every morning.

    Two headlines that share too few words are one story where a model gives them a probability of ``meaning_min`` or
    more, and two stories, whatever words they share, where it gives them ``meaning_veto_max`` or less. It is asked
    about ``meaning_pairs_max`` pairs an item at most, those of the newest stories.

    A correction speaks of the story that its claim is likest to: by ``correction_containment_min`` of the words, less
    where both are of one type, or by ``correction_meaning_min``. It is believed of a source whose trust is not more
    than ``correction_trust_margin`` below that of the best source of the story, and of a party that the story names.
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
    meaning_min: Share = 0.7
    meaning_veto_max: Share = 0.05
    meaning_pairs_max: int = Field(default=8, gt=0)
    correction_containment_min: Share = 0.65
    correction_type_containment_min: Share = 0.5
    correction_shared_min: int = Field(default=2, gt=0)
    correction_meaning_min: Share = 0.6
    correction_trust_margin: Share = 0.1

    @property
    def memory(self) -> timedelta:
        """How long a story can be told again."""
        return timedelta(seconds=max(self.window_s, self.echo_s))

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
    """One event as signalled so far.

    ``headlines`` are the first ones, oldest first, and ``gists`` what they are compared by. ``voices`` maps each
    independent voice to the confidence of its report; ``trust`` is that of its most trusted source, and
    ``published_at`` when the first report was. ``corrected`` tells that the event was denied since.
    """

    story_id: str
    started_at: datetime
    published_at: datetime
    event_type: EventType
    direction: Direction
    primary_entity: str
    entities: frozenset[str]
    others: frozenset[str]
    headlines: tuple[str, ...]
    gists: tuple[Gist, ...]
    voices: Mapping[str, float]
    sources: tuple[str, ...]
    confidence: float
    revision: int
    trust: float = 1.0
    corrected: bool = False


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
    headlines = (*(before.headlines if before else ()), signal.headline)
    gists = (*(before.gists if before else ()), gist_of(signal.headline))
    entities = (before.entities if before else frozenset()) | frozenset(signal.entities)
    return Story(
        story_id=signal.story_id,
        started_at=datetime.fromisoformat(started) if started else signal.ts_iso,
        published_at=before.published_at if before else signal.stamps.get(Stage.PUBLISHED, signal.ts_iso),
        event_type=signal.event_type,
        direction=signal.direction,
        primary_entity=signal.primary_entity,
        entities=entities,
        others=entities - {signal.primary_entity},
        headlines=headlines[: policy.gists_max],
        gists=gists[: policy.gists_max],
        voices=voices,
        sources=signal.sources,
        confidence=signal.confidence,
        revision=signal.revision,
        trust=float(signal.extras.get(TRUST_KEY, 1.0)),  # not known of an older message: the story is hard to correct
        corrected=before.corrected if before else False,
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

    def correct(self, story_id: str) -> None:
        """Mark a story as denied; nothing where it is not running any more."""
        if story_id in self._stories:
            self._stories[story_id] = replace(self._stories[story_id], corrected=True)

    def since(self, oldest: datetime) -> list[Story]:
        """Return the stories that began at ``oldest`` or later."""
        return [story for story in self._stories.values() if story.started_at >= oldest]

    def candidates(self, reading: Reading, types: Iterable[EventType], oldest: datetime) -> list[Story]:
        """Collect the stories that name one of the same others; where either names no others, those of the primary."""
        primary = reading.primary_entity
        ours = frozenset(reading.entities) - {primary}
        names = sorted({*ours, primary})
        found: dict[str, None] = {}
        for of_type in types:
            keys: list[_Key] = [(of_type, _Listed.OTHER, name) for name in names]
            keys += [(of_type, _Listed.ALONE if ours else _Listed.PRIMARY, name) for name in names]
            for key in keys:
                found.update(self._index.get(key, {}))
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
