from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from herald.clocks import SimulatedClock, WallClock
from herald.nanoseconds import from_ns, to_ns
from herald.ports import ClockMark

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
YEARS = {"min_value": datetime(1900, 1, 1), "max_value": datetime(2200, 1, 1)}  # noqa: DTZ001 - bounds are naive


@given(st.datetimes(**YEARS, timezones=st.just(UTC)))
def test_nanoseconds_and_times_convert_without_loss(when: datetime) -> None:
    assert from_ns(to_ns(when)) == when


@given(st.integers(-(10**18), 4 * 10**18))
def test_what_is_below_a_microsecond_is_dropped_toward_the_past(ns: int) -> None:
    assert 0 <= ns - to_ns(from_ns(ns)) < 1_000


def test_nanoseconds_do_not_depend_on_the_zone() -> None:
    assert to_ns(START) == to_ns(START.astimezone(timezone(timedelta(hours=-5)))) == 1_740_830_400 * 10**9


def test_the_wall_clock_is_the_machines_time_in_utc() -> None:
    clock = WallClock()
    before = datetime.now(UTC)
    seen = [clock.now(), clock.stamp()]
    assert before <= seen[0] <= seen[1] <= datetime.now(UTC)
    assert seen[0].tzinfo is UTC


def test_the_wall_clock_ignores_marks_and_sends_none() -> None:
    clock = WallClock()
    clock.observe(ClockMark(to_ns(START), 0))
    assert clock.now() > START
    assert clock.mark() is None


def test_simulated_time_stands_still_until_a_mark_moves_it() -> None:
    clock = SimulatedClock(START)
    assert [clock.now() for _ in range(3)] == [START] * 3
    clock.observe(ClockMark(to_ns(START + timedelta(seconds=5)), 0))
    assert clock.now() == START + timedelta(seconds=5)


def test_simulated_time_never_moves_backward() -> None:
    clock = SimulatedClock(START)
    clock.observe(ClockMark(to_ns(START - timedelta(seconds=1)), 0))
    clock.observe(None)
    assert clock.now() == START


def test_a_clock_without_a_start_is_at_the_epoch_so_that_any_mark_moves_it() -> None:
    assert SimulatedClock().now() == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_mark_carries_simulated_time_from_one_clock_to_another() -> None:
    driver, actor = SimulatedClock(START), SimulatedClock()
    actor.observe(driver.mark())
    assert actor.now() == driver.now()
    assert actor.mark() == driver.mark()


def test_a_stamp_is_simulated_time_plus_what_really_passed_since_the_mark() -> None:
    clock = SimulatedClock()
    a_second_ago = to_ns(datetime.now(UTC) - timedelta(seconds=1))
    clock.observe(ClockMark(to_ns(START), a_second_ago))
    assert timedelta(seconds=1) <= clock.stamp() - START < timedelta(seconds=30)
    assert clock.stamp() <= clock.stamp()


def test_a_stamp_is_not_before_its_mark_even_where_the_wall_clock_was_set_back() -> None:
    clock = SimulatedClock()
    in_an_hour = to_ns(datetime.now(UTC) + timedelta(hours=1))
    clock.observe(ClockMark(to_ns(START), in_an_hour))
    assert clock.stamp() == START
