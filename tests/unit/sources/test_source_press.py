"""The demo's invented stream."""

from itertools import islice

from herald.sources.headlines import ASSETS
from herald.sources.press import DESKS, Rhythm, reports
from herald.taxonomy import Direction, EventType


def first(count, seed=7, **more):
    return list(islice(reports(seed, Rhythm(), **more), count))


def test_the_same_seed_tells_the_same_and_another_one_does_not():
    assert first(300) == first(300)
    assert [one.headline for one in first(50)] != [one.headline for one in first(50, seed=8)]


def test_the_first_report_is_there_at_once_and_is_strong():
    report = first(1)[0]
    assert report.at_s == 0
    assert report.severity > 0.8
    assert report.direction is Direction.BULL


def test_time_never_runs_backward_and_numbers_are_unique():
    told = first(500)
    assert [one.at_s for one in told] == sorted(one.at_s for one in told)
    assert len({one.number for one in told}) == 500


def test_most_event_types_occur_and_all_desks_report():
    told = first(2000)
    assert len({one.event_type for one in told}) >= 23
    assert {one.desk for one in told} == set(DESKS)
    assert {one.kind for one in told} == {"news", "echo", "filler", "malformed"}
    assert all("{" not in one.headline for one in told)


def test_a_story_is_told_by_several_desks_seconds_apart():
    told = first(500)
    stories = {}
    for one in told:
        stories.setdefault(one.story_number, []).append(one)
    shared = [story for story in stories.values() if len({one.desk for one in story}) > 1]
    assert len(shared) > 50
    assert all(story[-1].at_s - story[0].at_s <= 20 for story in shared)
    assert all(len({one.direction for one in story}) == 1 for story in stories.values())


def test_noise_moves_nothing_and_assets_are_those_asked_for():
    told = first(500, assets=("BTC", "ETH"))
    assert {one.asset for one in told} == {"BTC", "ETH"}
    noise = [one for one in told if one.event_type in {EventType.PROMOTION, EventType.MARKET_COMMENTARY}]
    assert noise
    assert all(one.severity == 0 and one.direction is Direction.UNKNOWN for one in noise)
    assert set(ASSETS) >= {"BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LINK", "AVAX", "BNB", "DOT", "LTC"}
