"""The way of a headline through the serving model: asked in time, remembered, and never waited for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from herald.inference.serving import AskingPolicy
from herald.inference.shadow import Shadow
from herald.messages import NewsItem, content_hash
from herald.news.evidence import evidence_of
from herald.news.gazetteer import Gazetteer
from herald.news.judgement import Judgement
from herald.news.reading import NO_EVENT, Reading
from herald.news.verdict import VerdictPolicy, combine
from herald.ports import Asked, Judge, Unavailable

PATIENT_S = 120.0
PATIENT_PAUSE_S = 0.2
PATIENT_FAULTS_MAX = 3

log = structlog.get_logger()

_Key = tuple[str, str]
_Answers = list[Judgement | None]
_Answer = TypeVar("_Answer")


class ModelFaultError(RuntimeError):
    """A model that answers, but wrongly: with an error of its own, or not once a headline. Its text says how."""


class ModelPath:
    """Adds a model's judgement to what the rules read.

    Guarantees: every item has a reading. Where there is no model, or it is gone, slow, wrong or has too much to do,
    that is the reading of the rules, marked degraded, after at most the time that the policy allows; and while the
    model rests after a failure, at once. A ``patient`` path, that of a replay, waits for a model that is gone or slow,
    so that the outcome does not depend on speed; it raises ``Unavailable`` where none comes back.

    Use it from one event loop. ``now_s`` is a clock that only runs forward, in seconds.
    """

    def __init__(
        self,
        gazetteer: Gazetteer,
        asking: AskingPolicy,
        verdict: VerdictPolicy,
        *,
        now_s: Callable[[], float],
        shadow: Shadow | None = None,
        patient: bool = False,
    ) -> None:
        self._gazetteer = gazetteer
        self._asking, self._verdict = asking, verdict
        self._now_s = now_s
        self._shadow = shadow
        self._patient = patient
        self._judge: Judge | None = None
        self._failures = 0
        self._served = asyncio.Event()
        self._rests_until_s = float("-inf")
        self._known: OrderedDict[_Key, Judgement] = OrderedDict()
        self.judged = self.remembered = self.degraded = 0

    @property
    def version(self) -> str:
        """The version that serves; empty where none does."""
        return self._judge.version if self._judge is not None else ""

    def serve(self, judge: Judge | None) -> None:
        """Ask ``judge`` from now on. Questions that are under way are still answered by the one before."""
        self._judge = judge
        self._failures, self._rests_until_s = 0, float("-inf")
        if judge is None:
            self._served.clear()
        else:
            self._served.set()

    async def read(self, found: Sequence[tuple[NewsItem, Reading]]) -> list[Reading]:
        """Return what each item means by the rules and the model, in order."""
        asked = [Asked(item.headline, evidence_of(item, ruled, self._gazetteer)) for item, ruled in found]
        judgements = await self._judgements(asked)
        readings = []
        for (item, ruled), one, judged in zip(found, asked, judgements, strict=True):
            if judged is None:
                self.degraded += 1
                readings.append(ruled.model_copy(update={"degraded": True}))
                continue
            reading = combine(item, ruled, judged, self._gazetteer, self._verdict)
            readings.append(reading)
            if self._shadow is not None:
                self._shadow.offer(item, ruled, one, judged, reading)
        return readings

    async def _judgements(self, asked: Sequence[Asked]) -> _Answers:
        """Return a judgement each, None where none could be had in time."""
        judge = await _patiently(self._awaited()) if self._patient else self._judge
        if judge is None:
            return [None] * len(asked)
        hashes = [content_hash(one.headline, *one.evidence) for one in asked]
        answers = {one: self._recalled((judge.version, one)) for one in hashes if (judge.version, one) in self._known}
        missing = {one: question for one, question in zip(hashes, asked, strict=True) if one not in answers}
        waiting = list(missing.items())
        for begin in range(0, len(waiting), self._asking.together_max):
            part = waiting[begin : begin + self._asking.together_max]
            questions = [question for _, question in part]
            answered = await (
                _patiently(self._ask_patiently(questions)) if self._patient else self._ask(judge, questions)
            )
            if answered is None:
                break
            version, judged = answered
            for (one, _), judgement in zip(part, judged, strict=True):
                if judgement is not None:
                    answers[one] = judgement
                    self._remember((version, one), judgement)
        return [answers.get(one) for one in hashes]

    async def _ask(self, judge: Judge, asked: Sequence[Asked]) -> tuple[str, _Answers] | None:
        if self._now_s() < self._rests_until_s:
            return None
        try:
            async with asyncio.timeout(self._asking.limit_s(len(asked))):
                answers = await self._answers(judge, asked)
        except (Unavailable, TimeoutError) as error:
            log.warning("the rules read alone", model=judge.version, cause=str(error) or "no answer in time")
        except ModelFaultError as error:
            log.error("the model is at fault; the rules read alone", model=judge.version, error=str(error))
        else:
            if judge is self._judge:
                self._failures = 0
            return judge.version, answers
        if judge is self._judge:  # a failure of the one before must not let its successor rest
            self._rest()
        return None

    def _rest(self) -> None:
        """Let the model rest, unless it does: questions asked together fail together, and count once."""
        now_s = self._now_s()
        if now_s >= self._rests_until_s:
            self._failures += 1
            self._rests_until_s = now_s + self._asking.rest_s(self._failures)

    async def _ask_patiently(self, asked: Sequence[Asked]) -> tuple[str, _Answers] | None:
        """Ask until a model answers, and return that one's version too: it may have been switched meanwhile."""
        faults = 0
        while faults < PATIENT_FAULTS_MAX:
            judge = await self._awaited()
            try:
                return judge.version, await self._answers(judge, asked)
            except (Unavailable, TimeoutError) as error:
                log.warning("the model is waited for", model=judge.version, cause=str(error) or "no answer in time")
            except ModelFaultError as error:
                faults += 1
                log.error("the model is at fault", model=judge.version, faults=faults, error=str(error))
            await asyncio.sleep(PATIENT_PAUSE_S)
        return None

    async def _awaited(self) -> Judge:
        while self._judge is None:
            await self._served.wait()
        return self._judge

    async def _answers(self, judge: Judge, asked: Sequence[Asked]) -> _Answers:
        """Return an answer each, None where it makes no sense. Raises ``Unavailable``, ``ModelFaultError``."""
        try:
            judged = list(await judge.judge(asked))
            answers = [one if _makes_sense(one) else None for one in judged]
        except (Unavailable, TimeoutError):
            raise
        except Exception as error:  # whatever a model's own code raises, the rules can still read
            raise ModelFaultError(f"{type(error).__name__}: {error}") from error
        if len(answers) != len(asked):
            raise ModelFaultError(f"{len(answers)} answers to {len(asked)} headlines")
        if senseless := [one.headline for one, answer in zip(asked, answers, strict=True) if answer is None]:
            log.error("judgements make no sense; the rules read alone", model=judge.version, headlines=senseless)
        self.judged += len(answers) - len(senseless)
        return answers

    def _recalled(self, key: _Key) -> Judgement:
        self.remembered += 1
        self._known.move_to_end(key)
        return self._known[key]

    def _remember(self, key: _Key, judgement: Judgement) -> None:
        self._known[key] = judgement
        while len(self._known) > self._asking.cache_max:
            self._known.popitem(last=False)


async def _patiently(answer: Awaitable[_Answer]) -> _Answer:
    try:
        async with asyncio.timeout(PATIENT_S):
            return await answer
    except TimeoutError as error:
        raise Unavailable(f"no model answered within {PATIENT_S:.0f} s; see the logs of Ray Serve") from error


def _makes_sense(judged: Judgement) -> bool:
    """Tell whether probabilities are from 0 to 1, which a NaN is not, and whether those are there that are needed."""
    types, directions = judged.event_types, judged.directions
    shares = (*types.values(), *directions.values(), judged.tradable_p, judged.severity)
    return bool(directions) and types.keys() >= NO_EVENT and all(0.0 <= one <= 1.0 for one in shares)
