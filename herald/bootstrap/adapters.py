"""Which adapter stands behind each port, for the profile and the mode of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from herald.bootstrap.configuration import directory_of, venues_of
from herald.bootstrap.recordings import tape_of
from herald.bootstrap.wiring import Wiring
from herald.clocks import SimulatedClock, WallClock
from herald.ports import Bus, Clock, Market, Venue

if TYPE_CHECKING:
    from herald.news.matching import Same
    from herald.news.stories import CorrelationPolicy
    from herald.stores.clickhouse import Analytics
    from herald.stores.hot import HotState
    from herald.stores.postgres.connection import Postgres

log = structlog.get_logger()


def open_clock(wiring: Wiring) -> Clock:
    """Return the wall clock, or the clock of a replay."""
    return SimulatedClock() if wiring.is_replay else WallClock()


async def open_postgres(wiring: Wiring) -> Postgres:
    """Open a pool of connections to PostgreSQL."""
    from herald.stores.postgres.connection import Postgres

    postgres = Postgres(wiring.addresses.postgres_url)
    await postgres.open()
    return postgres


async def open_hot(wiring: Wiring) -> HotState:
    """Open the hot state in Redis."""
    from herald.stores.hot import HotState

    return HotState(wiring.addresses.redis_url)


async def open_bus(wiring: Wiring) -> Bus:
    """Open the bus of the settings."""
    from herald.bus.opening import open_bus as opened
    from herald.bus.prefixed import PrefixedBus

    bus = await opened(wiring.settings.bus, redis_url=wiring.addresses.redis_url, kafka=wiring.addresses.kafka or None)
    return PrefixedBus(bus, wiring.topic_prefix) if wiring.topic_prefix else bus


async def open_analytics(wiring: Wiring) -> Analytics:
    """Open the analytical store; one process only where it is embedded."""
    from herald.stores.clickhouse import Analytics

    analytics = Analytics(wiring.addresses.clickhouse_dsn)
    await analytics.open()
    return analytics


def open_meaning(policy: CorrelationPolicy) -> Same | None:
    """Load what tells stories by their meaning, in about a second.

    None, so that words alone decide, where its encoder is not installed.
    """
    from herald.inference.meaning import open_meaning as opened
    from herald.inference.pretrained import EncoderNotFoundError

    try:
        return opened(policy.stories_max * policy.gists_max)
    except EncoderNotFoundError as error:
        log.warning("stories are told apart by words alone", cause=str(error))
        return None


def open_market(wiring: Wiring) -> Market:
    """Return the market as this process sees it: the tape, or a board on which the live quotes are put."""
    from herald.market.board import QuoteBoard

    if wiring.is_replay:
        return tape_of(wiring)
    return QuoteBoard()


async def open_venue(wiring: Wiring, name: str, market: Market, postgres: Postgres) -> Venue:
    """Open a venue."""
    from herald.stores.postgres.paper_record import PostgresOrderRecord
    from herald.venues.paper import PaperVenue

    rules = venues_of(wiring).venues[name]
    return PaperVenue(name, market, PostgresOrderRecord(postgres, name), rules, directory_of(wiring))
