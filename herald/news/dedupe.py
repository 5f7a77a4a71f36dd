"""The memory of what has been answered: exact duplicates, and deliveries that come twice.

A re-delivery is the same item, by its ``item_id``: the answer that it had is given again. A duplicate is another
delivery of the same event, or the same headline of the same source. The memory is bounded in number, and for headlines
in time, judged at look-up against the time given, so that it answers alike whenever it was built.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from herald.news.words import plain_form

AnswerT = TypeVar("AnswerT")


def headline_key(source: str, headline: str) -> tuple[str, str]:
    """Return what the same headline of the same source has in common, whatever its dress."""
    return source.casefold(), plain_form(headline) or headline


@dataclass(frozen=True, slots=True)
class Answered(Generic[AnswerT]):
    """One delivery and the answer that it had."""

    item_id: str
    event_id: str
    headline: tuple[str, str]
    answer: AnswerT
    at: datetime


class AnswerMemory(Generic[AnswerT]):
    """The last answers, found by delivery, by event and by headline. Mutable; one owner.

    Every index keeps its latest answer, so that a memory rebuilt from the end of a record knows what the whole would.
    """

    def __init__(self, answers_max: int, headlines: timedelta) -> None:
        self._answers_max = answers_max
        self._headline_memory = headlines
        self._order: deque[Answered[AnswerT]] = deque()
        self._deliveries: dict[str, Answered[AnswerT]] = {}
        self._events: dict[str, Answered[AnswerT]] = {}
        self._headlines: dict[tuple[str, str], Answered[AnswerT]] = {}

    def __len__(self) -> int:
        return len(self._order)

    def delivered(self, item_id: str) -> Answered[AnswerT] | None:
        """Return the answer that this very delivery had."""
        return self._deliveries.get(item_id)

    def event(self, event_id: str) -> Answered[AnswerT] | None:
        """Return the latest answer to an event."""
        return self._events.get(event_id)

    def elder(self, event_id: str, headline: tuple[str, str], now: datetime) -> Answered[AnswerT] | None:
        """Return the latest answer to the same event, or to the same headline of the same source not long ago."""
        same = self._events.get(event_id)
        if same is not None:
            return same
        like = self._headlines.get(headline)
        return like if like is not None and now - like.at <= self._headline_memory else None

    def remember(self, answered: Answered[AnswerT]) -> None:
        """Keep an answer; the oldest leaves where the memory is full."""
        if answered.item_id in self._deliveries:
            return
        self._order.append(answered)
        self._deliveries[answered.item_id] = answered
        self._events[answered.event_id] = answered
        self._headlines[answered.headline] = answered
        while len(self._order) > self._answers_max:
            self._forget(self._order.popleft())

    def _forget(self, answered: Answered[AnswerT]) -> None:
        del self._deliveries[answered.item_id]
        if self._events.get(answered.event_id) is answered:
            del self._events[answered.event_id]
        if self._headlines.get(answered.headline) is answered:
            del self._headlines[answered.headline]
