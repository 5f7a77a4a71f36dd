"""A whole Herald in one process, on time that does not pass, whose processes die where a seed says so.

The shells are the real ones and so is the driver of a replay. Only three things are put in their place: the servers are
memory, a call to another actor is a call to an object, and whatever a process reaches it reaches through a ``Port``, at
which it may die, before or after the other side has done its work.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
import selectors
from collections.abc import Callable, Iterator, Mapping
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import actors.collector
import actors.correlator
import actors.peers
import actors.replay
import actors.risk
import actors.router
import actors.shell
import actors.trader
from actors.replay import Replay
from herald.bootstrap import configuration
from herald.bootstrap.wiring import NOWHERE, RECORDED_GROUP, Recording, ServedModel, Wiring
from herald.bus.memory import MemoryBus
from herald.bus.settings import Backoff
from herald.clocks import SimulatedClock
from herald.market.tape import TapeMarket
from herald.ports import Unavailable
from herald.settings import load_settings
from herald.stores.memory import MemoryJournal, MemoryOrderJournal, MemorySourceStates, MemoryTradingStates
from herald.stores.memory_hot import MemoryHotState
from herald.venues.memory import MemoryOrderRecord
from herald.venues.paper import PaperVenue

RESTART_S = (0.0, 3.0)
SHELLS: dict[str, Callable[[Wiring], Any]] = {
    "risk": actors.risk.RiskShell,
    "trader": actors.trader.TraderShell,
    "correlator": actors.correlator.CorrelatorShell,
    "router-paper": lambda wiring: actors.router.RouterShell(wiring, "paper"),
    f"collector-{RECORDED_GROUP}": lambda wiring: actors.collector.CollectorShell(wiring, RECORDED_GROUP),
}
MODULES = (actors.risk, actors.trader, actors.correlator, actors.router, actors.collector, actors.replay)

_life: ContextVar[Life | None] = ContextVar("life", default=None)


class InstantSelector(selectors.SelectSelector):
    """Waits for nothing: the time that the loop would sleep is over at once."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("deadlock: every process waits for another")
        self.now_s += max(0.0, timeout)
        return super().select(0)


class InstantLoop(asyncio.SelectorEventLoop):
    """Runs what can run; where nothing can, it is later. Tasks belong to the life in which they begin."""

    def __init__(self) -> None:
        self._instant = InstantSelector()
        super().__init__(self._instant)

    def time(self) -> float:
        return self._instant.now_s

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task = super().create_task(coro, name=name, context=context)
        life = _life.get() if context is None else context.get(_life)
        if life is not None:
            life.tasks.add(task)
            task.add_done_callback(life.tasks.discard)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Do the work here and now, so that no thread's speed decides anything."""
        future = self.create_future()
        future.set_result(func(*args))
        return future


@dataclass(eq=False)
class Life:
    """One process from its start to its death."""

    name: str
    alive: bool = True
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    context: Context = field(default_factory=Context)
    shell: Any = None


@dataclass(frozen=True)
class Faults:
    """What goes wrong, all of it drawn from ``seed``. ``moments`` is how many occasions a run has, about."""

    seed: int = 0
    kills: int = 0
    lost: int = 0
    moments: int = 1

    def drawn(self) -> tuple[random.Random, dict[int, str], dict[int, str]]:
        dice = random.Random(self.seed)
        names = sorted(SHELLS)
        kills = {dice.randrange(1, self.moments): dice.choice([*names, "caller", "caller"]) for _ in range(self.kills)}
        lost = {dice.randrange(1, self.moments): dice.choice(["request", "answer"]) for _ in range(self.lost)}
        return dice, kills, lost


class World:
    """The servers, which outlive every process, and the processes."""

    def __init__(self, scene: Scene, faults: Faults) -> None:
        self.scene = scene
        self.bus = MemoryBus()
        self.journal = MemoryJournal()
        self.orders = MemoryOrderJournal()
        self.states = MemoryTradingStates()
        self.snapshots = MemorySourceStates()
        self.record = MemoryOrderRecord()
        self.hot = MemoryHotState()
        self.lives: dict[str, Life] = {}
        self.moments = 0
        self.deaths: list[str] = []
        self.crashes: list[str] = []
        self._dice, self._kills, self._lost = faults.drawn()

    async def run(self) -> None:
        """Play the whole recording."""
        for name in SHELLS:
            self.start(name)
        await Replay(self.scene.wiring, speed=None, watch=lambda progress: None).run(self.scene.begin)
        for name in SHELLS:
            await self.standing(name)

    async def standing(self, name: str) -> Any:
        """Return the shell of a process, which may just be restarting."""
        while not (life := self.lives[name]).alive:  # noqa: ASYNC110 - on this clock the sleep is the condition
            await asyncio.sleep(1.0)
        await life.shell.ready()
        return life.shell

    def start(self, name: str) -> None:
        """Give a process a new life."""
        life = self.lives[name] = Life(name)
        life.context.run(_life.set, life)
        life.shell = life.context.run(SHELLS[name], self.scene.wiring)

    def kill(self, life: Life) -> None:
        """End a life in the middle of whatever it does; another begins a little later."""
        if not life.alive:
            return
        life.alive = False
        for task in tuple(life.tasks):
            task.cancel()
        asyncio.get_running_loop().call_later(
            self._dice.uniform(*RESTART_S), self.start, life.name, context=contextvars.Context()
        )

    def ended(self, actor: str, task: str, error: BaseException) -> None:
        """Stand in for the end of a process by its own hand."""
        life = _life.get()
        if life is not None and life.alive:
            self.crashes.append(f"{actor} ended in {task}: {error!r}")
            self.kill(life)

    async def moment(self, life: Life | None, what: str) -> None:
        """Let anything happen that may happen between two steps."""
        if life is not None and not life.alive:
            raise asyncio.CancelledError
        self.moments += 1
        if self._dice.random() < 0.2:
            await asyncio.sleep(0)
        chosen = self._kills.pop(self.moments, None)
        if chosen is not None and (victim := life if chosen == "caller" else self.lives.get(chosen)) is not None:
            self.deaths.append(f"moment {self.moments}: {victim.name} dies while {life and life.name} is at {what}")
            self.kill(victim)
        if life is not None and not life.alive:
            raise asyncio.CancelledError

    def is_lost(self, what: str, which: str) -> bool:
        """Tell whether this request, or this answer, gets lost."""
        if self._lost.get(self.moments) != which:
            return False
        del self._lost[self.moments]
        self.deaths.append(f"moment {self.moments}: the {which} of {what} is lost")
        return True

    async def call(self, peer: Any, method: str, *args: Any, timeout_s: float = 0.0) -> Any:
        """Stand in for ``Peer.call``."""
        caller, what = _life.get(), f"{peer.name}.{method}"
        await self.moment(caller, what)
        callee = self.lives[peer.name]
        if not callee.alive or self.is_lost(what, "request"):
            raise Unavailable(f"{what}: it is being restarted")
        context = callee.context.copy()
        task = asyncio.get_running_loop().create_task(getattr(callee.shell, method)(*args), context=context)
        await asyncio.wait({task})
        if task.cancelled():
            raise Unavailable(f"{what}: it died meanwhile")
        answer = task.result()
        await self.moment(caller, what)
        if self.is_lost(what, "answer"):
            raise Unavailable(f"{what}: no answer")
        return answer


class Port:
    """A server as one process sees it."""

    def __init__(self, world: World, target: Any, name: str) -> None:
        self._world, self._target, self._named = world, target, name
        self._owner = _life.get()

    def __getattr__(self, method: str) -> Any:
        target = getattr(self._target, method)
        if not asyncio.iscoroutinefunction(target):
            return target
        what = f"{self._named}.{method}"

        async def reached(*args: Any, **kwargs: Any) -> Any:
            await self._world.moment(self._owner, what)
            if self._world.is_lost(what, "request"):
                raise Unavailable(f"{what}: cannot be reached")
            answer = await target(*args, **kwargs)
            await self._world.moment(self._owner, what)
            if method != "next_batch" and self._world.is_lost(what, "answer"):  # a consumer keeps what it was given
                raise Unavailable(f"{what}: no answer")
            return Port(self._world, answer, f"{self._named} consumer") if method == "subscribe" else answer

        return reached


@dataclass(frozen=True)
class Scene:
    """What is played: the news in the wiring's recording, the prices on the tape, by these configurations."""

    wiring: Wiring
    tape: TapeMarket
    configured: Mapping[str, Any]

    @property
    def begin(self) -> Any:
        return self.wiring.recording.begin if self.wiring.recording else None


def _same(left: str, right: str, gap_s: float) -> float:
    """Stand in for the encoder and its model: two headlines on Uniswap are one story."""
    return 0.9 if "Uniswap" in left and "Uniswap" in right else 0.5


def _stage(world: World, put: Callable[[Any, str, Any], None]) -> None:
    """Put the world behind every name by which a shell opens something."""

    def opener(target: Any, name: str) -> Callable[..., Any]:
        async def opened(*_: Any) -> Any:
            return Port(world, target, name)

        return opened

    async def open_venue(_: Any, name: str, market: Any, __: Any) -> PaperVenue:
        rules = world.scene.configured["venues_of"].venues[name]
        directory = world.scene.configured["directory_of"]
        return PaperVenue(name, market, Port(world, world.record, "paper record"), rules, directory)

    names: dict[str, Any] = {
        "open_bus": opener(world.bus, "bus"),
        "open_hot": opener(world.hot, "hot"),
        "open_postgres": opener(SimpleNamespace(close=asyncio.sleep), "postgres"),
        "open_clock": lambda _: SimulatedClock(),
        "open_market": lambda _: world.scene.tape,
        "open_meaning": lambda _: _same,
        "open_venue": open_venue,
        "PostgresJournal": lambda _: Port(world, world.journal, "journal"),
        "OrderJournal": lambda _: Port(world, world.orders, "orders"),
        "TradingStates": lambda _: Port(world, world.states, "trading states"),
        "SourceStates": lambda _: Port(world, world.snapshots, "source states"),
        "tape_of": lambda _: world.scene.tape,
        "venue_names": lambda _: ["paper"],
        **{name: lambda _, found=found: found for name, found in world.scene.configured.items()},
    }
    for module in MODULES:
        for name in names.keys() & vars(module).keys():
            put(module, name, names[name])

    async def driver_bus(_: Any) -> MemoryBus:
        return world.bus

    async def call(peer: Any, method: str, *args: Any, timeout_s: float = 0.0) -> Any:
        return await world.call(peer, method, *args, timeout_s=timeout_s)

    put(actors.replay, "open_bus", driver_bus)
    put(actors.peers.Peer, "call", call)
    put(actors.shell, "_die", world.ended)


@pytest.fixture(scope="session")
def recorded_wiring(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Any], Wiring]:
    """Return a function that makes the wiring of a replay of these lines from this time on."""

    def make(lines: str, begin: Any) -> Wiring:
        news: Path = tmp_path_factory.mktemp("simulation") / "news.jsonl"
        news.write_text(lines, "utf-8")
        return Wiring(load_settings(), NOWHERE, recording=Recording(news, (), begin), model=ServedModel.NONE)

    return make


@pytest.fixture(scope="session")
def configured() -> Callable[..., dict[str, Any]]:
    """Return a function that loads every configuration of a wiring once, by the name of its loader."""

    def load(wiring: Wiring, **changed: Any) -> dict[str, Any]:
        names = ("sources_of", "rulebook_of", "gazetteer_of", "story_policy", "playbooks_of", "directory_of",
                 "risk_limits", "quote_stale_ms", "venues_of")  # fmt: skip
        return {name: getattr(configuration, name)(wiring) for name in names} | changed

    return load


@pytest.fixture(scope="session")
def play() -> Iterator[Callable[[Scene, Faults], World]]:
    """Return a function that plays a scene with faults, from start to end, and gives the world as it ended."""

    def played(scene: Scene, faults: Faults) -> World:
        loop = InstantLoop()
        with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=lambda: loop) as runner:
            world = World(scene, faults)
            patch.setattr(actors.replay, "time", SimpleNamespace(monotonic=loop.time, time_ns=lambda: 0))
            delay_s = Backoff.delay_s
            patch.setattr(Backoff, "delay_s", lambda backoff, tries, _: delay_s(backoff, tries, 0.5))
            _stage(world, patch.setattr)
            runner.run(world.run())
            return world

    return played


@pytest.fixture(scope="session")
def scenery() -> tuple[type[Scene], type[Faults]]:
    """The words of a simulation."""
    return Scene, Faults
