"""What the quick model of a fresh clone can do: trained here, judged on the frozen test part and by its behaviour."""

from __future__ import annotations

import pytest

from herald.inference.text_model import load_model, save_model
from herald.settings import load_settings
from training.behaviour.checks import Capability
from training.build import BuildSettings, Built
from training.evaluation import MAJORITY, MODEL, RULES, TFIDF, Evaluated
from training.run import Assessed, Workshop

pytestmark = pytest.mark.model

PASS_RATES = {
    Capability.MINIMUM_FUNCTIONALITY: 0.65,
    Capability.INVARIANCE: 0.80,
    Capability.DIRECTION_FLIPS: 0.30,
    Capability.TRADABILITY_FLIPS: 0.70,
}
"""Below what the quick model reached when this was written; the minimum for a promotion is higher."""


@pytest.fixture(scope="module")
def workshop() -> Workshop:
    return Workshop(load_settings(data=None), lambda *_: None)


@pytest.fixture(scope="module")
def built(workshop: Workshop) -> Built:
    return workshop.make(BuildSettings(kind="quick"), name="under test")


@pytest.fixture(scope="module")
def assessed(workshop: Workshop, built: Built) -> Assessed:
    return workshop.assess(built.model, with_baselines=True)


@pytest.fixture
def own(assessed: Assessed) -> Evaluated:
    return assessed.sets[0]


def value(own: Evaluated, who: str, figure: str) -> float:
    return getattr(own.figures[who], figure).value


@pytest.mark.parametrize("figure", ["type_macro_f1", "direction_macro_f1"])
@pytest.mark.parametrize("other", [MAJORITY, RULES])
def test_it_is_far_better_than_rules(own: Evaluated, other: str, figure: str) -> None:
    assert value(own, MODEL, figure) > value(own, other, figure) + 0.2


@pytest.mark.parametrize("figure", ["type_macro_f1", "direction_macro_f1"])
def test_it_is_as_good_as_counted_words(own: Evaluated, figure: str) -> None:
    """In the corpus's own manner words alone tell much; on real feeds they are behind."""
    assert value(own, MODEL, figure) > value(own, TFIDF, figure) - 0.02


def test_it_ranks_what_is_tradable_as_well_as_counted_words_and_far_better_than_rules(own: Evaluated) -> None:
    """In the corpus's own manner words alone tell much; on real feeds they are far behind."""
    found = {who: value(own, who, "tradable_average_precision") for who in (MODEL, MAJORITY, TFIDF, RULES)}
    assert found[MODEL] > found[TFIDF] - 0.02
    assert found[MODEL] > max(found[MAJORITY], found[RULES]) + 0.2


def test_what_it_calls_tradable_mostly_is(own: Evaluated) -> None:
    assert value(own, MODEL, "tradable_precision") > 0.85
    assert value(own, MODEL, "tradable_precision_at_recall_60") > 0.85


def test_its_confidence_in_a_type_can_be_believed(own: Evaluated) -> None:
    assert value(own, MODEL, "type_ece") < 0.1


def test_it_behaves(assessed: Assessed) -> None:
    rates = {one.capability: one.pass_rate for one in assessed.behaviour.capabilities}
    assert all(rates[capability] >= least for capability, least in PASS_RATES.items()), rates


def test_it_finds_names_that_no_list_holds(built: Built) -> None:
    assert built.model.card.unlisted_names_f1 > 0.6
    assert built.model.card.new_names_f1 > 0.3


def test_it_names_parties_of_no_list_and_no_ordinary_word(workshop: Workshop, built: Built) -> None:
    texts = ["BREAKING: Cork Protocol hacked", "Garden Finance bridge drained of $5.5M", "LINK in bio", "CPI in France"]
    judged = built.model.judge(texts, [workshop.read(text)[1] for text in texts])
    found = [[party.text for party in one.parties] for one in judged]
    assert found[:2] != [[], []]
    assert all(names in ([], [name]) for names, name in zip(found, ("Cork Protocol", "Garden Finance"), strict=False))
    assert found[2:] == [[], []]


def test_saved_and_loaded_it_says_the_same(workshop: Workshop, built: Built, tmp_path) -> None:
    texts = ["Binance will list Sui (SUI)", "Why is bitcoin down today?"]
    evidence = [workshop.read(text)[1] for text in texts]
    model = built.model
    save_model(tmp_path / "m", model.card, built.graph, built.tokenizer, model.heads, parties=model.parties)
    assert load_model(tmp_path / "m", threads=2).judge(texts, evidence) == built.model.judge(texts, evidence)
