"""The challenger in the shadow of the champion: it reads the same live headlines, and nobody trades on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from herald.messages import NewsItem
from herald.news.comparison import ModelAnswer, ModelComparison
from herald.news.gazetteer import Gazetteer
from herald.news.judgement import Judgement
from herald.news.reading import Reading
from herald.news.verdict import VerdictPolicy, combine, tradable_probability
from herald.ports import Asked, Judge, Unavailable

TOGETHER_MAX = 16
ANSWER_S = 5.0
REST_S = 1.0

log = structlog.get_logger()

Publish = Callable[[Sequence[ModelComparison]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Offered:
    item: NewsItem
    ruled: Reading
    asked: Asked
    champion: ModelAnswer


class Shadow:
    """Has the challenger read what the champion read, a little later, and tells how the two compare.

    Guarantees: the champion's way never waits for it, and no fault of the challenger ends it. At most ``waiting_max``
    headlines wait; more are not compared, and counted in ``skipped``, as are those that could not be compared. What is
    under way when the process dies is lost: a comparison is evidence, not a fact that anything hangs on.
    """

    def __init__(
        self, gazetteer: Gazetteer, policy: VerdictPolicy, *, waiting_max: int, now: Callable[[], datetime]
    ) -> None:
        self._gazetteer, self._policy = gazetteer, policy
        self._waiting: asyncio.Queue[_Offered] = asyncio.Queue(waiting_max)
        self._challenger: Judge | None = None
        self._now = now
        self.compared = self.agreed = self.skipped = 0

    @property
    def version(self) -> str:
        """The version that is compared; empty where none is."""
        return self._challenger.version if self._challenger is not None else ""

    def follow(self, challenger: Judge | None) -> None:
        """Compare this version from now on; None compares nothing."""
        self._challenger = challenger

    def offer(self, item: NewsItem, ruled: Reading, asked: Asked, judged: Judgement, reading: Reading) -> None:
        """Note what the champion made of an item, for the challenger to read too."""
        if self._challenger is None:
            return
        try:
            self._waiting.put_nowait(_Offered(item, ruled, asked, self._answer(ruled, judged, reading)))
        except asyncio.QueueFull:
            self.skipped += 1

    async def run(self, publish: Publish) -> None:
        """Compare for ever. ``publish`` makes comparisons durable and may raise ``Unavailable``."""
        while True:
            offered = [await self._waiting.get()]
            while len(offered) < TOGETHER_MAX and not self._waiting.empty():
                offered.append(self._waiting.get_nowait())
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._compare(offered, publish)
            except (Unavailable, TimeoutError) as error:
                log.warning("challenger not compared", model=self.version, cause=str(error) or "no answer in time")
            except Exception as error:  # noqa: BLE001 - an unproven model may do anything, and its host must outlive it
                log.error("challenger at fault", model=self.version, error=repr(error))
            else:
                continue
            self.skipped += len(offered)
            await asyncio.sleep(REST_S)

    async def _compare(self, offered: Sequence[_Offered], publish: Publish) -> None:
        challenger = self._challenger
        if challenger is None:
            return
        judgements = await challenger.judge([one.asked for one in offered])
        comparisons = [self._comparison(one, judged) for one, judged in zip(offered, judgements, strict=True)]
        await publish(comparisons)
        self.compared += len(comparisons)
        self.agreed += sum(one.agree for one in comparisons)
        for one in comparisons:
            if not one.agree:
                log.info(
                    "challenger disagrees", headline=one.headline, champion=one.champion, challenger=one.challenger
                )

    def _comparison(self, offered: _Offered, judged: Judgement) -> ModelComparison:
        item, ruled = offered.item, offered.ruled
        reading = combine(item, ruled, judged, self._gazetteer, self._policy)
        challenger = self._answer(ruled, judged, reading)
        return ModelComparison(
            comparison_id=f"{item.event_id}:{offered.champion.model}:{challenger.model}",
            event_id=item.event_id,
            source=item.source,
            headline=item.headline,
            champion=offered.champion,
            challenger=challenger,
            agree=offered.champion.agrees_with(challenger),
            at=self._now(),
        )

    def _answer(self, ruled: Reading, judged: Judgement, reading: Reading) -> ModelAnswer:
        return ModelAnswer(
            model=judged.model,
            event_type=reading.event_type,
            direction=reading.direction,
            tradable=reading.tradable,
            tradable_p=round(tradable_probability(ruled, judged, self._policy), 4),
            severity=reading.severity,
        )
