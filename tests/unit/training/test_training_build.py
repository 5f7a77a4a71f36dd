"""From corpus to model, on a small part of the real corpus and with the real encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from herald.inference.encoder import Encoder
from herald.inference.pretrained import Pretrained, packaged_encoder
from herald.inference.text_model import DIRECTIONS, OUTPUTS, TYPES, load_model, save_model, unit
from herald.inference.words import BUCKETS, inverse_frequency, word_counts
from herald.news.judgement import Judgement
from herald.taxonomy import EventType
from training.build import BuildSettings, Built, Corpus, DenseHeads, _prototypes, build, corpus_of, frozen_heads
from training.corpus.headlines import Example, corpus_hash, load_headlines, parse_line
from training.corpus.splits import Part, split
from training.party_training import PartyTraining

EXAMPLES = 300
SETTINGS = BuildSettings(prototypes=32, threads=1)
RECIPE = "Two eggs, a cup of sugar, and stir until smooth"


@dataclass
class Told:
    """What a build reports, in order."""

    steps: list[tuple[str, float]] = field(default_factory=list)

    def __call__(self, what: str, share: float, figures: Mapping[str, float]) -> None:
        self.steps.append((what, share))


@dataclass(frozen=True)
class Workbench:
    """A corpus, heads on the frozen encoder, the model made of both, and what was reported on the way."""

    corpus: Corpus
    encoder: Pretrained
    dense: DenseHeads
    built: Built
    told: Told

    def judge(self, rows: Sequence[int]) -> list[Judgement]:
        examples = [self.corpus.examples[row] for row in rows]
        return self.built.model.judge([one.text for one in examples], [self.corpus.evidence[row] for row in rows])


def nothing(text: str) -> tuple[str, ...]:
    """Stand for rules that find no evidence."""
    return ()


@pytest.fixture(scope="module")
def examples() -> tuple[Example, ...]:
    everything = load_headlines()
    return everything[:: len(everything) // EXAMPLES][:EXAMPLES]


@pytest.fixture(scope="module")
def bench(examples: tuple[Example, ...]) -> Workbench:
    corpus = corpus_of(examples, lambda text: ("seen:venue",) if "Binance" in text else ())
    encoder, told = packaged_encoder(), Told()
    dense = frozen_heads(corpus, encoder, SETTINGS, told)
    built = build(corpus, dense, encoder, SETTINGS, name="small", rules_version="r1", report=told)
    return Workbench(corpus, encoder, dense, built, told)


def test_every_example_is_in_one_part_with_its_labels_and_evidence(bench: Workbench) -> None:
    rows = np.concatenate([bench.corpus.rows(part) for part in Part])
    assert sorted(rows) == list(range(EXAMPLES))
    assert bench.corpus.parts == split(bench.corpus.examples)
    assert bench.corpus.texts(np.asarray([5, 2])) == [bench.corpus.examples[5].text, bench.corpus.examples[2].text]
    assert [TYPES[number] for number in bench.corpus.targets.types] == [one.event_type for one in bench.corpus.examples]


def test_another_seed_splits_the_corpus_another_way(examples: tuple[Example, ...]) -> None:
    assert corpus_of(examples, nothing, seed=1).parts != corpus_of(examples, nothing, seed=2).parts


def test_own_headlines_train_but_for_those_that_read_like_what_judges(examples: tuple[Example, ...]) -> None:
    bare = corpus_of(examples, nothing)
    tested, known = examples[bare.rows(Part.TEST)[0]], examples[bare.rows(Part.TRAIN)[0]]
    own = [
        replace(tested, text=f"{tested.text} again"),
        replace(known, text=known.text.upper(), spans=()),
        parse_line("OTHER\tUNKNOWN\t0\t0.1\tQuokka Exchange opens margin trading in Perth", "own.tsv:2"),
    ]
    corpus = corpus_of(examples, nothing, own)
    assert [one.text for one in corpus.examples[corpus.own_from :]] == [own[2].text]
    assert corpus.examples[: corpus.own_from] == bare.examples
    assert corpus.parts == (*bare.parts, Part.TRAIN)
    assert TYPES[corpus.targets.types[-1]] is EventType.OTHER


def test_the_words_of_a_row_are_those_of_its_text_and_evidence(examples: tuple[Example, ...]) -> None:
    corpus = corpus_of(examples[:3], lambda text: ("seen:venue",) if text == examples[1].text else ())
    rows = np.asarray([0, 1, 2])
    found = corpus.words(rows, inverse_frequency(word_counts(corpus.texts(rows))))
    assert found.shape == (3, BUCKETS)
    bare = corpus_of(examples[:3], nothing).words(rows, inverse_frequency(word_counts(corpus.texts(rows))))
    assert [abs(found[row] - bare[row]).sum() > 0 for row in range(3)] == [False, True, False]


def test_the_model_knows_the_texts_that_it_was_trained_on(bench: Workbench) -> None:
    rows = bench.corpus.rows(Part.TRAIN)
    right = [bench.corpus.examples[row] for row in rows]
    said = bench.judge(rows.tolist())
    pairs = list(zip(said, right, strict=True))
    assert np.mean([one.event_type is label.event_type for one, label in pairs]) > 0.9
    assert np.mean([one.direction is label.direction for one, label in pairs]) > 0.9
    assert roc_auc_score([label.tradable for _, label in pairs], [one.tradable_p for one, _ in pairs]) > 0.9
    assert np.corrcoef([one.severity for one in said], [one.severity for one in right])[0, 1] > 0.7


def test_heads_on_the_vectors_alone_fit_their_texts_in_their_order(bench: Workbench) -> None:
    rows = bench.corpus.rows(Part.TRAIN)
    encoder = Encoder(bench.dense.graph, bench.encoder.tokenizer)
    logits = unit(encoder.encode(bench.corpus.texts(rows))) @ bench.dense.weights + bench.dense.bias
    assert logits.shape == (len(rows), OUTPUTS)
    assert (logits[:, : len(TYPES)].argmax(axis=1) == bench.corpus.targets.types[rows]).mean() > 0.9
    assert bench.dense.history == bench.built.history == ()


def test_temperatures_are_within_bounds_and_on_the_card(bench: Workbench) -> None:
    card = bench.built.model.card
    for temperature in (card.type_temperature, card.direction_temperature, card.tradable_temperature):
        assert 0.2 <= temperature <= 5.0
        assert temperature != 1.0


def test_the_card_says_what_the_model_was_made_of(bench: Workbench) -> None:
    card = bench.built.model.card
    assert (card.name, card.kind, card.rules_version) == ("small", "quick", "r1")
    assert card.encoder == bench.encoder.name
    assert card.corpus_sha256 == corpus_hash(bench.corpus.examples)
    assert card.trained_on == len(bench.corpus.rows(Part.TRAIN))
    assert BuildSettings.model_validate(card.settings) == SETTINGS
    assert (card.types, card.directions) == (TYPES, DIRECTIONS)


def test_the_shift_moves_tradable_down_and_commentary_up(bench: Workbench) -> None:
    shift = bench.built.model.heads.shift
    assert bench.corpus.targets.tradable.mean() > 0.3
    assert shift[-2] < -0.3
    assert shift[TYPES.index(EventType.MARKET_COMMENTARY)] == shift[: len(TYPES)].max() > 0
    assert not shift[len(TYPES) : len(TYPES) + len(DIRECTIONS)].any()


def test_words_have_no_say_in_severity_and_their_share_in_the_rest(bench: Workbench) -> None:
    heads = bench.built.model.heads
    assert not heads.word_weights[:, -1].any()
    assert heads.weights[:, -1] == pytest.approx(bench.dense.weights[:, -1])
    assert heads.bias[-1] == pytest.approx(bench.dense.bias[-1])
    assert heads.weights[:, :-1] == pytest.approx(bench.dense.weights[:, :-1] * (1 - SETTINGS.word_share))
    assert heads.word_weights[:, :-1].any()


def test_prototypes_are_of_unit_length_and_familiar_to_themselves(bench: Workbench) -> None:
    heads = bench.built.model.heads
    assert heads.prototypes.shape == (SETTINGS.prototypes, bench.built.model.encoder.width)
    assert np.linalg.norm(heads.prototypes, axis=1) == pytest.approx(1, abs=1e-5)
    assert heads.familiarity(heads.prototypes) == pytest.approx(1, abs=1e-5)


def test_there_are_no_more_prototypes_than_texts() -> None:
    vectors = unit(np.random.default_rng(4).normal(size=(5, 8)).astype(np.float32))
    found = _prototypes(vectors, BuildSettings(prototypes=256))
    assert found.shape == (5, 8)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)


def test_the_texts_of_training_are_more_familiar_than_a_recipe(bench: Workbench) -> None:
    trained = [one.familiarity for one in bench.judge(bench.corpus.rows(Part.TRAIN).tolist())]
    recipe = bench.built.model.judge([RECIPE], [()])[0]
    assert np.median(trained) > recipe.familiarity + 0.2
    assert recipe.unfamiliar


def test_hardly_any_text_held_out_is_called_unfamiliar(bench: Workbench) -> None:
    held_out = bench.judge(bench.corpus.rows(Part.CALIBRATION).tolist())
    assert sum(one.unfamiliar for one in held_out) <= 1
    assert len(held_out) > 20


def test_the_same_seed_gives_the_same_model(bench: Workbench) -> None:
    again = build(bench.corpus, bench.dense, bench.encoder, SETTINGS, name="small", rules_version="r1", report=Told())
    assert again.model.card == bench.built.model.card
    for name in ("weights", "word_weights", "bias", "frequencies", "shift", "prototypes"):
        first, second = (getattr(one.model.heads, name) for one in (bench.built, again))
        assert np.array_equal(first, second), name


def test_a_model_that_is_saved_and_loaded_says_the_same(bench: Workbench, tmp_path: Path) -> None:
    model = bench.built.model
    save_model(tmp_path / "model", model.card, bench.built.graph, bench.encoder.tokenizer, model.heads)
    loaded = load_model(tmp_path / "model")
    texts = bench.corpus.texts(bench.corpus.rows(Part.TEST))
    before, after = (one.judge(texts, [()] * len(texts)) for one in (model, loaded))
    assert before == after


def test_a_recogniser_of_parties_is_trained_where_there_are_names(bench: Workbench, tmp_path: Path) -> None:
    names = (Path(__file__).parents[3] / "configs" / "gazetteer.csv").read_text("utf-8")
    settings = SETTINGS.model_copy(update={"parties": PartyTraining(epochs=1, batch=16, warm_up=5)})
    told = Told()
    built = build(
        bench.corpus, bench.dense, bench.encoder, settings, name="named", rules_version="r1", report=told, names=names
    )
    model = built.model
    assert "training the recogniser of parties" in {what for what, _ in told.steps}
    assert model.card.spacy == version("spacy")
    assert 0 <= (model.card.new_names_f1 or 0) <= 1
    assert model.card.unlisted_names_f1 is not None
    save_model(tmp_path / "m", model.card, built.graph, bench.encoder.tokenizer, model.heads, parties=model.parties)
    loaded = load_model(tmp_path / "m").judge(["Kraken lists Solana"], [()])
    assert loaded == model.judge(["Kraken lists Solana"], [()])
    assert [party.code for party in loaded[0].parties if party.listed] == ["Kraken", "SOL"]


def test_without_names_no_recogniser_is_trained(bench: Workbench) -> None:
    model = bench.built.model
    assert (model.parties, model.card.spacy, model.card.new_names_f1) == (None, "", None)


def test_each_step_is_reported_with_the_share_done(bench: Workbench) -> None:
    names = list(dict.fromkeys(what for what, _ in bench.told.steps))
    assert names == ["encoding", "fitting", "fitting words", "encoding calibration"]
    assert all(0 <= share <= 1 for _, share in bench.told.steps)
