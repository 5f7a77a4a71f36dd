"""Words and evidence as features: the formulas, and the same features for the same text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from herald.inference.words import (
    BUCKETS,
    EVIDENCE_BUCKETS,
    EVIDENCE_SHARE,
    WORD_BUCKETS,
    inverse_frequency,
    word_counts,
    word_features,
)

EQUAL = np.ones(WORD_BUCKETS, dtype=np.float32)
HEADLINE = "Binance lists Solana"
EVIDENCE = ("assets:1", "rule:listing-reported", "tradable:True")


def bucket(word: str) -> int:
    (found,) = word_counts([word]).indices
    return int(found)


def parts(features: csr_matrix) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    dense = features.toarray()
    return dense[:, :WORD_BUCKETS], dense[:, WORD_BUCKETS:]


def test_words_and_pairs_of_words_are_counted_without_regard_to_case() -> None:
    counts = word_counts(["Fed cuts, fed CUTS", "cuts fed"])
    assert counts.shape == (2, WORD_BUCKETS)
    assert counts[0, bucket("fed")] == counts[0, bucket("cuts")] == 2
    assert sorted(counts[0].data) == [1, 2, 2, 2]  # "cuts fed" stands once, "fed cuts" twice
    assert counts[1].nnz == 3


def test_the_inverse_frequency_is_that_of_the_formula() -> None:
    found = inverse_frequency(word_counts(["bitcoin bitcoin falls", "bitcoin", "gold"]))
    assert found.shape == (WORD_BUCKETS,)
    assert found.dtype == np.float32
    assert found[bucket("bitcoin")] == pytest.approx(math.log(4 / 3) + 1)  # in two of three, however often in one
    assert found[bucket("gold")] == pytest.approx(math.log(4 / 2) + 1)
    assert found[bucket("unheard")] == pytest.approx(math.log(4 / 1) + 1)


def test_a_repeated_word_weighs_by_the_logarithm_of_its_count_and_by_its_rarity() -> None:
    frequencies = EQUAL.copy()
    frequencies[bucket("down")] = 3.0
    words, _ = parts(word_features(["up up up down"], [()], frequencies))
    up, pair = 1 + math.log(3), 1 + math.log(2)
    length = math.sqrt(up**2 + 3.0**2 + pair**2 + 1)  # up, down, "up up" twice, "up down"
    assert words[0, bucket("up")] == pytest.approx(up / length)
    assert words[0, bucket("down")] == pytest.approx(3.0 / length)


def test_the_words_have_length_one_however_many_they_are() -> None:
    texts = ["hack", "Fed cuts rates", "Sui DEX Cetus hacked, $220M drained, validators freeze wallets"]
    features = word_features(texts, [(), EVIDENCE, EVIDENCE * 2], inverse_frequency(word_counts(texts)))
    assert (features.shape, features.dtype) == ((3, BUCKETS), np.float32)
    words, _ = parts(features)
    np.testing.assert_allclose(np.linalg.norm(words, axis=1), 1.0, rtol=1e-6)


def test_a_text_without_words_has_no_word_features() -> None:
    words, evidence = parts(word_features(["!?"], [EVIDENCE], EQUAL))
    assert not words.any()
    assert evidence.any()


def test_each_piece_of_evidence_weighs_the_same_whatever_the_words() -> None:
    texts = [HEADLINE, HEADLINE * 3, HEADLINE]
    _, evidence = parts(word_features(texts, [EVIDENCE, EVIDENCE, EVIDENCE[:1]], EQUAL))
    assert evidence.shape == (3, EVIDENCE_BUCKETS)
    assert sorted(evidence[0][evidence[0] > 0]) == [EVIDENCE_SHARE] * len(EVIDENCE)
    np.testing.assert_array_equal(evidence[0], evidence[1])
    assert evidence[2].sum() == EVIDENCE_SHARE


def test_evidence_does_not_depend_on_its_order_and_leaves_the_words_alone() -> None:
    bare, forward, backward = word_features([HEADLINE] * 3, [(), EVIDENCE, EVIDENCE[::-1]], EQUAL).toarray()
    np.testing.assert_array_equal(forward, backward)
    np.testing.assert_array_equal(bare[:WORD_BUCKETS], forward[:WORD_BUCKETS])
    assert not bare[WORD_BUCKETS:].any()


def test_the_same_text_has_the_same_features_alone_and_in_company() -> None:
    company = ["Fed cuts rates", HEADLINE, "Solana lists Binance"]
    together = word_features(company, [(), EVIDENCE, EVIDENCE], EQUAL).toarray()
    alone = word_features([HEADLINE], [EVIDENCE], EQUAL).toarray()
    np.testing.assert_array_equal(together[1], alone[0])
    assert (together[1] != together[2]).any()  # the pairs tell the order of the words


def test_a_stored_model_finds_its_words_in_the_buckets_that_it_was_trained_with() -> None:
    assert {word: bucket(word) for word in ("bitcoin", "hacked", "lists")} == {
        "bitcoin": 26_962,
        "hacked": 15_339,
        "lists": 18_035,
    }
    (evidence,) = word_features([""], [("tradable:True",)], EQUAL).indices
    assert evidence == 33_879
