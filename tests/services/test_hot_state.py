"""Hot state in Redis: what was put is found, quotes reach their followers, also over a restart."""

from __future__ import annotations

import asyncio
import os
import signal as signals
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from herald.messages import Signal
from herald.ports import Quote, Unavailable
from herald.stores.embedded.redis_server import RedisServer
from herald.stores.hot import HotState
from herald.taxonomy import Direction, EventType

pytestmark = pytest.mark.services

QUOTE = Quote(1_772_366_400_123_456_789, 60000.1, 60000.2, 1.5, 2.5)
_prefixes = count()


@pytest.fixture
async def hot(redis_server: RedisServer) -> AsyncIterator[HotState]:
    state = HotState(redis_server.url, prefix=f"test-{next(_prefixes)}")
    yield state
    await state.close()


async def end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_was_never_put_is_not_known(hot: HotState) -> None:
    assert await hot.account() is None
    assert await hot.equity_usd() is None
    assert await hot.trade_mark("t") is None
    assert await hot.cached_signal("e") is None
    assert await hot.positions() == {}
    assert await hot.last_quotes() == {}
    assert await hot.cool_down_left_s("BTC") == 0


async def test_account_and_positions_keep_their_decimals(hot: HotState) -> None:
    await hot.put_account({"equity_usd": Decimal("100000.10"), "day": 1})
    await hot.put_positions({"paper:BTC": Decimal("-0.50")})
    assert await hot.equity_usd() == Decimal("100000.10")
    assert await hot.positions() == {"paper:BTC": Decimal("-0.50")}
    await hot.put_positions({})
    assert await hot.positions() == {}


async def test_the_models_that_serve_are_what_was_put_last(hot: HotState) -> None:
    assert await hot.models() == {}
    await hot.put_models({"champion": "v1-a", "challenger": "v2-b"})
    assert await hot.models() == {"champion": "v1-a", "challenger": "v2-b"}
    await hot.put_models({"champion": "v2-b"})
    assert await hot.models() == {"champion": "v2-b"}, "a part that nobody plays any more is gone"
    await hot.put_models({})
    assert await hot.models() == {}


async def test_a_cool_down_ends_by_itself(hot: HotState) -> None:
    await hot.start_cool_down("BTC", 120)
    assert 119 < await hot.cool_down_left_s("BTC") <= 120
    await hot.start_cool_down("BTC", 0.02)
    async with asyncio.timeout(5):
        while await hot.cool_down_left_s("BTC"):
            pass


async def test_the_mark_of_a_trade_is_kept_until_it_is_forgotten(hot: HotState) -> None:
    await hot.mark_trade("t", {"peak": 60000.1, "cursor_ns": QUOTE.at_ns})
    assert await hot.trade_mark("t") == {"peak": 60000.1, "cursor_ns": QUOTE.at_ns}
    await hot.forget_trade("t")
    assert await hot.trade_mark("t") is None


async def test_a_signal_is_cached_whole(hot: HotState) -> None:
    signal = Signal(
        event_id="e1",
        idempotency_key="e1",
        story_id="e1",
        ts_iso=datetime(2026, 3, 1, tzinfo=UTC),
        source="wire",
        headline="h",
        event_type=EventType.HACK,
        severity=1,
        direction=Direction.BEAR,
        confidence=1,
    )
    await hot.cache_signal(signal)
    assert await hot.cached_signal("e1") == signal


async def test_a_follower_begins_with_the_last_quotes_and_hears_the_next(hot: HotState) -> None:
    heard: asyncio.Queue[tuple[str, Quote]] = asyncio.Queue()
    await hot.publish_quotes({"paper:BTC": QUOTE, "paper:ETH": replace(QUOTE, bid=3000.0)})

    async def take(key: str, quote: Quote) -> None:
        await heard.put((key, quote))

    following = asyncio.create_task(hot.follow_quotes(take))
    async with asyncio.timeout(10):
        assert {await heard.get(), await heard.get()} == {
            ("paper:BTC", QUOTE),
            ("paper:ETH", replace(QUOTE, bid=3000.0)),
        }
        later = replace(QUOTE, at_ns=QUOTE.at_ns + 1)
        await hot.publish_quote("paper:BTC", later)
        assert await heard.get() == ("paper:BTC", later)
    assert (await hot.last_quotes())["paper:BTC"] == later
    await end(following)


async def test_followers_outlast_a_restart_of_the_server(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    await server.start()
    hot, heard = HotState(server.url), asyncio.Queue[str]()
    following = asyncio.create_task(hot.follow_notices(lambda what, detail: heard.put_nowait(what)))
    async with asyncio.timeout(20):
        assert await heard.get() == "connected"
        assert server.pid is not None
        os.kill(server.pid, signals.SIGKILL)
        await server.until_dead(0.01)
        await server.start()
        assert await heard.get() == "connected"
        await hot.announce("trading state changed", state="HALTED")
        assert await heard.get() == "trading state changed"
    await end(following)
    await hot.close()
    await server.stop()


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    hot = HotState(f"unix://{tmp_path}/none.sock")
    with pytest.raises(Unavailable, match="Redis cannot be reached"):
        await hot.equity_usd()
    await hot.close()
