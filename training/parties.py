"""Trains the recogniser of parties that no list holds, and decides from when it is believed."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from spacy.about import __version__ as spacy_version
from spacy.language import Language
from spacy.tokens import Doc
from spacy.tokens import Span as Place
from spacy.training import Example as Lesson
from thinc.api import Adam
from thinc.util import fix_random_seed

from herald.inference.parties import RECOGNISER, PartyReader, party_pipeline
from herald.inference.party_forms import PartySettings, WordForms
from herald.inference.pretrained import Pretrained
from herald.news.gazetteer import Gazetteer, parse_gazetteer
from training.corpus.headlines import Example
from training.party_figures import PartyFigures, judge_parties, judged_names, names_of
from training.party_names import Varied, Varier, as_marked
from training.party_training import PartyTraining

Report = Callable[[str, float, Mapping[str, float]], None]
"""Called with what is being done, the share of it done, and the latest figures."""

WHAT = "training the recogniser of parties"
_WORD = re.compile(r"[^\W_]+|[^\w\s]")
_SURENESS_STEPS = tuple(round(0.5 + 0.01 * step, 2) for step in range(50))
_FOUND_MIN = 30
_SAMPLE = 200
_RATE_SHARE_LAST = 0.05


@dataclass(frozen=True, slots=True)
class TrainedParties:
    """A recogniser, and what it does on headlines that it was not trained on."""

    reader: PartyReader
    figures: PartyFigures


def make_parties(
    train: Sequence[Example],
    held_out: Sequence[Example],
    test: Sequence[Example],
    *,
    names: str,
    pretrained: Pretrained,
    training: PartyTraining,
    seed: int,
    report: Report,
) -> TrainedParties:
    """Train on one part, choose the sureness on the second, measure on the third. ``names`` is a gazetteer's CSV."""
    words = word_forms(train, ordinary_words(pretrained), training.familiar_from)
    gazetteer = parse_gazetteer(names, "the gazetteer")
    nlp = train_parties(train, seed, report, words=words, gazetteer=gazetteer, training=training)
    unsure = PartyReader(nlp, names, PartySettings(spacy=spacy_version, design=training.design), words)
    found = list(judged_names(unsure, held_out))
    sureness = {
        trained_on: sureness_for(
            [(one.sureness, one.right) for one in found if one.trained_on is trained_on], training.precision_wanted
        )
        for trained_on in (False, True)
    }
    bounds = {"sureness_min": sureness[False], "trained_sureness_min": sureness[True]}
    reader = PartyReader(nlp, names, unsure.settings.model_copy(update=bounds), words)
    report("judging the recogniser of parties", 0.0, {})
    return TrainedParties(reader, judge_parties(reader, test, words.names))


def train_parties(
    examples: Sequence[Example],
    seed: int,
    report: Report,
    *,
    words: WordForms,
    gazetteer: Gazetteer,
    training: PartyTraining,
) -> Language:
    """Return a pipeline whose recogniser was trained on examples, listed names among them. Equal seeds, equal weights.

    It sets the seeds of Python's and NumPy's global generators, from which thinc draws.
    """
    fix_random_seed(seed)
    random = np.random.default_rng(seed)
    nlp = party_pipeline(training.design, gazetteer, words)
    ner: Any = nlp.get_pipe(RECOGNISER)
    sample = [_lesson(nlp, as_marked(example)) for example in examples[:_SAMPLE]]
    ner.initialize(lambda: sample, nlp=None)
    varier = Varier(
        examples,
        random,
        renamed=training.renamed,
        invented=training.invented,
        upper=training.upper,
        lower=training.lower,
    )
    steps = training.epochs * -(-len(examples) // training.batch)
    optimiser = Adam(training.rate, L2=0.01, L2_is_weight_decay=True, grad_clip=1.0, use_averages=True)
    losses: dict[str, float] = {}
    for done, rows in enumerate(_batches(len(examples), training, random)):
        optimiser.learn_rate = _rate(done, steps, training)
        lessons = [_lesson(nlp, varier.vary(examples[row])) for row in rows]
        ner.update(lessons, sgd=optimiser, drop=training.dropout, losses=losses)
        report(WHAT, done / steps, {"loss": float(losses.pop(RECOGNISER, 0.0))})
    with ner.model.use_params(optimiser.averages):
        averaged = ner.model.to_bytes()
    ner.model.from_bytes(averaged)
    return nlp


def ordinary_words(pretrained: Pretrained) -> frozenset[str]:
    """Return the whole words that an encoder's tokenizer knows: words of the language, and its best-known names."""
    vocabulary = json.loads(pretrained.tokenizer.read_text("utf-8"))["model"]["vocab"]
    return frozenset(word for word in vocabulary if word.isascii() and word.isalpha())


def word_forms(examples: Sequence[Example], ordinary: frozenset[str], familiar_from: int) -> WordForms:
    """Return how words look after training on examples."""
    counts = Counter(word for example in examples for word in set(_WORD.findall(example.text.casefold())))
    familiar = frozenset(word for word, count in counts.items() if count >= familiar_from)
    return WordForms(familiar=familiar, ordinary=ordinary, names=names_of(examples))


def sureness_for(found: Iterable[tuple[float, bool]], precision_wanted: float) -> float:
    """Return the least sureness from which that share of names is right, by more than chance would give.

    The share counts less its standard error, sqrt(p (1 - p) / n). A step that leaves too few names to tell is skipped;
    where none is good enough, the answer is the greatest.
    """
    pairs = list(found)
    for step in _SURENESS_STEPS:
        right = [one for sureness, one in pairs if sureness >= step]
        if len(right) >= _FOUND_MIN:
            share = sum(right) / len(right)
            if share - math.sqrt(share * (1 - share) / len(right)) >= precision_wanted:
                return step
    return _SURENESS_STEPS[-1]


def _batches(count: int, training: PartyTraining, random: np.random.Generator) -> Iterator[list[int]]:
    for _ in range(training.epochs):
        order = random.permutation(count)
        for begin in range(0, count, training.batch):
            yield [int(row) for row in order[begin : begin + training.batch]]


def _rate(done: int, steps: int, training: PartyTraining) -> float:
    falling = max(_RATE_SHARE_LAST, 1 - done / steps)
    return training.rate * min(1.0, (done + 1) / training.warm_up) * falling


def _lesson(nlp: Language, varied: Varied) -> Lesson:
    """Return a headline beside itself with its names marked, by whole words."""
    text, marked = varied
    right: Doc = nlp.make_doc(text)
    places: list[Place] = []
    for start, end, kind in marked:
        place = right.char_span(start, end, label=kind.value, alignment_mode="expand")
        if place is not None and (not places or places[-1].end <= place.start):
            places.append(place)
    right.ents = tuple(places)
    return Lesson(nlp.make_doc(text), right)
