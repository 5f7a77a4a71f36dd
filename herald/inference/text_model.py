"""A trained reader of headlines: encoder, linear heads and calibration, as one folder of files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy.sparse import csr_matrix

from herald.inference.encoder import Encoder
from herald.inference.words import BUCKETS, WORD_BUCKETS, word_features
from herald.news.judgement import Judgement
from herald.taxonomy import TAXONOMY_VERSION, Direction, EventType

if TYPE_CHECKING:
    from herald.inference.parties import PartyReader

CARD, GRAPH, TOKENIZER, HEADS = "model.json", "encoder.onnx", "tokenizer.json", "heads.npz"
PARTIES = "parties"
"""Folder of the recogniser of parties, which older models lack."""
TYPES, DIRECTIONS = tuple(EventType), tuple(Direction)
OUTPUTS = len(TYPES) + len(DIRECTIONS) + 2
"""Logits of a headline: one a type, one a direction, then tradable and severity."""

Array = NDArray[np.float32]


class ModelUnusableError(RuntimeError):
    """A model folder that cannot be read. Its text names the file and the cure."""


class ModelCard(BaseModel):
    """What a model is and what it was trained on. ``unfamiliar_below`` is the least likeness to the training text.

    ``spacy`` is the version that trained the recogniser of parties, empty where the model has none. Of the spans
    of names on the test part, ``unlisted_names_f1`` is the F1 where the gazetteer knows no name, and ``new_names_f1``
    that of the names among them which were not trained on either.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str
    encoder: str
    corpus_sha256: str
    rules_version: str
    trained_on: int
    types: tuple[str, ...] = tuple(EventType)
    directions: tuple[str, ...] = tuple(Direction)
    taxonomy: str = TAXONOMY_VERSION
    type_temperature: float = 1.0
    direction_temperature: float = 1.0
    tradable_temperature: float = 1.0
    unfamiliar_below: float = 0.0
    spacy: str = ""
    unlisted_names_f1: float | None = None
    new_names_f1: float | None = None
    settings: dict[str, Any] = {}
    """How it was made, for whoever looks at it later."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Two linear readers whose logits are mixed: one of the encoder's vector, one of words and evidence.

    ``weights`` has shape (width, OUTPUTS) and ``word_weights`` (BUCKETS, OUTPUTS); ``bias`` is that of the mixture.
    ``frequencies`` are the words' inverse document frequencies. ``shift`` moves the logits from the mix of the corpus
    towards that of real feeds. ``prototypes``, shape (count, width), stand for the text trained on.
    """

    weights: Array
    word_weights: Array
    bias: Array
    frequencies: Array
    shift: Array
    prototypes: Array

    def logits(self, vectors: Array, words: csr_matrix) -> Array:
        """Return the mixed logits of unit vectors and word features, shape (texts, OUTPUTS)."""
        mixed: Array = vectors @ self.weights + words @ self.word_weights + self.bias + self.shift
        return mixed

    def familiarity(self, vectors: Array) -> Array:
        """Return each vector's cosine likeness to the nearest prototype, shape (texts,)."""
        likeness: Array = (vectors @ self.prototypes.T).max(axis=1)
        return likeness


class TextModel:
    """Judges headlines. Deterministic: the same text and files give the same judgement, alone or in a batch."""

    def __init__(self, card: ModelCard, encoder: Encoder, heads: Heads, parties: PartyReader | None = None) -> None:
        self.card, self.encoder, self.heads, self.parties = card, encoder, heads, parties

    def judge(self, texts: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[Judgement]:
        """Return one judgement a text, in order; ``evidence`` is that of ``evidence_of`` for each."""
        if not texts:
            return []
        vectors = unit(self.encoder.encode(texts))
        judged = self.judge_features(vectors, word_features(texts, evidence, self.heads.frequencies))
        if self.parties is None:
            return judged
        found = self.parties.parties(texts)
        return [replace(one, parties=parties) for one, parties in zip(judged, found, strict=True)]

    def judge_features(self, vectors: Array, words: csr_matrix) -> list[Judgement]:
        """Judge texts that are features already: unit vectors of shape (texts, width), words of (texts, BUCKETS).

        No parties are found in features.
        """
        types, directions, tradable, severity = probabilities(self.heads.logits(vectors, words), self.card)
        familiar = self.heads.familiarity(vectors)
        return [
            Judgement(
                event_types=dict(zip(TYPES, map(float, types[row]), strict=True)),
                directions=dict(zip(DIRECTIONS, map(float, directions[row]), strict=True)),
                tradable_p=float(tradable[row]),
                severity=float(severity[row]),
                familiarity=float(familiar[row]),
                unfamiliar=bool(familiar[row] < self.card.unfamiliar_below),
                model=self.card.name,
            )
            for row in range(vectors.shape[0])
        ]


def probabilities(logits: Array, card: ModelCard) -> tuple[Array, Array, Array, Array]:
    """Turn logits, shape (texts, OUTPUTS), into calibrated probabilities of type, direction, tradable, and severity."""
    many, ways = len(TYPES), len(DIRECTIONS)
    types = softmax(logits[:, :many] / card.type_temperature)
    directions = softmax(logits[:, many : many + ways] / card.direction_temperature)
    return types, directions, sigmoid(logits[:, -2] / card.tradable_temperature), sigmoid(logits[:, -1])


def save_model(
    folder: Path,
    card: ModelCard,
    graph: bytes,
    tokenizer: Path,
    heads: Heads,
    *,
    parties: PartyReader | None = None,
) -> None:
    """Write a model's files into a new folder."""
    folder.mkdir(parents=True)
    (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n", "utf-8")
    (folder / GRAPH).write_bytes(graph)
    shutil.copyfile(tokenizer, folder / TOKENIZER)
    np.savez(folder / HEADS, **asdict(heads))
    if parties is not None:
        parties.save(folder / PARTIES)


def load_model(folder: Path, *, threads: int = 1) -> TextModel:
    """Read a model from its folder. Raises ``ModelUnusableError``."""
    try:
        card = ModelCard.model_validate(json.loads((folder / CARD).read_text("utf-8")))
        with (folder / HEADS).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            heads = Heads(**{field.name: arrays[field.name] for field in fields(Heads)})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ModelUnusableError(f"{folder}: no usable model ({error}); train one with `herald train`") from error
    try:
        encoder = Encoder(folder / GRAPH, folder / TOKENIZER, threads=threads)
    except Exception as error:  # onnxruntime and tokenizers raise no errors of a class of their own
        raise ModelUnusableError(f"{folder}: no usable encoder ({error}); train one with `herald train`") from error
    if card.types != TYPES or card.directions != DIRECTIONS:
        raise ModelUnusableError(
            f"{folder}: was trained for taxonomy {card.taxonomy}, this is {TAXONOMY_VERSION}; train it again"
        )
    wanted = {
        "weights": (encoder.width, OUTPUTS),
        "word_weights": (BUCKETS, OUTPUTS),
        "bias": (OUTPUTS,),
        "frequencies": (WORD_BUCKETS,),
        "shift": (OUTPUTS,),
        "prototypes": (len(heads.prototypes), encoder.width),
    }
    wrong = [name for name, shape in wanted.items() if getattr(heads, name).shape != shape]
    if wrong:
        raise ModelUnusableError(f"{folder}: {', '.join(wrong)} of the heads do not fit the encoder; train it again")
    return TextModel(card, encoder, heads, _parties(folder, card))


def lost_parties(folder: Path, card: ModelCard) -> bool:
    """Tell whether a model was saved with a recogniser of parties that its folder has no more."""
    return bool(card.spacy) and not (folder / PARTIES).is_dir()


def _parties(folder: Path, card: ModelCard) -> PartyReader | None:
    """Read the recogniser of parties; None for a model without one. Raises ``ModelUnusableError``."""
    if lost_parties(folder, card):
        raise ModelUnusableError(
            f"{folder}: has lost its recogniser of parties ({PARTIES}/); train one with `herald train`"
        )
    if not (folder / PARTIES).is_dir():
        return None
    try:
        from herald.inference.parties import load_parties  # noqa: PLC0415 - spaCy takes seconds; older models do without
    except ImportError as error:
        raise ModelUnusableError(
            f"{folder}: its recogniser of parties needs spaCy ({error}); run `make setup`"
        ) from error
    return load_parties(folder / PARTIES)


def unit(vectors: Array) -> Array:
    """Scale vectors to length one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def softmax(logits: Array) -> Array:
    """Return the softmax of each row."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def sigmoid(logits: Array) -> Array:
    """Return the logistic function of each value, without overflow."""
    powers = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1.0, powers) / (1.0 + powers), dtype=np.float32)
