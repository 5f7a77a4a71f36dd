"""How the recogniser of parties is trained: settings that need no spaCy to be read."""

from __future__ import annotations

from pydantic import Field

from herald.documents import Document
from herald.inference.party_forms import PartyDesign
from herald.messages import Share


class PartyTraining(Document):
    """How the recogniser is trained. ``rate`` is Adam's, which rises for ``warm_up`` steps and then falls in a line.

    A word seen ``familiar_from`` times in training is shown as it is. ``precision_wanted`` of the names that are on no
    list and were not trained on, counted on headlines held out, sets the sureness from which a name is believed.
    """

    design: PartyDesign = PartyDesign()
    epochs: int = Field(default=2, ge=1, le=50)
    batch: int = Field(default=64, ge=1)
    rate: float = Field(default=0.004, gt=0)
    warm_up: int = Field(default=100, ge=1)
    dropout: Share = 0.1
    familiar_from: int = Field(default=3, ge=1)
    renamed: Share = 0.25
    invented: Share = 0.6
    upper: Share = 0.06
    lower: Share = 0.04
    precision_wanted: Share = 0.8
