"""The trader: from a signal to order intents, and from an open trade to its exit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, Protocol

import ray
import structlog

from actors.consumption import SIDE_BY_SIDE, consume_topic
from actors.peers import RiskPeer, RouterPeers
from actors.shell import Shell
from herald.bootstrap.adapters import open_bus, open_clock, open_hot, open_market, open_postgres
from herald.bootstrap.configuration import directory_of, playbooks_of, quote_stale_ms
from herald.bootstrap.wiring import Wiring
from herald.market.board import QuoteBoard
from herald.messages import (
    DECISIONS_TOPIC,
    EXECUTIONS_TOPIC,
    SIGNALS_TOPIC,
    ApprovedOrder,
    Execution,
    OrderIntent,
    Passed,
    Signal,
)
from herald.ports import Bus, Clock, ClockMark, Delivery, InstrumentDirectory, Market, Outgoing, Unavailable
from herald.stores.hot import HotState
from herald.stores.postgres.orders import OrderJournal
from herald.taxonomy import Leg, Reason
from herald.trading.corrected import STORIES_MAX, CorrectedStories, answer_to
from herald.trading.decide import decide
from herald.trading.kernels import warm_up
from herald.trading.playbooks import PlaybookBook
from herald.trading.trades import OpenTrade, advance_trade, exit_due, exit_intent, opened, with_execution

EXIT_PERIOD_S = 0.1
PEAK_STEP_BPS = 1.0
SUBMIT_ATTEMPTS = 20
SUBMIT_PAUSE_S = 0.5

log = structlog.get_logger()


class RiskDesk(Protocol):
    """Who allows orders."""

    async def review(self, intents: Sequence[OrderIntent], mark: ClockMark | None) -> list[Any]:
        """Give a verdict on each intent of one event."""


class OrderDesk(Protocol):
    """Who sends orders."""

    async def submit(self, order: ApprovedOrder, mark: ClockMark | None) -> Execution:
        """Send an order once."""


class Trader:
    """Decides, has Risk review, has a Router send, and watches open trades until they are flat.

    Guarantees: a signal is acknowledged only after its decision is on the bus and its approved orders are recorded
    by their router. All ids are derived and each step answers a repetition with its first result, so a signal
    handled twice, or half before a crash and again after it, makes one set of orders. Open trades are rebuilt from
    the order journal; the peak of a trailing stop is kept in Redis, and scanned again from the entry where it is lost.

    A correction closes what its story opened, also what fills later, and nothing is opened for that story any more.
    Which stories were corrected is read again from the signals' topic, so that a process that takes this one's place
    closes what this one could not.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        clock: Clock,
        market: Market,
        risk: RiskDesk,
        router: OrderDesk,
        orders: OrderJournal,
        hot: HotState,
        playbooks: PlaybookBook,
        directory: InstrumentDirectory,
        stale_after_ms: int,
    ) -> None:
        """Keep what the decisions need."""
        self._bus = bus
        self._clock = clock
        self._market = market
        self._risk = risk
        self._router = router
        self._orders = orders
        self._hot = hot
        self._playbooks = playbooks
        self._directory = directory
        self._stale_after_ms = stale_after_ms
        self._trades: dict[str, OpenTrade] = {}
        self._corrected = CorrectedStories()
        self._kept_peaks: dict[str, float] = {}
        self._exiting = asyncio.Lock()
        self.handled = 0

    @property
    def trades(self) -> dict[str, OpenTrade]:
        """The trades that are not flat, by id."""
        return self._trades

    async def rebuild(self) -> int:
        """Load the bus's corrections and the order journal's open trades; returns how many of these there are."""
        self._corrected = CorrectedStories(_readable(await self._bus.recent(SIGNALS_TOPIC, STORIES_MAX)))
        trades: dict[str, OpenTrade] = {}
        for approved, executions in await self._orders.open_trades():
            trade = opened(approved)
            for execution in executions:
                trade = with_execution(trade, execution)
            if not trade.is_flat:
                trade = trade.resumed(await self._hot.trade_mark(trade.trade_id))
                trades[trade.trade_id] = self._if_corrected(trade)
        self._trades = trades
        return len(trades)

    async def on_signal(self, delivery: Delivery) -> None:
        """Turn one signal into orders, or into the reason why not; a correction into the end of its story's trades."""
        signal = Signal.from_wire(delivery.value)
        if signal.corrects_story_id:
            await self._correct(signal)
        elif self._corrected.refuses(signal):
            await self._pass(answer_to(signal, self._clock.now()))
        else:
            await self._decide(signal)
        self.handled += 1

    async def _decide(self, signal: Signal) -> None:
        mark = self._clock.mark()
        now = self._clock.now()
        plan = decide(
            signal,
            self._playbooks,
            self._directory,
            lambda key: self._market.quote(key, now),
            await self._equity(),
            now,
            self._stale_after_ms,
        )
        if isinstance(plan, Passed):
            await self._pass(plan)
        else:
            decided = self._clock.stamp()
            intents = [intent.stamped(decided=decided) for intent in plan]
            verdicts = await self._risk.review(intents, mark)
            await asyncio.gather(self._send(verdicts, mark), self._publish(verdicts))

    async def _pass(self, passed: Passed) -> None:
        await self._publish([passed.stamped(decided=self._clock.stamp())])

    async def _correct(self, correction: Signal) -> None:
        """Close the trades of a story that is taken back; those that fill later are closed when they are heard of."""
        self._corrected.note(correction)
        async with self._exiting:
            of_story = [one for one in self._trades.values() if one.story_id == correction.corrects_story_id]
            for trade in sorted(of_story, key=lambda one: one.trade_id):
                closing = self._if_corrected(trade)
                await self._keep(closing)
                await self._watch(closing, None)
        await self._pass(answer_to(correction, self._clock.now()))

    def _if_corrected(self, trade: OpenTrade) -> OpenTrade:
        return trade.closing(Reason.STORY_CORRECTED) if self._corrected.covers(trade.story_id) else trade

    async def on_execution(self, delivery: Delivery) -> None:
        """Open, change or close a trade by what the venue did."""
        execution = Execution.from_wire(delivery.value)
        async with self._exiting:
            trade = self._trades.get(execution.trade_id)
            if trade is None:
                if execution.leg is Leg.EXIT or not execution.filled_quantity:
                    return
                trade = await self._reopened(execution)
                if trade is None:
                    return
            else:
                trade = with_execution(trade, execution)
            await self._keep(self._if_corrected(trade))

    async def on_time(self, reason: Reason | None = None) -> int:
        """Close the trades whose exit is due, or all of them for ``reason``; returns how many are open."""
        async with self._exiting:
            for trade_id in sorted(self._trades):
                await self._watch(self._trades[trade_id], reason)
        return len(self._trades)

    async def _watch(self, trade: OpenTrade, reason: Reason | None) -> None:
        if trade.is_exiting:
            return
        now = self._clock.now()
        path = self._market.path(trade.instrument.key, trade.cursor_ns, now)
        due = exit_due(trade, path, now, forced=reason)
        trade = advance_trade(trade, path)
        if due is None:
            self._trades[trade.trade_id] = trade
            # A mark that is older only makes the next process look at some quotes again: not each is worth a write.
            if trade.peak_bps >= self._kept_peaks.get(trade.trade_id, 0.0) + PEAK_STEP_BPS:
                await self._keep(trade)
            return
        quote = self._market.quote(trade.instrument.key, now)
        if quote is None:
            return
        intent = exit_intent(trade, due, quote, now).stamped(decided=self._clock.stamp())
        # Kept before anything is sent, so that a process that takes this one's place names the same rule.
        await self._keep(trade)
        mark = self._clock.mark()
        verdicts = await self._risk.review([intent], mark)
        # Told before it is sent: once the order is recorded, nobody would come back to tell why.
        await self._publish(verdicts)
        refused = not await self._send(verdicts, mark)
        await self._keep(trade.exit_refused() if refused else trade.exit_sent(intent.intent_id))

    async def _send(self, verdicts: Sequence[Any], mark: ClockMark | None) -> list[Execution]:
        approved = [verdict for verdict in verdicts if isinstance(verdict, ApprovedOrder)]
        return [await self._submit(order, mark) for order in approved]

    async def _submit(self, order: ApprovedOrder, mark: ClockMark | None) -> Execution:
        """Submit, again while the router is being restarted: the same id makes the same order."""
        for attempt in range(SUBMIT_ATTEMPTS):
            try:
                return await self._router.submit(order, mark)
            except Unavailable as error:
                log.warning("router unavailable", order=order.client_order_id, attempt=attempt + 1, cause=str(error))
                await asyncio.sleep(SUBMIT_PAUSE_S)
        raise Unavailable(f"router of {order.intent.instrument.venue} did not come back; the signal is kept")

    async def _publish(self, decisions: Sequence[Any]) -> None:
        mark = self._clock.mark()
        await self._bus.publish(
            [Outgoing(DECISIONS_TOPIC, _event_of(decision), decision.to_wire(), mark) for decision in decisions]
        )

    async def _equity(self) -> Decimal:
        """Return the equity by which orders are sized: as booked, so that it does not depend on when it was marked."""
        account = await self._hot.account()
        if account is None:
            raise Unavailable("the account's equity is not known yet; the risk actor publishes it when it begins")
        return Decimal(account["booked_usd"])

    async def _reopened(self, execution: Execution) -> OpenTrade | None:
        """Build a trade from all that is recorded of it: a report may arrive after a restart, or out of turn."""
        found = await self._orders.trade(execution.trade_id)
        if found is None:
            return None
        approved, executions = found
        trade = opened(approved)
        for known in executions:
            trade = with_execution(trade, known)
        return None if trade.is_flat else trade

    async def _keep(self, trade: OpenTrade) -> None:
        if trade.is_flat:
            self._trades.pop(trade.trade_id, None)
            self._kept_peaks.pop(trade.trade_id, None)
            await self._hot.forget_trade(trade.trade_id)
        else:
            self._trades[trade.trade_id] = trade
            self._kept_peaks[trade.trade_id] = trade.peak_bps
            await self._hot.mark_trade(trade.trade_id, trade.mark())


def _readable(deliveries: Sequence[Delivery]) -> Iterator[Signal]:
    """Return the signals that can be read; the others go to the dead letters where they are handled."""
    for delivery in deliveries:
        with suppress(ValueError):
            yield Signal.from_wire(delivery.value)


def _event_of(decision: Any) -> str:
    return str(decision.event_id if isinstance(decision, Passed) else decision.intent.event_id)


class TraderShell(Shell):
    """Owns the group that reads the signals."""

    def __init__(self, wiring: Wiring) -> None:
        """Begin with the addresses and files of ``wiring``."""
        self._wiring = wiring
        super().__init__("trader")

    async def on_time(self, mark: ClockMark | None, reason: Reason | None = None) -> int:
        """Close what is due at the mark's time, or everything for ``reason``; returns how many trades are open."""
        await self.ready()
        self._clock.observe(mark)
        return await self._trader.on_time(reason)

    async def _begin(self) -> None:
        await asyncio.to_thread(warm_up)
        self._clock = open_clock(self._wiring)
        self._postgres = await open_postgres(self._wiring)
        self._hot = await open_hot(self._wiring)
        self._bus = await open_bus(self._wiring)
        self._market = open_market(self._wiring)
        self._trader = Trader(
            bus=self._bus,
            clock=self._clock,
            market=self._market,
            risk=RiskPeer(),
            router=RouterPeers(),
            orders=OrderJournal(self._postgres),
            hot=self._hot,
            playbooks=playbooks_of(self._wiring),
            directory=directory_of(self._wiring),
            stale_after_ms=quote_stale_ms(self._wiring),
        )
        trades = await self._trader.rebuild()
        log.info("open trades rebuilt", trades=trades)
        self._keep(
            consume_topic(
                self._bus, [SIGNALS_TOPIC], "trader", self._trader.on_signal, self._clock, policy=SIDE_BY_SIDE
            ),
            "signals",
        )
        self._keep(
            consume_topic(self._bus, [EXECUTIONS_TOPIC], "trader-executions", self._trader.on_execution, self._clock),
            "executions",
        )
        if isinstance(self._market, QuoteBoard):
            self._keep(self._hot.follow_quotes(self._market.put), "quotes")
            self._keep(self._watch(), "exits")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(EXIT_PERIOD_S)
            if self._trader.trades:
                try:
                    await self._trader.on_time()
                except Unavailable as error:
                    log.warning("exits wait", cause=str(error))

    async def _end(self) -> None:
        await self._bus.close()
        await self._hot.close()
        await self._postgres.close()

    def _detail(self) -> dict[str, Any]:
        return {"signals": self._trader.handled, "open_trades": len(self._trader.trades)}


RemoteTrader = ray.remote(max_restarts=-1, num_cpus=0)(TraderShell)
