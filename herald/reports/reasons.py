"""One sentence for every reason code, for people who read a report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from herald.taxonomy import Reason

_ITEMS = {
    Reason.RULE_MATCHED: "A rule recognised the event in the headline.",
    Reason.MODEL_CLASSIFIED: "The model recognised the event in the headline.",
    Reason.EXACT_DUPLICATE: "The same text had been received before.",
    Reason.SAME_STORY: "Another source had reported the same event; this report was merged into that story.",
    Reason.STORY_CORRECTED: "The story was denied or corrected by a source that is believed.",
    Reason.NO_RULE_MATCHED: "No rule recognised an event, and no model was there to ask.",
    Reason.NOT_TRADABLE: "The headline states no new, specific fact that could move a price.",
    Reason.COMMENTARY: "The headline is analysis, opinion or a report of prices, not news of an event.",
    Reason.PROMOTIONAL: "The text is advertising.",
    Reason.EMPTY_HEADLINE: "Nothing was left of the headline once it was cleaned.",
    Reason.TOO_OLD: "The item had been published too long before it was received.",
    Reason.MALFORMED: "The item could not be read; it is kept among the dead letters.",
}
_PASSES = {
    Reason.NO_PLAYBOOK: "No playbook plays this type of event.",
    Reason.DIRECTION_NOT_PLAYED: "The playbook does not play this direction.",
    Reason.BELOW_MIN_SEVERITY: "The event is less severe than the playbook asks for.",
    Reason.BELOW_MIN_CONFIDENCE: "The reading is less certain than the playbook asks for.",
    Reason.NO_INSTRUMENT: "No venue in use trades the asset that the news is about.",
    Reason.UNKNOWN_ASSET: "No list of assets knows what is named.",
    Reason.AMBIGUOUS_NAME: "The name may be that of an asset or of another thing, so nothing is traded on it.",
    Reason.NOT_AN_ASSET: "What is named is a company, a venue or a person, which is no asset.",
    Reason.STABLE_NOT_TRADED: "Money and stablecoins are not traded.",
    Reason.NO_QUOTE: "No price of the instrument was known yet.",
    Reason.STALE_QUOTE: "The last known price of the instrument was too old to size an order by.",
    Reason.SIZE_BELOW_MINIMUM: "The size came out below the smallest order that the venue takes.",
    Reason.AMENDMENT_OF_TRADED_STORY: "The story was decided on its first report; an amendment does not trade again.",
}
_RISK = {
    Reason.WITHIN_LIMITS: "The order is within every limit.",
    Reason.REDUCES_POSITION: "The order only reduces an open position, which is always allowed.",
    Reason.CUT_TO_POSITION_LIMIT: "The order was cut to what the limit of the position leaves.",
    Reason.CUT_TO_NOTIONAL_LIMIT: "The order was cut to the largest notional of one order.",
    Reason.CUT_TO_EVENT_LIMIT: "The order was cut to what the cap of this type of event leaves.",
    Reason.CUT_TO_LEVERAGE_LIMIT: "The order was cut to what the leverage limit leaves.",
    Reason.CUT_TO_UNKNOWN_LIMIT: "The order was cut to the small share of equity that an unknown direction may risk.",
    Reason.TRADING_HALTED: "Trading was halted.",
    Reason.REDUCING_ONLY: "Only orders that reduce a position were allowed at the time.",
    Reason.STALE_NEWS: "The news was too old when the order was reviewed.",
    Reason.COOL_DOWN: "The symbol had traded a short while before and was cooling down.",
    Reason.DAILY_LOSS_LIMIT: "The loss of the day had reached its limit.",
    Reason.DRAWDOWN_LIMIT: "The fall from the highest equity had reached its limit.",
    Reason.REJECT_RATE: "The venue had refused too large a share of recent orders.",
    Reason.HIGH_LATENCY: "Orders had taken too long to be acknowledged for too long a time.",
    Reason.POSITION_LIMIT: "The position in the instrument was already at its limit.",
    Reason.NOTIONAL_LIMIT: "The notional of the order is above its limit.",
    Reason.EVENT_LIMIT: "The cap of this type of event was used up.",
    Reason.LEVERAGE_LIMIT: "The leverage limit was used up.",
    Reason.OPEN_POSITIONS_LIMIT: "As many positions as allowed were open.",
    Reason.UNKNOWN_DIRECTION_LIVE: "An unknown direction is traded on paper only.",
    Reason.STORY_ALREADY_TRADED: "The playbook had traded this story already.",
    Reason.NOTHING_TO_REDUCE: "There was no open position that the order could reduce.",
    Reason.INVALID_ORDER: "The order contradicts itself or the filters of its instrument.",
}
_ORDERS = {
    Reason.FILLED_IN_FULL: "The order was filled in full.",
    Reason.FILLED_IN_PART: "The order was filled in part.",
    Reason.RESTING: "The order is open at the venue.",
    Reason.AWAITING_QUOTE: "The standing quote was too old to trade at, so the order waits for the next.",
    Reason.NO_LIQUIDITY_WITHIN_LIMIT: "Nothing was on offer within the limit price.",
    Reason.NOT_FILLABLE_IN_FULL: "The order had to be filled whole or not at all, and could not be.",
    Reason.UNDERFILLED: "Too little was filled in the time allowed, and the rest was cancelled.",
    Reason.CANCELLED_BY_USER: "The order was cancelled by hand.",
    Reason.VENUE_REJECTED: "The venue refused the order.",
    Reason.VENUE_UNREACHABLE: "The venue did not answer, so whether it has the order is looked up.",
    Reason.BELOW_VENUE_MINIMUM: "The order was smaller than the venue takes.",
}
_EXITS = {
    Reason.TAKE_PROFIT: "The price reached the take-profit distance.",
    Reason.STOP_LOSS: "The price reached the stop-loss distance.",
    Reason.TRAILING_STOP: "The price fell back from its best by the trailing distance.",
    Reason.TIME_LIMIT: "The position had been held for as long as the playbook allows.",
    Reason.FLATTEN: "All positions were ordered closed.",
    Reason.END_OF_REPLAY: "The recording ended, so what was open was closed.",
}
_STATES = {
    Reason.MANUAL: "A person changed the trading state.",
    Reason.START: "The system started in this state.",
}

SENTENCES: Mapping[Reason, str] = MappingProxyType(_ITEMS | _PASSES | _RISK | _ORDERS | _EXITS | _STATES)


def explain(reason: Reason) -> str:
    """Return the sentence of a reason."""
    return SENTENCES[reason]
