"""Killing processes of a running Herald, to show that nothing is lost by it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Sequence

import structlog

from actors.peers import Peer
from herald.ports import Unavailable

CALM_S = (0.5, 2.5)
"""Shortest and longest pause between two kills."""

log = structlog.get_logger()


class Chaos:
    """Sends SIGKILL to actors and servers at random moments, each in turn so that all are hit."""

    def __init__(
        self, actors: Sequence[str], servers: Callable[[], dict[str, int]], dice: random.Random, kills: int
    ) -> None:
        """Aim at these actors, and at the servers whose pids ``servers`` returns at the time."""
        self._actors = tuple(actors)
        self._servers = servers
        self._dice = dice
        self._kills = kills
        self.killed: list[str] = []

    async def run(self) -> None:
        """Kill ``kills`` times; a target that is just being restarted is skipped for the next."""
        targets: list[str] = []
        while len(self.killed) < self._kills:
            await asyncio.sleep(self._dice.uniform(*CALM_S))
            if not targets:
                targets = [*self._actors, *sorted(self._servers())]
                self._dice.shuffle(targets)
            target = targets.pop()
            pid = await self._pid_of(target)
            if pid is None:
                continue
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.killed.append(target)
            log.warning("killed", target=target, pid=pid, kill=len(self.killed))

    async def _pid_of(self, target: str) -> int | None:
        servers = self._servers()
        if target in servers:
            return servers[target]
        try:
            health = await Peer(target).call("health", timeout_s=2.0)
        except Unavailable:
            return None
        return int(health.pid)
