"""Pairs of headlines and the model of their sameness: form of the file, what follows from pairs, and the fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from herald.inference.text_model import unit
from herald.news.sameness import FEATURES, SamenessModel, SamenessWeights
from training.corpus.headlines import CorpusError
from training.corpus.pairs import HEADER, Pair, load_pairs, parse_pair
from training.sameness import AGREEING, MODEL, fit_sameness, implied_pairs, packaged_encode, read_model, write_weights

FIGURE_TOLERANCE = 0.003
"""Sums in another order move a vector's last digits, and with them a rank or two."""


@pytest.fixture(scope="module")
def pairs() -> tuple[Pair, ...]:
    return load_pairs()


@pytest.fixture(scope="module")
def refitted(pairs: tuple[Pair, ...]) -> SamenessWeights:
    return fit_sameness(pairs, packaged_encode())


def letters(texts: Sequence[str]) -> NDArray[np.float32]:
    """Encode by counts of letters: enough for a cosine, and quick."""
    counts = np.asarray(
        [[text.lower().count(chr(97 + i)) + 0.1 for i in range(26)] for text in texts], dtype=np.float32
    )
    return unit(counts)


def written(folder: Path, *lines: str) -> Path:
    file = folder / "pairs.tsv"
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


def test_the_pairs_hold_both_labels_in_like_numbers(pairs: tuple[Pair, ...]) -> None:
    assert len(pairs) == 1_100
    assert 0.4 < sum(pair.same for pair in pairs) / len(pairs) < 0.6


def test_no_two_headlines_of_one_event_are_labelled_as_of_two(pairs: tuple[Pair, ...]) -> None:
    every = {frozenset((pair.a, pair.b)): pair.same for pair in (*pairs, *implied_pairs(pairs))}
    event_of = {text: text for pair in every for text in pair}
    for both in (both for both, same in every.items() if same):
        old, new = sorted(event_of[text] for text in both)
        event_of = {text: new if event == old else event for text, event in event_of.items()}
    torn = [sorted(both) for both, same in every.items() if not same and len({event_of[text] for text in both}) == 1]
    assert torn == []


def test_a_line_gives_label_texts_and_place() -> None:
    assert parse_pair("1\tFed holds\tRates kept", "here:2") == Pair(
        same=True, a="Fed holds", b="Rates kept", place="here:2"
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("1\tFed holds", "pairs.tsv:2: has 2 fields"),
        ("yes\tFed holds\tRates kept", "pairs.tsv:2: same is 'yes'; write 0 or 1"),
        ("0\t\tRates kept", "pairs.tsv:2: a is empty or padded"),
        ("0\tFed holds\tRates kept ", "pairs.tsv:2: b is empty or padded"),
        ("1\tFed holds\tFED  holds", "pairs.tsv:2: a and b are the same words"),
    ],
)
def test_a_line_of_the_wrong_form_is_named_with_its_cure(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(CorpusError, match=complaint):
        load_pairs(written(tmp_path, HEADER, line))


def test_a_file_that_is_missing_headless_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read"):
        load_pairs(tmp_path / "none.tsv")
    with pytest.raises(CorpusError, match=r"pairs.tsv:1: is not the header"):
        load_pairs(written(tmp_path, "1\tFed holds\tRates kept"))
    with pytest.raises(CorpusError, match=r"pairs.tsv:2: there is no pair"):
        load_pairs(written(tmp_path, HEADER))


@pytest.mark.parametrize(("label", "fault"), [("1", "repeats"), ("0", "contradicts")])
def test_a_pair_given_twice_in_either_order_is_refused(tmp_path: Path, label: str, fault: str) -> None:
    file = written(tmp_path, HEADER, "1\tFed holds\tRates kept", f"{label}\trates kept\tFed holds")
    with pytest.raises(CorpusError, match=f"pairs.tsv:3: {fault} pairs.tsv:2"):
        load_pairs(file)


def test_what_follows_from_pairs_is_found_once_and_nothing_else() -> None:
    given = [Pair(same=True, a="A", b="B"), Pair(same=True, a="B", b="C"), Pair(same=False, a="C", b="D")]
    found = {(frozenset((pair.a, pair.b)), pair.same) for pair in implied_pairs(given)}
    assert found == {(frozenset("AC"), True), (frozenset("AD"), False), (frozenset("BD"), False)}


def test_a_fit_can_be_repeated_and_keeps_the_sign_of_every_feature(pairs: tuple[Pair, ...]) -> None:
    few = pairs[:200]
    fitted = fit_sameness(few, letters)
    assert fitted == fit_sameness(few, letters)
    for name, weight in zip(FEATURES, fitted.weight, strict=True):
        assert weight >= 0 if name in AGREEING else weight <= 0, name
    assert fitted.weight[FEATURES.index("numbers_conflict")] < 0 < fitted.weight[FEATURES.index("cosine")]


def test_another_seed_draws_other_folds(pairs: tuple[Pair, ...]) -> None:
    assert fit_sameness(pairs[:200], letters, seed=1).figures != fit_sameness(pairs[:200], letters, seed=2).figures


def test_weights_are_read_as_they_were_written(tmp_path: Path, pairs: tuple[Pair, ...]) -> None:
    fitted = fit_sameness(pairs[:200], letters)
    write_weights(fitted, tmp_path / "sameness.json")
    assert read_model(tmp_path / "sameness.json").weights == fitted


def test_refitting_gives_the_figures_that_are_committed(refitted: SamenessWeights) -> None:
    committed = read_model(MODEL).weights
    assert refitted.figures == pytest.approx(committed.figures, abs=FIGURE_TOLERANCE)


def test_refitting_gives_the_probabilities_that_are_committed(
    refitted: SamenessWeights, pairs: tuple[Pair, ...]
) -> None:
    committed, again = read_model(MODEL), SamenessModel(refitted)
    gaps = [abs(committed.probability(pair.a, pair.b, 0.7) - again.probability(pair.a, pair.b, 0.7)) for pair in pairs]
    assert max(gaps) < 0.01


def test_the_model_ranks_the_pairs_far_better_than_the_cosine(refitted: SamenessWeights) -> None:
    figures = refitted.figures
    assert figures["average_precision"] > figures["average_precision_of_cosine"] + 0.25
    assert figures["brier"] < figures["brier_of_share"] - 0.04
