"""How long a headline takes through Ray Serve, and how many go through in batches, beside the bare model.

    python -m benchmarks.inference [--json FILE] [--quick]

The model is the packaged encoder with heads of zeros: what it says is worthless, what it costs is what any costs. The
floor is the same model on the same headlines with the same number of threads in a process of its own, called with
nothing between. ``one_headline`` is asked one after the other, in turns with its floor; ``batch`` is headlines a
second where many ask at once. ``swap`` sends 50 questions a second, each a headline of its own as a collector would,
while another version takes over: questions without an answer of the model in time. ``outage`` kills the replica under
the same load: how long the last item waited for the rules' reading, and how long until the model answers again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ray
from ray import serve as ray_serve

from actors.deployment import start_ray
from actors.model_following import open_served
from benchmarks.bare_model import write_bare_model
from benchmarks.results import Result, options, publish, quantiles
from herald.bootstrap.configuration import gazetteer_of, rulebook_of
from herald.bootstrap.wiring import NOWHERE, Wiring
from herald.inference.model_path import ModelPath
from herald.inference.serving import AskingPolicy, ModelPlace, ServingPolicy
from herald.inference.text_model import load_model
from herald.news.reading_desk import ReadText, TextDesk
from herald.news.verdict import VerdictPolicy
from herald.ports import Asked, Judge
from herald.settings import load_settings
from serve import versions

HEADLINES = (
    "Binance Will List Token {n} (TK{n}) with Seed Tag Applied",
    "Company {n} buys {n} BTC for its treasury as it sells convertible notes worth $120 million",
    "SEC charges founder of exchange number {n} with running an unregistered securities offering, court papers show",
    "Bitcoin slips below ${n} as traders await the rate decision",
    "Bridge of protocol {n} drained of ${n}k; team pauses withdrawals",
)
TURNS, WARM = 20, 30
ASKERS = 24
RATE, SWAP_SECONDS, OUTAGE_SECONDS = 50.0, 20.0, 25.0


class Bare:
    """The model alone in a process."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Load it."""
        self._model = load_model(folder, threads=threads)

    def one_by_one(self, asked: Sequence[Asked]) -> list[float]:
        """Judge each alone; returns the milliseconds of each."""
        taken = []
        for one in asked:
            begun = time.perf_counter()
            self._model.judge([one.headline], [one.evidence])
            taken.append((time.perf_counter() - begun) * 1000)
        return taken

    def in_batches(self, asked: Sequence[Asked], size: int) -> float:
        """Judge all in batches; returns the seconds."""
        begun = time.perf_counter()
        for at in range(0, len(asked), size):
            part = asked[at : at + size]
            self._model.judge([one.headline for one in part], [one.evidence for one in part])
        return time.perf_counter() - begun


class Headlines:
    """Numbered headlines, no two alike, read by the rules."""

    def __init__(self) -> None:
        """Read with the project's own rules."""
        wiring = Wiring(load_settings(), NOWHERE)
        self.gazetteer = gazetteer_of(wiring)
        self._desk = TextDesk(rulebook_of(wiring), self.gazetteer)
        self._number = 1000

    def next(self) -> ReadText:
        """Return the next one."""
        self._number += 1
        text = HEADLINES[self._number % len(HEADLINES)].format(n=self._number)
        return self._desk.read(text, datetime(2025, 6, 1, tzinfo=UTC))

    def questions(self, count: int) -> list[Asked]:
        """Return the next ones as questions."""
        found = [self.next() for _ in range(count)]
        return [Asked(one.item.headline, one.evidence) for one in found]


class Keeper:
    """Brings versions to serve, in a process of its own as in Herald: what asks has no part in a start."""

    def start(self, place: ModelPlace, policy: ServingPolicy) -> None:
        """Return once a version answers."""
        versions.start(place, policy)


class Bench:
    """One model on Serve, the same bare, and the load."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        """Measure a tenth with ``quick``."""
        self._share = 0.1 if quick else 1.0
        self._policy = ServingPolicy(replicas_max=1)
        self._first, self._second = folder / "v1-bare", folder / "v2-bare"
        self._headlines = Headlines()
        self._keeper: Any = ray.remote(num_cpus=0)(Keeper).remote()

    async def run(self) -> list[Result]:
        """Measure everything, one after the other."""
        write_bare_model(self._first)
        write_bare_model(self._second)
        _say("starting", "Ray Serve")
        await self._keeper.start.remote(ModelPlace(self._first), self._policy)
        self._judge: Judge = await open_served(self._first.name)
        self._bare: Any = ray.remote(Bare).options(num_cpus=1).remote(self._first, self._policy.threads)
        results = [*await self._one_headline(), *await self._batch()]
        ray.kill(self._bare)
        return [*results, *await self._swap(), *await self._outage()]

    async def _one_headline(self) -> list[Result]:
        _say("one headline", "in turns with its floor")
        served: list[float] = []
        bare: list[float] = []
        many = max(10, int(100 * self._share))
        for turn in range(TURNS + 1):
            alone = await self._bare.one_by_one.remote(self._headlines.questions(many if turn else WARM))
            through = await self._ask_each(self._headlines.questions(many if turn else WARM))
            if turn:  # the first is for warmth
                bare += alone
                served += through
        floor = quantiles("bare_forward", bare)
        return [quantiles("one_headline", served, floor.p95), floor]

    async def _ask_each(self, asked: Sequence[Asked]) -> list[float]:
        taken = []
        for one in asked:
            begun = time.perf_counter()
            await self._judge.judge([one])
            taken.append((time.perf_counter() - begun) * 1000)
        return taken

    async def _batch(self) -> list[Result]:
        _say("batch", f"{ASKERS} ask at once")
        count = max(240, int(4000 * self._share))
        questions = self._headlines.questions(count)
        bare_s = await self._bare.in_batches.remote(questions, self._policy.batch_max)
        waiting = iter(questions)

        async def ask() -> None:
            for one in waiting:
                await self._judge.judge([one])

        begun = time.perf_counter()
        await asyncio.gather(*(ask() for _ in range(ASKERS)))
        served = count / (time.perf_counter() - begun)
        bare = count / bare_s
        return [Result("batch", "headlines/s", value=served, floor=bare, ratio=bare / served)]

    async def _swap(self) -> list[Result]:
        _say("swap", f"under {RATE:.0f} questions a second")
        path = self._path()
        load = asyncio.create_task(self._load(path, SWAP_SECONDS))
        await asyncio.sleep(SWAP_SECONDS / 5)
        await self._keeper.start.remote(ModelPlace(self._second), self._policy)
        path.serve(await open_served(self._second.name))
        swapped_s = time.perf_counter()
        await asyncio.sleep(1.0)
        await asyncio.to_thread(versions.end, self._first.name)
        waited = await load
        after = [one for at, one, _ in waited if at > swapped_s]
        failed = sum(degraded for _, _, degraded in waited)
        _say("swap", f"{len(waited)} questions, {len(after)} of them after it")
        return [
            Result("swap_failed_or_late", "questions", value=failed),
            quantiles("swap_wait", [one for _, one, _ in waited]),
        ]

    async def _outage(self) -> list[Result]:
        _say("outage", f"the replica is killed under {RATE:.0f} questions a second")
        path = self._path()
        path.serve(await open_served(self._second.name))
        load = asyncio.create_task(self._load(path, OUTAGE_SECONDS))
        await asyncio.sleep(3.0)
        [pid] = await asyncio.to_thread(versions.replica_pids, self._second.name)
        killed_s = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        waited = await load
        after = [(at, one, degraded) for at, one, degraded in waited if at >= killed_s]
        gone = [at for at, _, degraded in after if degraded]
        back_s = max(gone, default=killed_s) - killed_s
        return [
            Result("outage_longest_wait", "ms", value=max(one for _, one, _ in after)),
            Result("outage_degraded", "questions", value=len(gone)),
            Result("outage_until_back", "s", value=back_s),
        ]

    def _path(self) -> ModelPath:
        path = ModelPath(self._headlines.gazetteer, AskingPolicy(), VerdictPolicy(), now_s=time.monotonic)
        path.serve(self._judge)
        return path

    async def _load(self, path: ModelPath, seconds: float) -> list[tuple[float, float, bool]]:
        """Read ``RATE`` headlines a second; returns for each when it came, the ms it took, and whether degraded."""
        found: list[tuple[float, float, bool]] = []

        async def read(one: ReadText) -> None:
            begun = time.perf_counter()
            [reading] = await path.read([(one.item, one.reading)])
            found.append((begun, (time.perf_counter() - begun) * 1000, reading.degraded))

        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(int(RATE * seconds)):
                one = self._headlines.next()
                await asyncio.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
                group.create_task(read(one))
        return found


def _say(name: str, word: str) -> None:
    sys.stderr.write(f"inference: {name} {word}\n")


def main() -> int:
    """Run the benchmark."""
    parser = options("inference", __doc__)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="herald-bench-") as folder:
        start_ray(None, 0, dashboard=False)
        try:
            results = asyncio.run(Bench(Path(folder), quick=arguments.quick).run())
        finally:
            ray_serve.shutdown()  # the threads of its client would go on after Ray, and start another one
            ray.shutdown()
    publish("inference", results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
