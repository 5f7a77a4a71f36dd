"""A model with a recogniser of parties: it is saved, loaded and heard with the rest, and older models do without."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herald.inference.encoder import Encoder
from herald.inference.parties import NAMES, RECOGNISER, PartyReader, party_pipeline
from herald.inference.party_forms import PartyDesign, PartySettings, WordForms
from herald.inference.pretrained import Pretrained
from herald.inference.text_model import (
    OUTPUTS,
    PARTIES,
    Heads,
    ModelCard,
    ModelUnusableError,
    TextModel,
    load_model,
    save_model,
)
from herald.inference.words import BUCKETS, WORD_BUCKETS
from herald.news.gazetteer import Gazetteer
from training.corpus.headlines import parse_line
from training.parties import _lesson, as_marked

TEXTS = ("Kraken lists Solana", "Nobody is named")
CARD = ModelCard(
    name="tiny",
    kind="quick",
    encoder="e",
    corpus_sha256="c",
    rules_version="r",
    trained_on=1,
    spacy="3.8.0",
    unlisted_names_f1=0.8,
    new_names_f1=0.6,
)


@pytest.fixture(scope="module")
def reader(gazetteer: Gazetteer) -> PartyReader:
    """A reader whose recogniser never learned anything, and is never believed."""
    design = PartyDesign(width=8, depth=1, hidden=8, rows=(50, 50, 50, 50))
    nlp = party_pipeline(design, gazetteer, WordForms())
    line = "HACK\tBEAR\t1\t0.5\t{Cork|*A:CORK} hacked"
    nlp.get_pipe(RECOGNISER).initialize(lambda: [_lesson(nlp, as_marked(parse_line(line, "here")))])
    names = (Path(__file__).parents[3] / "configs" / "gazetteer.csv").read_text("utf-8")
    settings = PartySettings(spacy="3.8.0", design=design, sureness_min=1.0, trained_sureness_min=1.0)
    return PartyReader(nlp, names, settings, WordForms())


@pytest.fixture(scope="module")
def model(encoder: Encoder, reader: PartyReader) -> TextModel:
    random = np.random.default_rng(5)

    def drawn(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    heads = Heads(
        weights=drawn(encoder.width, OUTPUTS),
        word_weights=drawn(BUCKETS, OUTPUTS),
        bias=drawn(OUTPUTS),
        frequencies=np.ones(WORD_BUCKETS, dtype=np.float32),
        shift=drawn(OUTPUTS),
        prototypes=drawn(2, encoder.width),
    )
    return TextModel(CARD, encoder, heads, reader)


@pytest.fixture
def saved(model: TextModel, encoder_graph: bytes, packaged: Pretrained, tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    save_model(folder, model.card, encoder_graph, packaged.tokenizer, model.heads, parties=model.parties)
    return folder


def test_a_judgement_names_the_parties_that_the_reader_finds(model: TextModel) -> None:
    judged = model.judge(TEXTS, [(), ()])
    assert [[party.code for party in one.parties] for one in judged] == [["Kraken", "SOL"], []]


def test_without_a_reader_the_judgement_is_the_same_but_for_the_parties(model: TextModel) -> None:
    without = TextModel(model.card, model.encoder, model.heads).judge(TEXTS, [(), ()])
    assert [one.parties for one in without] == [(), ()]
    assert [replace(one, parties=()) for one in model.judge(TEXTS, [(), ()])] == without


def test_a_loaded_model_finds_the_same_parties(model: TextModel, saved: Path) -> None:
    loaded = load_model(saved)
    assert loaded.judge(TEXTS, [(), ()]) == model.judge(TEXTS, [(), ()])
    assert (loaded.card.spacy, loaded.card.unlisted_names_f1, loaded.card.new_names_f1) == ("3.8.0", 0.8, 0.6)


def test_an_older_model_without_a_recogniser_still_loads(
    model: TextModel, encoder_graph: bytes, packaged: Pretrained, tmp_path: Path
) -> None:
    older = model.card.model_dump_json(exclude={"spacy", "unlisted_names_f1", "new_names_f1"})
    card = ModelCard.model_validate_json(older)
    save_model(tmp_path / "old", card, encoder_graph, packaged.tokenizer, model.heads)
    loaded = load_model(tmp_path / "old")
    assert (loaded.parties, loaded.card.spacy, loaded.card.new_names_f1) == (None, "", None)
    assert loaded.judge(TEXTS, [(), ()])[0].parties == ()


def test_a_model_that_lost_its_recogniser_is_refused_with_the_cure(saved: Path) -> None:
    shutil.rmtree(saved / PARTIES)
    with pytest.raises(ModelUnusableError, match=r"has lost its recogniser of parties .*train one with `herald train`"):
        load_model(saved)


def test_a_model_with_a_damaged_recogniser_is_refused_with_the_cure(saved: Path) -> None:
    (saved / PARTIES / NAMES).write_text("not what it was", "utf-8")
    with pytest.raises(ModelUnusableError, match=r"no usable recogniser of parties .*train one with `herald train`"):
        load_model(saved)


def test_without_spacy_the_cure_is_named(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "herald.inference.parties", None)
    with pytest.raises(ModelUnusableError, match=r"needs spaCy .*run `make setup`"):
        load_model(saved)
