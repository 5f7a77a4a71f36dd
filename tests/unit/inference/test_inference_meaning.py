"""Meaning as the running system asks for it: the same answer in every process, from a memory that is bounded."""

from __future__ import annotations

import numpy as np
import pytest

from herald.inference.encoder import Encoder
from herald.inference.meaning import HeadlineMeaning, open_meaning
from herald.inference.pairs import packaged_sameness
from herald.inference.text_model import unit

HACK = "Uniswap hacked for $120M, team pauses contracts"
SAME = "Attacker drains $120 million from Uniswap"
OTHER = "Uniswap proposes to switch on its fee"


class Counting:
    """Encodes with the packaged encoder, and keeps what it was given."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.encoded: list[str] = []

    def __call__(self, headline: str) -> np.ndarray:
        self.encoded.append(headline)
        return unit(self._encoder.encode([headline]))[0]


@pytest.fixture
def encode(encoder: Encoder) -> Counting:
    return Counting(encoder)


def test_two_tellings_of_one_event_are_likelier_one_than_two_events_of_one_party(encode) -> None:
    meaning = HeadlineMeaning(encode, packaged_sameness(), 10)
    assert meaning(HACK, SAME, 60.0) > 0.5
    assert meaning(HACK, OTHER, 60.0) < 0.2
    assert meaning(HACK, SAME, 60.0) == meaning(SAME, HACK, 60.0)


def test_what_was_asked_before_changes_no_answer(encode) -> None:
    fresh, used = (HeadlineMeaning(encode, packaged_sameness(), vectors_max) for vectors_max in (10, 2))
    for one in (OTHER, "Fed raises rates", "Solana network halts"):
        used(one, SAME, 5.0)
    assert used(HACK, SAME, 60.0) == fresh(HACK, SAME, 60.0)


def test_a_headline_is_encoded_once_while_it_is_remembered(encode) -> None:
    meaning = HeadlineMeaning(encode, packaged_sameness(), 2)
    meaning(HACK, SAME, 1.0)
    meaning(HACK, SAME, 2.0)
    assert encode.encoded == [HACK, SAME]
    meaning(HACK, OTHER, 3.0)  # now HACK and OTHER are known
    meaning(SAME, OTHER, 4.0)
    assert encode.encoded == [HACK, SAME, OTHER, SAME]


def test_the_same_words_are_one_event_without_a_look(encode) -> None:
    assert HeadlineMeaning(encode, packaged_sameness(), 2)(HACK, HACK, 0.0) == 1.0
    assert encode.encoded == []


def test_two_processes_give_the_same_answer() -> None:
    assert open_meaning(10)(HACK, SAME, 60.0) == open_meaning(99)(HACK, SAME, 60.0)
