"""When a source may be asked again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from herald.sources.pacing import Circuit, Outcome, Pace, PaceLimits, backoff_s

NOW = datetime(2025, 6, 1, tzinfo=UTC)
LIMITS = PaceLimits(every_s=5, backoff_s=1, backoff_max_s=60, failures_max=3, open_s=30, open_max_s=100)


def seconds(pace, since=NOW):
    return (pace.at - since).total_seconds()


def fail(pace, at, jitter=1.0, outcome=Outcome.UNAVAILABLE, **more):
    return pace.begin(at).next_attempt(at, outcome, jitter=jitter, **more)


def test_a_new_source_is_due_and_an_answered_one_after_its_interval():
    pace = Pace(LIMITS)
    assert pace.is_due(NOW)
    later = pace.begin(NOW).next_attempt(NOW + timedelta(seconds=2), Outcome.ANSWERED, jitter=0)
    assert seconds(later) == 5
    assert not later.is_due(NOW + timedelta(seconds=4.9))
    assert later.is_due(NOW + timedelta(seconds=5))


def test_a_slow_answer_does_not_make_the_next_look_wait_twice():
    pace = Pace(LIMITS).begin(NOW).next_attempt(NOW + timedelta(seconds=8), Outcome.ANSWERED, jitter=0)
    assert seconds(pace) == 8


def test_the_circuit_opens_after_failures_in_a_row_half_opens_and_closes_again():
    pace, at = Pace(LIMITS), NOW
    for _ in range(2):
        pace = fail(pace, at)
        assert pace.circuit is Circuit.CLOSED
        at = pace.at
    pace = fail(pace, at)
    assert pace.circuit is Circuit.OPEN
    assert seconds(pace, at) == 30
    trial = pace.begin(pace.at)
    assert trial.circuit is Circuit.HALF_OPEN
    again = trial.next_attempt(pace.at, Outcome.UNAVAILABLE, jitter=1.0)
    assert (again.circuit, seconds(again, pace.at)) == (Circuit.OPEN, 60)
    healed = again.begin(again.at).next_attempt(again.at, Outcome.ANSWERED, jitter=0)
    assert (healed.circuit, healed.failures, healed.opened) == (Circuit.CLOSED, 0, 0)


def test_a_success_between_failures_starts_the_count_anew():
    pace = fail(fail(Pace(LIMITS), NOW), NOW)
    pace = pace.begin(NOW).next_attempt(NOW, Outcome.ANSWERED, jitter=0)
    assert fail(pace, NOW).circuit is Circuit.CLOSED


def test_a_refusal_waits_longer_than_a_failure():
    assert seconds(fail(Pace(LIMITS), NOW, outcome=Outcome.REFUSED)) == 60
    assert seconds(fail(Pace(LIMITS), NOW)) == 5


def test_what_the_server_asked_for_is_kept():
    assert seconds(fail(Pace(LIMITS), NOW, retry_after_s=120.0)) == 120


@given(st.lists(st.tuples(st.sampled_from(Outcome), st.floats(0, 0.999)), max_size=60))
def test_no_two_looks_are_closer_than_the_interval_and_no_wait_is_unbounded(history):
    pace, at = Pace(LIMITS), NOW
    for outcome, jitter in history:
        pace = pace.begin(at).next_attempt(at, outcome, jitter=jitter)
        assert 5 <= seconds(pace, at) <= 100
        at = pace.at


def test_the_delay_doubles_and_is_bounded():
    assert [backoff_s(n, 1, 10) for n in (0, 1, 2, 3, 4, 5, 500)] == [1, 1, 2, 4, 8, 10, 10]
