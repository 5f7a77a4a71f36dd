"""The rules of reading as a document: typed, ordered, and compiled with every mistake named by file, line and cure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from herald.documents import ConfigurationError, Document, parse_document, version_of
from herald.messages import Share
from herald.news.gazetteer import Kind
from herald.news.severity import Severities, SeverityDocument, compile_severities
from herald.taxonomy import Direction, EventType

TRIGGER_ALWAYS = "any"
UNTRUSTED_SEVERITY_MAX = 0.7

_PLACEHOLDER = re.compile(r"\{([a-z_]+)(?:=([^}]*))?\}")
_ESCAPE = re.compile(r"\\[A-Z]|\(\?P")
_CAPITAL = re.compile(r"[A-Z]")
_TAGS = {kind.value: f"<{kind.value}:[^>]*>" for kind in Kind} | {
    "party": "<(?:venue|company|person|regulator|central_bank):[^>]*>",
    "named": "<[a-z_]+:[^>]*>",
}


class Doubt(StrEnum):
    """Why a typed headline may hold no tradable fact."""

    QUESTION = "question"
    HEDGE = "hedge"
    PLAN = "plan"
    OPINION = "opinion"
    RECAP = "recap"
    NEGATION = "negation"


class Voice(StrEnum):
    """Whose words a rule reads: anybody's, a venue's own announcements, or those of a verified account of no venue."""

    ANY = "any"
    VENUE = "venue"
    VERIFIED = "verified"


class Primary(StrEnum):
    """How the primary entity is chosen.

    ASSET: the first asset, else what the party moves. COIN: the first asset, else BTC. MARKET: BTC. LISTED: the first
    asset of an announcement, else the venue. PARTY: what the party in the news moves, else the first asset.
    """

    ASSET = "asset"
    COIN = "coin"
    MARKET = "market"
    LISTED = "listed"
    PARTY = "party"


class Need(StrEnum):
    """What a headline must name to be tradable."""

    NOTHING = "nothing"
    ASSET = "asset"
    TRADED = "traded"


class DoubtRule(Document):
    """A pattern that casts a doubt. ``where`` is the main clause or the whole headline."""

    id: str
    doubt: Doubt
    pattern: str
    where: Literal["main", "headline"] = "main"


class Case(Document):
    """An exception within a rule: the first case whose pattern is found overrides what it states."""

    pattern: str = Field(alias="if")
    direction: Direction | None = None
    severity: Share | None = None
    tradable: bool | None = None


class Rule(Document):
    """One way in which headlines report one type of event.

    ``when`` lists beginnings of words of which one must be present (a cheap first look; ``any`` always is). ``pattern``
    is looked for in the main clause first, then in the whole headline, where a match is not tradable. ``allows`` lists
    doubts that do not count against this rule. The severity is that of the first case that states one, else the rule's,
    unless ``by_usd`` names a scale of amounts and the headline one, or ``by_tone`` a map of keywords and the headline
    one; ``by_venue`` weighs it by the venue; ``by_trust`` adds that share of (trust - 0.5). ``ceiling``
    is the most that it can be.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    event_type: EventType
    when: tuple[str, ...] = Field(min_length=1)
    pattern: str
    unless: str = ""
    where: Literal["main", "headline"] = "main"
    voice: Voice = Voice.ANY
    direction: Direction = Direction.UNKNOWN
    severity: Share = 0.3
    by_usd: str = ""
    by_tone: str = ""
    by_venue: bool = False
    by_trust: Share = 0.0
    ceiling: Share = 1.0
    confidence: Share = 0.8
    tradable: bool = True
    primary: Primary = Primary.ASSET
    needs: Need = Need.NOTHING
    allows: tuple[Doubt, ...] = ()
    cases: tuple[Case, ...] = ()

    @model_validator(mode="after")
    def _triggers_are_beginnings(self) -> Self:
        for trigger in self.when:
            if not trigger.islower() and not trigger.isdigit():
                raise ValueError(f"'{trigger}' in when is not lower case; write the beginning of a word in lower case")
        return self


class RuleDocument(SeverityDocument):
    """``rules.yaml``: words used in patterns as ``{name}``, severities, screens, doubts and rules, in order."""

    version: str = ""
    words: dict[str, str] = Field(default_factory=dict)
    screens: tuple[Rule, ...] = ()
    doubts: tuple[DoubtRule, ...] = ()
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule with its patterns compiled."""

    rule: Rule
    order: int
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None
    cases: tuple[tuple[re.Pattern[str], Case], ...]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules, compiled, with the triggers that lead to them."""

    version: str
    screens: tuple[CompiledRule, ...]
    rules: tuple[CompiledRule, ...]
    doubts: tuple[tuple[DoubtRule, re.Pattern[str]], ...]
    severities: Severities
    screens_by_trigger: Mapping[str, tuple[CompiledRule, ...]]
    rules_by_trigger: Mapping[str, tuple[CompiledRule, ...]]


def parse_rulebook(text: str, name: str) -> Rulebook:
    """Read and compile ``rules.yaml``; ``name`` stands for the file in messages. Raises ``ConfigurationError``."""
    document = parse_document(text, RuleDocument, name)
    return _Compiler(document, text, name).rulebook()


class _Compiler:
    """Turns a document into patterns, and its mistakes into lines."""

    def __init__(self, document: RuleDocument, text: str, name: str) -> None:
        self.document = document
        self.text = text
        self.name = name

    def rulebook(self) -> Rulebook:
        self._refuse_repeated_ids()
        screens = tuple(self._rule(rule, order) for order, rule in enumerate(self.document.screens))
        rules = tuple(self._rule(rule, order) for order, rule in enumerate(self.document.rules))
        return Rulebook(
            version=self.document.version or version_of(self.text),
            screens=screens,
            rules=rules,
            doubts=tuple((doubt, self._pattern(doubt.pattern, doubt.id)) for doubt in self.document.doubts),
            severities=compile_severities(self.document, self._pattern),
            screens_by_trigger=_by_trigger(screens),
            rules_by_trigger=_by_trigger(rules),
        )

    def _rule(self, rule: Rule, order: int) -> CompiledRule:
        self._refuse_unknown_scales(rule)
        self._refuse_outside_of_band(rule)
        return CompiledRule(
            rule=rule,
            order=order,
            pattern=self._pattern(rule.pattern, rule.id),
            unless=self._pattern(rule.unless, rule.id) if rule.unless else None,
            cases=tuple((self._pattern(case.pattern, rule.id), case) for case in rule.cases),
        )

    def _refuse_unknown_scales(self, rule: Rule) -> None:
        scales, maps = self.document.usd_severities, self.document.tone_maps
        if rule.by_usd and rule.by_usd not in scales:
            known = ", ".join(scales) or "none is defined"
            raise self._mistake(rule.id, f"by_usd names '{rule.by_usd}'; give one of usd_severities ({known})")
        if rule.by_tone and rule.by_tone not in maps:
            known = ", ".join(maps) or "none is defined"
            raise self._mistake(rule.id, f"by_tone names '{rule.by_tone}'; give one of tone_maps ({known})")

    def _refuse_outside_of_band(self, rule: Rule) -> None:
        """What a rule states must lie in the band of its type, or the band would change it without a word."""
        band = self.document.bands.get(rule.event_type)
        if band is None:
            return
        stated = [rule.severity, *(case.severity for case in rule.cases if case.severity is not None)]
        stated += self.document.usd_severities[rule.by_usd].values() if rule.by_usd else ()
        for severity in stated:
            if not band.floor <= severity <= band.ceiling:
                text = (
                    f"severity {severity} is outside of the band of {rule.event_type} ({band.floor} to {band.ceiling})"
                )
                raise self._mistake(rule.id, f"{text}; change it, or the band")

    def _pattern(self, pattern: str, rule_id: str) -> re.Pattern[str]:
        expanded = self._expand(pattern, rule_id, depth=0)
        if _CAPITAL.search(_ESCAPE.sub("", expanded)):
            raise self._mistake(rule_id, f"'{pattern}' has capitals and headlines are matched in lower case; lower it")
        try:
            return re.compile(expanded)
        except re.error as error:
            raise self._mistake(rule_id, f"'{pattern}' is no regular expression ({error}); mend it there") from error

    def _expand(self, pattern: str, rule_id: str, depth: int) -> str:
        words = self.document.words

        def replaced(match: re.Match[str]) -> str:
            key, code = match[1], match[2]
            if code is not None and key in _TAGS:
                return _TAGS[key].replace("[^>]*", code.lower())
            if key in _TAGS:
                return _TAGS[key]
            if key in words and depth < len(words):
                return f"(?:{self._expand(words[key], rule_id, depth + 1)})"
            known = ", ".join(sorted({*_TAGS, *words}))
            raise self._mistake(rule_id, f"'{{{key}}}' is unknown or refers to itself; use one of {known}")

        return _PLACEHOLDER.sub(replaced, pattern)

    def _refuse_repeated_ids(self) -> None:
        seen: set[str] = set()
        doubts = [doubt.id for doubt in self.document.doubts]
        tones = [tone.id for tone_map in self.document.tone_maps.values() for tone in tone_map.tones]
        for rule_id in (*tones, *doubts, *(rule.id for rule in (*self.document.screens, *self.document.rules))):
            if rule_id in seen:
                raise self._mistake(rule_id, "the id is given twice; name every rule differently")
            seen.add(rule_id)

    def _mistake(self, rule_id: str, text: str) -> ConfigurationError:
        name = re.escape(rule_id)
        form = rf"^(?:.*\bid:\s*['\"]?{name}['\"]?\s*(?:[,}}#].*)?|\s+['\"]?{name}['\"]?:(?:\s.*)?)$"
        places = re.finditer(form, self.text, re.MULTILINE)
        starts = [match.start() for match in places]
        line = self.text.count("\n", 0, starts[-1]) + 1 if starts else 1
        return ConfigurationError(f"{self.name}:{line}: {rule_id}: {text}")


def _by_trigger(rules: tuple[CompiledRule, ...]) -> dict[str, tuple[CompiledRule, ...]]:
    found: dict[str, list[CompiledRule]] = {}
    for rule in rules:
        for trigger in rule.rule.when:
            found.setdefault(trigger, []).append(rule)
    return {trigger: tuple(group) for trigger, group in found.items()}
