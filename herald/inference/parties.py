"""Who a headline names: those that the gazetteer lists, and those that no list holds, told by a trained recogniser.

A spaCy pipeline of two parts: ``listed`` marks what the gazetteer's rules find, and amounts, which are nobody's name;
``ner`` reads what is left. It learned from few headlines and meets names that it never saw, so a word that was rare in
training is shown to it only by its form and by whether it is an ordinary word.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from spacy.about import __version__ as spacy_version
from spacy.attrs import NORM, PREFIX, SUFFIX  # type: ignore[import-not-found]
from spacy.language import Language
from spacy.tokens import Doc, Span

from herald.inference.party_forms import PartyDesign, PartySettings, WordForms
from herald.inference.text_model import ModelUnusableError
from herald.news.amounts import amount_places
from herald.news.entities import Mention, find_entities
from herald.news.gazetteer import Gazetteer, Kind, parse_gazetteer
from herald.news.judgement import Party, PartyKind
from herald.news.normalise import HEADLINE_CHARS_MAX
from herald.news.proper_names import (
    belongs_to_a_name,
    is_a_piece,
    is_in_title_case,
    kind_by_words,
    may_name_a_party,
)
from herald.news.words import tokens_of

SETTINGS, NAMES, WORDS, PIPELINE = "parties.json", "gazetteer.csv", "words.json", "pipeline"
RECOGNISER, LISTED = "ner", "listed"
TEXT_CHARS_MAX = HEADLINE_CHARS_MAX
"""A text is read so far; what comes after is no headline."""

_FILES_OF_RECOGNISER = ("cfg", "model", "moves")
_NOT_SAVED = ("vocab", "tokenizer")
_AFFIX_CHARS = 3
_OUTSIDE = 2
"""What spaCy's ``ent_iob`` says of a word that is part of no entity."""
_KIND_OF = {
    Kind.ASSET: PartyKind.ASSET,
    Kind.VENUE: PartyKind.VENUE,
    Kind.PERSON: PartyKind.PERSON,
    Kind.COMPANY: PartyKind.COMPANY,
    Kind.REGULATOR: PartyKind.ORGANISATION,
    Kind.CENTRAL_BANK: PartyKind.ORGANISATION,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name that the recogniser proposes. ``sureness`` is the least probability of a step that it is made of.

    ``trained_on`` says that the name was among those of the training.
    """

    party: Party
    sureness: float
    trained_on: bool


@Language.factory("herald_listed")
class ListedNames:
    """Marks the places of listed names and of amounts, so that the recogniser leaves them alone."""

    def __init__(self, nlp: Language, name: str) -> None:  # noqa: ARG002 - spaCy gives it
        """Begin without names; ``gazetteer`` is set by whoever makes the pipeline."""
        self.name = name
        self.gazetteer = Gazetteer()

    def knows(self, text: str) -> bool:
        """Tell whether words are a name or ticker of the gazetteer, wherever they stand."""
        keys = tuple(token.key for token in tokens_of(text))
        listed = self.gazetteer.names.get(keys[0], ()) if keys else ()
        return self.gazetteer.asset(text.upper()) is not None or any(name.keys == keys for name in listed)

    def __call__(self, doc: Doc) -> Doc:
        """Set the entities of a text; ``doc.user_data`` keeps the mentions themselves."""
        mentions = find_entities(doc.text, self.gazetteer).mentions
        spans: list[Span] = []
        for mention in mentions:
            _add(spans, doc, mention.start, mention.end, _KIND_OF[mention.entry.kind])
        amounts: list[Span] = []
        for start, end in amount_places(doc.text):
            _add(amounts, doc, start, end, "")
        taken = {token.i for span in spans for token in span}
        free = [span for span in amounts if not taken.intersection(token.i for token in span)]
        doc.set_ents(spans, blocked=free, default="missing")
        doc.user_data[LISTED] = mentions
        return doc


def _add(spans: list[Span], doc: Doc, start: int, end: int, label: str) -> None:
    """Add the whole words of a place, unless they are taken: words of spaCy and of the gazetteer end differently."""
    span = doc.char_span(start, end, label=label, alignment_mode="expand")
    if span is not None and (not spans or spans[-1].end <= span.start):
        spans.append(span)


class PartyReader:
    """Finds the parties of headlines. Deterministic: each text is read by itself, so a batch changes nothing.

    One thread reads at a time; the words of a batch are forgotten with it, so that memory does not grow.
    """

    def __init__(self, nlp: Language, names: str, settings: PartySettings, words: WordForms) -> None:
        self._nlp, self._names, self.settings, self._words = nlp, names, settings, words
        ner: Any = nlp.get_pipe(RECOGNISER)
        listed: Any = nlp.get_pipe(LISTED)
        steps = [str(ner.moves.get_class_name(number)) for number in range(ner.moves.n_moves)]
        self._ner, self._listed = ner, listed
        self._begins = np.asarray([step[:2] in {"B-", "U-"} and len(step) > len("U-") for step in steps])
        self._lock = threading.Lock()

    def parties(self, texts: Sequence[str]) -> list[tuple[Party, ...]]:
        """Return for each text the places where it names a party, in order: listed ones, and others that are sure."""
        return [
            tuple(sorted((*listed, *filter(None, map(self._believed, proposed))), key=lambda party: party.start))
            for listed, proposed in self.read(texts)
        ]

    def read(self, texts: Sequence[str]) -> list[tuple[tuple[Party, ...], tuple[Candidate, ...]]]:
        """Return for each text the listed parties, and all that the recogniser proposes besides, sure or not."""
        with self._lock, self._nlp.memory_zone():
            return [self._read(_encodable(text[:TEXT_CHARS_MAX])) for text in texts]

    def _believed(self, one: Candidate) -> Party | None:
        least = self.settings.trained_sureness_min if one.trained_on else self.settings.sureness_min
        return one.party if one.sureness >= least else None

    def save(self, folder: Path) -> None:
        """Write a new folder. It holds data only: JSON, CSV, and spaCy's own arrays."""
        folder.mkdir(parents=True)
        (folder / SETTINGS).write_text(self.settings.model_dump_json(indent=1) + "\n", "utf-8")
        (folder / NAMES).write_text(self._names, "utf-8")
        words = {name: sorted(getattr(self._words, name)) for name in WordForms.model_fields}
        (folder / WORDS).write_text(json.dumps(words, ensure_ascii=False), "utf-8")
        self._nlp.to_disk(folder / PIPELINE, exclude=_NOT_SAVED)

    def _read(self, text: str) -> tuple[tuple[Party, ...], tuple[Candidate, ...]]:
        if not text.strip():
            return (), ()
        doc: Doc = self._listed(self._nlp.make_doc(text))
        mentions: tuple[Mention, ...] = doc.user_data[LISTED]
        listed = tuple(_listed(text, mention) for mention in mentions)
        if not self._is_worth_reading(doc):
            return listed, ()
        sureness = self._recognise(doc)
        free = [span for span in doc.ents if not _meets(span, mentions)]
        proposed = [self._candidate(doc, span, sureness[span.start : span.end]) for span in free]
        return listed, tuple(one for one in proposed if self._may_be(one, text, mentions))

    def _candidate(self, doc: Doc, span: Span, steps: Sequence[float]) -> Candidate:
        party = _guessed(doc, span)
        return Candidate(party, min(steps, default=0.0), party.text.casefold() in self._words.names)

    def _may_be(self, one: Candidate, text: str, mentions: Sequence[Mention]) -> bool:
        """Drop what cannot be a name, what is a piece of one, and ordinary words that a sentence begins with.

        A name that the gazetteer knows, and did not find here, is the ordinary word: the gazetteer has judged.
        """
        party = one.party
        if not may_name_a_party(party.text) or is_a_piece(text, party.start, party.end):
            return False
        if self._listed.knows(party.text):
            return False
        if any(_names_again(text[party.end : mention.start], mention) for mention in mentions):
            return False
        ordinary = not one.trained_on and party.text.casefold() in self._words.ordinary
        return not (ordinary and (not text[: party.start].strip() or is_in_title_case(text)))

    def _is_worth_reading(self, doc: Doc) -> bool:
        """Tell whether any word could be a name at all: most headlines about prices hold none, and are done with."""
        free = [token for token in doc if token.ent_iob == 0 and any(map(str.isupper, token.text))]
        if len(free) != 1 or free[0].i:
            return bool(free)
        key = free[0].text.casefold()
        return key in self._words.names or key not in self._words.ordinary

    def _recognise(self, doc: Doc) -> list[float]:
        """Set the entities of a text, and return for each word how probable the step was that was taken there.

        A step that begins a name counts with all kinds together: to be unsure of the kind is not to be unsure of the
        name. This walks spaCy's transition system as its own training does, for its parser tells no probabilities.
        """
        steps = self._ner.model.predict([doc])
        (state,) = self._ner.moves.init_batch([doc])
        sureness: list[float] = []
        going = [] if state.is_final() else [state]
        while going:
            scores = steps.predict(going)
            powers = np.exp(scores[0] - scores[0].max())
            shares = powers / powers.sum()
            best = int(shares.argmax())
            sureness.append(float(shares[self._begins].sum() if self._begins[best] else shares[best]))
            going = self._ner.transition_states(going, scores)
        self._ner.set_annotations([doc], [state])
        return sureness


def _encodable(text: str) -> str:
    """Put a question mark for each half of a pair of surrogates, which spaCy cannot store; lengths stay as they are."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _meets(span: Span, mentions: Iterable[Mention]) -> bool:
    return any(one.start < span.end_char and span.start_char < one.end for one in mentions)


def _names_again(between: str, mention: Mention) -> bool:
    """Tell words right before a listed name: ``Plasma (XPL)`` is one party, and so is ``Ton Strategy``."""
    return between == " (" or (between == " " and mention.entry.kind is not Kind.ASSET)


def _listed(text: str, mention: Mention) -> Party:
    words = text[mention.start : mention.end]
    kind = _KIND_OF[mention.entry.kind]
    return Party(words, kind, mention.start, mention.end, mention.entry.code, listed=True)


def _guessed(doc: Doc, span: Span) -> Party:
    before = doc[span.start - 1].text if span.start else ""
    end = span.end
    while (
        end < len(doc)
        and doc[end].ent_iob == _OUTSIDE
        and doc[end - 1].whitespace_
        and belongs_to_a_name(doc[end].text)
    ):
        end += 1
    name = doc[span.start : end]
    after = doc[end].text if end < len(doc) else ""
    kind = kind_by_words(name.text, before, after, PartyKind(span.label_))
    return Party(name.text, kind, name.start_char, name.end_char)


def party_pipeline(design: PartyDesign, gazetteer: Gazetteer, words: WordForms) -> Language:
    """Return an untrained pipeline for English."""
    nlp = spacy.blank("en")
    vocab: Any = nlp.vocab
    vocab.lex_attr_getters = {
        **vocab.lex_attr_getters,
        NORM: words.norm,
        PREFIX: lambda word: word[:_AFFIX_CHARS].lower(),
        SUFFIX: lambda word: word[-_AFFIX_CHARS:].lower(),
    }
    listed: Any = nlp.add_pipe("herald_listed", name=LISTED)
    listed.gazetteer = gazetteer
    ner: Any = nlp.add_pipe(RECOGNISER, config={"model": _architecture(design)})
    for kind in PartyKind:
        ner.add_label(kind.value)
    return nlp


def _architecture(design: PartyDesign) -> dict[str, Any]:
    """Name spaCy's parts: hashed embeddings, a convolution over three words a layer, a parser over its output."""
    return {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": design.hidden,
        "maxout_pieces": 2,
        "use_upper": True,
        "nO": None,
        "tok2vec": {
            "@architectures": "spacy.Tok2Vec.v2",
            "embed": {
                "@architectures": "spacy.MultiHashEmbed.v2",
                "width": design.width,
                "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
                "rows": list(design.rows),
                "include_static_vectors": False,
            },
            "encode": {
                "@architectures": "spacy.MaxoutWindowEncoder.v2",
                "width": design.width,
                "depth": design.depth,
                "window_size": 1,
                "maxout_pieces": 3,
            },
        },
    }


def load_parties(folder: Path) -> PartyReader:
    """Read what ``PartyReader.save`` wrote. Raises ``ModelUnusableError``. Nothing in the folder is executed."""
    try:
        settings = PartySettings.model_validate_json((folder / SETTINGS).read_text("utf-8"))
        words = WordForms.model_validate_json((folder / WORDS).read_text("utf-8"))
        names = (folder / NAMES).read_text("utf-8")
        gazetteer = parse_gazetteer(names, NAMES)
    except (OSError, ValueError) as error:
        raise _unusable(folder, error) from error
    if _release(settings.spacy) != _release(spacy_version):
        raise ModelUnusableError(
            f"{folder}: was trained with spaCy {settings.spacy}, this is {spacy_version}; train the model again"
        )
    nlp = party_pipeline(settings.design, gazetteer, words)
    trained = folder / PIPELINE / RECOGNISER
    missing = [name for name in _FILES_OF_RECOGNISER if not (trained / name).is_file()]
    if missing:
        raise _unusable(folder, f"{', '.join(missing)} of the recogniser not there")
    try:
        nlp.get_pipe(RECOGNISER).from_disk(trained, exclude=_NOT_SAVED)  # type: ignore[attr-defined]
        reader = PartyReader(nlp, names, settings, words)
        reader.read([_PROBE])
    except Exception as error:  # spaCy and thinc raise no errors of a class of their own
        raise _unusable(folder, error) from error
    return reader


def _unusable(folder: Path, why: object) -> ModelUnusableError:
    said = " ".join(str(why).split())
    return ModelUnusableError(f"{folder}: no usable recogniser of parties ({said}); train one with `herald train`")


_PROBE = "Herald reads this headline of Cork Protocol to see that the recogniser answers"


def _release(version: str) -> list[str]:
    return version.split(".")[:2]
