"""Stories told by meaning: what words miss is joined, what words deceive is parted, and nothing is asked in vain."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from herald.news.correlate import (
    Amended,
    CorrelationPolicy,
    Duplicate,
    Merged,
    NotASignal,
    Started,
)
from herald.news.matching import kindred_of
from herald.taxonomy import EventType

POLICY = CorrelationPolicy()
CETUS = "Cetus Protocol hacked, $220M drained"
TOLD_OTHERWISE = "Cetus suffers exploit, pools emptied"
PAUSED = "Cetus network halts"


@dataclass
class Oracle:
    """Answers by pairs, in either order, and keeps what it was asked."""

    answers: dict[frozenset[str], float] = field(default_factory=dict)
    otherwise: float = 0.5
    asked: list[tuple[str, str, float]] = field(default_factory=list)

    def __call__(self, left: str, right: str, gap_s: float) -> float:
        self.asked.append((left, right, gap_s))
        return self.answers.get(frozenset((left, right)), self.otherwise)


def knows(*pair: str, probability: float) -> dict[frozenset[str], float]:
    return {frozenset(pair): probability}


def test_what_shares_too_few_words_is_joined_by_its_meaning(desk_of) -> None:
    desk = desk_of(same=Oracle(answers=knows(CETUS, TOLD_OTHERWISE, probability=POLICY.meaning_min)))
    first = desk.hears(CETUS)
    second = desk.hears(TOLD_OTHERWISE, at_s=40, source="Second")
    assert isinstance(second, Amended)
    assert (second.signal.story_id, second.signal.revision) == (first.signal.story_id, 2)
    assert desk.same.asked == [(TOLD_OTHERWISE, CETUS, 40.0)]


def test_below_the_threshold_it_is_a_story_of_its_own(desk_of) -> None:
    desk = desk_of(same=Oracle(answers=knows(CETUS, TOLD_OTHERWISE, probability=POLICY.meaning_min - 0.01)))
    desk.hears(CETUS)
    assert isinstance(desk.hears(TOLD_OTHERWISE, at_s=40, source="Second"), Started)


def test_without_a_model_words_alone_decide(desk_of) -> None:
    desk = desk_of()
    desk.hears(CETUS)
    assert isinstance(desk.hears(TOLD_OTHERWISE, at_s=40, source="Second"), Started)
    assert isinstance(desk.hears("Sui's Cetus DEX loses $220 million in hack", at_s=50, source="Third"), Amended)


@pytest.mark.parametrize(
    ("probability", "outcome"), [(POLICY.meaning_veto_max, Started), (POLICY.meaning_veto_max + 0.01, Amended)]
)
def test_a_merge_by_words_is_vetoed_where_the_meaning_surely_differs(desk_of, probability, outcome) -> None:
    again = "Cetus Protocol hacked again, $220M drained"
    desk = desk_of(same=Oracle(answers=knows(CETUS, again, probability=probability)))
    desk.hears(CETUS)
    assert isinstance(desk.hears(again, at_s=40, source="Second"), outcome)


def test_copies_of_one_wire_add_nothing_by_meaning_either(desk_of) -> None:
    desk = desk_of(same=Oracle(otherwise=0.99))
    first = desk.hears(CETUS, source="A", wire="reuters")
    copy = desk.hears(TOLD_OTHERWISE, at_s=10, source="B", wire="reuters")
    other = desk.hears("Cetus suffers exploit", at_s=20, source="C")
    assert copy == Merged(first.signal.story_id, "the same voice again", copy.at)
    assert isinstance(other, Amended)
    assert other.signal.extras["voices"].keys() == {"wire:reuters", "source:c"}
    assert other.signal.extras["story_started_at"] == first.signal.extras["story_started_at"]
    assert other.signal.sources == ("A", "C")


def test_after_the_window_a_report_told_otherwise_is_an_echo(desk_of) -> None:
    desk = desk_of(same=Oracle(otherwise=0.9))
    first = desk.hears(CETUS)
    late = desk.hears(TOLD_OTHERWISE, at_s=POLICY.window_s + 1, source="Late")
    assert late == Merged(first.signal.story_id, "a later report of a story that was signalled", late.at)
    assert isinstance(desk.hears(TOLD_OTHERWISE, at_s=POLICY.echo_s + 1, source="Later"), Started)


def test_the_same_event_read_as_a_kindred_type_is_merged_and_raises_nothing(desk_of) -> None:
    desk = desk_of(same=Oracle(otherwise=0.9))
    first = desk.hears(CETUS)
    read = {"event_type": EventType.OUTAGE}
    told = desk.hears(TOLD_OTHERWISE, at_s=5, source="Second", read=read)
    assert told == Merged(first.signal.story_id, "read as an event of another type", told.at)


def test_types_that_are_surely_different_are_not_joined(desk_of) -> None:
    desk = desk_of(same=Oracle(otherwise=1.0))
    desk.hears(CETUS)
    other = {"event_type": EventType.LISTING}
    assert isinstance(desk.hears(TOLD_OTHERWISE, at_s=5, source="Second", read=other), Started)
    assert desk.same.asked == []


def test_opposed_directions_and_other_parties_are_not_joined(desk_of) -> None:
    desk = desk_of(same=Oracle(otherwise=1.0))
    desk.hears("SEC approves spot Solana ETF")
    assert isinstance(desk.hears("SEC rejects spot Solana ETF", at_s=20, source="Second"), Started)
    assert isinstance(desk.hears("Uniswap hacked, $220M drained", at_s=30, source="Second"), Started)


def test_what_has_no_running_story_beside_it_or_is_no_signal_is_not_asked_about(desk_of) -> None:
    desk = desk_of(same=Oracle(otherwise=0.9))
    desk.hears(CETUS)
    assert isinstance(desk.hears("Solana network halts", at_s=2), Started)
    assert isinstance(desk.hears("Cetus token price analysis", at_s=3, source="Second"), NotASignal)
    assert isinstance(desk.hears(CETUS, at_s=4), Duplicate)
    assert desk.same.asked == []


def test_only_so_many_pairs_are_asked_about_those_of_the_newest_stories(desk_of) -> None:
    policy = CorrelationPolicy(meaning_pairs_max=2, shared_min=9, containment_min=1.0, jaccard_min=1.0)
    desk = desk_of(policy, same=Oracle(otherwise=0.5))
    for number in range(4):
        desk.hears(f"Cetus suffers exploit number {'x' * (number + 2)}", at_s=number, source=f"s{number}")
    desk.same.asked.clear()
    desk.hears(TOLD_OTHERWISE, at_s=9, source="Last")
    assert [gap_s for _, _, gap_s in desk.same.asked] == [6.0, 7.0]


def test_the_likest_of_several_stories_is_chosen(desk_of) -> None:
    other = "Cetus exploited through its bridge"
    likest = knows(TOLD_OTHERWISE, CETUS, probability=0.95) | knows(TOLD_OTHERWISE, other, probability=0.8)
    desk = desk_of(same=Oracle(likest))
    first = desk.hears(CETUS)
    assert isinstance(desk.hears(other, at_s=1, source="Second"), Started)
    told = desk.hears(TOLD_OTHERWISE, at_s=2, source="Third")
    assert isinstance(told, Amended)
    assert told.signal.story_id == first.signal.story_id


def test_every_type_is_kindred_to_itself_and_kinship_is_mutual() -> None:
    for one in EventType:
        assert kindred_of(one)[0] is one
        assert all(one in kindred_of(other) for other in kindred_of(one))
