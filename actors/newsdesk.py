"""The demonstration's news: a local news server, and a market that hears the truth behind each headline."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import structlog

from actors.peers import MARKET_DATA, Peer
from herald.ports import Unavailable
from herald.sources.newsroom import Newsroom, Published
from herald.sources.press import Rhythm, openings
from herald.tasks import end_tasks

REACTION_S = (0.3, 2.0)
"""How long after a headline the made market moves."""

log = structlog.get_logger()


class NewsDesk:
    """Runs the news server in this process and tells the made market what each headline is worth."""

    def __init__(self, seed: int, rate: float) -> None:
        """Serve stories made from ``seed``, ``rate`` a second on average."""
        self._dice = random.Random(seed)  # noqa: S311 - a made market keeps no secret
        self._market = Peer(MARKET_DATA)
        self._reactions: set[asyncio.Task[None]] = set()
        rhythm = Rhythm(stories_per_min=60.0 * rate)
        self._newsroom = Newsroom(seed=seed, rhythm=rhythm, on_published=self._hear)
        self.seed = seed

    async def start(self) -> tuple[str, int]:
        """Open the server; before ``begin`` each desk shows one headline of no news. Returns host and port."""
        await self._newsroom.start()
        for report in openings():
            await self._newsroom.publish(report)
        return self._newsroom.host, self._newsroom.port

    def begin(self) -> None:
        """Let the headlines come."""
        self._newsroom.begin()

    async def close(self) -> None:
        """Stop the server and forget reactions to come."""
        await end_tasks(*self._reactions)
        await self._newsroom.close()

    def _hear(self, published: Published) -> None:
        if published.report.severity == 0.0:
            return
        reaction = asyncio.get_running_loop().create_task(self._react(published, self._dice.uniform(*REACTION_S)))
        self._reactions.add(reaction)
        reaction.add_done_callback(self._reactions.discard)

    async def _react(self, published: Published, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        with suppress(Unavailable):  # a market that is just being restarted misses a headline, as markets do
            report = published.report
            await self._market.call("react", report.asset, report.direction, report.severity)

    def wiring(self, address: tuple[str, int]) -> dict[str, Any]:
        """Return what the wiring of a run on this news differs by."""
        return {"sources_file": "demo-sources.yaml", "news_server": address, "market_seed": self.seed}
