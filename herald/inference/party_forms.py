"""What is kept of a recogniser of parties beside its weights: its sizes, its bounds, and how words look to it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from herald.documents import Document
from herald.messages import Share

_DIGITS, _ORDINARY, _STRANGE = "?digits", "?ordinary", "?strange"


class PartyDesign(Document):
    """Sizes of the recogniser: ``rows`` of its hashed tables for norm, beginning, ending and shape of a word."""

    width: int = Field(default=64, ge=8, le=256)
    depth: int = Field(default=2, ge=1, le=8)
    hidden: int = Field(default=48, ge=8, le=256)
    rows: tuple[int, int, int, int] = (4000, 2000, 3000, 500)


class PartySettings(BaseModel):
    """What is kept beside the recogniser. A name is believed from a probability: a lower one if it was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spacy: str
    design: PartyDesign = PartyDesign()
    sureness_min: Share = 0.9
    trained_sureness_min: Share = 0.5


class WordForms(BaseModel):
    """What is known of words, all in lower case. The recogniser sees ``familiar`` ones as they are, others by kind.

    ``ordinary`` are words of the language; ``names`` are those that the recogniser was trained on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    familiar: frozenset[str] = frozenset()
    ordinary: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def norm(self, word: str) -> str:
        """Return a familiar word itself, and for any other whether it has digits, is ordinary, or strange."""
        key = word.casefold()
        if key in self.familiar:
            return key
        if any(char.isdigit() for char in key):
            return _DIGITS
        return _ORDINARY if key in self.ordinary else _STRANGE
