"""How much: the size of a position from equity, severity and liquidity."""

from __future__ import annotations

from decimal import Decimal

from herald.market.quotes import Quote
from herald.taxonomy import Direction, EventType
from herald.trading.costs import half_spread_bps
from herald.trading.playbooks import Liquidity, Playbook, PlaybookBook
from herald.trading.rounding import decimal_of


def liquidity_score(quote: Quote, liquidity: Liquidity) -> float:
    """Score how easily a quote is traded, from 0 to 1.

    score = depth / (depth + depth_half_usd) x 1 / (1 + spread / spread_half_bps), where depth is the smaller side of
    the top of the book in USD and spread is from bid to ask in basis points of the mid.
    """
    depth = min(quote.bid * quote.bid_size, quote.ask * quote.ask_size)
    spread = 2.0 * half_spread_bps(quote.bid, quote.ask)
    return depth / (depth + float(liquidity.depth_half_usd)) / (1.0 + spread / liquidity.spread_half_bps)


def position_usd(
    *,
    playbook: Playbook,
    book: PlaybookBook,
    event_type: EventType,
    direction: Direction,
    severity: float,
    liquidity: float,
    equity_usd: Decimal,
    weight: float = 1.0,
) -> Decimal:
    """Return the notional to trade, in USD.

    size = min(equity x r, cap of the event, k x severity x liquidity), then times the playbook's learned weight, never
    above the first two; an UNKNOWN direction at most ``unknown_share`` of the equity.
    """
    share_usd = equity_usd * decimal_of(playbook.size.equity_share)
    cap_usd = book.notional_caps_usd[event_type]
    wanted_usd = playbook.size.k_usd * decimal_of(severity) * decimal_of(liquidity)
    size = min(share_usd, cap_usd, min(share_usd, cap_usd, wanted_usd) * decimal_of(weight))
    if direction is Direction.UNKNOWN:
        size = min(size, equity_usd * decimal_of(playbook.size.unknown_share))
    return max(size, Decimal(0))
