"""How long Herald takes from the bytes of a headline to the acknowledged order, beside its floor of bare hops.

    python -m benchmarks.latency [--json FILE] [--quick] [--rate 20] [--seconds 60] [--bus redis|kafka] [--rules-only]

A local WebSocket server sends headlines that the rules can read. A quarter of them (``--orders-in-100``) become an
order on the paper venue, which is closed again after three seconds; the rest is what feeds are full of. All actors,
PostgreSQL, Redis and the journal are those of any other run, on their default settings but for limits wide enough that
no order is refused and stories kept apart. A model on Ray Serve reads each headline beside the rules: one with heads
of zeros, which costs what any costs. ``whole_way`` is the time from the received to the acknowledged stamp of
every entry order; its floor is measured in the same run by ``benchmarks.floor``. ``sustained`` is the highest rate of
those tried at which every headline was accounted for and every order decided shortly after the sending ended.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from aiohttp import WSMsgType, web

from actors.model_following import until_models_read
from actors.session import Session
from benchmarks.bare_model import write_bare_model
from benchmarks.floor import measure_floor
from benchmarks.results import Result, options, publish, quantiles
from herald.bootstrap.wiring import ServedModel
from herald.messages import Execution, iso
from herald.reports.latency import latency_table, milliseconds, stage_latencies
from herald.settings import PROJECT_ROOT, Settings, load_settings
from herald.taxonomy import Leg, Stage

ASSETS = (
    "BTC ETH SOL XRP DOGE BNB SUI ADA AVAX LTC TRX BCH DOT UNI AAVE HYPE TON XLM HBAR APT ARB FIL INJ ATOM ETC TAO"
).split()
OTHERS = (
    "{asset} price analysis: what traders watch above {number}",
    "Top {number} presales to buy before they 100x",
    "Why is {asset} moving today? Five charts",
    "Exchange volumes fell {number} million dollars in May, a report says",
)
SETTLE_S = 3.0
PATIENCE_HALF_SECONDS = 40
RATES = (40.0, 60.0, 80.0, 120.0, 160.0, 200.0, 250.0, 300.0)


def headline(number: int, orders_in_100: int) -> str:
    """Write the headline of a number: a listing that is traded, or what else a feed is full of."""
    asset = ASSETS[number % len(ASSETS)]
    if is_order(number, orders_in_100):
        return f"Binance Will List {asset} (batch {number:06d}) for spot trading"
    return OTHERS[number % len(OTHERS)].format(asset=asset, number=number)


def is_order(number: int, orders_in_100: int) -> bool:
    """Spread the headlines that are traded evenly over all."""
    return (number * orders_in_100) // 100 != ((number - 1) * orders_in_100) // 100


class Wire:
    """A WebSocket server that sends numbered headlines."""

    def __init__(self, orders_in_100: int) -> None:
        """Serve on a free port of the loopback; so many of a hundred headlines are to become an order."""
        self._orders_in_100 = orders_in_100
        self._sockets: list[web.WebSocketResponse] = []
        self._runner: web.AppRunner | None = None
        self.connected = asyncio.Event()
        self.number = 0

    async def start(self) -> int:
        """Open the port and return it."""
        app = web.Application()
        app.add_routes([web.get("/ws", self._accept)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def send(self, rate: float, seconds: float) -> int:
        """Send ``rate`` headlines a second, evenly; returns how many."""
        count = int(rate * seconds)
        begun = time.monotonic()
        for index in range(count):
            await asyncio.sleep(max(0.0, begun + index / rate - time.monotonic()))
            self.number += 1
            item = {
                "id": str(self.number),
                "title": headline(self.number, self._orders_in_100),
                "url": f"https://example.org/{self.number}",
                "published_at": iso(datetime.now(UTC)),
            }
            for socket in self._sockets:
                await socket.send_json(item)
        return count

    async def _accept(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        self.connected.set()
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
        self._sockets.remove(socket)
        return socket


def wide_configuration(folder: Path, port: int) -> None:
    """Copy the project's configuration, with the wire as its only source and limits that refuse nothing."""
    shutil.copytree(PROJECT_ROOT / "configs", folder, dirs_exist_ok=True)
    source = {
        "name": "bench.wire",
        "kind": "websocket",
        "group": "wire",
        "url": f"ws://127.0.0.1:{port}/ws",
        "trust": 0.98,
        "allow_listed": True,
        "venue": "binance",
        "allow_private_address": True,
        "fields": {"id": "id", "title": "title", "url": "url", "published_at": "published_at"},
    }
    (folder / "sources.yaml").write_text(yaml.safe_dump({"sources": [source]}), "utf-8")
    (folder / "stories.yaml").write_text("window_s: 0.001\necho_s: 0\n", "utf-8")  # each headline is a story of its own
    _edit(folder / "risk.yaml", _widen)
    _edit(folder / "playbooks.yaml", _hasten)


def _widen(limits: dict[str, Any]) -> None:
    limits.update(
        starting_equity_usd="100000000",
        cool_down_s=0,
        position_notional_usd="1000000000",
        gross_notional_usd="1000000000",
        leverage=20,
        open_positions=100_000,
        daily_loss_share=1.0,
        drawdown_share=1.0,
        reject_rate=1.0,
        latency_ms=60_000,
    )
    limits.pop("position_notional_usd_by_symbol", None)


def _hasten(book: dict[str, Any]) -> None:
    for playbook in book["playbooks"]:
        playbook.setdefault("exit", {})["flat_after_s"] = 3.0


def _edit(path: Path, change: Any) -> None:
    document = yaml.safe_load(path.read_text("utf-8"))
    change(document)
    path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")


class Bench:
    """One node, one wire, and everything that came of it."""

    def __init__(self, settings: Settings, orders_in_100: int, *, with_model: bool) -> None:
        """Use a home of its own."""
        self._settings = settings
        self._with_model = with_model
        self._orders_in_100 = orders_in_100
        self.wire = Wire(orders_in_100)

    async def run(self, rate: float, seconds: float, rates: tuple[float, ...]) -> list[Result]:
        """Measure the floor, the whole way at ``rate``, and the highest rate held."""
        port = await self.wire.start()
        wide_configuration(self._settings.configs, port)
        model = write_bare_model(self._settings.home.parent / "v1-bare") if self._with_model else None
        served = ServedModel.NONE if model is None else ServedModel.GIVEN
        overrides = {"model": served, "model_files": model}
        self.session = Session(
            self._settings, overrides, since=datetime.now(UTC), notice=lambda _: None, progress=_say, mlflow=False
        )
        try:
            wiring = await self.session.start()
            await asyncio.wait_for(self.wire.connected.wait(), 30)
            await until_models_read(_say)
            await self._send(rate, 3.0)  # warm: compiled kernels, connections, first statements
            _say("floor", f"at {rate:.0f}/s for {seconds:.0f} s")
            floor = await measure_floor(wiring.addresses.redis_url, rate, seconds, model)
            _say("whole way", f"at {rate:.0f}/s for {seconds:.0f} s")
            first = self.wire.number
            await self._send(rate, seconds)
            results = self._whole_way(first, floor)
            results.append(self._degraded(first))
            results.append(await self._sustained(rate, seconds, rates))
            return results
        finally:
            await self.session.stop()
            await self.wire.stop()

    async def _send(self, rate: float, seconds: float) -> bool:
        """Send, and say whether all of it was accounted for and decided shortly after."""
        begin, known = self.wire.number, len(self.session.records.items)
        count = await self.wire.send(rate, seconds)
        orders = sum(is_order(number, self._orders_in_100) for number in range(begin + 1, begin + count + 1))

        def missing() -> int:
            return count - (len(self.session.records.items) - known) + orders - self._decided(begin)

        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            if not missing():
                return True
        late = missing()
        for _ in range(PATIENCE_HALF_SECONDS):
            if not missing():
                break
            await asyncio.sleep(0.5)
        fates = Counter(f"{item.fate} {item.reason}" for item in self.session.records.items.values())
        reasons = Counter(decision.reason.value for decision in self.session.records.decisions.values())
        _say("so far", f"{dict(fates)} {dict(reasons)}")
        _say("behind", f"{late} of {count} headlines and {orders} decisions at {rate:.0f}/s; {missing()} in the end")
        return False

    def _decided(self, after: int) -> int:
        numbers = {
            number
            for decision in self.session.records.decisions.values()
            if (intent := getattr(decision, "intent", None)) is not None
            and intent.leg is Leg.ENTRY
            and (number := self._number(intent.event_id)) > after
        }
        return len(numbers)

    def _number(self, event_id: str) -> int:
        signal = self.session.records.signals.get(event_id)
        return int(signal.url.rsplit("/", 1)[1]) if signal else 0

    def _entries(self, after: int) -> list[Execution]:
        return [
            execution
            for execution in self.session.records.executions.values()
            if execution.leg is Leg.ENTRY and self._number(execution.event_id) > after
        ]

    def _whole_way(self, after: int, floor: list[float]) -> list[Result]:
        entries = self._entries(after)
        taken = [milliseconds(e.stamps[Stage.RECEIVED], e.stamps[Stage.ACKNOWLEDGED]) for e in entries]
        bare = quantiles("floor", floor)
        stages = latency_table(stage_latencies(execution.stamps) for execution in entries)
        statuses = Counter(execution.status.value for execution in entries)
        _say("orders", ", ".join(f"{status} {count}" for status, count in sorted(statuses.items())))
        return [
            quantiles("whole_way", taken, bare.p95),
            bare,
            *(Result(f"stage {row.span}", "ms", p50=row.p50, p95=row.p95, p99=row.p99) for row in stages.rows),
        ]

    def _degraded(self, after: int) -> Result:
        """Count the signals that the model gave no answer to in time."""
        signals = [one for one in self.session.records.signals.values() if self._number(one.event_id) > after]
        return Result("degraded", "signals", value=sum(one.degraded for one in signals))

    async def _sustained(self, rate: float, seconds: float, rates: tuple[float, ...]) -> Result:
        held = rate
        for faster in rates:
            _say("sustained", f"trying {faster:.0f}/s for {seconds:.0f} s")
            if not await self._send(faster, seconds):
                break
            held = faster
        return Result("sustained", "headlines/s", value=held)


def _say(name: str, word: str) -> None:
    sys.stderr.write(f"latency: {name} {word}\n")


def main() -> int:
    """Run the benchmark."""
    parser = options("latency", __doc__)
    parser.add_argument("--rate", type=float, default=20.0, help="headlines a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--orders-in-100", type=int, default=25, help="headlines of a hundred that become an order")
    parser.add_argument("--rules-only", action="store_true", help="without a model")
    parser.add_argument("--bus", choices=("redis", "kafka"), default="redis")
    arguments = parser.parse_args()
    seconds, rates = (10.0, RATES[:2]) if arguments.quick else (arguments.seconds, RATES)
    with tempfile.TemporaryDirectory(prefix="herald-bench-") as folder:
        home = Path(folder)
        settings = load_settings(home=home / "home", configs=home / "configs", bus=arguments.bus)
        results = asyncio.run(
            Bench(settings, arguments.orders_in_100, with_model=not arguments.rules_only).run(
                arguments.rate, seconds, rates
            )
        )
    publish("latency", results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
