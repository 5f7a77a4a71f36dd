from datetime import UTC, datetime, timedelta

from herald.news.dedupe import Answered, AnswerMemory, headline_key

NOW = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)


def memory(answers_max: int = 10) -> AnswerMemory[str]:
    return AnswerMemory(answers_max, timedelta(hours=20))


def answered(event_id: str, item_id: str = "i", headline: str = "h", answer: str = "a") -> Answered[str]:
    return Answered(f"{event_id} {item_id}", event_id, headline_key("s", headline), answer, NOW)


def test_one_delivery_of_an_event_is_told_from_another():
    known = memory()
    known.remember(answered("e1"))
    assert known.delivered("e1 i").answer == "a"
    assert known.delivered("e1 j") is None


def test_the_same_headline_in_other_dress_is_known():
    known = memory()
    known.remember(answered("e1", headline="Bitcoin's  Breakout!"))
    assert known.elder("e2", headline_key("S", "bitcoin breakout"), NOW).event_id == "e1"
    assert known.elder("e2", headline_key("other", "bitcoin breakout"), NOW) is None


def test_a_bare_headline_is_forgotten_before_its_event():
    known = memory()
    known.remember(answered("e1"))
    later = NOW + timedelta(hours=21)
    assert known.elder("e1", headline_key("x", "x"), later) is not None
    assert known.elder("e2", headline_key("s", "h"), later) is None


def test_the_memory_is_bounded_and_the_oldest_leaves():
    known = memory(answers_max=3)
    for number in range(5):
        known.remember(answered(f"e{number}", headline=f"h{number}"))
    assert len(known) == 3
    assert known.event("e1") is None
    assert known.elder("x", headline_key("s", "h1"), NOW) is None
    assert known.event("e4") is not None


def test_the_first_answer_to_a_delivery_stays():
    known = memory()
    known.remember(answered("e1", answer="first"))
    known.remember(answered("e1", answer="second"))
    assert known.delivered("e1 i").answer == "first"
