"""How long a model is waited for, and how long it rests."""

import pytest

from herald.inference.serving import AskingPolicy


def test_each_headline_of_a_question_gives_its_answer_more_time() -> None:
    assert AskingPolicy(answer_ms=100, answer_ms_each=20).limit_s(5) == pytest.approx(0.2)


def test_each_further_failure_doubles_the_rest_up_to_the_longest() -> None:
    asking = AskingPolicy(rest_ms=100, rest_max_ms=700)
    assert [asking.rest_s(failures) for failures in (1, 2, 3, 4, 5, 10_000)] == pytest.approx(
        [0.1, 0.2, 0.4] + [0.7] * 3
    )


def test_the_longest_rest_is_at_least_the_first() -> None:
    asking = AskingPolicy(rest_ms=500, rest_max_ms=0)
    assert [asking.rest_s(failures) for failures in (1, 2)] == [0.5, 0.5]
