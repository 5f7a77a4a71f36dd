"""How severe an event is: by its amount, by its venue, by a central bank's tone, within the band of its type."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from herald.documents import Document
from herald.messages import Share
from herald.taxonomy import Direction, EventType

TURNED_SHARE = 0.5
"""A keyword that is turned round ("less hawkish") counts for the other side, with this share of its strength."""
_WORDS_BEFORE_CHARS = 24

Compile = Callable[[str, str], re.Pattern[str]]


def _rising(steps: dict[int, Share]) -> dict[int, Share]:
    if not steps or min(steps) != 0 or list(steps) != sorted(steps):
        raise ValueError("amounts begin at 0 and rise; put them in order")
    if list(steps.values()) != sorted(steps.values()):
        raise ValueError("a greater amount must not be less severe; let the severities rise with the amounts")
    return steps


UsdScale = Annotated[dict[int, Share], AfterValidator(_rising)]
"""Severities at amounts of USD; what lies between two is interpolated."""


class Band(Document):
    """The least and the most severe that a type can be."""

    floor: Share = 0.0
    ceiling: Share = 1.0

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.floor > self.ceiling:
            raise ValueError(f"the floor {self.floor} is above the ceiling {self.ceiling}; exchange them")
        return self


class Venue(Document):
    """What a listing on a venue counts for. ``listing`` is the form in which the venue itself announces one."""

    share: Share = 1.0
    listing: str = ""


class Tone(Document):
    """A keyword of a central bank: the side it takes, and how strongly where the Fed says it."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    pattern: str = Field(alias="if")
    direction: Direction
    strength: Share


class Speaker(Document):
    """What the words of a speaker count for; the first that is named decides."""

    pattern: str = Field(alias="if")
    share: Share


class ToneMap(Document):
    """Keywords with their strengths. The stronger side wins by at least ``margin``; else there is no direction."""

    tones: tuple[Tone, ...] = Field(min_length=1)
    speakers: tuple[Speaker, ...] = ()
    other_share: Share = 1.0
    margin: Share = 0.25
    turned_by: str = Field(default="", description="words before a keyword that turn it to the other side")


class SeverityDocument(Document):
    """The part of ``rules.yaml`` that says how severe events are."""

    bands: dict[EventType, Band] = Field(default_factory=dict)
    usd_severities: dict[str, UsdScale] = Field(default_factory=dict)
    venues: dict[str, Venue] = Field(default_factory=dict)
    other_venues_share: Share = 1.0
    unlike_a_listing_max: Share = 1.0
    tone_maps: dict[str, ToneMap] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a central bank was heard to say."""

    direction: Direction
    severity: float


@dataclass(frozen=True, slots=True)
class CompiledTones:
    """A map of tones with its patterns compiled."""

    tones: tuple[tuple[re.Pattern[str], Tone], ...]
    speakers: tuple[tuple[re.Pattern[str], float], ...]
    turned_by: re.Pattern[str] | None
    map: ToneMap

    def hear(self, text: str) -> Heard | None:
        """Return what a tagged headline says; None where no keyword is found. Sides that are near cancel out."""
        sides = dict.fromkeys(Direction, 0.0)
        for pattern, tone in self.tones:
            for found in pattern.finditer(text):
                side, strength = self._taken(tone, text[max(0, found.start() - _WORDS_BEFORE_CHARS) : found.start()])
                sides[side] = max(sides[side], strength)
        if not any(sides.values()):
            return None
        share = next((share for pattern, share in self.speakers if pattern.search(text)), self.map.other_share)
        bull, bear = sides[Direction.BULL], sides[Direction.BEAR]
        direction = Direction.BULL if bull > bear else Direction.BEAR
        if abs(bull - bear) < self.map.margin:
            direction = Direction.UNKNOWN
        return Heard(direction, share * max(sides.values()))

    def _taken(self, tone: Tone, before: str) -> tuple[Direction, float]:
        if self.turned_by is None or not self.turned_by.search(before):
            return tone.direction, tone.strength
        return tone.direction.opposite, TURNED_SHARE * tone.strength


@dataclass(frozen=True, slots=True)
class Severities:
    """Everything by which severities are set, compiled."""

    bands: Mapping[EventType, Band]
    scales: Mapping[str, tuple[tuple[float, float], ...]]
    venues: Mapping[str, tuple[float, re.Pattern[str] | None]]
    other_venues_share: float
    unlike_a_listing_max: float
    tones: Mapping[str, CompiledTones]

    def of_usd(self, name: str, usd: float) -> float:
        """Interpolate a scale: between two amounts linearly in the logarithm of the amount, below the first linearly.

        Never falls as the amount rises.
        """
        points = self.scales[name]
        if usd <= 0:
            return points[0][1]
        for (low, at_low), (high, at_high) in pairwise(points):
            if usd < high:
                way = math.log(usd / low) / math.log(high / low) if low else usd / high
                return min(at_high, at_low + way * (at_high - at_low))
        return points[-1][1]

    def share_of(self, venues: Iterable[str]) -> float:
        """Return the greatest share of the venues named; that of others where none is known."""
        known = [self.venues[venue.lower()][0] for venue in venues if venue.lower() in self.venues]
        return max(known, default=self.other_venues_share)

    def is_like_a_listing(self, venue: str, text: str) -> bool:
        """Tell whether a tagged headline has the form of the venue's own listings; True where no form is known."""
        _, form = self.venues.get(venue.lower(), (0.0, None))
        return form is None or form.search(text) is not None

    def within_band(self, event_type: EventType, severity: float) -> float:
        """Hold a severity within the band of its type."""
        band = self.bands.get(event_type, Band())
        return min(max(severity, band.floor), band.ceiling)


def compile_severities(document: SeverityDocument, pattern_of: Compile) -> Severities:
    """Compile the patterns. ``pattern_of(pattern, place)`` raises ``ConfigurationError`` that names the place."""
    return Severities(
        bands=document.bands,
        scales={
            name: tuple((float(usd), severity) for usd, severity in scale.items())
            for name, scale in document.usd_severities.items()
        },
        venues={
            name.lower(): (venue.share, pattern_of(venue.listing, name) if venue.listing else None)
            for name, venue in document.venues.items()
        },
        other_venues_share=document.other_venues_share,
        unlike_a_listing_max=document.unlike_a_listing_max,
        tones={name: _tones(name, one, pattern_of) for name, one in document.tone_maps.items()},
    )


def _tones(name: str, tone_map: ToneMap, pattern_of: Compile) -> CompiledTones:
    return CompiledTones(
        tones=tuple((pattern_of(tone.pattern, tone.id), tone) for tone in tone_map.tones),
        speakers=tuple((pattern_of(speaker.pattern, name), speaker.share) for speaker in tone_map.speakers),
        turned_by=pattern_of(tone_map.turned_by, name) if tone_map.turned_by else None,
        map=tone_map,
    )
