"""Recorded prices and news, and the made market, as a run plays them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from herald.bootstrap.configuration import directory_of, venues_of
from herald.bootstrap.wiring import RECORDED_GROUP, Recording, Wiring
from herald.documents import ConfigurationError, load_document
from herald.ports import Market

if TYPE_CHECKING:
    from herald.market.simulated import SimulatedState


def tape_of(wiring: Wiring) -> Market:
    """Load the recorded bars as quotes of every instrument that has their symbol. Raises ``ConfigurationError``."""
    from herald.market.bars import BarsError, quotes_from_bars
    from herald.market.tape import TapeMarket
    from herald.stores.bar_files import BarFileError, read_bars

    if wiring.recording is None:
        raise RuntimeError("only a replay has a tape")
    venues, instruments, paths = venues_of(wiring), directory_of(wiring).all(), {}
    symbols: set[str] = set()
    for path in wiring.recording.bars:
        try:
            file = read_bars(path)
            priced = [one for one in instruments if one.symbol == file.symbol]
            for one in priced:
                rules = venues.venues[one.venue]
                paths[one.key] = quotes_from_bars(file.bars, rules.half_spread_of(one.symbol), rules.depth_share)
        except (BarFileError, BarsError) as error:
            raise ConfigurationError(str(error)) from error
        if file.symbol in symbols:
            raise ConfigurationError(f"{path}: {file.symbol} is priced by another file too; give one file a symbol")
        symbols.add(file.symbol)
        if not priced:
            raise ConfigurationError(f"{path}: no instrument has the symbol {file.symbol}; add it to instruments.yaml")
    return TapeMarket(paths)


def recorded_span(recording: Recording) -> tuple[datetime, datetime, int]:
    """Return the times of the first and the last recorded item within the bounds, and how many there are."""
    import asyncio

    from herald.sources.recorded import RecordedSource

    source = RecordedSource(RECORDED_GROUP, recording.news, start=recording.begin, end=recording.end)
    asyncio.run(source.open())
    if not source.total:
        raise ConfigurationError(f"{recording.news}: no item between --from and --to; widen the bounds")
    return source.first_at, source.last_at, source.total


def opening_market(wiring: Wiring, now_ns: int) -> SimulatedState:
    """Return the made market of a paper run as it opens."""
    from herald.market.opening import MarketOpening, opening_state

    opening = load_document(wiring.configs / "demo-market.yaml", MarketOpening)
    return opening_state(opening, directory_of(wiring).all(), wiring.market_seed or 0, now_ns)
