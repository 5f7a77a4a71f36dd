"""How far a source is believed."""

from __future__ import annotations

from pydantic import Field

from herald.documents import Document
from herald.messages import Share


class SourceProfile(Document):
    """What Herald believes of a source, whatever the way it is collected.

    ``allow_listed`` is needed to reach a severity above 0.7. ``venue`` names the trading venue whose own
    announcements the source carries. ``verified`` marks the proven account of a person or institution.
    """

    name: str
    trust: Share = 0.5
    allow_listed: bool = False
    verified: bool = False
    venue: str = ""
    wire: str = Field(default="", description="name shared by sources that copy one another; they count once")
