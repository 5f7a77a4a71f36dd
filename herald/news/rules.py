"""The fast way from headline to meaning: ordered rules, evidence kept, doubt settled against trading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from herald.messages import NewsItem, Signal, content_hash
from herald.news.amounts import usd_in
from herald.news.annotate import Annotated, annotate, untagged
from herald.news.entities import QUOTES, find_entities
from herald.news.gazetteer import Gazetteer
from herald.news.listings import listed_assets, listing_time, market_of
from herald.news.primary import QUOTE_ASSETS, listed_in, primary_of
from herald.news.reading import NO_EVENT, Reading
from herald.news.rulebook import (
    TRIGGER_ALWAYS,
    UNTRUSTED_SEVERITY_MAX,
    CompiledRule,
    Doubt,
    Need,
    Primary,
    Rule,
    Rulebook,
    Voice,
)
from herald.taxonomy import Direction, EventType, Reason

RAW_TEXT_CHARS_MAX = 1_000
EVIDENCE_CHARS_MAX = 80
TRIGGER_LETTERS_MAX = 12
BODY_CHARS_FOR_ASSETS = 400
UNREAD_CONFIDENCE = 0.3
_LISTING_TYPES = frozenset({EventType.LISTING, EventType.DELIST})


@dataclass(frozen=True, slots=True)
class _Match:
    """A rule that was found in a headline, the words that matched, and what the rule and its cases state there."""

    rule: Rule
    words: str
    in_main: bool
    direction: Direction
    severity: float
    tradable: bool


def read(item: NewsItem, rulebook: Rulebook, gazetteer: Gazetteer) -> Reading:
    """Read one headline. Adverts and digests are told first, then prices, then the rules in their order.

    A venue's announcements are read by the rules for them before anything else. A verified account is heard even where
    it speaks of prices or asks; its adverts are adverts, for accounts are stolen to post them.
    """
    text = annotate(item.headline, gazetteer)
    triggers = _triggers(text.keys)
    rules = _candidates(rulebook.rules_by_trigger, triggers)
    screens = _candidates(rulebook.screens_by_trigger, triggers)
    if item.verified and not item.venue:
        screens = [screen for screen in screens if screen.rule.event_type is EventType.PROMOTION]
    announced = [rule for rule in rules if rule.rule.voice is Voice.VENUE] if item.venue else []
    match = _first(announced, text, item) or _first(screens, text, item) or _first(rules, text, item)
    if match is None:
        return _unread(item, text)
    if match.rule.event_type in NO_EVENT:
        return _no_event(item, text, match)
    return _event(item, text, match, rulebook, gazetteer)


def _triggers(keys: tuple[str, ...]) -> set[str]:
    beginnings = {key[:size] for key in keys for size in range(1, min(len(key), TRIGGER_LETTERS_MAX) + 1)}
    return beginnings | {TRIGGER_ALWAYS}


def _candidates(by_trigger: Mapping[str, tuple[CompiledRule, ...]], triggers: set[str]) -> list[CompiledRule]:
    found = {rule.order: rule for trigger in triggers & by_trigger.keys() for rule in by_trigger[trigger]}
    return [found[order] for order in sorted(found)]


def _first(candidates: Iterable[CompiledRule], text: Annotated, item: NewsItem) -> _Match | None:
    """Return the first rule found in the main clause; failing that, the first found anywhere in the headline."""
    elsewhere: _Match | None = None
    for compiled in candidates:
        rule = compiled.rule
        if not _may_speak(rule.voice, item) or (compiled.unless and compiled.unless.search(text.whole)):
            continue
        place = text.whole if rule.where == "headline" else text.main
        if found := compiled.pattern.search(place):
            return _matched(compiled, found[0], place, in_main=True)
        if elsewhere is None and place is not text.whole and (found := compiled.pattern.search(text.whole)):
            elsewhere = _matched(compiled, found[0], text.whole, in_main=False)
    return elsewhere


def _may_speak(voice: Voice, item: NewsItem) -> bool:
    if voice is Voice.VENUE:
        return bool(item.venue)
    return voice is Voice.ANY or (item.verified and not item.venue)


def _matched(compiled: CompiledRule, words: str, place: str, *, in_main: bool) -> _Match:
    """Settle what is stated: each field by the first case found that states it, else by the rule."""
    rule = compiled.rule
    cases = [case for pattern, case in compiled.cases if pattern.search(place)]
    return _Match(
        rule=rule,
        words=words,
        in_main=in_main,
        direction=next((case.direction for case in cases if case.direction is not None), rule.direction),
        severity=next((case.severity for case in cases if case.severity is not None), rule.severity),
        tradable=next((case.tradable for case in cases if case.tradable is not None), rule.tradable),
    )


def _unread(item: NewsItem, text: Annotated) -> Reading:
    """What no rule knows: talk about the market where an asset is named, else something else."""
    assets = text.entities.assets
    event_type = EventType.MARKET_COMMENTARY if assets else EventType.OTHER
    return Reading(
        event_type=event_type,
        confidence=round(item.trust * UNREAD_CONFIDENCE, 4),
        primary_entity=assets[0].code if assets else "",
        entities=text.entities.names,
        fate_reason=Reason.NO_RULE_MATCHED,
    )


def _no_event(item: NewsItem, text: Annotated, match: _Match) -> Reading:
    rule = match.rule
    assets = text.entities.assets
    fates = {EventType.PROMOTION: Reason.PROMOTIONAL, EventType.MARKET_COMMENTARY: Reason.COMMENTARY}
    return Reading(
        event_type=rule.event_type,
        confidence=round(item.trust * rule.confidence, 4),
        primary_entity=assets[0].code if assets else "",
        entities=text.entities.names,
        reasons=_evidence(match),
        fate_reason=fates.get(rule.event_type, Reason.NOT_TRADABLE),
    )


def _event(item: NewsItem, text: Annotated, match: _Match, rulebook: Rulebook, gazetteer: Gazetteer) -> Reading:
    rule = match.rule
    if rule.by_tone and (heard := rulebook.severities.tones[rule.by_tone].hear(text.whole)):
        match = replace(match, direction=heard.direction, severity=heard.severity)
    listed = _listed(item, text, rule, gazetteer)
    primary = primary_of(rule.primary, item, text, listed)
    doubts = _doubts(text, rulebook, frozenset(rule.allows))
    if not match.in_main:
        doubts = (*doubts, "doubt:recap:not in the main clause")
    if not _names_enough(rule.needs, text, listed):
        doubts = (*doubts, f"doubt:needs:{rule.needs}")
    if rule.event_type is EventType.LISTING and not _in_own_form(item, text, rulebook):
        doubts = (*doubts, f"doubt:form:no listing of {item.venue}")
    tradable = match.tradable and not doubts
    return Reading(
        event_type=rule.event_type,
        direction=match.direction if tradable else Direction.UNKNOWN,
        severity=_severity(item, text, rulebook, match),
        confidence=round(min(0.99, item.trust * rule.confidence), 4),
        primary_entity=primary,
        entities=tuple(dict.fromkeys((*listed, *text.entities.names))),
        tradable=tradable,
        reasons=(*_evidence(match), *doubts),
        extras=_extras(item, text, rule.event_type),
        fate_reason=Reason.RULE_MATCHED if tradable else Reason.NOT_TRADABLE,
    )


def _evidence(match: _Match) -> tuple[str, ...]:
    return (f"rule:{match.rule.id}", f"words:{untagged(match.words)[:EVIDENCE_CHARS_MAX]}")


def _doubts(text: Annotated, rulebook: Rulebook, allowed: frozenset[Doubt]) -> tuple[str, ...]:
    found: dict[Doubt, str] = {}
    for doubt, pattern in rulebook.doubts:
        if doubt.doubt in allowed or doubt.doubt in found:
            continue
        if match := pattern.search(text.main if doubt.where == "main" else text.whole):
            found[doubt.doubt] = f"doubt:{doubt.doubt}:{untagged(match[0])[:EVIDENCE_CHARS_MAX].strip()}"
    return tuple(found.values())


def _listed(item: NewsItem, text: Annotated, rule: Rule, gazetteer: Gazetteer) -> tuple[str, ...]:
    """Tickers that a listing or removal names, in the headline if it can be, else at the head of the body."""
    if rule.event_type not in _LISTING_TYPES and rule.primary is not Primary.LISTED:
        return ()
    body = item.body[:BODY_CHARS_FOR_ASSETS]
    named = tuple(mention.code for mention in text.entities.assets)
    if item.venue:
        found = listed_assets(item.headline) or tuple(code for code in named if code not in QUOTES)
        return found or listed_assets(body) or named
    named = listed_in(text)
    if named or not body:
        return named
    return tuple(mention.code for mention in find_entities(body, gazetteer).assets if mention.code not in QUOTE_ASSETS)


def _names_enough(needs: Need, text: Annotated, listed: tuple[str, ...]) -> bool:
    if needs is Need.NOTHING or listed or text.entities.assets:
        return True
    return needs is Need.TRADED and any(mention.entry.asset for mention in text.entities.mentions)


def _severity(item: NewsItem, text: Annotated, rulebook: Rulebook, match: _Match) -> float:
    """Say how severe an event is, within the band of its type; above 0.7 only for a source that is allow-listed."""
    rule, scales = match.rule, rulebook.severities
    severity = match.severity
    if rule.by_usd and (usd := _usd(item, text)) is not None:
        severity = scales.of_usd(rule.by_usd, usd)
    if rule.by_venue:
        severity *= scales.share_of((item.venue,) if item.venue else text.entities.venues)
        if rule.event_type is EventType.LISTING and not _in_own_form(item, text, rulebook):
            severity = min(severity, scales.unlike_a_listing_max)
    severity = min(severity + rule.by_trust * (item.trust - 0.5), rule.ceiling)
    severity = scales.within_band(rule.event_type, severity)
    return round(severity if item.allow_listed else min(severity, UNTRUSTED_SEVERITY_MAX), 4)


def _in_own_form(item: NewsItem, text: Annotated, rulebook: Rulebook) -> bool:
    """Tell whether a venue that announces a listing does so in its own form; True for all other sources."""
    return not item.venue or rulebook.severities.is_like_a_listing(item.venue, text.whole)


def _usd(item: NewsItem, text: Annotated) -> float | None:
    """Return the amount of the news: that of the main clause, else the first of the headline."""
    amount = usd_in(untagged(text.main))
    return usd_in(item.headline) if amount is None else amount


def _extras(item: NewsItem, text: Annotated, event_type: EventType) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if (usd := _usd(item, text)) is not None:
        extras["amount_usd"] = usd
    if event_type in _LISTING_TYPES:
        extras["market"] = market_of(item.headline)
        if event_type is EventType.LISTING:
            extras["listing_time"] = listing_time(f"{item.headline}\n{item.body}", item.published_at)
    return extras


def to_signal(
    item: NewsItem,
    reading: Reading,
    *,
    story_id: str,
    revision: int,
    sources: tuple[str, ...],
    confidence: float,
    now: datetime,
) -> Signal:
    """Derive the message that goes out for a reading. Its ids follow from the item and the story alone."""
    return Signal(
        event_id=item.event_id,
        idempotency_key=content_hash("signal", item.event_id, story_id, str(revision)),
        story_id=story_id,
        revision=revision,
        ts_iso=now,
        source=item.source,
        sources=sources,
        headline=item.headline,
        url=item.url,
        event_type=reading.event_type,
        primary_entity=reading.primary_entity,
        entities=reading.entities,
        severity=reading.severity,
        direction=reading.direction,
        confidence=confidence,
        tradable=reading.tradable,
        reasons=reading.reasons,
        model=reading.model,
        degraded=reading.degraded,
        raw_text=f"{item.headline} {item.body}".strip()[:RAW_TEXT_CHARS_MAX],
        extras=dict(reading.extras),
        stamps=dict(item.stamps),
    )
