"""The words of the domain: event types, directions, sectors, reasons and stages.

Everything else in Herald is written in these words. The module imports nothing of Herald.
"""

from __future__ import annotations

from enum import StrEnum

TAXONOMY_VERSION = "1.1"


class EventType(StrEnum):
    """The event that would move a price; where two fit, the one declared first wins."""

    LISTING = "LISTING"
    DELIST = "DELIST"
    HACK = "HACK"
    INSOLVENCY = "INSOLVENCY"
    OUTAGE = "OUTAGE"
    DEPEG = "DEPEG"
    ETF = "ETF"
    SEC_ACTION = "SEC_ACTION"
    FED_SPEECH = "FED_SPEECH"
    MACRO_DATA = "MACRO_DATA"
    REGULATION = "REGULATION"
    GEOPOLITICAL = "GEOPOLITICAL"
    TREASURY = "TREASURY"
    WHALE_FLOW = "WHALE_FLOW"
    LIQUIDATION = "LIQUIDATION"
    TOKENOMICS = "TOKENOMICS"
    NETWORK_UPGRADE = "NETWORK_UPGRADE"
    STABLECOIN = "STABLECOIN"
    PARTNERSHIP = "PARTNERSHIP"
    FUNDING_MNA = "FUNDING_MNA"
    EARNINGS_CORPORATE = "EARNINGS_CORPORATE"
    POLITICAL_POST = "POLITICAL_POST"
    PROMOTION = "PROMOTION"
    MARKET_COMMENTARY = "MARKET_COMMENTARY"
    OTHER = "OTHER"


class Direction(StrEnum):
    """Expected effect on the primary entity's price over the next hour, from the news alone."""

    BULL = "BULL"
    BEAR = "BEAR"
    UNKNOWN = "UNKNOWN"

    @property
    def opposite(self) -> Direction:
        """The contrary effect; that of UNKNOWN is as unknown."""
        return _CONTRARY[self]


_CONTRARY = {
    Direction.BULL: Direction.BEAR,
    Direction.BEAR: Direction.BULL,
    Direction.UNKNOWN: Direction.UNKNOWN,
}


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        """The side that closes what this side opened."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """How the price of an order is chosen."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"


class TimeInForce(StrEnum):
    """How long an order may rest: good till cancelled, immediate or cancel, fill or kill."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class OrderStatus(StrEnum):
    """Life of an order. IN_DOUBT: sent, and the answer is not known."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    IN_DOUBT = "IN_DOUBT"

    @property
    def is_final(self) -> bool:
        """True where no further fill can come."""
        return self in _FINAL


_FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED})


class Leg(StrEnum):
    """What an order does for its trade."""

    ENTRY = "ENTRY"
    HEDGE = "HEDGE"
    EXIT = "EXIT"


class MarketKind(StrEnum):
    """Spot, or a perpetual future."""

    SPOT = "spot"
    PERP = "perp"


class TradingState(StrEnum):
    """ACTIVE trades; REDUCING only closes; HALTED sends nothing but exits of open positions."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class Fate(StrEnum):
    """What became of one news item."""

    SIGNAL = "signal"
    DUPLICATE = "duplicate"
    MERGED = "merged"
    NO_SIGNAL = "no_signal"
    DEAD_LETTER = "dead_letter"


class Stage(StrEnum):
    """The stamps of a message, in the order in which they are set."""

    PUBLISHED = "published"
    RECEIVED = "received"
    NORMALISED = "normalised"
    CLASSIFIED = "classified"
    SIGNALLED = "signalled"
    DECIDED = "decided"
    APPROVED = "approved"
    SUBMITTED = "submitted"
    ACKNOWLEDGED = "acknowledged"
    FILLED = "filled"


class Reason(StrEnum):
    """Why Herald did, or did not do, a thing. Every decision carries one."""

    # An item that became a signal, or did not.
    RULE_MATCHED = "RULE_MATCHED"
    MODEL_CLASSIFIED = "MODEL_CLASSIFIED"
    EXACT_DUPLICATE = "EXACT_DUPLICATE"
    SAME_STORY = "SAME_STORY"
    STORY_CORRECTED = "STORY_CORRECTED"
    NO_RULE_MATCHED = "NO_RULE_MATCHED"
    NOT_TRADABLE = "NOT_TRADABLE"
    COMMENTARY = "COMMENTARY"
    PROMOTIONAL = "PROMOTIONAL"
    EMPTY_HEADLINE = "EMPTY_HEADLINE"
    TOO_OLD = "TOO_OLD"
    MALFORMED = "MALFORMED"

    # A signal that became no order intent.
    NO_PLAYBOOK = "NO_PLAYBOOK"
    DIRECTION_NOT_PLAYED = "DIRECTION_NOT_PLAYED"
    BELOW_MIN_SEVERITY = "BELOW_MIN_SEVERITY"
    BELOW_MIN_CONFIDENCE = "BELOW_MIN_CONFIDENCE"
    NO_INSTRUMENT = "NO_INSTRUMENT"
    NO_QUOTE = "NO_QUOTE"
    STALE_QUOTE = "STALE_QUOTE"
    SIZE_BELOW_MINIMUM = "SIZE_BELOW_MINIMUM"
    AMENDMENT_OF_TRADED_STORY = "AMENDMENT_OF_TRADED_STORY"
    UNKNOWN_ASSET = "UNKNOWN_ASSET"
    AMBIGUOUS_NAME = "AMBIGUOUS_NAME"
    NOT_AN_ASSET = "NOT_AN_ASSET"
    STABLE_NOT_TRADED = "STABLE_NOT_TRADED"

    # Risk: approved, cut or refused.
    WITHIN_LIMITS = "WITHIN_LIMITS"
    REDUCES_POSITION = "REDUCES_POSITION"
    CUT_TO_POSITION_LIMIT = "CUT_TO_POSITION_LIMIT"
    CUT_TO_NOTIONAL_LIMIT = "CUT_TO_NOTIONAL_LIMIT"
    CUT_TO_EVENT_LIMIT = "CUT_TO_EVENT_LIMIT"
    CUT_TO_LEVERAGE_LIMIT = "CUT_TO_LEVERAGE_LIMIT"
    CUT_TO_UNKNOWN_LIMIT = "CUT_TO_UNKNOWN_LIMIT"
    TRADING_HALTED = "TRADING_HALTED"
    REDUCING_ONLY = "REDUCING_ONLY"
    STALE_NEWS = "STALE_NEWS"
    COOL_DOWN = "COOL_DOWN"
    DAILY_LOSS_LIMIT = "DAILY_LOSS_LIMIT"
    DRAWDOWN_LIMIT = "DRAWDOWN_LIMIT"
    REJECT_RATE = "REJECT_RATE"
    HIGH_LATENCY = "HIGH_LATENCY"
    POSITION_LIMIT = "POSITION_LIMIT"
    NOTIONAL_LIMIT = "NOTIONAL_LIMIT"
    EVENT_LIMIT = "EVENT_LIMIT"
    LEVERAGE_LIMIT = "LEVERAGE_LIMIT"
    OPEN_POSITIONS_LIMIT = "OPEN_POSITIONS_LIMIT"
    UNKNOWN_DIRECTION_LIVE = "UNKNOWN_DIRECTION_LIVE"
    STORY_ALREADY_TRADED = "STORY_ALREADY_TRADED"
    NOTHING_TO_REDUCE = "NOTHING_TO_REDUCE"
    INVALID_ORDER = "INVALID_ORDER"

    # What an order came to.
    FILLED_IN_FULL = "FILLED_IN_FULL"
    FILLED_IN_PART = "FILLED_IN_PART"
    RESTING = "RESTING"
    AWAITING_QUOTE = "AWAITING_QUOTE"
    NO_LIQUIDITY_WITHIN_LIMIT = "NO_LIQUIDITY_WITHIN_LIMIT"
    NOT_FILLABLE_IN_FULL = "NOT_FILLABLE_IN_FULL"
    UNDERFILLED = "UNDERFILLED"
    CANCELLED_BY_USER = "CANCELLED_BY_USER"
    VENUE_REJECTED = "VENUE_REJECTED"
    VENUE_UNREACHABLE = "VENUE_UNREACHABLE"
    BELOW_VENUE_MINIMUM = "BELOW_VENUE_MINIMUM"

    # Why a position was closed.
    TAKE_PROFIT = "TAKE_PROFIT"
    STOP_LOSS = "STOP_LOSS"
    TRAILING_STOP = "TRAILING_STOP"
    TIME_LIMIT = "TIME_LIMIT"
    FLATTEN = "FLATTEN"
    END_OF_REPLAY = "END_OF_REPLAY"

    # Why the trading state changed.
    MANUAL = "MANUAL"
    START = "START"
