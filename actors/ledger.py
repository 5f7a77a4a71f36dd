"""The ledger: everything that happened, kept where people and later learning look for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import ray
import structlog
from pydantic import TypeAdapter

from actors.consumption import IN_BULK, record_topics
from actors.shell import Shell
from herald.bootstrap.adapters import open_analytics, open_bus, open_clock, open_hot, open_postgres
from herald.bootstrap.wiring import Wiring
from herald.messages import (
    COMPARISONS_TOPIC,
    DEAD_LETTERS_TOPIC,
    DECISIONS_TOPIC,
    EXECUTIONS_TOPIC,
    ITEMS_TOPIC,
    SIGNALS_TOPIC,
    TOPICS,
    DeadLetter,
    Decision,
    Execution,
    ItemFate,
    Message,
    Signal,
)
from herald.news.comparison import ModelComparison
from herald.ports import Delivery, Quote, Unavailable
from herald.stores.clickhouse import Analytics
from herald.stores.postgres.ledger import Ledger

FLUSH_PERIOD_S = 1.0
WAITING_MAX = 20_000

log = structlog.get_logger()
_decision: TypeAdapter[Any] = TypeAdapter(Decision)


def parse(topic: str, payload: bytes) -> Message:
    """Decode a message by its topic."""
    models: dict[str, type[Message]] = {
        SIGNALS_TOPIC: Signal,
        ITEMS_TOPIC: ItemFate,
        EXECUTIONS_TOPIC: Execution,
        COMPARISONS_TOPIC: ModelComparison,
        DEAD_LETTERS_TOPIC: DeadLetter,
    }
    if topic == DECISIONS_TOPIC:
        decided: Message = _decision.validate_json(payload)
        return decided
    return models[topic].from_wire(payload)


class LedgerShell(Shell):
    """Owns the analytical store, which admits one process, and writes the documents of PostgreSQL.

    Guarantees: a message is acknowledged after PostgreSQL has it; every write is an upsert by a derived id, so a
    repetition changes nothing. ClickHouse receives signals, executions and latencies behind it, in batches; after a
    crash the last batch may be missing there and is written again from PostgreSQL when the ledger begins.
    """

    def __init__(self, wiring: Wiring) -> None:
        """Begin with the addresses and files of ``wiring``."""
        self._wiring = wiring
        self._waiting: list[Message] = []
        self._quotes: list[tuple[str, Quote]] = []
        self._written = 0
        super().__init__("ledger")

    async def latency(self) -> list[dict[str, Any]]:
        """Return p50, p95 and p99 in ms for each stage of the running system."""
        await self.ready()
        await self._flush()
        return await self._analytics.stage_latency()

    async def _begin(self) -> None:
        self._clock = open_clock(self._wiring)
        self._postgres = await open_postgres(self._wiring)
        self._hot = await open_hot(self._wiring)
        self._bus = await open_bus(self._wiring)
        self._ledger = Ledger(self._postgres)
        self._analytics: Analytics = await open_analytics(self._wiring)
        self._keep(record_topics(self._bus, TOPICS, "ledger", self._store, self._clock, policy=IN_BULK), "ledger")
        if not self._wiring.is_replay:
            self._keep(self._hot.follow_quotes(self._quoted), "quotes")
        self._keep(self._flush_forever(), "flush")

    async def _store(self, deliveries: Sequence[Delivery]) -> None:
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable("the analytical store is behind; the ledger waits for it")
        messages = [parse(delivery.topic, delivery.value) for delivery in deliveries]
        await self._ledger.store(*messages)
        self._written += len(messages)
        self._waiting.extend(message for message in messages if isinstance(message, Signal | Execution))

    async def _quoted(self, key: str, quote: Quote) -> None:
        if len(self._quotes) < WAITING_MAX:
            self._quotes.append((key, quote))

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_PERIOD_S)
            await self._flush()

    async def _flush(self) -> None:
        messages, self._waiting = self._waiting, []
        quotes, self._quotes = self._quotes, []
        if messages:
            await self._analytics.insert(messages)
        if quotes:
            await self._analytics.insert_quotes(quotes)

    async def _end(self) -> None:
        await self._flush()
        await self._analytics.close()
        await self._bus.close()
        await self._hot.close()
        await self._postgres.close()

    def _detail(self) -> dict[str, Any]:
        return {"written": self._written, "waiting": len(self._waiting)}


RemoteLedger = ray.remote(max_restarts=-1, num_cpus=0)(LedgerShell)
