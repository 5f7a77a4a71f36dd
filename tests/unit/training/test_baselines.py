"""Baselines: one says what is most frequent, one learns from words, and both speak as the model does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from herald.inference.text_model import DIRECTIONS, TYPES
from herald.taxonomy import Direction, EventType
from training.baselines import majority, tfidf
from training.figures import judge
from training.targets import Targets

LISTING, HACK, OTHER = (TYPES.index(one) for one in (EventType.LISTING, EventType.HACK, EventType.OTHER))
BULL, BEAR, UNKNOWN = (DIRECTIONS.index(one) for one in (Direction.BULL, Direction.BEAR, Direction.UNKNOWN))
COINS = ("Sui", "Aptos", "Celestia", "Arbitrum", "Render", "Injective")


def headlines(coins: tuple[str, ...]) -> tuple[list[str], Targets]:
    """Three sorts of headline about each coin."""
    texts, rows = [], []
    for coin in coins:
        texts += [f"Venue will list {coin} today", f"{coin} bridge drained by hacker", f"Why {coin} fans like the rain"]
        rows += [(LISTING, BULL, 1, 0.5), (HACK, BEAR, 1, 0.9), (OTHER, UNKNOWN, 0, 0.1)]
    types, directions, tradable, severity = zip(*rows, strict=True)
    return texts, Targets(
        np.array(types), np.array(directions), np.array(tradable, np.float32), np.array(severity, np.float32)
    )


@pytest.fixture
def train() -> tuple[list[str], Targets]:
    return headlines(COINS[:4])


def test_the_majority_says_the_shares_of_training_of_every_example() -> None:
    targets = Targets(
        types=np.array([HACK, HACK, OTHER, HACK]),
        directions=np.array([BEAR, BEAR, UNKNOWN, BULL]),
        tradable=np.array([1, 0, 0, 0], dtype=np.float32),
        severity=np.array([0.9, 0.1, 0.3, 0.3], dtype=np.float32),
    )
    said = majority(targets, 3)
    assert said.types.tolist() == [HACK] * 3
    assert said.directions.tolist() == [BEAR] * 3
    assert said.types_p[:, [HACK, OTHER]].tolist() == [[0.75, 0.25]] * 3
    assert said.directions_p[0].sum() == 1
    assert said.tradable_p.tolist() == [0.25] * 3
    assert said.severity == pytest.approx([0.3] * 3)


def test_the_majority_is_calibrated_where_the_mix_is_that_of_training(train) -> None:
    _, targets = train
    figures = judge(majority(targets, len(targets)), targets)
    assert figures.tradable_ece.value == pytest.approx(0, abs=1e-6)
    assert figures.type_ece.value == pytest.approx(0, abs=1e-6)
    assert figures.type_accuracy.value == pytest.approx(1 / 3)


def test_words_tell_what_the_majority_cannot(train) -> None:
    texts, targets = headlines(COINS[4:])
    said = judge(tfidf(*train, texts), targets)
    plain = judge(majority(train[1], len(targets)), targets)
    assert said.type_accuracy.value == 1
    assert said.direction_macro_f1.value == 1
    assert said.tradable_average_precision.value == 1
    assert said.severity_mae.value < 0.5 * plain.severity_mae.value


def test_probabilities_are_in_the_order_of_the_taxonomy_and_zero_for_types_never_seen(train) -> None:
    said = tfidf(*train, ["Exchange will list Sui", "nothing known here"])
    assert said.types_p.shape == (2, len(TYPES))
    assert said.directions_p.shape == (2, len(DIRECTIONS))
    assert said.types_p.sum(axis=1) == pytest.approx([1, 1])
    assert (said.types_p > 0).sum(axis=1).tolist() == [3, 3]
    assert said.types[0] == LISTING
    assert said.types_p[0, LISTING] > 0.5


def test_pairs_of_words_are_read_too() -> None:
    texts = ["not listed", "listed not hacked", "not hacked", "hacked not listed"] * 3
    types = np.array([OTHER, LISTING, OTHER, HACK] * 3)
    zeros = np.zeros(12)
    said = tfidf(texts, Targets(types, np.array([0, 1] * 6), zeros, zeros), texts[:4])
    assert said.types.tolist() == [OTHER, LISTING, OTHER, HACK]


def test_the_same_texts_give_the_same_answer(train) -> None:
    texts = headlines(COINS[4:])[0]
    one, other = tfidf(*train, texts), tfidf(*train, texts)
    assert np.array_equal(one.types_p, other.types_p)
    assert np.array_equal(one.severity, other.severity)


def test_training_with_one_class_only_says_that_class(train) -> None:
    texts, targets = train
    said = tfidf(texts, replace(targets, tradable=np.ones(len(texts), dtype=np.float32)), ["Sui listed"])
    assert said.tradable_p.tolist() == [1.0]
    said = tfidf(texts, replace(targets, tradable=np.zeros(len(texts), dtype=np.float32)), ["Sui listed"])
    assert said.tradable_p.tolist() == [0.0]


def test_severity_is_cut_to_0_to_1_where_the_regression_runs_out() -> None:
    texts, targets = headlines(tuple(f"coin{number}" for number in range(20)))
    bold = replace(targets, severity=(targets.types == HACK).astype(np.float32))
    said = tfidf(texts, bold, ["bridge drained by hacker", "fans like the rain", "today"])
    assert said.severity[:2].tolist() == [1.0, 0.0]
    assert 0 < said.severity[2] < 1


def test_no_texts_have_no_predictions(train) -> None:
    said = tfidf(*train, [])
    assert len(said) == 0
    assert said.types_p.shape == (0, len(TYPES))


def test_training_that_cannot_be_learnt_from_is_refused(train) -> None:
    texts, targets = train
    with pytest.raises(ValueError, match="11 texts for 12 targets"):
        tfidf(texts[1:], targets, texts)
    with pytest.raises(ValueError, match="empty vocabulary"):
        tfidf(["!"] * 12, targets, texts)
    with pytest.raises(ValueError, match="no training examples"):
        majority(targets.of(np.array([], dtype=np.int64)), 2)
