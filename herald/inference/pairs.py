"""Pairs of headlines, in the form that other programs build on."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from herald.inference.lines import parse_as
from herald.messages import UtcTime
from herald.news.sameness import SamenessModel

FORM = '{"id": ..., "a": "...", "b": "..."}'
WEIGHTS = "sameness.json"
"""The fitted weights, beside the features that they weigh."""


class PairLine(BaseModel):
    """Two headlines, and when each came where that is known."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str | int | None = None
    a: str = Field(min_length=1)
    b: str = Field(min_length=1)
    a_at: UtcTime | None = None
    b_at: UtcTime | None = None

    @property
    def gap_s(self) -> float | None:
        """Seconds between the two; None where a time is not known."""
        return abs((self.a_at - self.b_at).total_seconds()) if self.a_at and self.b_at else None


def parse_pair_line(data: Any, place: str) -> PairLine:
    """Read one line of JSON as a pair. Raises ``MalformedLineError``."""
    return parse_as(PairLine, data, place, FORM)


def packaged_sameness() -> SamenessModel:
    """Return the fitted model of sameness. Raises ``ConfigurationError`` where it does not fit this version."""
    return SamenessModel.parse((files("herald.news") / WEIGHTS).read_text("utf-8"), WEIGHTS)
