"""The training of the recogniser of parties: what it is shown, when it is believed, and how it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from herald.inference.pretrained import packaged_encoder
from herald.news.judgement import Party, PartyKind
from training.corpus.headlines import Example, load_headlines, parse_line
from training.parties import TrainedParties, make_parties, ordinary_words, sureness_for, word_forms
from training.party_figures import SpanFigures, judge_parties, names_of
from training.party_names import KIND_OF, Varier, as_marked
from training.party_training import PartyTraining

TRAINING = PartyTraining(epochs=2, batch=16, warm_up=10)
NAMES = (Path(__file__).parents[3] / "configs" / "gazetteer.csv").read_text("utf-8")


def example(marked: str) -> Example:
    return parse_line(f"OTHER\tUNKNOWN\t0\t0.1\t{marked}", "here")


EXAMPLES = (
    example("{Cork Protocol|A} hacked, {Kraken|V} helps"),
    example("{Ada Byron|P} joins {Deutsche Bank|C}"),
    example("{UNDP|O} report: nothing new"),
    example("Nobody is named"),
)


def varier(seed: int = 1, **shares: float) -> Varier:
    given = {"renamed": 0.0, "invented": 0.0, "upper": 0.0, "lower": 0.0} | shares
    return Varier(EXAMPLES, np.random.default_rng(seed), **given)


class Found:
    """A reader that answers what it was told."""

    def __init__(self, *parties: tuple[Party, ...]) -> None:
        self.answers = list(parties)

    def parties(self, texts: list[str]) -> list[tuple[Party, ...]]:
        assert len(texts) == len(self.answers)
        return self.answers


@pytest.fixture(scope="module")
def parts() -> tuple[tuple[Example, ...], tuple[Example, ...], tuple[Example, ...]]:
    everything = load_headlines()
    some = everything[:: len(everything) // 600][:600]
    return some[:400], some[400:500], some[500:]


def made(parts: tuple[tuple[Example, ...], ...], told: list[tuple[str, float]], seed: int = 5) -> TrainedParties:
    def report(what: str, share: float, figures: Mapping[str, float]) -> None:
        told.append((what, share))

    train, held_out, test = parts
    return make_parties(
        train,
        held_out,
        test,
        names=NAMES,
        pretrained=packaged_encoder(),
        training=TRAINING,
        seed=seed,
        report=report,
    )


def test_a_variant_keeps_each_name_marked_with_its_kind() -> None:
    changing = varier(renamed=0.8, invented=0.5, upper=0.2, lower=0.2)
    for _ in range(50):
        for one in EXAMPLES:
            text, marked = changing.vary(one)
            assert [kind for _, _, kind in marked] == [KIND_OF[span.kind] for span in one.spans]
            ends = [0, *(end for _, end, _ in marked)]
            assert all(end <= start < stop <= len(text) for end, (start, stop, _) in zip(ends, marked, strict=False))
            assert all(text[start:stop].strip() == text[start:stop] for start, stop, _ in marked)


def test_other_names_are_those_of_the_same_kind() -> None:
    renamed = {varier(seed, renamed=1.0).vary(EXAMPLES[1])[0] for seed in range(5)}
    assert renamed == {"Ada Byron joins Deutsche Bank"}  # the only ones of their kinds


def test_an_invented_name_keeps_the_last_words_of_a_company_and_the_first_of_a_person() -> None:
    text, marked = varier(renamed=1.0, invented=1.0).vary(EXAMPLES[1])
    person, company = (text[start:end] for start, end, _ in marked)
    assert person.startswith("Ada ")
    assert company.endswith(" Bank")
    assert "Byron" not in person
    assert "Deutsche" not in company
    acronym = varier(renamed=1.0, invented=1.0).vary(EXAMPLES[2])[0].removesuffix(" report: nothing new")
    assert acronym.isupper()
    assert len(acronym) == len("UNDP")


def test_headlines_are_written_in_one_case_as_often_as_asked() -> None:
    assert varier(upper=1.0).vary(EXAMPLES[0])[0] == EXAMPLES[0].text.upper()
    assert varier(lower=1.0).vary(EXAMPLES[0])[0] == EXAMPLES[0].text.lower()
    assert varier().vary(EXAMPLES[0]) == as_marked(EXAMPLES[0])


def test_the_same_generator_draws_the_same_variants() -> None:
    shares = {"renamed": 0.5, "invented": 0.5, "upper": 0.2, "lower": 0.2}
    one, two = ([varier(7, **shares).vary(each) for each in EXAMPLES] for _ in range(2))
    assert one == two


def test_words_are_familiar_from_the_count_on_that_was_asked() -> None:
    words = word_forms((example("hack hack {Foo|A}"), example("Hack of Bar")), frozenset({"tree"}), 2)
    assert words.familiar == {"hack"}
    assert words.ordinary == {"tree"}
    assert words.names == {"foo"}


def test_ordinary_words_are_those_of_the_encoders_tokenizer() -> None:
    found = ordinary_words(packaged_encoder())
    assert {"basket", "wheel", "bitcoin"} & found >= {"basket", "wheel"}
    assert not {"[CLS]", "##ing", "zorblax", "1900"} & found


def test_the_sureness_is_the_least_from_which_on_enough_is_right() -> None:
    found = [(0.95, True)] * 40 + [(0.75, True)] * 40 + [(0.65, False)] * 40
    assert sureness_for(found, 0.9) == pytest.approx(0.66)
    assert sureness_for([(0.95, False)] * 40, 0.9) == pytest.approx(0.99)
    assert sureness_for([], 0.9) == pytest.approx(0.99)
    assert sureness_for([(0.6, True)] * 40, 0.9) == pytest.approx(0.5)


def test_a_few_mistakes_among_the_surest_names_do_not_forbid_the_rest() -> None:
    found = [(0.98, True)] * 28 + [(0.98, False)] * 12 + [(0.6, True)] * 400
    assert sureness_for(found, 0.9) == pytest.approx(0.5)


def test_a_share_that_chance_may_have_given_is_not_believed() -> None:
    assert sureness_for([(0.6, True)] * 35 + [(0.6, False)] * 5, 0.85) == pytest.approx(0.99)
    assert sureness_for([(0.6, True)] * 3_500 + [(0.6, False)] * 500, 0.85) == pytest.approx(0.5)


def test_figures_count_listed_unlisted_and_new_names_apart() -> None:
    one = example("{Kraken|V} buys {Cork|A} from {Zoth|C}, sued by {Ann Lee|P}")
    at = {one.text[span.start : span.end]: span for span in one.spans}

    def party(name: str, kind: PartyKind, *, listed: bool = False, cut: int = 0) -> Party:
        span = at[name]
        return Party(name, kind, span.start, span.end - cut, "x" if listed else "", listed)

    reader = Found((
        party("Kraken", PartyKind.VENUE, listed=True),
        party("Cork", PartyKind.COMPANY),
        party("Zoth", PartyKind.COMPANY),
        party("Ann Lee", PartyKind.PERSON, cut=4),
    ))  # fmt: skip
    figures = judge_parties(reader, [one], frozenset({"cork"}))  # type: ignore[arg-type]
    assert figures.gazetteer == SpanFigures(found=1, right=1, wanted=4, kind_right=1)
    assert figures.together == SpanFigures(found=4, right=3, wanted=4, kind_right=2)
    assert figures.unlisted == SpanFigures(found=3, right=2, wanted=3, kind_right=1)
    assert figures.new == SpanFigures(found=2, right=1, wanted=2, kind_right=1)
    assert figures.new.precision == figures.new.recall == figures.new.f1 == 0.5


def test_figures_of_nothing_are_zero() -> None:
    nothing = SpanFigures(found=0, right=0, wanted=0, kind_right=0)
    assert (nothing.precision, nothing.recall, nothing.f1) == (0.0, 0.0, 0.0)


def test_names_are_compared_in_lower_case() -> None:
    assert names_of(EXAMPLES) == {"cork protocol", "kraken", "ada byron", "deutsche bank", "undp"}


def test_training_tells_its_progress_and_gives_the_same_reader_for_the_same_seed(
    parts: tuple[tuple[Example, ...], ...],
) -> None:
    told: list[tuple[str, float]] = []
    first, second, other = made(parts, told), made(parts, []), made(parts, [], seed=6)
    assert [what for what, _ in told][-1] == "judging the recogniser of parties"
    shares = [share for what, share in told if what == "training the recogniser of parties"]
    assert shares == sorted(shares)
    assert (shares[0], len(shares)) == (0.0, 2 * 25)
    texts = [one.text for one in parts[2]]
    assert first.reader.read(texts) == second.reader.read(texts)
    assert first.figures == second.figures
    assert first.reader.read(texts) != other.reader.read(texts)


def test_the_recogniser_adds_to_what_the_gazetteer_finds(parts: tuple[tuple[Example, ...], ...]) -> None:
    figures = made(parts, []).figures
    assert figures.together.wanted == figures.gazetteer.wanted > figures.unlisted.wanted > figures.new.wanted > 0
    assert figures.together.found == figures.gazetteer.found + figures.unlisted.found
    assert figures.together.right >= figures.gazetteer.right
