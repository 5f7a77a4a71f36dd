"""From readings to stories: what goes out at once, what amends it, what takes it back, and what adds nothing.

A fold: ``correlate`` takes the window, an item with its reading and the time, and answers with exactly one outcome. It
reads no clock and draws no chance, so a window rebuilt from what was published goes on as the one that died would have:

- an item whose fate was published has that answer again, with the same ids;
- an item whose signal was published and whose fate was not has that signal again, not a second one;
- an item of which nothing was published is judged as it would have been.

Publish the signal of an outcome first, then its fate. What is published twice is byte for byte the same message but for
stamps, and its consumers know it by ``event_id``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from herald.messages import ItemFate, NewsItem, Signal, iso
from herald.news.corrections import Correction, correction_in
from herald.news.dedupe import Answered, AnswerMemory, headline_key
from herald.news.matching import Same, may_correct, story_corrected, story_told
from herald.news.reading import Reading
from herald.news.rules import to_signal
from herald.news.stories import (
    ITEM_KEY,
    STARTED_KEY,
    TRUST_KEY,
    VOICES_KEY,
    CorrelationPolicy,
    Stories,
    Story,
    agreed,
    story_after,
    voice_of,
)
from herald.taxonomy import Direction, Fate, Reason, Stage

__all__ = [
    "Amended", "Corrected", "CorrelationPolicy", "Duplicate", "Merged", "NotASignal", "Outcome", "Started",
    "StoryWindow", "correlate", "fate_of", "rebuild",
]  # fmt: skip

ECHO = "a later report of a story that was signalled"
SAME_VOICE = "the same voice again"
NO_GAIN = "no rise of confidence"
NO_NEWS = "not a signal by itself"
OTHER_TYPE = "read as an event of another type"
TAKEN_BACK = "a story that was corrected"
NOT_BELIEVED = "a correction by a source that is trusted too little"


@dataclass(frozen=True, slots=True)
class Started:
    """The first report of a story: its signal goes out at once.

    ``repeated`` marks an answer given before. Publish it all the same: only the bus knows whether it got out then.
    """

    signal: Signal
    at: datetime
    repeated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Amended:
    """An independent report that raised the confidence: the signal goes out again as the next revision."""

    signal: Signal
    at: datetime
    repeated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Corrected:
    """A report that takes a story back: its signal closes what the story opened."""

    signal: Signal
    at: datetime
    repeated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Merged:
    """A report of a story that is out already, which changes nothing."""

    story_id: str
    detail: str
    at: datetime
    repeated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same entry again, or the same headline from the same source. ``first_event_id`` had it first."""

    first_event_id: str
    story_id: str
    at: datetime
    repeated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class NotASignal:
    """An item that tells nothing to trade, and why."""

    reason: Reason
    detail: str
    at: datetime
    repeated: bool = field(default=False, compare=False)


Outcome = Started | Amended | Corrected | Merged | Duplicate | NotASignal


class StoryWindow:
    """What the correlator remembers: running stories, answers given, and signals whose items had no fate yet."""

    def __init__(self, policy: CorrelationPolicy) -> None:
        self.stories = Stories()
        self.answers: AnswerMemory[Outcome] = AnswerMemory(policy.answers_max, timedelta(seconds=policy.headlines_s))
        self.unanswered: set[str] = set()


@dataclass(frozen=True, slots=True)
class _Case:
    """What is judged, and by what."""

    item: NewsItem
    reading: Reading
    now: datetime
    policy: CorrelationPolicy
    same: Same | None


def correlate(  # noqa: PLR0917 - the order in which it is described
    window: StoryWindow,
    item: NewsItem,
    reading: Reading,
    now: datetime,
    policy: CorrelationPolicy,
    same: Same | None = None,
) -> tuple[StoryWindow, Outcome]:
    """Answer one item and return the window with that answer in it (the same object, changed in place).

    ``same`` tells stories by their meaning; without it words alone decide.
    """
    again = window.answers.delivered(delivery_of(item))
    sent = window.answers.event(item.event_id) if item.event_id in window.unanswered else None
    if again is not None and sent is None:
        return window, replace(again.answer, repeated=True)
    outcome = sent.answer if sent is not None else _judge(window, _Case(item, reading, now, policy, same))
    window.unanswered.discard(item.event_id)
    if sent is None and isinstance(outcome, Started | Amended | Corrected):
        _tell(window, outcome.signal, policy)
    key = headline_key(item.source, item.headline)
    window.answers.remember(Answered(delivery_of(item), item.event_id, key, outcome, outcome.at))
    return window, outcome


def delivery_of(item: NewsItem | ItemFate) -> str:
    """Return the id of one delivery; where it has none, its event and the moment of receipt."""
    received_at = item.stamps.get(Stage.RECEIVED)
    return item.item_id or f"{item.event_id} {iso(received_at) if received_at else ''}"


def fate_of(outcome: Outcome, item: NewsItem) -> ItemFate:
    """Say what became of an item. An amendment counts as merged: it reports a story that had its signal."""
    fate, reason, detail, story_id = _fate(outcome)
    return ItemFate(
        event_id=item.event_id,
        item_id=item.item_id,
        source=item.source,
        headline=item.headline,
        fate=fate,
        reason=reason,
        detail=detail,
        story_id=story_id,
        at=outcome.at,
        stamps={**item.stamps, Stage.RECEIVED: item.received_at},
    )


def rebuild(
    signals: Iterable[Signal], fates: Iterable[ItemFate], now: datetime, policy: CorrelationPolicy
) -> StoryWindow:
    """Make the window that published these messages, each given in the order of publication.

    Give as many as the policy remembers, or at least the signals of the last ``echo_s`` and the fates of the last
    ``headlines_s``. A message published twice counts once. Stories that ``now`` has outlived are left out.
    """
    window = StoryWindow(policy)
    oldest = now - timedelta(seconds=max(policy.echo_s, policy.window_s))
    sent: dict[str, Signal] = {}
    for signal in signals:
        if signal.event_id not in sent:
            sent[signal.event_id] = signal
            if signal.ts_iso >= oldest:
                _tell(window, signal, policy)
    for fate in fates:
        outcome = _answer(fate, sent.get(fate.event_id))
        key = headline_key(fate.source, fate.headline)
        window.answers.remember(Answered(delivery_of(fate), fate.event_id, key, outcome, fate.at))
    for event_id, signal in sent.items():
        if window.answers.event(event_id) is None:
            window.unanswered.add(event_id)
            item_id = str(signal.extras.get(ITEM_KEY, event_id))
            key = headline_key(signal.source, signal.headline)
            window.answers.remember(Answered(item_id, event_id, key, _sent(signal), signal.ts_iso))
    return window


def _judge(window: StoryWindow, case: _Case) -> Outcome:
    item, reading, now = case.item, case.reading, case.now
    elder = window.answers.elder(item.event_id, headline_key(item.source, item.headline), now)
    if elder is not None:
        first = elder.answer.first_event_id if isinstance(elder.answer, Duplicate) else elder.event_id
        return Duplicate(first, _story_of(elder.answer), now)
    # What may be of any age takes nothing back.
    correction = None if item.extras.get("backlog") else correction_in(item.headline)
    denied = correction and story_corrected(window.stories, correction, item, reading, now, case.policy, case.same)
    if correction and denied:
        return _taken_back(denied, correction, case)
    story = story_told(window.stories, item.headline, reading, now, case.policy, case.same)
    if not reading.is_signal:
        return Merged(story.story_id, NO_NEWS, now) if story else NotASignal(reading.fate_reason, _why(reading), now)
    return _told_again(story, case) if story else Started(_first(item, reading, now), now)


def _told_again(story: Story, case: _Case) -> Outcome:
    """Let a further report raise the confidence of its story, or say why it does not."""
    late = case.now - story.started_at > timedelta(seconds=case.policy.window_s)
    why = (
        (story.corrected, TAKEN_BACK),
        (late, ECHO),
        (case.reading.event_type is not story.event_type, OTHER_TYPE),
        (voice_of(case.item.source, case.item.wire) in story.voices, SAME_VOICE),
    )
    detail = next((detail for holds, detail in why if holds), "")
    return Merged(story.story_id, detail, case.now) if detail else _joined(story, case)


def _joined(story: Story, case: _Case) -> Outcome:
    item, reading, now = case.item, case.reading, case.now
    voices = {**story.voices, voice_of(item.source, item.wire): reading.confidence}
    confidence = agreed(voices)
    if confidence - story.confidence < case.policy.confidence_gain_min:
        return Merged(story.story_id, NO_GAIN, now)
    signal = to_signal(
        item,
        _in_step(reading, story),
        story_id=story.story_id,
        revision=story.revision + 1,
        sources=tuple(dict.fromkeys((*story.sources, item.source))),
        confidence=confidence,
        now=now,
    )
    return Amended(_with_story(signal, item, voices, story.started_at, max(story.trust, item.trust)), now)


def _taken_back(story: Story, correction: Correction, case: _Case) -> Outcome:
    """Take a story back, once, where the source is believed. What takes back is never traded itself."""
    item, now = case.item, case.now
    if story.corrected or not may_correct(item, story, case.policy):
        return Merged(story.story_id, TAKEN_BACK if story.corrected else NOT_BELIEVED, now)
    update = {
        "event_type": story.event_type,
        "primary_entity": story.primary_entity,
        "direction": Direction.UNKNOWN,
        "tradable": False,
        "reasons": (*correction.reasons, *case.reading.reasons),
    }
    signal = to_signal(
        item,
        case.reading.model_copy(update=update),
        story_id=item.event_id,
        revision=1,
        sources=(item.source,),
        confidence=case.reading.confidence,
        now=now,
    )
    extras = {**signal.extras, ITEM_KEY: delivery_of(item)}
    return Corrected(signal.model_copy(update={"corrects_story_id": story.story_id, "extras": extras}), now)


def _in_step(reading: Reading, story: Story) -> Reading:
    """Keep the key and, where this report leaves it open, the direction of the story that is amended."""
    direction = reading.direction if reading.direction is not reading.direction.UNKNOWN else story.direction
    return reading.model_copy(update={"primary_entity": story.primary_entity, "direction": direction})


def _first(item: NewsItem, reading: Reading, now: datetime) -> Signal:
    signal = to_signal(
        item,
        reading,
        story_id=item.event_id,
        revision=1,
        sources=(item.source,),
        confidence=reading.confidence,
        now=now,
    )
    return _with_story(signal, item, {voice_of(item.source, item.wire): reading.confidence}, now, item.trust)


def _with_story(signal: Signal, item: NewsItem, voices: dict[str, float], started_at: datetime, trust: float) -> Signal:
    """Add what a rebuilt window must know of the story."""
    known = {VOICES_KEY: voices, STARTED_KEY: iso(started_at), TRUST_KEY: trust, ITEM_KEY: delivery_of(item)}
    return signal.model_copy(update={"extras": {**signal.extras, **known}})


def _tell(window: StoryWindow, signal: Signal, policy: CorrelationPolicy) -> None:
    if signal.corrects_story_id:
        window.stories.correct(signal.corrects_story_id)
        return
    window.stories.put(story_after(signal, window.stories.get(signal.story_id), policy), policy)


def _sent(signal: Signal) -> Outcome:
    if signal.corrects_story_id:
        return Corrected(signal, signal.ts_iso)
    return Started(signal, signal.ts_iso) if signal.revision == 1 else Amended(signal, signal.ts_iso)


def _story_of(answer: Outcome) -> str:
    if isinstance(answer, Started | Amended):
        return answer.signal.story_id
    if isinstance(answer, Corrected):
        return answer.signal.corrects_story_id
    return "" if isinstance(answer, NotASignal) else answer.story_id


def _why(reading: Reading) -> str:
    return "; ".join(reading.reasons)


def _fate(outcome: Outcome) -> tuple[Fate, Reason, str, str]:
    match outcome:
        case Started(signal=signal):
            reason = Reason.RULE_MATCHED if signal.model == "rules" else Reason.MODEL_CLASSIFIED
            return Fate.SIGNAL, reason, "; ".join(signal.reasons), signal.story_id
        case Amended(signal=signal):
            return Fate.MERGED, Reason.SAME_STORY, f"revision {signal.revision}", signal.story_id
        case Corrected(signal=signal):
            return Fate.SIGNAL, Reason.STORY_CORRECTED, "; ".join(signal.reasons), signal.corrects_story_id
        case Merged(story_id=story_id, detail=detail):
            return Fate.MERGED, Reason.SAME_STORY, detail, story_id
        case Duplicate(first_event_id=first, story_id=story_id):
            return Fate.DUPLICATE, Reason.EXACT_DUPLICATE, first, story_id
        case NotASignal(reason=reason, detail=detail):
            return Fate.NO_SIGNAL, reason, detail, ""


def _answer(fate: ItemFate, signal: Signal | None) -> Outcome:
    """Read the outcome back from its fate."""
    sent = fate.reason is not Reason.EXACT_DUPLICATE and signal is not None
    if sent and signal is not None and fate.fate in {Fate.SIGNAL, Fate.MERGED}:
        return _sent(signal)
    if fate.fate is Fate.DUPLICATE:
        return Duplicate(fate.detail, fate.story_id, fate.at)
    if fate.fate in {Fate.MERGED, Fate.SIGNAL}:
        return Merged(fate.story_id, fate.detail, fate.at)
    return NotASignal(fate.reason, fate.detail, fate.at)
