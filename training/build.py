"""From corpus to model: features, heads, mixture, calibration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import csr_matrix
from sklearn.cluster import MiniBatchKMeans

from herald.documents import Document
from herald.inference.bert_graph import bert_graph
from herald.inference.encoder import Encoder
from herald.inference.pretrained import Pretrained
from herald.inference.text_model import OUTPUTS, Heads, ModelCard, TextModel, unit
from herald.inference.words import inverse_frequency, word_counts, word_features
from training.calibration import fit_temperatures, shift_to_feeds, softened
from training.corpus.headlines import Example, corpus_hash
from training.corpus.splits import SEED, Part, split, unlike_held
from training.heads import HeadSettings, fit_heads
from training.party_training import PartyTraining
from training.targets import Targets, targets_of

if TYPE_CHECKING:
    from training.parties import TrainedParties

Kind = Literal["quick", "full"]
Report = Callable[[str, float, Mapping[str, float]], None]
"""Called with what is being done, the share of it done, and the latest figures."""


class BuildSettings(Document):
    """How a model is made.

    ``encoder`` is what ``open_pretrained`` takes; ``word_share`` is the weight of words and evidence in the mixture;
    ``epochs`` are those of the fine-tuning. About ``prototype_texts`` of the train part are looked at for the
    ``prototypes``, unless all are encoded anyway. ``own`` is the path of headlines that train beside the corpus.
    """

    kind: Kind = "quick"
    encoder: str = ""
    own: str = ""
    epochs: int = Field(default=2, ge=1)
    seed: int = SEED
    word_share: float = 0.5
    prototypes: int = 256
    prototype_texts: int = Field(default=4096, ge=1)
    unfamiliar_share: float = 0.005
    threads: int = 2
    dense_heads: HeadSettings = HeadSettings(c=30.0)
    word_heads: HeadSettings = HeadSettings(c=6.0)
    parties: PartyTraining = PartyTraining()


@dataclass(frozen=True, slots=True)
class Corpus:
    """Examples with the evidence for each, their parts and labels; a user's own from number ``own_from`` on."""

    examples: tuple[Example, ...]
    evidence: tuple[tuple[str, ...], ...]
    parts: tuple[Part, ...]
    targets: Targets
    own_from: int

    def rows(self, part: Part) -> NDArray[np.int64]:
        """Return the numbers of a part's examples."""
        return np.asarray([row for row, one in enumerate(self.parts) if one is part], dtype=np.int64)

    def texts(self, rows: NDArray[np.int64]) -> list[str]:
        """Return the texts of some rows."""
        return [self.examples[row].text for row in rows]

    def words(self, rows: NDArray[np.int64], frequencies: NDArray[np.float32]) -> csr_matrix:
        """Return the word features of some rows."""
        return word_features(self.texts(rows), [self.evidence[row] for row in rows], frequencies)


@dataclass(frozen=True, slots=True)
class DenseHeads:
    """An encoder's graph and linear heads on its unit vectors."""

    graph: bytes
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    history: tuple[Mapping[str, float], ...] = ()
    train_vectors: NDArray[np.float32] | None = None
    """Unit vectors of the train part, where the heads were fitted on them."""


@dataclass(frozen=True, slots=True)
class Built:
    """A model with its encoder's graph and the file of its tokenizer, and what its training said on the way."""

    model: TextModel
    graph: bytes
    tokenizer: Path
    history: tuple[Mapping[str, float], ...]


def corpus_of(
    examples: Sequence[Example], evidence: Callable[[str], Sequence[str]], own: Sequence[Example] = (), seed: int = SEED
) -> Corpus:
    """Split examples, add those of ``own`` that no held-out part reads like, and find the evidence for each."""
    parts = split(examples, seed)
    added = unlike_held(own, examples, parts)
    whole = (*examples, *added)
    return Corpus(
        examples=whole,
        evidence=tuple(tuple(evidence(example.text)) for example in whole),
        parts=(*parts, *[Part.TRAIN] * len(added)),
        targets=targets_of(whole),
        own_from=len(examples),
    )


def frozen_heads(corpus: Corpus, pretrained: Pretrained, settings: BuildSettings, report: Report) -> DenseHeads:
    """Fit heads on the vectors of the encoder as it comes."""
    graph = bert_graph(pretrained.weights(), pretrained.config()).SerializeToString()
    encoder = Encoder(graph, pretrained.tokenizer, threads=settings.threads)
    rows = corpus.rows(Part.TRAIN)
    vectors = _encode(encoder, corpus.texts(rows), "encoding", report)
    report("fitting", 0.0, {})
    weights, bias = fit_heads(vectors, corpus.targets.of(rows), settings.dense_heads)
    return DenseHeads(graph, weights, bias, train_vectors=vectors)


def build(
    corpus: Corpus,
    dense: DenseHeads,
    pretrained: Pretrained,
    settings: BuildSettings,
    *,
    name: str,
    rules_version: str,
    report: Report,
    names: str | None = None,
) -> Built:
    """Add the words' half to the heads, mix and calibrate. Everything is fitted on the train part but temperatures.

    ``names`` is the CSV of a gazetteer, with which a recogniser of parties is trained; without it there is none.
    """
    train, held_out = corpus.rows(Part.TRAIN), corpus.rows(Part.CALIBRATION)
    frequencies = inverse_frequency(word_counts(corpus.texts(train)))
    report("fitting words", 0.0, {})
    word_weights, word_bias = fit_heads(corpus.words(train, frequencies), corpus.targets.of(train), settings.word_heads)
    encoder = Encoder(dense.graph, pretrained.tokenizer, threads=settings.threads)
    train_vectors = dense.train_vectors
    if train_vectors is None:
        some = train[:: max(1, len(train) // settings.prototype_texts)]
        train_vectors = _encode(encoder, corpus.texts(some), "encoding train", report)
    held_vectors = _encode(encoder, corpus.texts(held_out), "encoding calibration", report)
    share = np.full(OUTPUTS, settings.word_share, dtype=np.float32)
    share[-1] = 0.0  # words alone say little of severity
    heads = Heads(
        weights=(dense.weights * (1 - share)).astype(np.float32),
        word_weights=(word_weights * share).astype(np.float32),
        bias=(dense.bias * (1 - share) + word_bias * share).astype(np.float32),
        frequencies=frequencies,
        shift=np.zeros(OUTPUTS, dtype=np.float32),
        prototypes=_prototypes(train_vectors, settings),
    )
    logits = heads.logits(held_vectors, corpus.words(held_out, frequencies))
    fitted = fit_temperatures(logits, corpus.targets.of(held_out))
    temperatures = softened(fitted)
    parties = None if names is None else _parties(corpus, names, pretrained, settings, report)
    card = ModelCard(
        name=name,
        kind=settings.kind,
        encoder=pretrained.name,
        corpus_sha256=corpus_hash(corpus.examples),
        rules_version=rules_version,
        trained_on=len(train),
        type_temperature=temperatures[0],
        direction_temperature=temperatures[1],
        tradable_temperature=temperatures[2],
        unfamiliar_below=float(np.quantile(heads.familiarity(held_vectors), settings.unfamiliar_share)),
        settings=json.loads(settings.model_dump_json()),
        **_said_of(parties),
    )
    shifted = Heads(
        weights=heads.weights,
        word_weights=heads.word_weights,
        bias=heads.bias,
        frequencies=heads.frequencies,
        shift=shift_to_feeds(corpus.targets.of(train), fitted[2]),
        prototypes=heads.prototypes,
    )
    reader = parties.reader if parties is not None else None
    return Built(TextModel(card, encoder, shifted, reader), dense.graph, pretrained.tokenizer, dense.history)


def _parties(
    corpus: Corpus, names: str, pretrained: Pretrained, settings: BuildSettings, report: Report
) -> TrainedParties:
    from training.parties import make_parties  # noqa: PLC0415 - spaCy takes seconds, and only this needs it

    # A user's own headlines may bear no marks, and would teach that their names are none.
    parts = {part: [corpus.examples[row] for row in corpus.rows(part) if row < corpus.own_from] for part in Part}
    return make_parties(
        parts[Part.TRAIN],
        parts[Part.CALIBRATION],
        parts[Part.TEST],
        names=names,
        pretrained=pretrained,
        training=settings.parties,
        seed=settings.seed,
        report=report,
    )


def _said_of(parties: TrainedParties | None) -> dict[str, Any]:
    """Return what a card says of a recogniser of parties."""
    if parties is None:
        return {}
    figures = parties.figures
    return {
        "spacy": parties.reader.settings.spacy,
        "unlisted_names_f1": round(figures.unlisted.f1, 4),
        "new_names_f1": round(figures.new.f1, 4),
    }


def _encode(encoder: Encoder, texts: Sequence[str], what: str, report: Report) -> NDArray[np.float32]:
    """Encode in steps, so that progress can be told."""
    step = 512
    parts = []
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    for begin in range(0, len(order), step):
        report(what, begin / len(order), {})
        parts.append(encoder.encode([texts[row] for row in order[begin : begin + step]]))
    vectors = np.empty((len(texts), encoder.width), dtype=np.float32)
    vectors[order] = np.concatenate(parts)
    return unit(vectors)


def _prototypes(vectors: NDArray[np.float32], settings: BuildSettings) -> NDArray[np.float32]:
    count = min(settings.prototypes, len(vectors))
    fitted: Any = MiniBatchKMeans(count, random_state=settings.seed, n_init=1).fit(vectors)
    return unit(fitted.cluster_centers_.astype(np.float32))
