"""How well parties are found: by the gazetteer alone, with the recogniser, and on names that neither had seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from herald.news.judgement import PartyKind
from training.corpus.headlines import Example
from training.party_names import KIND_OF

if TYPE_CHECKING:
    from herald.inference.parties import PartyReader


class SpanFigures(BaseModel):
    """Names found, right and wanted. A name is right where it begins and ends as marked, whatever its kind."""

    model_config = ConfigDict(frozen=True)

    found: int
    right: int
    wanted: int
    kind_right: int
    """Those of the right ones whose kind is right too."""

    @property
    def precision(self) -> float:
        """The share of what was found that is right; 0 where nothing was found."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """The share of what was wanted that was found; 0 where nothing was wanted."""
        return self.right / self.wanted if self.wanted else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall, 2 x right / (found + wanted)."""
        return 2 * self.right / (self.found + self.wanted) if self.found + self.wanted else 0.0


class PartyFigures(BaseModel):
    """Figures of one set of headlines: of all names, by the gazetteer alone and with the recogniser, and of some.

    ``unlisted`` names stand where the gazetteer finds none; ``new`` ones were not trained on either.
    """

    model_config = ConfigDict(frozen=True)

    gazetteer: SpanFigures
    together: SpanFigures
    unlisted: SpanFigures
    new: SpanFigures


@dataclass(frozen=True, slots=True)
class JudgedName:
    """How sure the recogniser is of a name that it proposes, and whether the name stands there."""

    sureness: float
    trained_on: bool
    right: bool


def names_of(examples: Iterable[Example]) -> frozenset[str]:
    """Return the names marked in examples, in lower case."""
    return frozenset(example.text[span.start : span.end].casefold() for example in examples for span in example.spans)


def judged_names(reader: PartyReader, examples: Sequence[Example]) -> Iterator[JudgedName]:
    """Yield every name that the recogniser proposes, sure or not."""
    for example, (_, proposed) in zip(examples, reader.read([one.text for one in examples]), strict=True):
        wanted = _wanted(example)
        for one in proposed:
            right = (one.party.start, one.party.end) in wanted
            yield JudgedName(one.sureness, one.trained_on, right)


def judge_parties(reader: PartyReader, examples: Sequence[Example], seen: frozenset[str]) -> PartyFigures:
    """Judge a reader on examples; ``seen`` are the names that it was trained on, in lower case."""
    counts = {name: [0, 0, 0, 0] for name in PartyFigures.model_fields}
    for example, found in zip(examples, reader.parties([one.text for one in examples]), strict=True):
        wanted = _wanted(example)
        listed = {(one.start, one.end): one.kind for one in found if one.listed}
        free = {place: kind for place, kind in wanted.items() if not _meets(place, listed)}
        guessed = {(one.start, one.end): one.kind for one in found if not one.listed}
        _count(counts["gazetteer"], listed, wanted)
        _count(counts["together"], listed | guessed, wanted)
        _count(counts["unlisted"], guessed, free)
        _count(counts["new"], _unseen(guessed, example, seen), _unseen(free, example, seen))
    keys = tuple(SpanFigures.model_fields)
    return PartyFigures(**{name: SpanFigures(**dict(zip(keys, four, strict=True))) for name, four in counts.items()})


Places = dict[tuple[int, int], PartyKind]


def _wanted(example: Example) -> Places:
    return {(span.start, span.end): KIND_OF[span.kind] for span in example.spans}


def _meets(place: tuple[int, int], others: Iterable[tuple[int, int]]) -> bool:
    return any(start < place[1] and place[0] < end for start, end in others)


def _unseen(places: Places, example: Example, seen: frozenset[str]) -> Places:
    return {place: kind for place, kind in places.items() if example.text[slice(*place)].casefold() not in seen}


def _count(counts: list[int], found: Places, wanted: Places) -> None:
    right = found.keys() & wanted.keys()
    for number, more in enumerate((len(found), len(right), len(wanted), sum(found[at] is wanted[at] for at in right))):
        counts[number] += more
