"""Market data: quotes for everyone, from the made market of demonstrations."""

from __future__ import annotations

import asyncio
from typing import Any

import ray
import structlog

from actors.shell import Shell
from herald.bootstrap.adapters import open_clock, open_hot
from herald.bootstrap.configuration import directory_of
from herald.bootstrap.recordings import opening_market
from herald.bootstrap.wiring import Wiring
from herald.market.simulated import Shock, step
from herald.nanoseconds import to_ns
from herald.ports import Unavailable
from herald.taxonomy import Direction

PERIOD_S = 0.2
SHOCKS_MAX = 1_000

log = structlog.get_logger()


class MarketDataShell(Shell):
    """Owns the market of a paper run and publishes its quotes.

    Guarantees: none over a crash but freshness: a market that died begins anew from its opening prices, readers hold
    the last quotes meanwhile and stop trading on them once they are stale.
    """

    def __init__(self, wiring: Wiring) -> None:
        """Begin with the addresses and files of ``wiring``."""
        self._wiring = wiring
        self._shocks: list[Shock] = []
        self._steps = 0
        super().__init__("market-data")

    async def react(self, asset: str, direction: Direction, severity: float) -> None:
        """Let the made market hear a piece of news."""
        await self.ready()
        if len(self._shocks) < SHOCKS_MAX:
            self._shocks.extend(
                Shock(instrument.key, direction, severity) for instrument in self._directory.resolve(asset)[:1]
            )

    async def _begin(self) -> None:
        self._clock = open_clock(self._wiring)
        self._directory = directory_of(self._wiring)
        self._hot = await open_hot(self._wiring)
        self._market = opening_market(self._wiring, to_ns(self._clock.now()))
        await self._publish()
        self._keep(self._quote_forever(), "quotes")

    async def _quote_forever(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_S)
            try:
                await self._publish()
            except Unavailable as error:
                log.warning("quotes not published", cause=str(error))

    async def _publish(self) -> None:
        shocks, self._shocks = self._shocks, []
        elapsed_ns = to_ns(self._clock.now()) - self._market.at_ns
        self._market, quotes = step(self._market, elapsed_ns, shocks)
        await self._hot.publish_quotes(quotes)
        self._steps += 1

    async def _end(self) -> None:
        await self._hot.close()

    def _detail(self) -> dict[str, Any]:
        return {"steps": self._steps, "instruments": len(self._market.assets)}


RemoteMarketData = ray.remote(max_restarts=-1, num_cpus=0)(MarketDataShell)
