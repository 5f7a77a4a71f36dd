"""Behavioural tests of any headline classifier: plain cases, changes that must not matter, changes that must.

After CheckList (Ribeiro, Wu, Guestrin and Singh, ACL 2020, arXiv 2005.04118). The texts stand in ``cases.yaml``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from herald.documents import Document, load_document
from herald.news.judgement import Judgement
from herald.taxonomy import Direction, EventType

CASES = Path(__file__).parent / "cases.yaml"
HEADLINES_PER_TYPE_MIN = 8
TRADABLE_FROM = 0.5
"""Probability from which a headline counts as tradable, where the caller gives no other."""

Judge = Callable[[Sequence[str]], Sequence[Judgement]]
"""Judges headlines: one judgement a text, in order."""

Share = Annotated[float, Field(gt=0, le=1)]
Text = Annotated[str, Field(pattern=r"^\S(.*\S)?$")]
Frame = Annotated[str, Field(pattern=r"^[^{}]*\{headline\}[^{}]*$")]
Kind = Annotated[str, Field(pattern=r"^[a-z_]+$")]
DirectionPair = Annotated[dict[Direction, Text], Field(min_length=2, max_length=2)]


class Capability(StrEnum):
    """What is tested."""

    MINIMUM_FUNCTIONALITY = "minimum_functionality"
    INVARIANCE = "invariance"
    DIRECTION_FLIPS = "direction_flips"
    TRADABILITY_FLIPS = "tradability_flips"


class SwapKind(StrEnum):
    """What is exchanged within a headline. The value is the name of the gap in its template."""

    COIN = "coin"
    VENUE = "venue"
    PERSON = "person"
    AMOUNT = "amount"


class LetterCase(StrEnum):
    """How the letters of a headline are written anew."""

    UPPER = "upper"
    LOWER = "lower"
    TITLE = "title"

    def of(self, text: str) -> str:
        """Return the text in this case. Title case lifts the first letter of each word and keeps the others."""
        if self is LetterCase.TITLE:
            return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
        return text.upper() if self is LetterCase.UPPER else text.lower()


class MinimumPassRates(Document):
    """The least share of its checks, above 0 and up to 1, that each capability must pass."""

    minimum_functionality: Share
    invariance: Share
    direction_flips: Share
    tradability_flips: Share

    def of(self, capability: Capability) -> float:
        """Return the least share of one capability."""
        rates: dict[str, float] = self.model_dump()
        return rates[capability.value]


class LabelledHeadlines(Document):
    """Headlines that share all their labels."""

    event_type: EventType
    direction: Direction
    tradable: bool
    headlines: tuple[Text, ...] = Field(min_length=1)


class Swap(Document):
    """A headline with a gap, and what may stand there. The first value makes the text that others are compared with."""

    kind: SwapKind
    template: Text
    values: tuple[Text, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        gap = f"{{{self.kind}}}"
        if set(re.findall(r"\{[^{}]*\}|[{}]", self.template)) != {gap}:
            raise ValueError(f"the template of a {self.kind} swap must hold {gap} and no other brace")
        if len(set(self.values)) < len(self.values):
            raise ValueError("a value is given twice; keep one")
        return self

    def texts(self) -> tuple[str, ...]:
        """Return the headline filled with each value, in order."""
        return tuple(self.template.replace(f"{{{self.kind}}}", value) for value in self.values)


class Surface(Document):
    """Headlines, and ways to write them that change nothing of what they say. Frames hold ``{headline}``."""

    letter_case: tuple[LetterCase, ...] = Field(min_length=1)
    source: tuple[Frame, ...] = Field(min_length=1)
    quotes: tuple[Frame, ...] = Field(min_length=1)
    breaking: tuple[Frame, ...] = Field(min_length=1)
    headlines: tuple[Text, ...] = Field(min_length=1)

    def forms(self, headline: str) -> Iterator[tuple[str, str]]:
        """Give each form of a headline with the name of the way in which it was made."""
        for case in self.letter_case:
            yield "letter_case", case.of(headline)
        framed = {"source": self.source, "quotes": self.quotes, "breaking": self.breaking}
        for kind, frames in framed.items():
            for frame in frames:
                yield kind, frame.replace("{headline}", headline)


class Invariance(Document):
    """Changes that must leave type and tradable as they were."""

    swaps: tuple[Swap, ...] = Field(min_length=1)
    surface: Surface


class DirectionFlips(Document):
    """Pairs of like headlines, each under the direction that it has."""

    kind: Kind
    pairs: tuple[DirectionPair, ...] = Field(min_length=1)


class TradabilityPair(Document):
    """One event as a new fact, and as a question, opinion or the like."""

    tradable: Text
    not_tradable: Text


class TradabilityFlips(Document):
    """Pairs that lose their tradability in the same way."""

    kind: Kind
    pairs: tuple[TradabilityPair, ...] = Field(min_length=1)


class BehaviourCases(Document):
    """``cases.yaml``: the texts and labels from which checks are made. No text stands in it twice."""

    minimum_pass_rates: MinimumPassRates
    minimum_functionality: tuple[LabelledHeadlines, ...]
    invariance: Invariance
    direction_flips: tuple[DirectionFlips, ...] = Field(min_length=1)
    tradability_flips: tuple[TradabilityFlips, ...] = Field(min_length=1)

    @field_validator("minimum_functionality")
    @classmethod
    def _every_type_has_enough(cls, groups: tuple[LabelledHeadlines, ...]) -> tuple[LabelledHeadlines, ...]:
        counts = Counter(group.event_type for group in groups for _ in group.headlines)
        short = [f"{one} has {counts[one]}" for one in EventType if counts[one] < HEADLINES_PER_TYPE_MIN]
        if short:
            raise ValueError(f"write at least {HEADLINES_PER_TYPE_MIN} headlines a type; {', '.join(short)}")
        return groups

    @model_validator(mode="after")
    def _no_text_stands_twice(self) -> Self:
        counts = Counter(self._written())
        twice = [text for text, count in counts.items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} is given twice; keep one")
        return self

    def _written(self) -> Iterator[str]:
        for group in self.minimum_functionality:
            yield from group.headlines
        for swap in self.invariance.swaps:
            yield from swap.texts()
        yield from self.invariance.surface.headlines
        for turn in self.direction_flips:
            yield from chain.from_iterable(pair.values() for pair in turn.pairs)
        for flip in self.tradability_flips:
            yield from chain.from_iterable((pair.tradable, pair.not_tradable) for pair in flip.pairs)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is wanted of a headline, or found for it. None stands for what is not asked."""

    event_type: EventType | None = None
    direction: Direction | None = None
    tradable: bool | None = None

    def __str__(self) -> str:
        tradable = {None: "", True: "tradable", False: "not tradable"}[self.tradable]
        return ", ".join(part for part in (self.event_type, self.direction, tradable) if part)

    def asked_by(self, wanted: Answer) -> Answer:
        """Return this answer without the parts that are not wanted."""
        return Answer(
            self.event_type if wanted.event_type is not None else None,
            self.direction if wanted.direction is not None else None,
            self.tradable if wanted.tradable is not None else None,
        )


@dataclass(frozen=True, slots=True)
class Expectation:
    """The answer wanted for a text. Where ``like`` is given, its type and tradable as found are what is wanted."""

    text: str
    answer: Answer = Answer()
    like: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One test. It passes where all its expectations are met; ``kind`` is an event type, a change or a turn."""

    capability: Capability
    kind: str
    expectations: tuple[Expectation, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A text that was not judged as expected. ``like`` is the text that it was compared with, if any."""

    text: str
    expected: Answer
    found: Answer
    like: str = ""


@dataclass(frozen=True, slots=True)
class KindReport:
    """How many checks of a kind were made and failed. A failed check of a pair may hold two failures."""

    kind: str
    checks: int
    failed: int
    failures: tuple[Failure, ...]

    @property
    def pass_rate(self) -> float:
        """The share of checks that passed, from 0 to 1."""
        return 1 - self.failed / self.checks


@dataclass(frozen=True, slots=True)
class CapabilityReport:
    """The kinds of one capability, in the order of the file, and the share of checks that must pass."""

    capability: Capability
    minimum_pass_rate: float
    kinds: tuple[KindReport, ...]

    @property
    def checks(self) -> int:
        """The number of checks."""
        return sum(kind.checks for kind in self.kinds)

    @property
    def failed(self) -> int:
        """The number of checks that failed."""
        return sum(kind.failed for kind in self.kinds)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What was judged wrongly, kind after kind."""
        return tuple(failure for kind in self.kinds for failure in kind.failures)

    @property
    def pass_rate(self) -> float:
        """The share of checks that passed, from 0 to 1; kinds count by their checks."""
        return 1 - self.failed / self.checks

    @property
    def passed(self) -> bool:
        """True where enough checks passed."""
        return self.pass_rate >= self.minimum_pass_rate


@dataclass(frozen=True, slots=True)
class BehaviourReport:
    """What a judge can do: one part a capability."""

    capabilities: tuple[CapabilityReport, ...]

    def of(self, capability: Capability) -> CapabilityReport:
        """Return the part of one capability."""
        return next(one for one in self.capabilities if one.capability is capability)

    def failed_capabilities(self) -> tuple[Capability, ...]:
        """Return the capabilities whose pass rate is below their minimum."""
        return tuple(one.capability for one in self.capabilities if not one.passed)


def load_cases(path: Path = CASES) -> BehaviourCases:
    """Read the cases. Raises ``ConfigurationError`` with file, line and cure."""
    return load_document(path, BehaviourCases)


def checks_of(cases: BehaviourCases) -> tuple[Check, ...]:
    """Make every check of the cases, in their order."""
    return (*_plain(cases), *_unchanged(cases.invariance), *_turned(cases), *_doubted(cases))


def run_checks(cases: BehaviourCases, judge: Judge, *, tradable_from: float = TRADABLE_FROM) -> BehaviourReport:
    """Judge all texts of the cases in one batch and report.

    A headline counts as tradable where its ``tradable_p`` is at least ``tradable_from``. Raises ``ValueError`` where
    the judge does not give one judgement a text.
    """
    checks = checks_of(cases)
    texts = list(dict.fromkeys(text for check in checks for one in check.expectations for text in _texts(one)))
    answers = {
        text: Answer(judgement.event_type, judgement.direction, judgement.tradable_p >= tradable_from)
        for text, judgement in zip(texts, judge(texts), strict=True)
    }
    return BehaviourReport(
        tuple(
            CapabilityReport(capability, cases.minimum_pass_rates.of(capability), _kinds(checks, capability, answers))
            for capability in Capability
        )
    )


def _plain(cases: BehaviourCases) -> Iterator[Check]:
    for group in cases.minimum_functionality:
        answer = Answer(group.event_type, group.direction, group.tradable)
        for text in group.headlines:
            yield Check(Capability.MINIMUM_FUNCTIONALITY, group.event_type, (Expectation(text, answer),))


def _unchanged(invariance: Invariance) -> Iterator[Check]:
    for swap in invariance.swaps:
        first, *others = swap.texts()
        for text in others:
            yield Check(Capability.INVARIANCE, swap.kind, (Expectation(text, like=first),))
    for headline in invariance.surface.headlines:
        for kind, text in invariance.surface.forms(headline):
            yield Check(Capability.INVARIANCE, kind, (Expectation(text, like=headline),))


def _turned(cases: BehaviourCases) -> Iterator[Check]:
    for flips in cases.direction_flips:
        for pair in flips.pairs:
            sides = tuple(Expectation(text, Answer(direction=direction)) for direction, text in pair.items())
            yield Check(Capability.DIRECTION_FLIPS, flips.kind, sides)


def _doubted(cases: BehaviourCases) -> Iterator[Check]:
    for flips in cases.tradability_flips:
        for pair in flips.pairs:
            fact = Expectation(pair.tradable, Answer(tradable=True))
            doubt = Expectation(pair.not_tradable, Answer(tradable=False))
            yield Check(Capability.TRADABILITY_FLIPS, flips.kind, (fact, doubt))


def _texts(expectation: Expectation) -> tuple[str, ...]:
    return (expectation.like, expectation.text) if expectation.like else (expectation.text,)


def _kinds(checks: Sequence[Check], capability: Capability, answers: Mapping[str, Answer]) -> tuple[KindReport, ...]:
    found: dict[str, list[tuple[Failure, ...]]] = {}
    for check in checks:
        if check.capability is capability:
            found.setdefault(check.kind, []).append(_failures(check, answers))
    return tuple(
        KindReport(kind, len(results), sum(map(bool, results)), tuple(chain.from_iterable(results)))
        for kind, results in found.items()
    )


def _failures(check: Check, answers: Mapping[str, Answer]) -> tuple[Failure, ...]:
    failures = []
    for one in check.expectations:
        model = answers[one.like] if one.like else None
        wanted = Answer(model.event_type, tradable=model.tradable) if model else one.answer
        found = answers[one.text].asked_by(wanted)
        if found != wanted:
            failures.append(Failure(one.text, wanted, found, one.like))
    return tuple(failures)
