"""What a trained model makes of one headline, before the rules are heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from herald.taxonomy import Direction, EventType


@dataclass(frozen=True, slots=True)
class Judgement:
    """Calibrated probabilities of one headline.

    ``severity`` is an estimate from 0 to 1. ``familiarity`` is the cosine likeness to the nearest text trained on;
    ``unfamiliar`` says that it is too small for the probabilities to be believed. ``model`` names the version.
    """

    event_types: Mapping[EventType, float]
    directions: Mapping[Direction, float]
    tradable_p: float
    severity: float
    familiarity: float
    unfamiliar: bool
    model: str

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
