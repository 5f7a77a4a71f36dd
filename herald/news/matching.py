"""Which running story a headline tells, or takes back: by its words and, where they fail or deceive, by its meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from herald.messages import NewsItem
from herald.news.corrections import Correction
from herald.news.reading import Reading
from herald.news.similarity import Gist, gist_of
from herald.news.stories import CorrelationPolicy, Stories, Story
from herald.taxonomy import Direction, EventType

Same = Callable[[str, str, float], float]
"""The probability that two headlines, so many seconds apart, report one event.

Pure: of the same arguments always the same, so that a window that is rebuilt goes on as the one that died.
"""

_KINDS = (
    {EventType.HACK, EventType.OUTAGE, EventType.INSOLVENCY, EventType.DEPEG},
    {EventType.DEPEG, EventType.STABLECOIN},
    {EventType.ETF, EventType.SEC_ACTION, EventType.REGULATION},
    {EventType.FED_SPEECH, EventType.MACRO_DATA},
    {EventType.REGULATION, EventType.GEOPOLITICAL, EventType.POLITICAL_POST},
    {EventType.TREASURY, EventType.WHALE_FLOW, EventType.FUNDING_MNA, EventType.EARNINGS_CORPORATE},
    {EventType.FUNDING_MNA, EventType.PARTNERSHIP},
    {EventType.TOKENOMICS, EventType.NETWORK_UPGRADE},
)
_KINDRED = {
    one: (one, *sorted({other for kind in _KINDS if one in kind for other in kind} - {one})) for one in EventType
}


def kindred_of(event_type: EventType) -> tuple[EventType, ...]:
    """Return the types as which one event may be read, the given one first. Other types are surely different."""
    return _KINDRED[event_type]


def story_told(  # noqa: PLR0917 - the order in which it is described
    stories: Stories, headline: str, reading: Reading, now: datetime, policy: CorrelationPolicy, same: Same | None
) -> Story | None:
    """Return the running story that a headline tells, None where it tells none or a new one.

    By words it is the likest story of its type, among equals the oldest, which meaning may veto. Failing that it is the
    story to which ``same`` gives the highest probability, if that is high enough. What is no signal is only compared
    by words, and so is everything where ``same`` is None.
    """
    meant = same if reading.is_signal else None
    types = kindred_of(reading.event_type) if meant else (reading.event_type,)
    found = [
        story
        for story in stories.candidates(reading, types, now - policy.memory)
        if names_meet(story, reading) and not _contradict(story, reading)
    ]
    meaning = Meaning(headline, meant, now, policy.meaning_pairs_max) if meant and found else None
    for story in _alike(found, headline, reading, now, policy):
        probability = meaning.of(story) if meaning else None
        if probability is None or probability > policy.meaning_veto_max:
            return story
    return _meant(found, meaning, policy) if meaning else None


def story_corrected(  # noqa: PLR0917 - the order in which it is described
    stories: Stories,
    correction: Correction,
    item: NewsItem,
    reading: Reading,
    now: datetime,
    policy: CorrelationPolicy,
    same: Same | None,
) -> Story | None:
    """Return the running story that a correction speaks of: the likest, among equals the newest. None for none.

    A correction that was published well before the story speaks of something else.
    """
    latest = item.published_at + timedelta(seconds=policy.window_s)
    found = [
        story
        for story in stories.since(now - policy.memory)
        if story.published_at <= latest and _may_be_meant(story, reading)
    ]
    claim = _stems_of(gist_of(correction.claim))
    meaning = Meaning(correction.claim, same, now, policy.meaning_pairs_max) if same else None
    best: tuple[float, Story] | None = None
    for story in _newest_first(found):
        likeness = _contained(claim, story, reading, policy)
        if not likeness and meaning:
            probability = meaning.of(story) or 0.0
            likeness = probability if probability >= policy.correction_meaning_min else 0.0
        if likeness and (best is None or likeness > best[0]):
            best = (likeness, story)
    return best[1] if best else None


def may_correct(item: NewsItem, story: Story, policy: CorrelationPolicy) -> bool:
    """Tell whether a source is believed where it takes a story back.

    It must be trusted about as much as the best source of the story, or be the own voice of a party that the story
    names: its venue, or its verified account, whose name begins with the party's (``sec.press``).
    """
    named = {name.casefold() for name in story.entities | {story.primary_entity}} - {""}
    own = {item.venue.casefold(), item.source.casefold().split(".")[0] if item.verified else ""}
    return not named.isdisjoint(own) or item.trust >= story.trust - policy.correction_trust_margin


def names_meet(story: Story, reading: Reading) -> bool:
    """Tell whether the primary entity of either is named by the other."""
    ours, theirs = reading.primary_entity, story.primary_entity
    return ours == theirs or ours in story.entities or theirs in reading.entities


class Meaning:
    """What the model says of one headline beside running stories, for a bounded number of pairs. Mutable."""

    def __init__(self, headline: str, same: Same, now: datetime, pairs_max: int) -> None:
        self._headline = headline
        self._same = same
        self._now = now
        self._left = pairs_max
        self._known: dict[str, float] = {}

    def of(self, story: Story) -> float | None:
        """Return the highest probability of the story's headlines, None where no pair is left to ask about."""
        if story.story_id not in self._known:
            asked = story.headlines[: self._left]
            if not asked:
                return None
            self._left -= len(asked)
            gap_s = (self._now - story.started_at).total_seconds()
            self._known[story.story_id] = max(self._same(self._headline, one, gap_s) for one in asked)
        return self._known[story.story_id]


def _contradict(story: Story, reading: Reading) -> bool:
    """Tell whether a signal says the opposite of a story."""
    sided = reading.direction is not Direction.UNKNOWN
    return reading.is_signal and sided and reading.direction.opposite is story.direction


def _alike(
    found: list[Story], headline: str, reading: Reading, now: datetime, policy: CorrelationPolicy
) -> Iterator[Story]:
    """Return the stories of the same type whose words clear the bar, in the order of their likeness."""
    window_began = now - timedelta(seconds=policy.window_s)
    ours = frozenset(reading.entities) - {reading.primary_entity}
    of_type = [story for story in found if story.event_type is reading.event_type]
    gist = gist_of(headline) if of_type else None
    scored = []
    for story in of_type:
        bar = policy.bar(same_party=not ours.isdisjoint(story.others), late=story.started_at < window_began)
        score = max(bar.score(gist, other) for other in story.gists) if gist else 0.0
        if score > 0.0:
            scored.append((-score, story.started_at, story.story_id, story))
    return (story for *_, story in sorted(scored, key=lambda one: one[:3]))


def _meant(found: list[Story], meaning: Meaning, policy: CorrelationPolicy) -> Story | None:
    best: tuple[float, Story] | None = None
    for story in _newest_first(found):
        probability = meaning.of(story)
        if probability is not None and probability >= policy.meaning_min and (best is None or probability > best[0]):
            best = (probability, story)
    return best[1] if best else None


def _newest_first(found: list[Story]) -> list[Story]:
    return sorted(found, key=lambda story: (story.started_at, story.story_id), reverse=True)


def _may_be_meant(story: Story, reading: Reading) -> bool:
    """Tell whether both speak of one party; where a correction names no asset, any party that both name will do."""
    return names_meet(story, reading) or (
        not reading.primary_entity and not story.entities.isdisjoint(reading.entities)
    )


def _stems_of(gist: Gist) -> Gist:
    """Leave out the figures: a correction may be about them."""
    return Gist(gist.stems, (), (), len(gist.stems))


def _contained(claim: Gist, story: Story, reading: Reading, policy: CorrelationPolicy) -> float:
    """Return the greatest share that claim and headline have of the shorter of them, 0 where it is below the bar."""
    of_type = reading.event_type is story.event_type
    least = policy.correction_type_containment_min if of_type else policy.correction_containment_min
    best = 0.0
    for other in map(_stems_of, story.gists):
        shared = len(claim.stems & other.stems)
        share = shared / max(1, min(claim.size, other.size))
        if shared >= policy.correction_shared_min and share >= least:
            best = max(best, share)
    return best
