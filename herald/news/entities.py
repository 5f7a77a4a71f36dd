"""Who and what a headline names, found with dictionary lookups over its words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from herald.news.gazetteer import AssetSector, Entry, Gazetteer, Kind, Sureness
from herald.news.words import Token, tokens_of

How = Literal["name", "ticker", "cash_tag", "pair"]

QUOTES = ("USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USD", "BTC", "ETH", "BNB", "EUR", "GBP", "TRY", "KRW", "BRL",
          "AUD", "RUB", "JPY", "BKRW", "BIDR", "IDRT", "PAX", "USDS", "NGN", "ZAR", "UAH", "DAI", "XRP", "TRX",
          "BVND", "VAI", "PLN", "MXN", "ARS", "COP", "CZK", "RON", "TUSD")  # fmt: skip
JOINED_QUOTES = ("USDT", "USDC", "BUSD", "FDUSD", "USD", "PERP")
TICKER_CHARS_MAX = 10
LETTERS_OF_A_WORD_MIN = 3
UPPER_SHARE_OF_SHOUTING = 0.9

_AFTER = frozenset(
    "token tokens coin coins price prices network protocol blockchain chain ecosystem foundation memecoin memecoins "
    "holder holders whale whales perpetual perpetuals perp perps future futures listing listings listed airdrop "
    "staking etf etfs mainnet testnet validator validators usdt usdc dao dex labs bridge tokenomics burn unlock "
    "trading deposits withdrawals altcoin stablecoin contracts".split()
)
_BEFORE = frozenset(
    "token tokens altcoin coin memecoin lists list listing delist delists delisting ticker staked crypto "
    "cryptocurrency adds lists, relist".split()
)
_AFTER_STRICT = frozenset("token tokens coin memecoin perpetual perpetuals perp usdt".split())
_PARTY_AFTER = frozenset(
    "buys adds acquires acquired purchases purchased bought boosts announces plans raises raised files filed "
    "launches says stock shares share ipo ceo cfo executive expands holdings sues sells sold secures partners "
    "unveils prices upsizes mints seeks wins gets has reports posts bets issues pauses ends increases taps snaps "
    "grows hits makes moves doubles stacks scoops names hires cuts lays lists delists suspends halts freezes blocks "
    "exchange class debuts targets surges jumps "
    "soars rises falls drops faces invests invested stockpiles resumes offers offering pivots inc".split()
)
# What follows a name where it is the ordinary word: "GAS prices", "Avalanche kills".
_OTHER_SENSE = {
    "avalanche": frozenset(
        "kills killed buries buried sweeps traps of warning danger risk victims rescue survivors".split()
    ),
    "cosmos": frozenset("telescope magazine documentary".split()),
    "gas": frozenset("price prices futures contracts deposits pipeline fee fees exports imports".split()),
    "gala": frozenset("dinner night evening".split()),
    "mask": frozenset("mandate mandates rules wearing".split()),
    "sand": frozenset("price prices contracts".split()),
    "tron": frozenset("legacy ares film sequel".split()),
}
_IN_A_LIST = frozenset({",", "and", "&", "+", ", and", "or"})
_ORDINARY_AFTER = frozenset("of more other another last thing to in the on for with as at by from".split())


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where an entry is named."""

    entry: Entry
    start: int
    end: int
    how: How


@dataclass(frozen=True, slots=True)
class AssetMention:
    """An asset as first named. ``how`` tells whether by name, ticker, cash tag or trading pair."""

    code: str
    sector: AssetSector
    text: str
    start: int
    how: How


@dataclass(frozen=True, slots=True)
class EntitiesFound:
    """What a text names, each thing once, in order of appearance."""

    assets: tuple[AssetMention, ...] = ()
    venues: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    mentions: tuple[Mention, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Codes of all that is named, in order of appearance."""
        return tuple(dict.fromkeys(mention.entry.code for mention in self.mentions))


def find_entities(text: str, gazetteer: Gazetteer) -> EntitiesFound:
    """Find the assets, venues, organisations and people that a text names.

    A ticker or name that is an ordinary word counts only as ``$LINK``, ``(LINK)``, ``LINKUSDT``, ``LINK/USDT``, or in
    capitals beside a word such as token or listing, or beside another ticker.
    """
    return find_in_tokens(text, tokens_of(text), gazetteer)


def find_in_tokens(text: str, tokens: list[Token], gazetteer: Gazetteer) -> EntitiesFound:
    """Do the same for a text that is split into words already."""
    mentions = tuple(_Reader(text, tokens, gazetteer).mentions())
    seen: dict[str, AssetMention] = {}
    parties: dict[Kind, dict[str, None]] = {kind: {} for kind in Kind}
    for mention in mentions:
        entry = mention.entry
        if entry.kind is Kind.ASSET:
            if entry.code not in seen:
                words = text[mention.start : mention.end]
                seen[entry.code] = AssetMention(entry.code, entry.sector, words, mention.start, mention.how)
        else:
            parties[entry.kind][entry.code] = None
    organisations = (*parties[Kind.REGULATOR], *parties[Kind.CENTRAL_BANK], *parties[Kind.COMPANY])
    return EntitiesFound(
        tuple(seen.values()), tuple(parties[Kind.VENUE]), organisations, tuple(parties[Kind.PERSON]), mentions
    )


class _Reader:
    """One pass over the words of one text."""

    def __init__(self, text: str, tokens: list[Token], gazetteer: Gazetteer) -> None:
        self.text = text
        self.tokens = tokens
        self.gazetteer = gazetteer
        letters = [char for char in text if char.isalpha()]
        self.shouting = sum(map(str.isupper, letters)) > UPPER_SHARE_OF_SHOUTING * len(letters)
        self.lower = text.islower()
        self.last: Mention | None = None

    def mentions(self) -> Iterator[Mention]:
        index = 0
        while index < len(self.tokens):
            found, width = self._at(index)
            if found is not None:
                self.last = found
                yield found
            index += width

    def _at(self, index: int) -> tuple[Mention | None, int]:
        if self._has_other_sense(index):
            return None, 1
        found = self._pair_at(index) or self._name_at(index)
        if found is not None:
            return found
        return self._ticker_at(self.tokens[index], index), 1

    def _has_other_sense(self, index: int) -> bool:
        """Tell an ordinary word by the word after it, unless a mark says that it is an asset."""
        token, after = self.tokens[index], self.tokens[index + 1 : index + 2]
        senses = _OTHER_SENSE.get(token.key)
        return senses is not None and token.text[:1] not in {"$", "#"} and bool(after) and after[0].key in senses

    def _name_at(self, index: int) -> tuple[Mention, int] | None:
        for name in self.gazetteer.names.get(self.tokens[index].key, ()):
            width = len(name.keys)
            span = self.tokens[index : index + width]
            if width > 1 and tuple(token.key for token in span) != name.keys:
                continue
            first = span[0].text.lstrip("$#@")
            if name.exact_case and not first.isupper() and not first.removesuffix("'s").isupper():
                continue
            if name.capital and not first[:1].isupper() and (name.entry.kind is Kind.ASSET or not self.lower):
                continue
            if name.sureness and not self._in_context(index, width, name.entry, name.sureness):
                continue
            end = span[-1].end - (2 if span[-1].text.endswith("'s") else 0)
            return Mention(name.entry, span[0].start, end, "name"), width
        return None

    def _pair_at(self, index: int) -> tuple[Mention, int] | None:
        token = self.tokens[index]
        base = token.text.lstrip("$#")
        if not (base.isascii() and base.isupper() and base.isalnum()):
            return None
        following = self.tokens[index + 1] if index + 1 < len(self.tokens) else None
        if following is not None and following.text in QUOTES and self.text[token.end : following.start] == "/":
            return Mention(self._asset(base), token.start, following.end, "pair"), 2
        if base in self.gazetteer.tickers:
            return None
        for quote in JOINED_QUOTES:
            stem = base.removesuffix(quote)
            if stem != base and 1 < len(stem) <= TICKER_CHARS_MAX and stem.isalnum():
                return Mention(self._asset(stem), token.start, token.end, "pair"), 1
        return None

    def _ticker_at(self, token: Token, index: int) -> Mention | None:
        word = token.text.removesuffix("'s")
        if word[:1] == "$":
            return self._cash_tag(token, word[1:])
        found = self.gazetteer.tickers.get(word.lstrip("#"))
        if found is None or (found[1] and not self._in_context(index, 1, *found)):
            return None
        return Mention(found[0], token.start, token.start + len(word), "ticker")

    def _cash_tag(self, token: Token, word: str) -> Mention | None:
        code = word.upper()
        shaped = code.isascii() and code.isalnum() and code[:1].isalpha() and len(code) <= TICKER_CHARS_MAX
        if not shaped or not (word.isupper() or code in self.gazetteer.tickers):
            return None
        return Mention(self._asset(code), token.start, token.start + 1 + len(word), "cash_tag")

    def _asset(self, code: str) -> Entry:
        return self.gazetteer.asset(code) or Entry(Kind.ASSET, code, asset=code)

    def _in_context(self, index: int, width: int, entry: Entry, sureness: Sureness) -> bool:
        first, last = self.tokens[index], self.tokens[index + width - 1]
        before = self.tokens[index - 1] if index else None
        after = self.tokens[index + width] if index + width < len(self.tokens) else None
        if first.text[:1] == "$" or self._enclosed(first, last):
            return True
        if entry.kind is not Kind.ASSET:
            return last.text.endswith("'s") or (after is not None and after.key in _PARTY_AFTER)
        if after is not None and after.text == entry.code and self._enclosed(after, after):
            return True
        capital = first.text.isupper() and not self.shouting
        if sureness is Sureness.STRICT or len(first.text) < LETTERS_OF_A_WORD_MIN:
            return capital and after is not None and after.key in _AFTER_STRICT and self._adjoin(last, after)
        if not first.text[:1].isupper():
            return False
        return self._beside(first, last, before, after, capital=capital) or self._goes_on_a_list(
            first, last, after, capital=capital
        )

    def _goes_on_a_list(self, first: Token, last: Token, after: Token | None, *, capital: bool) -> bool:
        """Tell whether a name follows another asset in a list: "XRP, ADA and LINK tumble".

        Nothing does that goes on as a phrase: "BTC and ONE of the largest banks", "Ether and Near Record Highs".
        """
        listed = self.last
        if listed is None or listed.entry.kind is not Kind.ASSET:
            return False
        if self.text[listed.end : first.start].strip() not in _IN_A_LIST:
            return False
        if after is None or self.text[last.end : after.start] != " ":
            return True
        return after.key not in _ORDINARY_AFTER and (capital or after.text.islower())

    def _beside(self, first: Token, last: Token, before: Token | None, after: Token | None, *, capital: bool) -> bool:
        if after is not None and after.key in _AFTER and self._adjoin(last, after):
            return True
        if before is not None and before.key in _BEFORE and self._adjoin(before, first):
            return True
        return capital and any(near is not None and self._sure_ticker(near) for near in (before, after))

    def _adjoin(self, left: Token, right: Token) -> bool:
        return self.text[left.end : right.start].strip() in {"", "-"}

    def _enclosed(self, first: Token, last: Token) -> bool:
        return self.text[max(0, first.start - 1) : first.start] == "(" and self.text[last.end : last.end + 1] == ")"

    def _sure_ticker(self, token: Token) -> bool:
        found = self.gazetteer.tickers.get(token.text)
        return found is not None and found[1] is Sureness.SURE
