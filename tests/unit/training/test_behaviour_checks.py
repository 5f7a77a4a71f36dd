"""Behavioural checks: every kind can pass and can fail, bad files are refused, and no text stands in the corpus."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from herald.documents import ConfigurationError
from herald.news.judgement import Judgement
from herald.taxonomy import Direction, EventType
from training.behaviour.checks import (
    CASES,
    HEADLINES_PER_TYPE_MIN,
    Answer,
    BehaviourCases,
    BehaviourReport,
    Capability,
    Failure,
    checks_of,
    load_cases,
    run_checks,
)
from training.corpus.headlines import load_headlines

PLAIN, DULL = "Whale moves 8,000 BTC to Binance", Answer(EventType.OTHER, Direction.UNKNOWN, tradable=False)
FIRST, SWAPPED = "OKX to delist Flow on 30 May", "OKX to delist IOTA on 30 May"
HEADLINE, SHOUTED = "Semler Scientific purchases 870 bitcoin", "SEMLER SCIENTIFIC PURCHASES 870 BITCOIN"
BUYS, SELLS = "Strategy buys 4,020 bitcoin", "Strategy sells 4,020 bitcoin"
FACT, DOUBT = "Binance to delist FTT on Monday", "Binance denies plan to delist FTT"


class FakeJudge:
    """Gives each text the answer it was told, and the dull one to all others. Keeps what it was asked."""

    def __init__(self, answers: Mapping[str, Answer], tradable_p: float = 0.9) -> None:
        self.answers, self.tradable_p = answers, tradable_p
        self.batches: list[tuple[str, ...]] = []

    def __call__(self, texts: Sequence[str]) -> list[Judgement]:
        self.batches.append(tuple(texts))
        return [self._judgement(self.answers.get(text, DULL)) for text in texts]

    def _judgement(self, answer: Answer) -> Judgement:
        return Judgement(
            event_types={one: 0.76 if one is answer.event_type else 0.01 for one in EventType},
            directions={one: 0.8 if one is answer.direction else 0.1 for one in Direction},
            tradable_p=self.tradable_p if answer.tradable else 1 - self.tradable_p,
            severity=0.5,
            familiarity=0.9,
            unfamiliar=False,
            model="fake",
        )


@pytest.fixture(scope="module")
def cases() -> BehaviourCases:
    return load_cases()


@pytest.fixture(scope="module")
def right(cases: BehaviourCases) -> dict[str, Answer]:
    """The answer to each text of which anything is asked."""
    asked = {
        one.text: one.answer
        for check in checks_of(cases)
        if check.capability is not Capability.INVARIANCE
        for one in check.expectations
    }
    return {
        text: Answer(wanted.event_type or EventType.OTHER, wanted.direction or Direction.UNKNOWN, bool(wanted.tradable))
        for text, wanted in asked.items()
    }


def report_with(cases: BehaviourCases, right: Mapping[str, Answer], **wrong: Answer) -> BehaviourReport:
    return run_checks(cases, FakeJudge({**right, **wrong}))


def failures_of(report: BehaviourReport) -> list[tuple[Capability, str, Failure]]:
    return [
        (part.capability, kind.kind, failure)
        for part in report.capabilities
        for kind in part.kinds
        for failure in kind.failures
    ]


def test_a_perfect_judge_passes_every_check(cases: BehaviourCases, right: dict[str, Answer]) -> None:
    report = report_with(cases, right)
    assert failures_of(report) == []
    assert [part.pass_rate for part in report.capabilities] == [1, 1, 1, 1]
    assert report.failed_capabilities() == ()


def test_all_texts_are_judged_in_one_batch_and_each_once(cases: BehaviourCases, right: dict[str, Answer]) -> None:
    judge = FakeJudge(right)
    run_checks(cases, judge)
    assert len(judge.batches) == 1
    assert max(Counter(judge.batches[0]).values()) == 1
    assert {FIRST, SWAPPED, HEADLINE, SHOUTED, *right} <= set(judge.batches[0])


@pytest.mark.parametrize(
    "found",
    [
        Answer(EventType.TREASURY, Direction.BEAR, tradable=True),
        Answer(EventType.WHALE_FLOW, Direction.UNKNOWN, tradable=True),
        Answer(EventType.WHALE_FLOW, Direction.BEAR, tradable=False),
    ],
)
def test_a_plain_headline_fails_by_its_type_its_direction_or_its_tradability(
    cases: BehaviourCases, right: dict[str, Answer], found: Answer
) -> None:
    report = report_with(cases, right, **{PLAIN: found})
    expected = Failure(PLAIN, Answer(EventType.WHALE_FLOW, Direction.BEAR, tradable=True), found)
    assert failures_of(report) == [(Capability.MINIMUM_FUNCTIONALITY, "WHALE_FLOW", expected)]


@pytest.mark.parametrize("change", [("coin", FIRST, SWAPPED), ("letter_case", HEADLINE, SHOUTED)])
@pytest.mark.parametrize(
    "found",
    [replace(DULL, event_type=EventType.DELIST), replace(DULL, tradable=True)],
)
def test_a_change_that_should_not_matter_fails_where_type_or_tradability_follow_it(
    cases: BehaviourCases, right: dict[str, Answer], change: tuple[str, str, str], found: Answer
) -> None:
    kind, base, changed = change
    report = report_with(cases, right, **{changed: found})
    wanted, seen = replace(DULL, direction=None), replace(found, direction=None)
    assert failures_of(report) == [(Capability.INVARIANCE, kind, Failure(changed, wanted, seen, like=base))]


def test_a_change_that_should_not_matter_may_turn_the_direction(
    cases: BehaviourCases, right: dict[str, Answer]
) -> None:
    assert failures_of(report_with(cases, right, **{SWAPPED: replace(DULL, direction=Direction.BEAR)})) == []


def test_every_form_of_a_headline_is_compared_with_it(cases: BehaviourCases, right: dict[str, Answer]) -> None:
    report = report_with(cases, right, **{HEADLINE: replace(DULL, tradable=True)}).of(Capability.INVARIANCE)
    assert {failure.text for failure in report.failures} >= {
        "SEMLER SCIENTIFIC PURCHASES 870 BITCOIN",
        "semler scientific purchases 870 bitcoin",
        "Semler Scientific Purchases 870 Bitcoin",
        "Semler Scientific purchases 870 bitcoin - Reuters",
        '"Semler Scientific purchases 870 bitcoin"',
        "BREAKING: Semler Scientific purchases 870 bitcoin",
    }
    assert {failure.like for failure in report.failures} == {HEADLINE}
    assert {kind.kind for kind in report.kinds if kind.failures} == {"letter_case", "source", "quotes", "breaking"}


@pytest.mark.parametrize(
    ("text", "wanted", "found"),
    [(BUYS, Direction.BULL, Direction.UNKNOWN), (SELLS, Direction.BEAR, Direction.BULL)],
)
def test_a_turn_fails_where_either_side_keeps_its_direction(
    cases: BehaviourCases, right: dict[str, Answer], text: str, wanted: Direction, found: Direction
) -> None:
    report = report_with(cases, right, **{text: replace(DULL, direction=found)})
    failure = Failure(text, Answer(direction=wanted), Answer(direction=found))
    assert failures_of(report) == [(Capability.DIRECTION_FLIPS, "buys_sells", failure)]


@pytest.mark.parametrize(("text", "wanted"), [(FACT, True), (DOUBT, False)])
def test_a_doubt_fails_where_either_side_is_misread(
    cases: BehaviourCases, right: dict[str, Answer], text: str, wanted: bool
) -> None:
    report = report_with(cases, right, **{text: replace(DULL, tradable=not wanted)})
    failure = Failure(text, Answer(tradable=wanted), Answer(tradable=not wanted))
    assert failures_of(report) == [(Capability.TRADABILITY_FLIPS, "denial", failure)]


def test_a_pair_of_which_both_sides_are_wrong_is_one_failed_check(
    cases: BehaviourCases, right: dict[str, Answer]
) -> None:
    swapped = {BUYS: replace(DULL, direction=Direction.BEAR), SELLS: replace(DULL, direction=Direction.BULL)}
    part = report_with(cases, right, **swapped).of(Capability.DIRECTION_FLIPS)
    kind = next(one for one in part.kinds if one.kind == "buys_sells")
    assert (kind.failed, len(kind.failures), part.failed) == (1, 2, 1)
    assert kind.pass_rate == pytest.approx(1 - 1 / kind.checks)


def test_a_judge_who_always_says_the_same_only_has_invariance(cases: BehaviourCases) -> None:
    report = run_checks(cases, FakeJudge({}))
    assert report.failed_capabilities() == (
        Capability.MINIMUM_FUNCTIONALITY,
        Capability.DIRECTION_FLIPS,
        Capability.TRADABILITY_FLIPS,
    )
    assert report.of(Capability.DIRECTION_FLIPS).pass_rate == 0
    assert report.of(Capability.TRADABILITY_FLIPS).pass_rate == 0


def test_a_capability_fails_just_below_its_minimum_and_not_at_it(cases: BehaviourCases) -> None:
    flips = [check for check in checks_of(cases) if check.capability is Capability.TRADABILITY_FLIPS]
    half = {one.text: Answer(tradable=one.answer.tradable) for check in flips[::2] for one in check.expectations}
    share = len(flips[::2]) / len(flips)
    for minimum, failed in ((share, False), (share + 0.001, True)):
        rates = cases.minimum_pass_rates.model_copy(update={"tradability_flips": minimum})
        report = run_checks(cases.model_copy(update={"minimum_pass_rates": rates}), FakeJudge(half))
        assert (Capability.TRADABILITY_FLIPS in report.failed_capabilities()) is failed


def test_the_caller_says_from_which_probability_a_headline_is_tradable(
    cases: BehaviourCases, right: dict[str, Answer]
) -> None:
    sure = FakeJudge(right, tradable_p=0.6)
    assert run_checks(cases, sure, tradable_from=0.6).failed_capabilities() == ()
    flips = run_checks(cases, sure, tradable_from=0.61).of(Capability.TRADABILITY_FLIPS)
    assert flips.pass_rate == 0
    assert all(failure.found == Answer(tradable=False) for failure in flips.failures)


def test_a_judge_who_leaves_a_text_out_is_refused(cases: BehaviourCases, right: dict[str, Answer]) -> None:
    judge = FakeJudge(right)
    with pytest.raises(ValueError, match="shorter"):
        run_checks(cases, lambda texts: judge(texts)[:-1])


def test_an_answer_reads_as_words() -> None:
    assert str(Answer(EventType.HACK, Direction.BEAR, tradable=True)) == "HACK, BEAR, tradable"
    assert str(Answer(tradable=False)) == "not tradable"


def refusal(tmp_path: Path, written: str, instead: str) -> str:
    """What is said of the cases with one place changed, less the name of the file."""
    text = CASES.read_text("utf-8")
    assert written in text
    file = tmp_path / "cases.yaml"
    file.write_text(text.replace(written, instead, 1), "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_cases(file)
    assert str(caught.value).startswith(f"{file}:")
    return str(caught.value).removeprefix(f"{file}:")


def line_of(written: str) -> int:
    before, _, _ = CASES.read_text("utf-8").partition(written)
    return before.count("\n") + 1


@pytest.mark.parametrize(
    ("written", "instead", "place", "complaint"),
    [
        ("event_type: LISTING", "event_type: LISTINGS", "event_type: LISTING", "minimum_functionality.0.event_type: "),
        ("tradable: true", "tradable: perhaps", "tradable: true", "minimum_functionality.0.tradable: "),
        ("invariance: 0.9", "invariance: 1.9", "invariance: 0.9", "minimum_pass_rates.invariance: "),
        ("    pairs:", "    pair: []\n    pairs:", "    pairs:", "did you mean 'pairs'?"),
        (
            '"Whale sends $42',
            '"{venue} sends $42',
            'kind: coin\n      template: "Whale',
            "must hold {coin} and no other",
        ),
        ('["Flow", "IOTA"', '["Flow", "Flow"', 'kind: coin\n      template: "OKX', "a value is given twice"),
        ("[upper,", "[crooked,", "[upper,", "invariance.surface.letter_case.0: "),
        ('"{headline} - Reuters"', '"headline - Reuters"', '"{headline} - Reuters"', "invariance.surface.source.0: "),
        (f'BULL: "{BUYS}"', f'UP: "{BUYS}"', f'BULL: "{BUYS}"', "direction_flips.2.pairs.0.UP"),
        (f'BULL: "{BUYS}"\n        ', "", f'BULL: "{BUYS}"', "at least 2 items"),
        (f'        not_tradable: "{DOUBT}"\n', "", f'"{FACT}"', "not_tradable: Field required"),
        (f'"{FACT}"', '"  "', f'"{FACT}"', "tradability_flips.4.pairs.0.tradable: "),
        (f'- "{PLAIN}"', "", "minimum_functionality:\n", "WHALE_FLOW has 7"),
        ("tradability_flips: 0.8", "tradability_flips: 0", "tradability_flips: 0.8", "greater than 0"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(
    tmp_path: Path, written: str, instead: str, place: str, complaint: str
) -> None:
    message = refusal(tmp_path, written, instead)
    assert complaint in message
    assert message.startswith(f"{line_of(place)}: ")


def test_a_text_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert f"'{FACT}' is given twice; keep one" in refusal(tmp_path, f'"{BUYS}"', f'"{FACT}"')


def test_a_file_that_is_no_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    written = '["Flow", "IOTA"'
    message = refusal(tmp_path, written, '["Flow" "IOTA"')
    assert "not valid YAML" in message
    assert f"line {line_of(written)}, " in message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_cases(tmp_path / "none.yaml")


def test_the_cases_cover_every_type_change_and_turn(cases: BehaviourCases) -> None:
    checks = checks_of(cases)
    kinds = {one: {check.kind for check in checks if check.capability is one} for one in Capability}
    assert 400 <= len(checks) <= 550
    assert len(checks) == len(set(checks))
    plain = Counter(check.kind for check in checks if check.capability is Capability.MINIMUM_FUNCTIONALITY)
    assert set(plain) == set(EventType)
    assert min(plain.values()) >= HEADLINES_PER_TYPE_MIN
    names, writing = {"coin", "venue", "person", "amount"}, {"letter_case", "source", "quotes", "breaking"}
    assert kinds[Capability.INVARIANCE] == names | writing
    assert kinds[Capability.DIRECTION_FLIPS] >= {
        "approves_rejects",
        "hawkish_dovish",
        "buys_sells",
        "does_not",
        "denies",
        "inflow_outflow",
        "on_off_exchange",
        "above_below",
        "halts_restores",
        "wins_loses_appeal",
    }
    doubts = {"question", "opinion", "forecast", "could", "denial", "recap", "what_is"}
    assert kinds[Capability.TRADABILITY_FLIPS] == doubts


def test_plain_cases_are_labelled_as_the_taxonomy_says(cases: BehaviourCases) -> None:
    silent = {EventType.PROMOTION, EventType.MARKET_COMMENTARY}
    groups = cases.minimum_functionality
    assert not [one for one in groups if not one.tradable and one.direction is not Direction.UNKNOWN]
    assert not [one for one in groups if one.event_type in silent and one.tradable]


def test_no_text_of_the_cases_stands_in_the_corpus(cases: BehaviourCases) -> None:
    trained = {words_of(example.text) for example in load_headlines()}
    expectations = [one for check in checks_of(cases) for one in check.expectations]
    texts = {text for one in expectations for text in (one.text, one.like) if text}
    assert len(texts) > 500
    assert sorted(text for text in texts if words_of(text) in trained) == []


def words_of(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
