"""Each entry is let through once."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from herald.ports import Rejected
from herald.sources.novelty import Novelty
from herald.sources.reading import Entry, Fault
from herald.sources.seen import SeenKeys

NOW = datetime(2025, 6, 1, tzinfo=UTC)


def titles(batch):
    return [item.title for item in batch.items]


def test_only_new_entries_come_out_and_a_changed_headline_is_new():
    novelty = Novelty("s")
    first = Entry("Delays", native_id="1", published_at=NOW)
    assert titles(novelty.batch([first], (), NOW)) == ["Delays"]
    assert titles(novelty.batch([first], (), NOW)) == []
    assert titles(novelty.batch([Entry("Approves", native_id="1")], (), NOW)) == ["Approves"]


def test_a_later_run_goes_on_from_the_keys():
    novelty = Novelty("s")
    novelty.batch([Entry("a")], (), NOW)
    later = Novelty("s", novelty.keys())
    assert titles(later.batch([Entry("a"), Entry("b")], (), NOW)) == ["b"]


def test_items_come_oldest_first():
    entries = [Entry("new", published_at=NOW), Entry("old", published_at=NOW - timedelta(days=1))]
    assert titles(Novelty("s").batch(entries, (), NOW)) == ["old", "new"]


def test_undated_items_of_the_first_look_are_marked_as_backlog():
    novelty = Novelty("s")
    (old,) = novelty.batch([Entry("a")], (), NOW).items
    (new,) = novelty.batch([Entry("b")], (), NOW).items
    assert (old.extras, new.extras) == ({"backlog": True}, {})


def test_a_rejection_is_reported_once():
    novelty, fault = Novelty("s"), Fault("NO_HEADLINE", "x", "y")
    assert novelty.batch((), (fault,), NOW).rejected == (Rejected("NO_HEADLINE", "x", "y"),)
    assert novelty.batch((), (fault,), NOW).rejected == ()


@given(st.lists(st.integers(0, 30).map(str), max_size=200), st.integers(1, 20))
def test_the_memory_is_bounded_and_keeps_what_was_met_last(keys, limit):
    seen = SeenKeys(limit)
    for key in keys:
        seen.is_new(key)
    latest = list(dict.fromkeys(reversed(keys)))[:limit]
    assert seen.as_list() == latest[::-1]
    assert all(not seen.is_new(key) for key in latest)
