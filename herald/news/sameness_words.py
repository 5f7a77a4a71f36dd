"""Words by which headlines are told apart: what stands for one another, what names things, what contradicts.

A list holds groups between semicolons. Of places, assets and parties a word names one thing only, known by the first
word of its group; names that are also common words are listed, and count, only in capitals. Other words may stand in
several groups.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache

from herald.news.words import Token, stem

SURE = 0.95
"""A likeness from here on says that it is one word, not that one word stands for another."""
_STANDS_FOR, _SEEMS = 0.9, 0.7
_PREFIX_MIN, _PREFIX_SHARE_MIN, _SHORT, _TYPO_CHARS_MIN, _TYPO_RATIO_MIN = 5, 0.6, 4, 5, 0.8
_ALIKE_MAX = 65_536

_PLACES = (
    "america american americans US u.s usa washington; britain british UK u.k briton britons london england english; "
    "france french paris; germany german germans berlin; italy italian italians rome; spain spanish madrid; portugal "
    "portuguese; netherlands dutch amsterdam hague; belgium belgian brussels; swiss switzerland bern geneva; austria "
    "austrian vienna; poland polish warsaw; czech prague; slovakia slovak bratislava; hungary hungarian budapest; "
    "romania romanian bucharest; bulgaria bulgarian; greece greek greeks athens; cyprus cypriot; turkey turkish "
    "ankara istanbul; russia russian russians moscow kremlin; ukraine ukrainian kiev kyiv; belarus belarusian; "
    "lithuania lithuanian vilnius; latvia latvian; estonia estonian; finland finnish helsinki; sweden swedish "
    "stockholm; norway norwegian oslo; denmark danish copenhagen; ireland irish dublin; scotland scottish; wales "
    "welsh; serbia serbian; croatia croatian; bosnia bosnian; albania albanian; malta maltese; georgia georgian "
    "tbilisi; armenia armenian; china chinese beijing; japan japanese tokyo; southkorea seoul; northkorea pyongyang; "
    "taiwan taiwanese taipei; hongkong; india indian indians delhi; pakistan pakistani islamabad pak; bangladesh "
    "bangladeshi dhaka; srilanka; nepal nepali kathmandu; afghanistan afghan afghans kabul; myanmar burma; thailand "
    "thai bangkok; vietnam vietnamese hanoi; philippines philippine filipino manila; indonesia indonesian jakarta; "
    "malaysia malaysian; singapore singaporean; australia australian canberra; newzealand nz; canada canadian ottawa; "
    "mexico mexican; brazil brazilian; argentina argentine; chile chilean; colombia colombian; venezuela venezuelan; "
    "peru peruvian; ecuador ecuadorian quito; cuba cuban; haiti haitian; elsalvador salvadoran; israel israeli "
    "israelis; palestine palestinian palestinians; gaza; syria syrian damascus; lebanon lebanese beirut; iraq iraqi "
    "baghdad; iran iranian tehran; saudi riyadh; yemen yemeni; emirates emirati dubai UAE; qatar qatari; kuwait "
    "kuwaiti; jordan jordanian; egypt egyptian cairo; libya libyan; tunisia tunisian; algeria algerian; morocco "
    "moroccan; sudan sudanese; ethiopia ethiopian; kenya kenyan; somalia somali mogadishu; uganda ugandan; congo "
    "congolese; nigeria nigerian; ghana ghanaian; mali malian; senegal senegalese dakar; zimbabwe zimbabwean; "
    "southafrica; EU european europe eurozone; texas; california; florida fla; ohio; newyork nyc"
)
_ASSETS = (
    "bitcoin btc bitcoins; ether eth ethereum; solana SOL; xrp; dogecoin doge; cardano ADA; avax; polkadot DOT; "
    "litecoin ltc; bnb; shib shiba; monero xmr; zcash zec; chainlink LINK; uniswap UNI; aptos APT; arbitrum ARB; SUI; "
    "tron trx; usdt tether; usdc; pepe; INJ; TIA; xlm; toncoin; hbar; aave; NEAR; gold bullion; oil crude brent; "
    "dollar greenback; yen; euro; yuan"
)
_PARTIES = (
    "binance; coinbase; kraken; okx; bybit; upbit; bithumb; kucoin; bitfinex; gemini; bitstamp; mexc; bitget; "
    "deribit; cme; nasdaq; robinhood; bitmex; htx huobi; nyse; mastercard; blackrock; fidelity; grayscale; ripple; "
    "SEC; fca; fed federal; ecb; boj; cftc; esma; OCC; fdic; imf; nato; UN u.n unitednations"
)
# Verbs of the news and their nouns.
_VERBS = (
    "kill dead die died dying death fatal slay slain murder perish drown lives toll shoot; injure injury hurt wound; "
    "bomb bomber blast explosion explode detonate; attack assault raid storm ambush strike airstrike bomb; airstrike "
    "strike pound shell bombard jets; fire launch test shoot; shoot shot gunfire gunman gunmen; arrest detain "
    "detention nab hold held custody catch caught capture; capture seize grab take took retake control overrun; jail "
    "imprison sentence prison; convict guilty; charge indict accuse; sue suit lawsuit case trial; release free freed "
    "bail; rescue save evacuate; kidnap abduct hostage; execute hang; resign quit resignation leave left depart exit "
    "oust step stand retreat withdraw; oust topple sack remove fire; appoint name named tap pick choose chosen "
    "chooses announce declare; win won victory triumph beat defeat edge stun clinch capture crown retain claim thrash "
    "top take tops; lose lost defeat loss; rise rose climb gain jump surge soar rally rocket higher up increase grow "
    "grew expand advance leap spike rebound widen tick; fall fell drop slide slid slip decline sink sank plunge "
    "tumble slump lower down dip retreat decrease weaken crash lose ease slow shrink tank collapse; cut slash reduce "
    "trim lower reduction; raise hike lift boost increase expand; launch unveil debut introduce roll start begin "
    "began open release live; reveal disclose show announce confirm; admit confess confirm acknowledge; approve "
    "approval pass clear greenlight nod endorse back adopt allow ok okay let grant agree accept; reject veto deny "
    "refuse rebuff dismiss block spurn; dismiss toss drop; block bar ban halt prohibit outlaw stop prevent; suspend "
    "pause freeze stop stall halt; resume restart reopen restore back; delay postpone defer push extend; cancel scrap "
    "axe drop abandon withdraw; refute deny reject; buy bought purchase acquire acquisition add scoop snap invest; "
    "sell sold sale offload dump; hack exploit breach steal stolen drain theft heist robbed stole loot hijack "
    "compromise attack; file apply application seek submit; list add; warn caution alert; urge call ask appeal demand "
    "want seek; vow pledge promise; mull consider weigh eye; plan prepare set; protest demonstrate rally march "
    "demonstration; clash fight battle; flee evacuate displaced; visit arrive; hit rock jolt shake strike slam batter "
    "struck lash; collide collision crash derail; find found discover unearth locate spot; vote poll election ballot; "
    "elect win; talk negotiation negotiate meeting summit; close shut end fold; join enter; sign deal agree agreement "
    "pact accord reach; deploy send sent; probe investigate investigation inquiry; extradite extradition hand; "
    "unchanged steady hold; apologise apologize sorry apology; praise hail welcome; condemn blame slam denounce; "
    "marry wed; overtake pass surpass exceed cross tops; stay remain keep; mint issue; unlock release; layoff shed "
    "cut axe lay"
)
_THINGS = (
    "earthquake quake tremor; soldier troop; military army forces troop; police cop officer; lawmaker legislator mp "
    "senator parliament; parliament assembly congress; president leader head; militant rebel insurgent fighter gunman "
    "gunmen extremist taliban terrorist; plane jet aircraft airliner flight; ship vessel boat ferry; truck lorry; bus "
    "coach; train rail; fire blaze wildfire; storm typhoon hurricane cyclone; flood floodwater; child children kid "
    "teen boy girl; pupil student schoolchildren; ceo chief boss head executive; leader chief boss; company firm; "
    "court judge justice; nuclear atomic; stock share equity market; crypto cryptocurrency; coin token; fund etf; "
    "regulator watchdog; job payroll; inflation cpi; border frontier; reserve treasury stash; bill measure "
    "legislation law act; licence license permit authorization; gop republican; premier pm; ex former; spy espionage; "
    "ceasefire truce; worker staff employee; network blockchain chain; outage downtime; corruption graft bribery; "
    "search hunt; cabinet government govt; plant factory; victim body bodies; strong powerful; huge massive giant; "
    "crisis scandal; unrest violence protest; title championship crown; koran quran; race contest; sick ill"
)
# Steps in the course of an event: two headlines that tell different ones tell different events.
_STAGES = (
    "charge indict sue; convict guilty; acquit; jail sentence imprison; extradite; free release; arrest detain; "
    "appeal; settle; pardon; abduct kidnap; rescue; propose; sign; veto; file; delay postpone; approve; reject; "
    "withdraw; hack exploit drain; return recover; halt suspend; resume reopen; launch debut; complete; mull; scrap "
    "cancel drop; survive; die kill dead; resign quit; appoint; buy bought; sell sold; win won; lose lost; list; "
    "delist; deny; admit confirm; raise hike; cut; unchanged; prepare; probe inquiry; explain"
)
# Pairs of opposites.
_OPPOSED = (
    "rise/fall; up/down; high/low; higher/lower; gain/loss; win/lose; win/deny; buy/sell; allocate/sell; in/out; "
    "inflow/outflow; approve/reject; accept/reject; pass/fail; pass/reject; sign/veto; veto/override; launch/close; "
    "open/close; launch/scrap; plan/scrap; scrap/energise; suspend/resume; halt/resume; ban/lift; impose/lift; "
    "lift/protect; raise/cut; lift/cut; list/delist; start/complete; start/end; begin/end; acquit/convict; "
    "acquit/jail; arrest/release; kidnap/release; survive/lose; survive/die; kill/survive; alive/dead; admit/deny; "
    "confirm/deny; bull/bear; bullish/bearish; long/short; north/south; northern/southern; east/west; "
    "eastern/western; profit/loss; loss/income; best/worst; strong/weak; strengthen/weaken; support/oppose; "
    "widen/narrow; join/leave; upgrade/downgrade; mint/burn; deposit/withdraw; overvalued/undervalued; "
    "overheated/undervalued; lose/regain; reclaim/slip; ease/tick; ease/accelerate; slow/accelerate; hot/soft; "
    "before/after; made/lost; positive/negative; consumer/producer; ceo/cfo; above/below; erase/add; opener/finale"
)
# Phrases and the one word that they are read as.
_PHRASES = (
    "n korea=northkorea; s korea=southkorea; south korea=southkorea; south korean=southkorea; north korea=northkorea; "
    "north korean=northkorea; south africa=southafrica; south african=southafrica; new zealand=newzealand; united "
    "states=america; white house=america; united kingdom=britain; united nations=unitednations; abu dhabi=emirates; "
    "hong kong=hongkong; el salvador=elsalvador; sri lanka=srilanka; new york=newyork; european union=eu; prime "
    "minister=premier; air strike=airstrike; air strikes=airstrike; death toll=toll; call off=cancel; calls "
    "off=cancel; called off=cancel; digital assets=crypto; digital asset=crypto; chief executive=ceo; pleads "
    "guilty=convict; found guilty=convict; not guilty=acquit; behind bars=jail; turns down=reject; throws "
    "out=dismiss; holds steady=unchanged; federal reserve=fed; passes away=dies; step down=resign; steps down=resign; "
    "percentage points=%"
)

DIGEST = re.compile(
    r"\b(?:wraps?|recap|round-?up|briefing|digest|live|weekly|daily|analysis|price (?:watch|prediction|today)|preview|"
    r"morning|top \d+|what to|here'?s|things to|to watch|editor|opinion|podcast|video|photos?|highlights|factbox|memo|"
    r"day \d+)\b",
    re.IGNORECASE,
)
ROUGHLY = re.compile(
    r"\b(?:nearly|almost|about|around|over|(?:more|less|fewer) than|some|at least|up to|roughly|close to|under|below|"
    r"above|past|tops?|exceeds?|surpass\w*|pass(?:es|ed)|cross(?:es)?)\b|~",
    re.IGNORECASE,
)
HEDGES = frozenset(
    "may might could would should likely unlikely expected expects possible possibly rumour rumor reportedly alleged "
    "allegedly mull mulls mulling weighs considers considering plan plans planned planning set eyes eyeing aims seeks "
    "seek wants hopes prepares potential forecast forecasts predicts sees odds if calls urges threatens proposes "
    "proposal proposed".split()
)
NEGATIVES = frozenset(
    "no not never without cannot fail fails failed deny denies denied refuses rejects rejected".split()
)
AFTERMATH = frozenset(
    "after following amid despite reacts reaction explains why how lessons fury digest anger what".split()
)
KEPT = frozenset("up down out in off over under before after".split())
"""Stop words that tell events apart."""
COMMON = frozenset("new year day week month people time first last say big top key part old former case bank".split())
"""Words of every headline, which tell little."""
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen".split()
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_COUNTS = {word: number for number, word in enumerate(_ONES)} | {word: 10 * i for i, word in enumerate(_TENS, start=2)}
_TENS_ONES = re.compile(rf"\b({'|'.join(_TENS)})[- ]({'|'.join(_ONES[1:10])})\b", re.IGNORECASE)
_SPELLED = re.compile(
    rf"\b(?:(?:{'|'.join([*_ONES[2:], *_TENS])}|one(?=[ -](?:[mb]illion|in\b|dead|killed)))\b"
    r"|half[ -](?:an? )?(?=[mb]illion)|an? (?=[mb]illion\b))",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(\d)[\s-]?(?:percent|per cent|pct|pc)\b", re.IGNORECASE)


def root(key: str) -> str:
    """Return the stem without a doubled last letter, so that "drops" and "dropped" meet."""
    cut = stem(key)
    return cut[:-1] if len(cut) >= _SHORT and cut[-1] == cut[-2] else cut


def _groups(text: str) -> list[list[str]]:
    return [group.split() for group in text.split(";")]


def _by_first(text: str) -> dict[str, str]:
    return {word: group[0] for group in _groups(text) for word in group}


def _senses(*texts: str) -> dict[str, frozenset[int]]:
    """Map roots to the numbers of the groups that they stand in."""
    found: dict[str, set[int]] = {}
    for number, group in enumerate(group for text in texts for group in _groups(text)):
        for word in group:
            found.setdefault(root(word), set()).add(number)
    return {key: frozenset(numbers) for key, numbers in found.items()}


PLACES, ASSETS, PARTIES = _by_first(_PLACES), _by_first(_ASSETS), _by_first(_PARTIES)
"""Names by kind, each with the first name of what it names."""
ACTIONS = frozenset(_senses(_VERBS))
"""Roots of verbs."""
STAGES = {root(word): group[0] for group in _groups(_STAGES) for word in group}
"""Roots of verbs with the step that they tell."""
_NAMED = PLACES | ASSETS | PARTIES
_SENSES = _senses(_VERBS, _THINGS)
_PAIRS = [tuple(root(word) for word in pair.strip().split("/")) for pair in _OPPOSED.split(";")]
OPPOSITES = frozenset(_PAIRS) | frozenset((right, left) for left, right in _PAIRS)
"""Roots that contradict each other, in both orders."""
_PHRASE = dict(phrase.strip().split("=") for phrase in _PHRASES.split(";"))
_PHRASED = re.compile(rf"\b(?:{'|'.join(map(re.escape, _PHRASE))})\b", re.IGNORECASE)


def join_phrases(text: str) -> str:
    """Write each phrase of the list as its one word."""
    return _PHRASED.sub(lambda match: _PHRASE[match[0].lower()], text)


def with_digits(text: str) -> str:
    """Write numbers of words as digits, and percent as its sign."""
    text = _TENS_ONES.sub(lambda match: str(_COUNTS[match[1].lower()] + _COUNTS[match[2].lower()]), text)
    return _PERCENT.sub(r"\1%", _SPELLED.sub(_digits, text))


def _digits(match: re.Match[str]) -> str:
    word = match[0].lower()
    if word in _COUNTS:
        return str(_COUNTS[word])
    return "0.5 " if word.startswith("half") else "1 "


def key_in_lists(token: Token) -> str:
    """Return the key of a word, as the lists have it: in capitals for a name that is listed so."""
    written = token.text.lstrip("$#@").removesuffix("'s")
    return written if written.isupper() and written in _NAMED else token.key


def is_named(key: str) -> bool:
    """Tell whether a key names a place, an asset or a party."""
    return key in _NAMED


def is_known(key: str) -> bool:
    """Tell whether a word is in any list, and thus no name that only this headline has."""
    return key in _NAMED or key in COMMON or root(key) in _SENSES


@lru_cache(maxsize=_ALIKE_MAX)
def alike(left: str, right: str) -> float:
    """Return how far one key may stand for another, from 0 to 1.

    Two words of lists are alike only where one group has both; others also where they begin alike or are misspelt.
    """
    if left == right:
        return 1.0
    if root(left) == root(right):
        return SURE
    senses = _meanings(left), _meanings(right)
    if senses[0] & senses[1]:
        return _STANDS_FOR
    short, long = sorted((len(left), len(right)))
    if all(senses) or short < _SHORT:
        return 0.0
    shared = next((i for i, (x, y) in enumerate(zip(left, right, strict=False)) if x != y), short)
    if shared >= _PREFIX_MIN or shared >= _PREFIX_SHARE_MIN * long:
        return _SEEMS
    typo = short >= _TYPO_CHARS_MIN and left[0] == right[0] and _ratio(left, right) >= _TYPO_RATIO_MIN
    return _SEEMS if typo else 0.0


def _meanings(key: str) -> frozenset[str | int]:
    return frozenset((_NAMED[key],)) if key in _NAMED else _SENSES.get(root(key), frozenset())


def _ratio(left: str, right: str) -> float:
    """Return the likeness of spelling, the same in either order: that of Ratcliff and Obershelp depends on it."""
    first, second = sorted((left, right))
    return SequenceMatcher(None, first, second, autojunk=False).ratio()
