"""What the rules and the gazetteer see in a headline, as names that a model can weigh."""

from __future__ import annotations

from collections.abc import Iterable

from herald.messages import NewsItem
from herald.news.annotate import annotate
from herald.news.gazetteer import Gazetteer, Kind
from herald.news.reading import Reading

ASSETS_COUNTED_MAX = 3


def evidence_of(item: NewsItem, reading: Reading, gazetteer: Gazetteer) -> tuple[str, ...]:
    """Return what is known of a headline before any model reads it, sorted, without repetition.

    ``reading`` is that of the rules: its type, direction and whether it is tradable, the rule that decided and each
    kind of doubt. From the gazetteer: kinds of parties named, which kind comes first, how many assets, and whether a
    company or venue with a coin or share of its own is named.
    """
    mentions = annotate(item.headline, gazetteer).entities.mentions
    kinds = [mention.entry.kind.value for mention in mentions]
    assets = len({mention.entry.code for mention in mentions if mention.entry.kind is Kind.ASSET})
    found = {
        f"type:{reading.event_type}",
        f"direction:{reading.direction}",
        f"tradable:{reading.tradable}",
        f"assets:{min(assets, ASSETS_COUNTED_MAX)}",
        f"first:{kinds[0] if kinds else 'none'}",
        *(f"kind:{kind}" for kind in kinds),
        *_grounds(reading.reasons),
    }
    if any(mention.entry.asset for mention in mentions if mention.entry.kind is not Kind.ASSET):
        found.add("linked")
    return tuple(sorted(found))


def _grounds(reasons: Iterable[str]) -> Iterable[str]:
    """Keep the rule and the kinds of doubt; the very words are the model's own to read."""
    return (":".join(reason.split(":")[:2]) for reason in reasons if reason.startswith(("rule:", "doubt:")))
