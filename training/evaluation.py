"""How good a model is, on every set that there is, beside what it must beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from herald.inference.text_model import DIRECTIONS, TYPES, TextModel
from herald.news.judgement import Judgement
from herald.news.reading import Reading
from training.baselines import majority, tfidf
from training.behaviour.checks import BehaviourReport, load_cases, run_checks
from training.build import Corpus
from training.corpus.outside import LabelledSet
from training.corpus.splits import Part
from training.evidence import FIRST_FIGURES, FirstFigure, Gain
from training.figures import Aspect, Figures, Predictions, correctness, judge, paired_gain
from training.plots import plot_classes, plot_confusion, plot_precision_recall, plot_reliability
from training.targets import Targets

OWN_TEST = "corpus, test part"
MODEL, MAJORITY, TFIDF, RULES = "model", "majority", "TF-IDF", "rules"
_SURE = 0.98
"""What a rule's answer counts for as a probability: it knows no doubt of its own."""

ReadText = Callable[[str], tuple[Reading, tuple[str, ...]]]
"""Reads a headline by the rules: its meaning, and the evidence that a model weighs."""


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Headlines with labels, as the rules read them."""

    labelled: LabelledSet
    readings: tuple[Reading, ...]
    evidence: tuple[tuple[str, ...], ...]

    @property
    def what(self) -> frozenset[Aspect]:
        """The targets that have labels."""
        return frozenset(self.labelled.what)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Figures of one set, by who predicted."""

    name: str
    figures: Mapping[str, Figures]
    predictions: Mapping[str, Predictions]
    targets: Targets


def evaluation_sets(corpus: Corpus, outside: Sequence[LabelledSet], read: ReadText) -> list[EvaluationSet]:
    """Return the corpus's test part and the outside sets, ready to be judged."""
    rows = corpus.rows(Part.TEST)
    everything = frozenset({"type", "direction", "tradable", "severity"})
    own = LabelledSet(OWN_TEST, tuple(corpus.texts(rows)), corpus.targets.of(rows), everything)
    sets = []
    for labelled in (own, *outside):
        read_all = [read(text) for text in labelled.texts]
        sets.append(
            EvaluationSet(labelled, tuple(reading for reading, _ in read_all), tuple(seen for _, seen in read_all))
        )
    return sets


def evaluate(model: TextModel, one: EvaluationSet, baselines: Mapping[str, Predictions] | None = None) -> Evaluated:
    """Judge a set by the model, beside baselines where there are any."""
    targets = one.labelled.targets
    predictions = {MODEL: predictions_of(model.judge(one.labelled.texts, one.evidence)), **(baselines or {})}
    figures = {name: judge(found, targets, what=one.what) for name, found in predictions.items()}
    return Evaluated(one.labelled.name, figures, predictions, targets)


def baselines_of(sets: Sequence[EvaluationSet], corpus: Corpus) -> list[dict[str, Predictions]]:
    """Return for each set what the majority, a TF-IDF model of the same corpus, and the rules alone say."""
    rows = corpus.rows(Part.TRAIN)
    own = corpus.targets.of(rows)
    every = tfidf(corpus.texts(rows), own, [text for one in sets for text in one.labelled.texts])
    found, begin = [], 0
    for one in sets:
        count = len(one.labelled.texts)
        found.append(
            {
                MAJORITY: majority(own, count),
                TFIDF: every.of(np.arange(begin, begin + count)),
                RULES: predictions_of_rules(one.readings),
            }
        )
        begin += count
    return found


def predictions_of(judgements: Sequence[Judgement]) -> Predictions:
    """Turn judgements into arrays."""
    return Predictions(
        types_p=np.asarray([[one.event_types[kind] for kind in TYPES] for one in judgements]),
        directions_p=np.asarray([[one.directions[way] for way in DIRECTIONS] for one in judgements]),
        tradable_p=np.asarray([one.tradable_p for one in judgements]),
        severity=np.asarray([one.severity for one in judgements]),
    )


def predictions_of_rules(readings: Sequence[Reading]) -> Predictions:
    """Turn what the rules said into the same form: nearly all on what they said, the rest spread evenly."""
    types = np.full((len(readings), len(TYPES)), (1 - _SURE) / (len(TYPES) - 1))
    directions = np.full((len(readings), len(DIRECTIONS)), (1 - _SURE) / (len(DIRECTIONS) - 1))
    for row, reading in enumerate(readings):
        types[row, TYPES.index(reading.event_type)] = _SURE
        directions[row, DIRECTIONS.index(reading.direction)] = _SURE
    return Predictions(
        types_p=types,
        directions_p=directions,
        tradable_p=np.asarray([0.5 + 0.5 * reading.confidence if reading.tradable else 0.0 for reading in readings]),
        severity=np.asarray([reading.severity for reading in readings]),
    )


def behave(model: TextModel, read: ReadText) -> BehaviourReport:
    """Run the behavioural tests."""
    return run_checks(load_cases(), lambda texts: model.judge(texts, [read(text)[1] for text in texts]))


def gains(champion: Evaluated, challenger: Evaluated, what: frozenset[Aspect]) -> dict[FirstFigure, Gain]:
    """Return for each first figure what the challenger gains over the champion on one set."""
    return {figure: _gain([(champion, challenger)], figure) for figure in FIRST_FIGURES if figure in what}


def pooled_gains(
    pairs: Sequence[tuple[Evaluated, Evaluated]], whats: Sequence[frozenset[Aspect]]
) -> dict[FirstFigure, Gain]:
    """Return the same over all sets together, each example counting once."""
    found: dict[FirstFigure, Gain] = {}
    for figure in FIRST_FIGURES:
        chosen = [pair for pair, what in zip(pairs, whats, strict=True) if figure in what]
        if chosen:
            found[figure] = _gain(chosen, figure)
    return found


def _gain(pairs: Sequence[tuple[Evaluated, Evaluated]], figure: FirstFigure) -> Gain:
    scores = [
        np.concatenate([correctness(pair[side].predictions[MODEL], pair[side].targets, figure) for pair in pairs])
        for side in (0, 1)
    ]
    return paired_gain(scores[0], scores[1])


def draw(evaluated: Evaluated, what: frozenset[Aspect], folder: Path) -> list[Path]:
    """Write the plots of one set into a folder of its own; returns their paths."""
    place = folder / "".join(letter if letter.isalnum() else "-" for letter in evaluated.name.casefold())
    place.mkdir(parents=True, exist_ok=True)
    found, targets = evaluated.predictions[MODEL], evaluated.targets
    paths = []
    if "type" in what:
        paths += [place / "confusion.png", place / "classes.png"]
        plot_confusion(found, targets, paths[0], title=f"{evaluated.name}: confusion")
        plot_classes(evaluated.figures[MODEL].per_class or {}, paths[1], title=f"{evaluated.name}: types")
    if {"type", "tradable"} <= what:
        paths += [place / "calibration.png", place / "tradable.png"]
        plot_reliability(found, targets, paths[-2], title=f"{evaluated.name}: calibration")
        others = {name: other for name, other in evaluated.predictions.items() if name not in {MODEL, MAJORITY}}
        plot_precision_recall(found, targets, paths[-1], baselines=others, title=f"{evaluated.name}: tradable")
    return paths
