"""Headlines that take back what another said: denials, corrections, retractions; and what it is that they take back.

A headline alone says little: "denies" is said of motions and of bail, "correction" of prices. So each form names what
is denied, and whoever acts on a correction must first find the running story that it speaks of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from herald.news.words import tokens_of

EVIDENCE_CHARS_MAX = 80


class CorrectionKind(StrEnum):
    """How a headline takes something back."""

    CORRECTED = "corrected"
    RETRACTED = "retracted"
    COMPROMISED = "compromised"
    DENIED = "denied"
    FALSE = "false"
    NEGATED = "negated"


@dataclass(frozen=True, slots=True)
class Correction:
    """What a headline takes back. ``words`` is the evidence, ``claim`` the headline without the words that deny."""

    kind: CorrectionKind
    words: str
    claim: str

    @property
    def reasons(self) -> tuple[str, ...]:
        """The evidence, in the form of a reading's."""
        return f"correction:{self.kind.value}", f"words:{self.words[:EVIDENCE_CHARS_MAX]}"


def _up_to(words: int) -> str:
    """Let in a few words of one clause."""
    return rf"(?:[^\s,;]+ ){{0,{words}}}?"


_REPORT = r"(?:reports?|rumou?rs?|speculation|gossip|claims? (?:that|of|about|it|he|she|they))"
_TEXT = r"(?:reports?|stor(?:y|ies)|articles?|headlines?|tweets?|announcements?)"
_EVENT = (
    r"(?:hack(?:s|ing)?|breach(?:es)?|exploits?|attack|theft|strikes|insolvency|bankruptcy|default|depeg(?:ging)?|"
    r"outage|shut-?down|delisting|acquisition|takeover|merger|buy-?out|partnership|sale|unlock|talks|layoffs|"
    r"resignation)"
)
_DOING = (
    r"(?:having|being|that|it|he|she|they|any (?:plans?|deal|talks|hack|breach|exploit|loss(?:es)?)|plans?|buying|"
    r"holding|selling|acquiring|listing|delisting|halting|freezing|approving|filing|suspending|leaving|moving|dumping)"
)
_DONE = (
    r"(?:hacked|exploited|breached|compromised|attacked|insolvent|bankrupt|delist(?:ed|ing)?|list(?:ed|ing)?|approved?|"
    r"fil(?:ed?|ing)|acquir(?:ed?|ing)|de-?pegged|arrested|resign(?:ed|ing)?|shut(?:ting)? down|halt(?:ed|ing)?|"
    r"suspend(?:ed|ing)?)"
)
_BE = r"(?:is|are|was|were|has|have|had|did|does|do|will|would)"
_NOT = rf"(?:{_BE} (?:not|never)|{_BE}n['’]?t|won['’]t)"
_DENIES = (
    r"(?:den(?:y|ies|ied)|refut(?:es?|ed)|debunk(?:s|ed)?|quash(?:es|ed)|rubbish(?:es|ed)|dismiss(?:es|ed)|rejects?|"
    r"rejected|shoots? down|shot down|pours? cold water on)"
)
_UNTRUE = (
    r"(?:false|fake|untrue|not true|inaccurate|not accurate|incorrect|baseless|groundless|unfounded|bogus|fabricated|"
    r"forged|erroneous|fud|misinformation|disinformation|(?:a )?hoax|without (?:merit|foundation|basis))"
)
_CLAUSE_ENDS = r"(?=\W*$|[,.;:!)\"'”’—–-]|\s(?:says?|said|according|after|as|and|but|per|amid|by|in)\b)"
_TAKEN_OVER = r"\baccount\b.{0,40}\b(?:hacked|compromised|breached|hijacked)\b"
_NEVER_SAID = (
    rf"(?:\bno {_up_to(4)}(?:approv|list|delist|acqui|deal|launch)\w*|\b{_NOT} (?:been )?{_DONE}\b|"
    r"\bunauthori[sz]ed (?:tweet|post|message))"
)

_FORMS: dict[CorrectionKind, str] = {
    CorrectionKind.CORRECTED: (
        r"^\W*(?:(?:breaking|updated?)\W+)*(?:correct(?:ion|ed)|retraction|erratum)\s?[:(–—-]"
        r"|[(\[](?:corrects|correction|corrected)\b"
    ),
    CorrectionKind.RETRACTED: (
        rf"\bretract(?:s|ed|ing)? {_up_to(5)}(?:{_TEXT}|claims?|statements?|posts?)\b"
        rf"|\b(?:{_TEXT}|claims?|statements?) {_up_to(6)}(?:(?:is|are|was|were|been) )?retracted\b"
        r"|\b(?:withdraws?|withdrew|pulls?|pulled|deletes?|deleted|walks? back|walked back) "
        rf"{_up_to(4)}{_TEXT}\b"
        r"|\bapologi[sz]e[sd]? for .{0,40}\b(?:false|erroneous|incorrect|mistaken|inaccurate|wrong)\b"
        r"|\b(?:published|posted|announced|reported|tweeted) "
        r"(?:in error|by mistake|erroneously|mistakenly|prematurely)\b"
        r"|\b(?:erroneously|mistakenly|prematurely) (?:published|posted|announced|reported|tweeted)\b"
    ),
    CorrectionKind.COMPROMISED: rf"{_TAKEN_OVER}(?=.*{_NEVER_SAID})|{_NEVER_SAID}.*{_TAKEN_OVER}",
    CorrectionKind.DENIED: (
        rf"\b{_DENIES} {_up_to(5)}{_REPORT}\b"
        rf"|\b(?:den(?:y|ies|ied)|refut(?:es?|ed)|debunk(?:s|ed)?) {_up_to(3)}{_EVENT}\b"
        r"(?! (?:claims?|victims?|suits?|lawsuits?|refunds?|payouts?))"
        rf"|\bden(?:y|ies|ied) {_DOING}\b|\bden(?:y|ies):"
        rf"|\b{_REPORT}\b .{{0,60}}\b(?:denied|debunked|refuted|quashed|dismissed)\b"
        r"|\bno truth (?:to|in)\b|\bcontrary to (?:\w+ ){0,2}(?:reports?|rumou?rs?)\b"
    ),
    CorrectionKind.FALSE: (
        rf"\b(?:{_REPORT}|{_TEXT}|claims?|news|posts?|press releases?|filings?|screenshots?|talk)\b"
        rf".{{0,80}}?\b{_UNTRUE}\b{_CLAUSE_ENDS}"
        r"|\b(?:false|fake|erroneous|inaccurate|incorrect|bogus|unfounded|baseless|fabricated|debunked) "
        rf"{_up_to(2)}(?:reports?|rumou?rs?|headlines?|filings?|press releases?|news (?:of|about|that|on))\b"
        r"|\bturn(?:s|ed) out to be (?:a )?(?:false alarm|hoax|fake)\b"
    ),
    CorrectionKind.NEGATED: (
        r"\bclarif(?:y|ies|ied) (?:that )?(?:it|he|she|they|there)\b.{0,40}\b(?:not|no|never)\b"
        r"|\bclarif(?:y|ies|ied):.{0,60}\bnot\b"
        r"|\bclarif(?:y|ies|ied)\b.{0,60}\b(?:misreported|misunderstood|misquoted|misinterpreted)\b"
        rf"|\b{_NOT} (?:been )?{_DONE}\b"
        r"|\b(?:says?|said|confirms?|confirmed|insists?|assures?|stresses) "
        rf"(?:that )?(?:there (?:is|was|has been|were) )?no {_up_to(2)}{_EVENT}\b"
        rf"|^no {_up_to(2)}{_EVENT}\b.*\b(?:says?|said|confirms?|insists?)\b"
        rf"|\bthere (?:is|was|has been) no {_up_to(2)}{_EVENT}\b"
    ),
}
# One of these is in every form: most headlines have none.
_HINTS = re.compile(
    r"\b(?:den[yi]|refut|debunk|quash|rubbish|dismiss|reject|sh[o]+ts? down|pours? cold|correct|retract|erratum|withdr|"
    r"pull|delet|walk|apolog|error|mistak|erron|prematur|account|no\b|not\b|never|contrary|false|fake|untrue|inaccura|"
    r"incorrect|baseless|groundless|unfounded|bogus|fabricat|forged|fud|misinfo|disinfo|hoax|without|clarif|(?:is|are|was|were|ha[sd]|did|does|do|wo|would|will)n['’]?t\b)",
    re.IGNORECASE,
)
_PATTERNS = tuple((kind, re.compile(form, re.IGNORECASE)) for kind, form in _FORMS.items())

# What is denied to somebody, or of oneself, and takes no report back.
_ASKED_FOR = re.compile(
    r"\b(?:applications?|motions?|requests?|petitions?|appeals?|bail|bids?|permission|access|entry|licen[cs]es?|relief|"
    r"wrongdoing|allegations?|charges?|accusations?|involvement|guilt|liability|injunctions?|parole|rehearing|dismissal|"
    r"rulings?|orders?|evidence|refunds?|compensation|victims?|claimants?|creditors?)\b",
    re.IGNORECASE,
)
# Who decides upon requests: of these only denials of reports count.
_AUTHORITY = re.compile(
    r"\b(?:court|judges?|justices?|tribunal|jury|magistrate|circuit|panel|regulators?|sec|cftc|fdic|occ|fed|fca|"
    r"commission|senate|house|committee|insurers?)\b",
    re.IGNORECASE,
)
_OF_REPORTS = re.compile(
    r"\b(?:reports?|rumou?rs?|speculation|hack|breach)\b|\bden\w+ (?:it|that)\b|\bno truth\b", re.IGNORECASE
)
# A statement called false by an accuser is no report, and frauds work with false reports.
_ACCUSES = re.compile(
    r"\b(?:sues?|sued|suing|charge[sd]|alleg\w+|accus\w+|indict\w+|fine[sd]|convict\w+|guilty|jury|settle[sd]?|scam\w*|"
    r"phish\w*|drain\w*|stole|stolen|steals?|malware|airdrop)\b",
    re.IGNORECASE,
)
_NOT_DENIED = re.compile(
    r"\b(?:neither|nor|not|never|cannot|can['’]?t|\w+n['’]t|refus\w+ to|declin\w+ to|fail\w* to|confirm\w* or|or) "
    r"(?:\w+ )?den(?:y|ies|ied)\b"
    r"|\b(?:after|despite|before|earlier|previously|initially|once|had|who|having|could|may|might|if|would)"
    r"(?: \w+){0,3} den(?:y|ies|ied|ying)\b"
    r"|\b(?:admits?|admitted|concedes?|acknowledges?|acknowledged)\b",
    re.IGNORECASE,
)
# "User funds were not compromised after the hack" denies no hack, and "has not approved yet" no approval.
_REASSURES = re.compile(
    r"\b(?:funds?|users?|customers?|clients?|data|assets|deposits|wallets|keys|reserves)\b[^,;]*\b(?:not|no|\w+n['’]t)\b"
    r"|\b(?:after|amid|following|despite|during|from|in|since) (?:[^\s,;]+ ){0,4}"
    r"(?:hack|exploit|breach|attack|outage|incident|drain)\b"
    r"|\b(?:yet|still|until|unless|why|if|whether|when)\b",
    re.IGNORECASE,
)

_SAYING = frozenset(
    "deny denies denied refute refutes refuted debunk debunks debunked quash quashes quashed rubbishes dismiss "
    "dismisses dismissed reject rejects rejected shoots shot report reports reported rumor rumors rumour rumours "
    "speculation claim claims claimed news story stories article articles headline headlines tweet tweets post posts "
    "announcement press release screenshot talk false fake untrue true inaccurate accurate incorrect baseless "
    "groundless unfounded bogus fabricated forged erroneous fud misinformation hoax merit foundation say says said "
    "tell tells insist insists assure assures confirm confirms confirmed stress stresses clarify clarifies clarified "
    "correction corrected corrects retraction retract retracts retracted withdraw withdraws withdrew pull pulls "
    "pulled delete deletes deleted apologises apologizes error mistake mistakenly erroneously prematurely not no "
    "never without any truth contrary ceo founder spokesperson spokesman media alleged allegedly latest call calls "
    "called don't isn't wasn't hasn't didn't won't weren't haven't aren't doesn't".split()
)
_OF_ACCOUNTS = frozenset(
    "account accounts twitter x hacked compromised breached hijacked unauthorized unauthorised message".split()
)


def correction_in(headline: str) -> Correction | None:
    """Return what a headline takes back, None where it takes nothing back. A question never does."""
    text = headline.strip()
    if text.endswith("?") or not _HINTS.search(text):
        return None
    for kind, found in _found_in(text):
        if _is_meant(kind, found, text):
            return Correction(kind, found[0].strip(), _claim_of(kind, text))
    return None


def _found_in(text: str) -> Iterator[tuple[CorrectionKind, re.Match[str]]]:
    for kind, pattern in _PATTERNS:
        for found in pattern.finditer(text):
            yield kind, found


def _is_meant(kind: CorrectionKind, found: re.Match[str], text: str) -> bool:
    """Tell whether the words of a form are meant as a correction."""
    match kind:
        case CorrectionKind.DENIED:
            return not _NOT_DENIED.search(text) and _is_denial(found, text)
        case CorrectionKind.FALSE:
            return not _NOT_DENIED.search(text) and not _ACCUSES.search(text)
        case CorrectionKind.NEGATED:
            return not _REASSURES.search(text)
        case _:
            return True


def _is_denial(found: re.Match[str], text: str) -> bool:
    following = text[found.end() :].split()[:1]
    if _ASKED_FOR.search(" ".join((found[0], *following))):
        return False
    return not _AUTHORITY.search(text[: found.start()]) or bool(_OF_REPORTS.search(found[0]))


def _claim_of(kind: CorrectionKind, text: str) -> str:
    """Return the words that are left where those that deny are taken out."""
    without = _SAYING | _OF_ACCOUNTS if kind is CorrectionKind.COMPROMISED else _SAYING
    return " ".join(token.text for token in tokens_of(text) if token.key not in without)
