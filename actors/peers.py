"""Calls from one actor to another, by name, with Ray's failures translated to the errors of the ports."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from herald.logs import first_line
from herald.messages import ApprovedOrder, Execution, NewsItem, OrderIntent, Signal
from herald.news.reading import Reading
from herald.ports import ClockMark, PortError, Unavailable

NAMESPACE = "herald"
CALL_TIMEOUT_S = 30.0

COLLECTOR, CORRELATOR, TRADER, RISK, ROUTER = "collector", "correlator", "trader", "risk", "router"
MARKET_DATA, LEDGER, SUPERVISOR, MODELS = "market-data", "ledger", "supervisor", "models"


class Peer:
    """An actor that may die and come back. A failed call raises ``Unavailable``: every method may be repeated."""

    def __init__(self, name: str) -> None:
        """Remember the name; the actor is looked up at the first call."""
        self.name = name
        self._handle: ActorHandle[Any] | None = None

    async def call(self, method: str, *args: Any, timeout_s: float = CALL_TIMEOUT_S) -> Any:
        """Call a method and wait for its answer."""
        try:
            if self._handle is None:
                self._handle = ray.get_actor(self.name, namespace=NAMESPACE)
            reference = getattr(self._handle, method).remote(*args)
            return await asyncio.wait_for(reference, timeout_s)
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, PortError):
                raise cause from error
            raise
        except (RayActorError, GetTimeoutError, TimeoutError) as error:
            raise Unavailable(f"{self.name}.{method}: {type(error).__name__}: {first_line(error)}") from error
        except ValueError as error:
            self._handle = None
            raise Unavailable(f"{self.name} is not running: {first_line(error)}") from error


class RiskPeer(Peer):
    """The risk actor, as the Trader sees it."""

    def __init__(self) -> None:
        """Address the one risk actor."""
        super().__init__(RISK)

    async def review(self, intents: Sequence[OrderIntent], mark: ClockMark | None) -> list[Any]:
        """Ask for a verdict on each intent of one event."""
        verdicts: list[Any] = await self.call("review", list(intents), mark)
        return verdicts

    async def equity_usd(self) -> Any:
        """Return the account's equity."""
        return await self.call("equity_usd")


class RouterPeers:
    """The routers, one actor a venue, as the Trader sees them."""

    def __init__(self) -> None:
        """Look each router up when it is first needed."""
        self._routers: dict[str, Peer] = {}

    async def submit(self, order: ApprovedOrder, mark: ClockMark | None) -> Execution:
        """Have the order's venue execute it."""
        venue = order.intent.instrument.venue
        router = self._routers.setdefault(venue, Peer(f"{ROUTER}-{venue}"))
        execution: Execution = await router.call("submit", order, mark)
        return execution


class CorrelatorPeer(Peer):
    """The correlator, as a collector sees it."""

    def __init__(self) -> None:
        """Address the one correlator."""
        super().__init__(CORRELATOR)

    async def take(self, read: Sequence[tuple[NewsItem, Reading]], mark: ClockMark | None) -> list[Signal]:
        """Hand over items; on return what they became is durable on the bus."""
        signals: list[Signal] = await self.call("take", list(read), mark)
        return signals
