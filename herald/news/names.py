"""What kind of thing a named entity is, by its code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from herald.news.gazetteer import Gazetteer, Kind


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Kinds by code, as readings carry codes: a ticker for an asset, the name for a party."""

    kinds: Mapping[str, Kind]

    def kind_of(self, entity: str) -> Kind | None:
        """Return what an entity is; None where no list holds it."""
        return self.kinds.get(entity)


def names_in(gazetteer: Gazetteer) -> KnownNames:
    """Index a gazetteer by code. Where a ticker is also the code of a party, it is the ticker."""
    parties = {name.entry.code: name.entry.kind for group in gazetteer.names.values() for name in group}
    return KnownNames({**parties, **dict.fromkeys(gazetteer.tickers, Kind.ASSET)})
