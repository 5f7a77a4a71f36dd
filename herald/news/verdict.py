"""Rules and model together: one reading of a headline, with the evidence of both."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from herald.documents import Document
from herald.messages import NewsItem, Share
from herald.news.annotate import annotate
from herald.news.gazetteer import Gazetteer
from herald.news.judgement import Judgement, Party
from herald.news.primary import PRIMARY_OF_TYPE, has_form_of_ticker, listed_in, primary_of
from herald.news.reading import NO_EVENT, Reading
from herald.news.rulebook import UNTRUSTED_SEVERITY_MAX, Primary
from herald.taxonomy import Direction, EventType, Reason

CONFIDENCE_MAX = 0.99
PARTIES_MAX = 10
"""Parties of no list that a reading names; a headline with more is a digest."""

_OF_THE_MARKET = frozenset({Primary.MARKET, Primary.COIN})


class VerdictPolicy(Document):
    """When a model is believed.

    ``tradable_min`` is the probability from which a headline is traded; ``direction_min`` that from which a side is
    taken. A rule that holds a headline for tradable stands while the model gives it ``rule_stands_min``.
    """

    tradable_min: Share = 0.75
    direction_min: Share = 0.45
    rule_stands_min: Share = 0.5
    rule_precision: Share = Field(
        default=0.8, description="chance that a rule which finds a headline tradable is right"
    )
    rule_weight: Share = Field(default=0.5, description="share of the rules in a severity on which both speak")


def combine(item: NewsItem, ruled: Reading, judged: Judgement, gazetteer: Gazetteer, policy: VerdictPolicy) -> Reading:
    """Return what a headline means, by the rules and a model's judgement.

    The words of a venue or of a proven account are read by the rules: they are written to a form. Elsewhere the model
    names the type; a rule that finds the headline tradable stands where the model finds that likelier than not, which
    is less than the model needs alone; text unlike anything trained on is left to the rules. Parties of no list that
    the model recognised are named after what the rules found, and are whom an event is about where the rules found
    nobody.
    """
    own_words = (bool(item.venue) or item.verified) and bool(ruled.reasons)
    if judged.unfamiliar or own_words or ruled.fate_reason is Reason.TOO_OLD:
        note = f"unfamiliar:{judged.familiarity:.2f}" if judged.unfamiliar else _said(judged)
        return ruled.model_copy(update={"reasons": (*ruled.reasons, note), "model": judged.model})
    rule_stands = ruled.tradable and judged.tradable_p >= policy.rule_stands_min
    event_type = ruled.event_type if rule_stands else judged.event_type
    same_type = event_type is ruled.event_type
    tradable_p = tradable_probability(ruled, judged, policy)
    tradable = event_type not in NO_EVENT and (rule_stands or tradable_p >= policy.tradable_min)
    unlisted = unlisted_names(item.headline, judged.parties, gazetteer)
    primary = ruled.primary_entity if same_type and ruled.reasons else _primary(item, event_type, gazetteer)
    if not primary and _is_about_a_party(event_type):
        primary = next(iter(unlisted), "")
    return Reading(
        event_type=event_type,
        direction=_direction(ruled, judged, policy, rule_stands=rule_stands),
        severity=_severity(item, ruled, judged, policy, same_type=same_type and bool(ruled.reasons)),
        confidence=_confidence(item, tradable_p),
        primary_entity=primary,
        entities=tuple(dict.fromkeys((*ruled.entities, *unlisted))),
        tradable=tradable,
        reasons=(*ruled.reasons, _said(judged)),
        extras=ruled.extras,
        fate_reason=_fate(event_type, ruled, tradable=tradable, rule_stands=rule_stands),
        model=judged.model,
    )


def unlisted_names(headline: str, parties: Sequence[Party], gazetteer: Gazetteer) -> tuple[str, ...]:
    """Return the names of parties that no list holds, each once, in order.

    What the gazetteer finds in the same place is not unlisted, whatever gazetteer the model had. A name in the form of
    a ticker is left out: it would be taken for the asset that trades under those letters, and may be anything.
    """
    named = annotate(headline, gazetteer).entities.mentions if parties else ()
    found = (
        party.text
        for party in parties
        if not party.listed
        and not any(mention.start < party.end and party.start < mention.end for mention in named)
        and not has_form_of_ticker(party.text)
        and gazetteer.asset(party.text.upper()) is None
    )
    return tuple(dict.fromkeys(found))[:PARTIES_MAX]


def _is_about_a_party(event_type: EventType) -> bool:
    return event_type not in NO_EVENT and PRIMARY_OF_TYPE.get(event_type, Primary.ASSET) not in _OF_THE_MARKET


def tradable_probability(ruled: Reading, judged: Judgement, policy: VerdictPolicy) -> float:
    """Return the probability that a headline is a tradable report of an event.

    That of the model, times the root of its probability of any event at all; a rule that finds the headline tradable
    adds its own evidence by noisy-or, unless the model overrules it.
    """
    event_p = 1.0 - sum(judged.event_types[one] for one in NO_EVENT)
    doubtful = 1.0 - judged.tradable_p
    if ruled.tradable and judged.tradable_p >= policy.rule_stands_min:
        doubtful *= 1.0 - policy.rule_precision
    return (1.0 - doubtful) * math.sqrt(max(0.0, event_p))


def _said(judged: Judgement) -> str:
    return f"model:{judged.event_type}:{judged.event_type_p:.2f}, tradable {judged.tradable_p:.2f}"


def _direction(ruled: Reading, judged: Judgement, policy: VerdictPolicy, *, rule_stands: bool) -> Direction:
    """Take the rule's side where it stands, unless the model is sure of the other; else the model's."""
    found = judged.direction if judged.directions[judged.direction] >= policy.direction_min else Direction.UNKNOWN
    if not rule_stands or ruled.direction is Direction.UNKNOWN:
        return found
    return Direction.UNKNOWN if found is ruled.direction.opposite else ruled.direction


def _severity(item: NewsItem, ruled: Reading, judged: Judgement, policy: VerdictPolicy, *, same_type: bool) -> float:
    """Weigh the rule's severity, which knows amounts and trust, with the model's; only trusted sources pass 0.7."""
    weight = policy.rule_weight if same_type else 0.0
    severity = weight * ruled.severity + (1 - weight) * judged.severity
    return round(severity if item.allow_listed else min(severity, UNTRUSTED_SEVERITY_MAX), 4)


def _confidence(item: NewsItem, tradable_p: float) -> float:
    """Discount the probability of a tradable event for a source that is little trusted."""
    return round(min(CONFIDENCE_MAX, tradable_p * (0.5 + 0.5 * item.trust)), 4)


def _primary(item: NewsItem, event_type: EventType, gazetteer: Gazetteer) -> str:
    text = annotate(item.headline, gazetteer)
    listed = listed_in(text)
    return primary_of(PRIMARY_OF_TYPE.get(event_type, Primary.ASSET), item, text, listed)


def _fate(event_type: EventType, ruled: Reading, *, tradable: bool, rule_stands: bool) -> Reason:
    if tradable:
        return Reason.RULE_MATCHED if rule_stands else Reason.MODEL_CLASSIFIED
    if event_type is EventType.PROMOTION:
        return Reason.PROMOTIONAL
    if event_type is EventType.MARKET_COMMENTARY:
        return Reason.COMMENTARY
    return ruled.fate_reason if ruled.fate_reason is Reason.NO_RULE_MATCHED else Reason.NOT_TRADABLE
