"""How alike two headlines are: shared stems and figures, weighed by how much of either headline they cover."""

from __future__ import annotations

from dataclasses import dataclass

from herald.news.amounts import amounts_in
from herald.news.words import STOP_WORDS, stem, tokens_of

FIGURE_MIN = 10.0
FIGURE_TOLERANCE = 0.03
DISCORD_FACTOR = 0.5

# Words that headlines use for one another. Each group is known by its first word.
_SYNONYMS = (
    "buy bought acquire acquisition purchase add scoop snap stack grab accumulate",
    "grow boost expand increase lift bolster strengthen top",
    "hack exploit drain stolen steal attack breach heist theft loses lost",
    "delay extend postpone pause punt",
    "drop dismiss withdraw toss end close",
    "file submit register filing application",
    "approve approval greenlight clear",
    "ban prohibit outlaw block",
    "list listing add launch open",
    "sue lawsuit suit charge",
    "cut lower slash trim",
    "bitcoin btc bitcoins",
    "ethereum eth ether",
    "solana sol",
    "dogecoin doge",
    "strategy microstrategy",
    "treasury reserve holding stash stockpile",
    "pass approve enact sign",
    "million mln",
    "billion bln",
)
_CANON: dict[str, str] = {}
for _group in _SYNONYMS:
    _words = [stem(_word) for _word in _group.split()]
    for _word in _words:
        _CANON.setdefault(_word, _words[0])


@dataclass(frozen=True, slots=True)
class Gist:
    """What a headline is compared by: stems of its significant words, amounts of money in USD, and other figures.

    ``size`` counts them all.
    """

    stems: frozenset[str]
    money: tuple[float, ...]
    counts: tuple[float, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Likeness:
    """Share of all stems that both have, share of the shorter headline's that the longer has, and how many.

    ``discord`` is true where both state figures of a kind and none agree.
    """

    jaccard: float
    containment: float
    shared: int
    discord: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """Thresholds for one pair of reports. ``party_jaccard_min`` holds where both name the same other party."""

    jaccard_min: float
    containment_min: float
    party_jaccard_min: float
    shared_min: int

    def score(self, left: Gist, right: Gist) -> float:
        """Return the likeness of two headlines where it clears the bar, else 0."""
        most = shared_at_most(left, right)
        if most < self.shared_min or not self._clears(most, left, right):
            return 0.0
        found = likeness(left, right)
        alike = found.jaccard >= self.jaccard_min or found.containment >= self.containment_min
        in_company = not found.discord and found.jaccard >= self.party_jaccard_min
        return found.jaccard + found.containment if found.shared >= self.shared_min and (alike or in_company) else 0.0

    def _clears(self, shared: int, left: Gist, right: Gist) -> bool:
        every, fewer = left.size + right.size - shared, min(left.size, right.size)
        jaccard_min = min(self.jaccard_min, self.party_jaccard_min)
        return shared >= jaccard_min * every or shared >= self.containment_min * fewer


def gist_of(headline: str) -> Gist:
    """Reduce a headline to what it is compared by."""
    stems = frozenset(
        _CANON.get(word := stem(token.key), word)
        for token in tokens_of(headline)
        if token.key not in STOP_WORDS and not token.key[:1].isdigit() and len(token.key) > 1
    )
    amounts = [amount for amount in amounts_in(headline) if amount.unit != "%" and amount.value >= FIGURE_MIN]
    money = dict.fromkeys(amount.usd for amount in amounts if amount.usd is not None)
    counts = dict.fromkeys(amount.value for amount in amounts if amount.usd is None)
    return Gist(stems, tuple(money), tuple(counts), len(stems) + len(money) + len(counts))


def likeness(left: Gist, right: Gist) -> Likeness:
    """Compare two gists. Figures that agree count as shared words; figures that all disagree halve the likeness."""
    money, counts = _agreeing(left.money, right.money), _agreeing(left.counts, right.counts)
    agreeing = money + counts
    compared = bool((left.money and right.money) or (left.counts and right.counts))
    discord = compared and not agreeing
    shared = len(left.stems & right.stems) + agreeing
    fewer = min(left.size, right.size)
    every = left.size + right.size - shared
    factor = DISCORD_FACTOR if discord else 1.0
    return Likeness(
        factor * shared / every if every else 0.0, factor * shared / fewer if fewer else 0.0, shared, discord
    )


def shared_at_most(left: Gist, right: Gist) -> int:
    """Return a cheap upper bound of what two gists share: their common stems, and all figures that could agree."""
    figures = min(len(left.money), len(right.money)) + min(len(left.counts), len(right.counts))
    return len(left.stems & right.stems) + figures


def _agreeing(left: tuple[float, ...], right: tuple[float, ...]) -> int:
    if not left or not right:
        return 0
    return min(sum(any(_agree(a, b) for b in right) for a in left), len(right))


def _agree(left: float, right: float) -> bool:
    return abs(left - right) <= FIGURE_TOLERANCE * max(left, right)
