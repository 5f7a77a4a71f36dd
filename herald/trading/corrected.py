"""Stories that were taken back: what they opened is closed, and nothing more is opened for them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime

from herald.messages import Passed, Signal
from herald.taxonomy import Reason

STORIES_MAX = 2_000


class CorrectedStories:
    """When each story was taken back. Mutable; one owner. The latest ``stories_max`` are remembered.

    It follows from the published corrections alone, in whatever order and how often they are noted.
    """

    def __init__(self, signals: Iterable[Signal] = (), stories_max: int = STORIES_MAX) -> None:
        """Note the corrections among ``signals``."""
        self._at: OrderedDict[str, datetime] = OrderedDict()
        self._stories_max = stories_max
        for signal in signals:
            self.note(signal)

    def note(self, signal: Signal) -> None:
        """Remember the story that a signal takes back, from the first time that it is; nothing for other signals."""
        story_id = signal.corrects_story_id
        if not story_id:
            return
        self._at[story_id] = min(signal.ts_iso, self._at.get(story_id, signal.ts_iso))
        while len(self._at) > self._stories_max:
            self._at.popitem(last=False)

    def covers(self, story_id: str) -> bool:
        """Tell whether a story was taken back."""
        return story_id in self._at

    def refuses(self, signal: Signal) -> bool:
        """Tell whether a signal was given after its story was taken back.

        One from before is answered as it was then, however late it is handled: it may be the repetition of one that
        was traded.
        """
        at = self._at.get(signal.story_id)
        return at is not None and signal.ts_iso > at


def answer_to(signal: Signal, now: datetime) -> Passed:
    """Return the decision on a correction, or on a report of a story that was taken back: it is not traded.

    The decision on a correction stands under the story that it takes back.
    """
    story_id = signal.corrects_story_id
    return Passed(
        stamps=signal.stamps,
        event_id=signal.event_id,
        story_id=story_id or signal.story_id,
        event_type=signal.event_type,
        direction=signal.direction,
        primary_entity=signal.primary_entity,
        reason=Reason.STORY_CORRECTED,
        detail=f"takes back {story_id}" if story_id else "it had been taken back before this report",
        decided_at=now,
    )
