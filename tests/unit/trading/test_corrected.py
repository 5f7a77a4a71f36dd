"""Which stories were taken back follows from the corrections alone, in whatever order they come."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from herald.messages import Signal
from herald.taxonomy import Direction, EventType, Reason
from herald.trading.corrected import CorrectedStories, answer_to


@pytest.fixture
def signal_at(now):
    def make(seconds: float = 0.0, event_id: str = "c1", **fields) -> Signal:
        given = {
            "event_id": event_id, "idempotency_key": event_id, "story_id": event_id, "source": "wire",
            "ts_iso": now + timedelta(seconds=seconds), "headline": "A headline", "event_type": EventType.HACK,
            "severity": 0.5, "direction": Direction.UNKNOWN, "confidence": 0.9, "primary_entity": "SOL",
        }  # fmt: skip
        return Signal(**given | fields)

    return make


@pytest.fixture
def correction(signal_at) -> Signal:
    return signal_at(10, corrects_story_id="s1", tradable=False)


def test_a_story_is_covered_once_it_is_taken_back(correction) -> None:
    stories = CorrectedStories()
    assert not stories.covers("s1")
    stories.note(correction)
    assert stories.covers("s1")
    assert not stories.covers("c1")


@pytest.mark.parametrize(("seconds", "refused"), [(9, False), (10, False), (10.001, True)])
def test_only_what_was_given_after_the_correction_is_refused(signal_at, correction, seconds, refused) -> None:
    assert CorrectedStories([correction]).refuses(signal_at(seconds, "a1", story_id="s1")) is refused


def test_other_stories_and_signals_are_left_alone(signal_at, correction) -> None:
    stories = CorrectedStories([correction, signal_at(1, "s1")])
    assert not stories.refuses(signal_at(20, "s2"))
    assert not stories.refuses(correction)


def test_the_order_and_repetition_of_corrections_change_nothing(signal_at, correction) -> None:
    noted = [correction, correction, signal_at(5, "c2", corrects_story_id="s1"), signal_at(1, "s1")]
    asked = [signal_at(seconds, f"a{seconds}", story_id="s1") for seconds in (4, 6, 11)]
    answers = {tuple(CorrectedStories(order).refuses(one) for one in asked) for order in permutations(noted)}
    assert answers == {(False, True, True)}


def test_the_memory_is_bounded(signal_at) -> None:
    stories = CorrectedStories((signal_at(n, f"c{n}", corrects_story_id=f"s{n}") for n in range(5)), stories_max=2)
    assert [stories.covers(f"s{n}") for n in range(5)] == [False, False, False, True, True]


def test_a_correction_is_decided_under_the_story_that_it_takes_back(correction, now) -> None:
    passed = answer_to(correction, now)
    assert (passed.event_id, passed.story_id, passed.reason) == ("c1", "s1", Reason.STORY_CORRECTED)
    assert (passed.detail, passed.primary_entity, passed.decided_at) == ("takes back s1", "SOL", now)


def test_a_report_of_a_story_that_was_taken_back_says_so(signal_at, now) -> None:
    passed = answer_to(signal_at(20, "a1", story_id="s1"), now)
    assert (passed.event_id, passed.story_id, passed.reason) == ("a1", "s1", Reason.STORY_CORRECTED)
    assert passed.detail == "it had been taken back before this report"
