from __future__ import annotations

import logging

from hypothesis import given
from hypothesis import strategies as st

from herald.bus.kafka_noise import FirstOfAKind
from herald.bus.kafka_offsets import OffsetTracker


@given(st.permutations(range(8)), st.integers(0, 8))
def test_what_may_be_committed_never_passes_a_message_that_is_still_out(order: list[int], handled: int) -> None:
    tracker = OffsetTracker()
    for offset in range(8):
        assert tracker.hand_out(offset)
    for offset in order[:handled]:
        tracker.done(offset)
    still_out = set(order[handled:])
    assert tracker.committable == min(still_out, default=8)


def test_nothing_may_be_committed_before_anything_was_received() -> None:
    assert OffsetTracker().committable is None


def test_gaps_between_offsets_are_no_reason_to_stall() -> None:
    tracker = OffsetTracker()
    for offset in (3, 7, 20):
        tracker.hand_out(offset)
    tracker.done(3)
    tracker.done(7)
    assert tracker.committable == 20
    tracker.done(20)
    assert tracker.committable == 21


def test_after_a_rebalance_held_messages_are_not_handed_out_twice() -> None:
    tracker = OffsetTracker()
    for offset in range(5):
        tracker.hand_out(offset)
    tracker.done(0)
    tracker.resume()
    assert [tracker.hand_out(offset) for offset in range(1, 7)] == [False, False, False, False, True, True]


def test_after_a_rebalance_what_another_member_has_handled_is_forgotten() -> None:
    tracker = OffsetTracker()
    for offset in range(5):
        tracker.hand_out(offset)
    tracker.resume()
    assert tracker.hand_out(10)
    tracker.done(10)
    assert tracker.committable == 11


def test_the_log_hears_each_kind_of_report_once_a_period() -> None:
    noise = FirstOfAKind(period_s=3600.0, kinds_max=2)
    logger = logging.getLogger("test.noise")

    def report(text: str) -> bool:
        return noise.filter(logger.makeRecord(logger.name, logging.ERROR, "f", 1, text, ("x",), None))

    assert [report("gone %s"), report("gone %s"), report("back %s")] == [True, False, True]
