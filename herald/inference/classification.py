"""Headlines in, readings out, in the form that other programs build on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from herald.inference.lines import MalformedLineError, parse_as
from herald.inference.text_model import TextModel
from herald.messages import UtcTime
from herald.news.gazetteer import Gazetteer
from herald.news.judgement import Judgement
from herald.news.names import KnownNames, names_in
from herald.news.normalise import MalformedItem
from herald.news.profiles import SourceProfile
from herald.news.reading import Reading
from herald.news.reading_desk import NO_SOURCE, ReadText, TextDesk
from herald.news.verdict import VerdictPolicy, combine, tradable_probability
from herald.taxonomy import Direction
from herald.trading.directory import InstrumentDirectory
from herald.trading.resolving import resolve_all

FORM = '{"id": ..., "text": "..."}'
_SURE = 0.9
"""What a rule's direction counts for as a probability."""


class HeadlineLine(BaseModel):
    """One headline to be read. ``source`` is a name of sources.yaml, whose trust then counts."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str | int | None = None
    text: str = Field(min_length=1)
    source: str = ""
    published_at: UtcTime | None = None
    place: str = Field(default="", exclude=True)


@dataclass(frozen=True, slots=True)
class Classifier:
    """Reads headlines by rules, and by a model where there is one; without one what it says is marked degraded."""

    desk: TextDesk
    gazetteer: Gazetteer
    directory: InstrumentDirectory
    profile_of: Callable[[str], SourceProfile]
    policy: VerdictPolicy
    model: TextModel | None
    rules_only: bool = False

    def classify(self, lines: Sequence[HeadlineLine], now: datetime) -> list[dict[str, Any]]:
        """Return an answer a line, in order. Raises ``MalformedLineError`` for one without words."""
        read = [self._read(line, now) for line in lines]
        names = names_in(self.gazetteer)
        if self.model is None:
            return [self._answer(line, one.reading, names) for line, one in zip(lines, read, strict=True)]
        judged = self.model.judge([one.item.headline for one in read], [one.evidence for one in read])
        together = zip(lines, read, judged, strict=True)
        return [self._judged(line, one, judgement, names) for line, one, judgement in together]

    def _judged(self, line: HeadlineLine, one: ReadText, judgement: Judgement, names: KnownNames) -> dict[str, Any]:
        reading = combine(one.item, one.reading, judgement, self.gazetteer, self.policy)
        tradable_p = tradable_probability(one.reading, judgement, self.policy)
        return self._answer(line, reading, names, judgement, tradable_p)

    def _read(self, line: HeadlineLine, now: datetime) -> ReadText:
        profile = self.profile_of(line.source) if line.source else NO_SOURCE
        try:
            return self.desk.read(line.text, line.published_at or now, profile)
        except MalformedItem as error:
            place = line.place or f"line {line.id!r}"
            raise MalformedLineError(f"{place}: text: holds no words; give a headline") from error

    def _answer(
        self,
        line: HeadlineLine,
        reading: Reading,
        names: KnownNames,
        judged: Judgement | None = None,
        tradable_p: float | None = None,
    ) -> dict[str, Any]:
        assets = resolve_all(reading.primary_entity, reading.entities, self.directory, names)
        unlisted = [{"entity": one.asset, "reason": one.reason.value} for one in assets if not one.is_listed]
        return {
            "id": line.id,
            "event_type": reading.event_type.value,
            "event_type_p": round(judged.event_types[reading.event_type] if judged else reading.confidence, 4),
            "direction": reading.direction.value,
            "direction_p": _directions(reading, judged),
            "tradable": reading.tradable,
            "tradable_p": round(_ruled_p(reading) if tradable_p is None else tradable_p, 4),
            "severity": reading.severity,
            "confidence": reading.confidence,
            "primary_entity": reading.primary_entity,
            "entities": list(reading.entities),
            "instruments": [instrument.key for one in assets for instrument in one.own],
            "unlisted": unlisted,
            "reasons": list(reading.reasons),
            "model": reading.model,
            "degraded": judged is None and not self.rules_only,
        }


def parse_headline(data: Any, place: str) -> HeadlineLine:
    """Read one line of JSON as a headline. Raises ``MalformedLineError``."""
    return parse_as(HeadlineLine, data, place, FORM).model_copy(update={"place": place})


def _ruled_p(reading: Reading) -> float:
    return reading.confidence if reading.tradable else 0.0


def _directions(reading: Reading, judged: Judgement | None) -> dict[str, float]:
    if judged is not None:
        return {way.value: round(judged.directions[way], 4) for way in Direction}
    rest = (1 - _SURE) / (len(Direction) - 1)
    return {way.value: round(_SURE if way is reading.direction else rest, 4) for way in Direction}
