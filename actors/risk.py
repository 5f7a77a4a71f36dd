"""The risk actor: the only place that turns an intent into an order that may be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import ray
import structlog
from pydantic import TypeAdapter

from actors.consumption import PROMPTLY, record_topics
from actors.shell import Shell
from herald.bootstrap.adapters import open_bus, open_clock, open_hot, open_market, open_postgres
from herald.bootstrap.configuration import risk_limits
from herald.bootstrap.wiring import Wiring
from herald.market.board import QuoteBoard
from herald.messages import EXECUTIONS_TOPIC, Execution, OrderIntent, Verdict
from herald.ports import Bus, Clock, ClockMark, Delivery, Journal, JournalConflict, JournalEntry, Market, Unavailable
from herald.stores.postgres.journal import PostgresJournal
from herald.stores.postgres.trading_state import TradingStates
from herald.taxonomy import Reason, TradingState
from herald.trading.risk_limits import RiskLimits
from herald.trading.risk_review import automatic_state, review
from herald.trading.risk_state import RiskState, apply_entry

WATCH_PERIOD_S = 1.0
ACCOUNT_PERIOD_S = 0.05
REVIEWED, EXECUTED = "reviewed", "executed"

log = structlog.get_logger()
_verdicts: TypeAdapter[list[Verdict]] = TypeAdapter(list[Verdict])


class Risk:
    """Reviews intents against the limits and keeps the account.

    Guarantees: a verdict is in the journal before it is given; the same event asked for again gets the verdicts that
    stand, whatever has happened since; an execution is applied once. State in memory is always the fold of the
    journal, so a process that takes this one's place knows all that this one knew. A second writer is fenced by the
    journal's sequence: one of the two dies.
    """

    def __init__(
        self, journal: Journal, states: TradingStates, limits: RiskLimits, market: Market, clock: Clock
    ) -> None:
        """Start from an empty account; ``rebuild`` brings it up to the journal."""
        self._journal = journal
        self._states = states
        self._limits = limits
        self._market = market
        self._clock = clock
        self._state = RiskState.opening(limits)
        self._seq = 0
        self._known: dict[str, int] = {}
        self._uncertain = False
        self._one_at_a_time = asyncio.Lock()

    @property
    def state(self) -> RiskState:
        """The account as it stands."""
        return self._state

    async def rebuild(self) -> int:
        """Fold the journal; returns the number of its entries."""
        async with self._one_at_a_time:
            self._uncertain = True
            await self._catch_up()
        return self._seq

    async def review(self, intents: Sequence[OrderIntent], mark: ClockMark | None) -> list[Any]:
        """Give a verdict on each intent of one event, all in one journal entry."""
        self._clock.observe(mark)
        if not intents:
            return []
        key = f"review:{intents[0].event_id}:{intents[0].intent_id}"
        async with self._one_at_a_time:
            await self._catch_up()
            if key in self._known:
                entry = await self._journal.find(key)
                if entry is None:
                    raise RuntimeError(f"the journal lost {key}")
                return _verdicts.validate_python(entry.payload["verdicts"])
            trading = await self._states.current()
            now = self._clock.now()
            self._mark_to_market(now)
            _, verdicts = review(self._state, intents, self._limits, trading, now)
            stamp = self._clock.stamp()
            stamped = [verdict.stamped(approved=stamp) for verdict in verdicts]
            payload = {"verdicts": _verdicts.dump_python(stamped, mode="json")}
            await self._write(JournalEntry(self._seq + 1, key, REVIEWED, now, payload))
        return list(stamped)

    async def executed(self, *executions: Execution) -> int:
        """Apply executions, each once, in one journal append; returns how many were new."""
        async with self._one_at_a_time:
            await self._catch_up()
            entries: dict[str, JournalEntry] = {}
            for execution in executions:
                key = f"execution:{execution.execution_id}"
                if key not in self._known and key not in entries:
                    payload = {"execution": execution.model_dump(mode="json", exclude={"stamps"})}
                    seq = self._seq + 1 + len(entries)
                    entries[key] = JournalEntry(seq, key, EXECUTED, execution.ts_iso, payload)
            if entries:
                await self._write(*entries.values())
        await self.watch()
        return len(entries)

    async def watch(self) -> TradingState | None:
        """Apply the automatic rules, which may only make trading stricter; returns the state, None for no objection."""
        async with self._one_at_a_time:
            now = self._clock.now()
            self._mark_to_market(now)
            verdict = automatic_state(self._state, self._limits, now)
            if verdict is None:
                return None
            state, reason = verdict
            trading = await self._states.current()
            if trading in {TradingState.HALTED, state}:
                return trading
            await self._states.set(state, reason, by="risk", at=now)
            log.error("trading state changed by rule", state=state, reason=reason)
            return state

    async def set_trading_state(self, state: TradingState, reason: Reason, by: str) -> TradingState:
        """Set the trading state by hand."""
        await self._states.set(state, reason, by=by, at=self._clock.now())
        return state

    def _mark_to_market(self, now: datetime) -> None:
        for key in self._state.positions:
            if (quote := self._market.quote(key, now)) is not None:
                self._state = self._state.marked(key, Decimal(str(quote.mid)))

    async def _catch_up(self) -> None:
        """Read on in the journal where it is not known whether the last append took effect."""
        if self._uncertain:
            for entry in await self._journal.load(self._seq):
                self._take(entry)
            self._uncertain = False

    async def _write(self, *entries: JournalEntry) -> None:
        try:
            await self._journal.append(entries)
        except JournalConflict:
            raise
        except BaseException:
            self._uncertain = True
            raise
        for entry in entries:
            self._take(entry)

    def _take(self, entry: JournalEntry) -> None:
        self._state = apply_entry(self._state, entry)
        self._seq = entry.seq
        self._known[entry.key] = entry.seq


class RiskShell(Shell):
    """Owns the journal's only writer."""

    def __init__(self, wiring: Wiring) -> None:
        """Begin with the addresses and files of ``wiring``."""
        self._wiring = wiring
        self._account_changed = asyncio.Event()
        super().__init__("risk")

    async def review(self, intents: Sequence[OrderIntent], mark: ClockMark | None) -> list[Any]:
        """See ``Risk.review``."""
        await self.ready()
        try:
            return await self._risk.review(intents, mark)
        except JournalConflict as error:
            self._break("review", error)
            raise

    async def on_time(self, mark: ClockMark | None) -> TradingState | None:
        """Apply the automatic rules at the mark's time."""
        await self.ready()
        self._clock.observe(mark)
        return await self._risk.watch()

    async def account(self) -> dict[str, Any]:
        """Return equity, positions and limits in use, for people."""
        await self.ready()
        return self._risk.state.summary()

    async def equity_usd(self) -> Decimal:
        """Return the account's equity in USD."""
        await self.ready()
        return self._risk.state.equity_usd

    async def _begin(self) -> None:
        self._clock = open_clock(self._wiring)
        self._postgres = await open_postgres(self._wiring)
        self._hot = await open_hot(self._wiring)
        self._bus: Bus = await open_bus(self._wiring)
        self._market = open_market(self._wiring)
        self._risk = Risk(
            PostgresJournal(self._postgres),
            TradingStates(self._postgres),
            risk_limits(self._wiring),
            self._market,
            self._clock,
        )
        entries = await self._risk.rebuild()
        log.info("risk state rebuilt", entries=entries)
        await self._publish_account()
        self._keep(
            record_topics(self._bus, [EXECUTIONS_TOPIC], "risk", self._executed, self._clock, policy=PROMPTLY),
            "risk executions",
        )
        if isinstance(self._market, QuoteBoard):
            self._keep(self._hot.follow_quotes(self._market.put), "quotes")
            self._keep(self._watch(), "risk rules")
            self._keep(self._publish_accounts(), "account")

    async def _executed(self, deliveries: Sequence[Delivery]) -> None:
        await self._risk.executed(*(Execution.from_wire(delivery.value) for delivery in deliveries))
        if isinstance(self._market, QuoteBoard):
            self._account_changed.set()
        else:
            await self._publish_account()  # before the next step of the replay, which is sized by it

    async def _publish_account(self) -> None:
        await self._hot.put_account(self._risk.state.summary())

    async def _publish_accounts(self) -> None:
        """Publish the account soon after it changed, once for the changes that come together."""
        while True:
            await self._account_changed.wait()
            self._account_changed.clear()
            try:
                await self._publish_account()
            except Unavailable as error:
                log.warning("account not published", cause=str(error))
                self._account_changed.set()
            await asyncio.sleep(ACCOUNT_PERIOD_S)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_PERIOD_S)
            await self._risk.watch()

    async def _end(self) -> None:
        await self._bus.close()
        await self._hot.close()
        await self._postgres.close()

    def _detail(self) -> dict[str, Any]:
        return {"equity_usd": str(self._risk.state.equity_usd)}


RemoteRisk = ray.remote(max_restarts=-1, num_cpus=0)(RiskShell)
