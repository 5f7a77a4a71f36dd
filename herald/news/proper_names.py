"""What may be the name of a party that no list holds: no place, no day, no unit, nothing without a capital letter."""

from __future__ import annotations

from herald.news.judgement import PartyKind
from herald.news.words import STOP_WORDS, key_of

NAME_CHARS_MIN, NAME_CHARS_MAX = 2, 48
NAME_WORDS_MAX = 5
_LOOSE_ENDS = "&-/,:;('"

_PLACES = frozenset(
    "afghanistan africa african alabama alaska alberta albania algeria america american americas amsterdam andorra "
    "angola ankara antarctica arab arabia arctic argentina argentine arizona arkansas armenia asia asian athens "
    "atlanta auckland austin australia australian austria austrian azerbaijan bahamas bahrain bali baltic bangalore "
    "bangkok bangladesh barbados barcelona beijing beirut belarus belgian belgium belgrade berlin bermuda bhutan "
    "bolivia bosnia boston brasilia brazil brazilian bristol britain british britons brooklyn brunei brussels "
    "bucharest budapest buenos aires bulgaria bulgarian busan cairo california cambodia cameroon canada canadian "
    "canberra caracas caribbean catalonia cayman chicago chile chilean china chinese colombia colombian colorado "
    "connecticut copenhagen crimea croatia cuba cyprus czech czechia dallas damascus delaware delhi denmark denver "
    "detroit dhabi dhaka doha dubai dublin dutch ecuador edinburgh egypt egyptian emirates england english estonia "
    "estonian ethiopia europe european finland finnish florida france frankfurt french gaza geneva georgia german "
    "germany ghana gibraltar glasgow greece greek greenland guatemala guernsey gulf hague haiti hamburg hanoi havana "
    "hawaii helsinki honduras hong kong houston hungarian hungary iceland idaho illinois india indian indiana "
    "indonesia indonesian iowa iran iranian iraq ireland irish islamabad israel israeli istanbul italian italy "
    "jakarta jamaica japan japanese jersey jerusalem johannesburg jordan kabul kansas karachi kashmir kazakh "
    "kazakhstan kentucky kenya kenyan kharkiv kiev kingdom korea korean kosovo kuala lumpur kuwait kyiv kyoto kyrgyz "
    "kyrgyzstan lagos laos latin latvia lebanon libya liechtenstein lima lisbon lithuania london louisiana luxembourg "
    "lyon macau madrid maine malaysia malaysian maldives malta manchester manhattan manila maryland massachusetts "
    "mediterranean melbourne mexican mexico miami michigan milan minnesota mississippi missouri moldova monaco "
    "mongolia montana montenegro montreal morocco moscow mumbai munich myanmar nairobi namibia naples nebraska nepal "
    "netherlands nevada nigeria nigerian nordic norway norwegian odesa ohio oklahoma oman ontario oregon osaka oslo "
    "ottawa pacific pakistan pakistani palestine panama paraguay paris pennsylvania perth peru philadelphia "
    "philippine philippines phoenix poland polish portugal portuguese prague pyongyang qatar quebec rico riga riyadh "
    "romania romanian rome russia russian rwanda salvador salvadoran samoa sao paulo saudi scandinavia scotland "
    "scottish seattle senegal seoul serbia seychelles shanghai shenzhen siberia singapore singaporean slovakia "
    "slovenia sofia somalia spain spanish stockholm sudan suez swedish sweden swiss switzerland sydney syria taipei "
    "taiwan taiwanese tajikistan tanzania tasmania tehran tennessee texas thai thailand tokyo toronto tunisia turkey "
    "turkish turkmenistan uae uganda ukraine ukrainian uruguay utah uzbek uzbekistan vancouver vatican venezuela "
    "venezuelan venice vermont vienna vietnam vietnamese vilnius virginia wales warsaw wisconsin wyoming yemen "
    "york yorkshire zagreb zambia zimbabwe zug zurich u.s us usa uk eu u.k e.u bvi".split()
)
_PLACE_LINKS = frozenset(
    "new san los las saint st south north east west central northern southern eastern western".split()
)
_TIMES = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun january february march "
    "april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec "
    "today tomorrow yesterday week month year quarter easter christmas ramadan thanksgiving halloween diwali spring "
    "summer autumn winter q1 q2 q3 q4 h1 h2 utc gmt est edt cet golden lunar".split()
)
_TERMS = frozenset(
    "ai aml amm api apr apy atm ath aum cbdc ceo cfo coo cpi cto dao dapp defi dex eps esg etf etfs etn etp evm faq "
    "fud fomo fx gdp hodl ico ido ieo ipo iot ira kyc l1 l2 lst m&a mev nav nft nfts otc p2p pce pmi pnl pos pow ppi "
    "q&a qe qt reit roi rpc rsi rwa rwas saas spac tge tps tvl vc vpn vwap wallet web2 web3 zk zkevm crypto "
    "blockchain bitcoiner bitcoiners altcoin altcoins memecoin memecoins stablecoin stablecoins token tokens exchange "
    "airdrop presale whale whales bulls bears iou cpu gpu ssd ev evs kpi pr vip icymi faqs asap rtp fpi fii fdi ytd "
    "yoy mom aud brl cad chf cny cop czk dkk eur gbp hkd huf idr ils inr jpy krw mxn myr ngn nok nzd php pkr pln ron "
    "rub sek sgd thb try uah usd vnd zar euro dollar yen pound yuan rupee won ruble lira peso oil gold silver crude "
    "brent nasdaq s&p".split()
)
_NO_NAME = _PLACES | _TIMES | _TERMS | STOP_WORDS | _PLACE_LINKS

_VENUE_WORDS = frozenset("exchange dex exchanges".split())
_COMPANY_WORDS = frozenset(
    "inc corp corporation co company ltd limited llc plc ag sa group holdings capital partners ventures bank "
    "technologies industries custody labs securities insurance airlines motors energy pharma systems digital "
    "mining".split()
)
_ORGANISATION_WORDS = frozenset(
    "ministry university court commission authority council committee senate parliament party agency department "
    "bureau police museum union federation association treasury congress tribunal".split()
)
_KINDS = (
    (_VENUE_WORDS, PartyKind.VENUE),
    (_COMPANY_WORDS, PartyKind.COMPANY),
    (_ORGANISATION_WORDS, PartyKind.ORGANISATION),
)


_PARTY_WORDS = (
    _VENUE_WORDS | _COMPANY_WORDS | _ORGANISATION_WORDS | frozenset("funds services finance protocol".split())
)
_TITLE_WORDS_MIN, _TITLE_SHARE = 5, 0.6
_LONG_WORD = 4


def may_name_a_party(text: str) -> bool:
    """Tell whether words could name a party: short, with a capital letter, and with a word that is no place or term."""
    words = text.split()
    if not NAME_CHARS_MIN <= len(text) <= NAME_CHARS_MAX or not 0 < len(words) <= NAME_WORDS_MAX:
        return False
    if not text[0].isalnum() or text[-1] in _LOOSE_ENDS or not any(char.isupper() for char in text):
        return False
    return any(key_of(word).strip(".") not in _NO_NAME and not word.isdigit() for word in words)


def belongs_to_a_name(word: str) -> bool:
    """Tell a word that, with a capital, ends the name before it: Bank, Exchange, Ministry."""
    return word[:1].isupper() and key_of(word) in _PARTY_WORDS


def is_a_piece(text: str, start: int, end: int) -> bool:
    """Tell whether a hyphen ties words to another word with a capital, as in ``Air France-KLM``."""
    if text[end : end + 1] == "-" and text[end + 1 : end + 2].isupper():
        return True
    before = text[:start].rsplit(" ", maxsplit=1)[-1]
    return before[-1:] == "-" and before[:1].isupper()


def is_in_title_case(text: str) -> bool:
    """Tell whether most long words of a headline begin with a capital, so that a capital says nothing of a word."""
    words = [word for word in text.split() if word[:1].isalpha() and len(word) >= _LONG_WORD]
    return len(words) >= _TITLE_WORDS_MIN and sum(word[0].isupper() for word in words) >= _TITLE_SHARE * len(words)


def kind_by_words(text: str, before: str, after: str, guess: PartyKind) -> PartyKind:
    """Correct the guessed kind of a name by its last word, or by the word before or after it; each may be empty."""
    last = key_of(text.rsplit(maxsplit=1)[-1])
    for words, kind in _KINDS:
        if last in words:
            return kind
    if key_of(before) in _VENUE_WORDS or key_of(after) in _VENUE_WORDS:
        return PartyKind.VENUE
    return guess
