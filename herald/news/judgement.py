"""What a trained model makes of one headline, before the rules are heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from herald.taxonomy import Direction, EventType


class PartyKind(StrEnum):
    """What kind of party a name names. Regulators, central banks and all else that is no business are organisations."""

    ASSET = "asset"
    COMPANY = "company"
    VENUE = "venue"
    PERSON = "person"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class Party:
    """One place where a headline names a party: characters ``start`` to ``end``, which read ``text``.

    A ``listed`` party was found by the rules of the gazetteer, and ``code`` is its ticker or name there. One that is
    not listed was recognised by its form and the words about it: its kind is a guess, and it has no code.
    """

    text: str
    kind: PartyKind
    start: int
    end: int
    code: str = ""
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """Calibrated probabilities of one headline.

    ``severity`` is an estimate from 0 to 1. ``familiarity`` is the cosine likeness to the nearest text trained on;
    ``unfamiliar`` says that it is too small for the probabilities to be believed. ``model`` names the version.
    ``parties`` are those that the headline names, in order, where the model can tell.
    """

    event_types: Mapping[EventType, float]
    directions: Mapping[Direction, float]
    tradable_p: float
    severity: float
    familiarity: float
    unfamiliar: bool
    model: str
    parties: tuple[Party, ...] = ()

    @property
    def event_type(self) -> EventType:
        """The likeliest type."""
        return max(self.event_types, key=lambda one: self.event_types[one])

    @property
    def event_type_p(self) -> float:
        """The probability of the likeliest type."""
        return self.event_types[self.event_type]

    @property
    def direction(self) -> Direction:
        """The likeliest direction."""
        return max(self.directions, key=lambda one: self.directions[one])
