"""Which model becomes the champion, and the way back. The decision is pure; only aliases in the registry move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from training.evidence import FIRST_FIGURES, POOLED, Evidence, FirstFigure, Gain
from training.registry import Alias, RegistryError

FORCED_BECAUSE, FORCED_OVER = "forced_because", "forced_over"
"""Tags of a version that was promoted against the evidence: why, and what spoke against it."""
FORMER_PREVIOUS = "previous_champion_before"
"""Tag of a version: what ``previous-champion`` pointed to before the version was promoted; empty for nothing."""


@dataclass(frozen=True, slots=True)
class Promote:
    """The challenger is better; ``reasons`` say in what."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """The champion stays; ``reasons`` are all that speaks against the challenger."""

    reasons: tuple[str, ...]

    def __str__(self) -> str:
        """Say all reasons in one line."""
        return "not promoted: " + "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Promoted:
    """A promotion that was done. ``forced_because`` is the reason given where the evidence was overruled."""

    version: int
    before: int | None
    reasons: tuple[str, ...]
    forced_because: str | None = None

    def __str__(self) -> str:
        """Say what moved and why."""
        moved = f"version {self.version} is the champion now"
        moved += f", version {self.before} the previous one" if self.before else ", the first"
        if self.forced_because is None:
            return f"{moved}: {'; '.join(self.reasons)}"
        return f"{moved}, by force ({self.forced_because}), against: {'; '.join(self.reasons) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A promotion that was undone. ``previous`` is what a further rollback would go back to."""

    version: int
    undone: int
    previous: int | None

    def __str__(self) -> str:
        """Say what moved."""
        further = f"version {self.previous}" if self.previous else "none"
        return f"version {self.version} is the champion again in place of version {self.undone}; before it: {further}"


class Aliases(Protocol):
    """What promotion needs of the registry. Each call raises ``RegistryError``, and changes all or nothing."""

    def version_of(self, alias: Alias) -> int | None:
        """Return the version that an alias points to."""

    def set_alias(self, alias: Alias, version: int) -> None:
        """Point an alias to a version, from wherever it pointed before."""

    def remove_alias(self, alias: Alias) -> None:
        """Let an alias point nowhere."""

    def set_tag(self, version: int, name: str, text: str) -> None:
        """Write a tag of a version, over what it held."""

    def tag_of(self, version: int, name: str) -> str | None:
        """Return a tag of a version."""


def decide_promotion(evidence: Evidence) -> Promote | Refuse:
    """Promote where nothing that must hold is broken and a first figure is significantly better on the pooled sets.

    No behavioural test may fail, and tradable may be significantly worse on no set. What was not measured counts
    against the challenger. A first model needs only the behavioural tests. Significant means that the 95 % interval
    leaves zero out.
    """
    against = list(_broken_behaviour(evidence))
    if evidence.champion is not None:
        against += [*_worse_tradable(evidence.gains), *_nothing_better(evidence.gains)]
    if against:
        return Refuse(tuple(against))
    if evidence.champion is None:
        return Promote((f"there is no champion yet, and all {evidence.behaviours} behavioural tests pass",))
    better = _better(evidence.gains.get(POOLED, {}))
    return Promote(tuple(f"{figure} gains {gain} on the pooled sets" for figure, gain in better.items()))


def promote(
    registry: Aliases, version: int, evidence: Evidence | None, *, force_reason: str | None = None
) -> Promoted | Refuse:
    """Make a version the champion where the evidence says so, or where a reason to force it is given.

    Without evidence, or with evidence of other versions, only force promotes. Its reason is kept as a tag of the
    version, with what spoke against it. ``previous-champion`` moves before ``champion``: cut off between the two, the
    old champion still serves, and the call can be repeated. Raises ``RegistryError`` where the reason is empty or the
    version is the champion already.
    """
    if force_reason is not None and not force_reason.strip():
        raise RegistryError("a forced promotion needs a reason; say in words why the evidence is overruled")
    champion = registry.version_of(Alias.CHAMPION)
    if champion == version:
        raise RegistryError(f"version {version} is the champion already; name another version")
    decision = _decide(version, champion, evidence)
    if isinstance(decision, Refuse) and force_reason is None:
        return decision
    overruled = isinstance(decision, Refuse)
    if force_reason is not None:
        registry.set_tag(version, FORCED_BECAUSE, force_reason.strip())
        registry.set_tag(version, FORCED_OVER, "; ".join(decision.reasons) if overruled else "")
    _move(registry, version, champion)
    return Promoted(version, champion, decision.reasons, force_reason.strip() if force_reason and overruled else None)


def rollback(registry: Aliases) -> RolledBack:
    """Undo the last promotion: all aliases point where they did before it, except that the undone is no challenger.

    Raises ``RegistryError`` where there is nothing to go back to.
    """
    champion, previous = registry.version_of(Alias.CHAMPION), registry.version_of(Alias.PREVIOUS)
    if champion is None:
        raise RegistryError("there is no champion to roll back; promote a version first")
    if previous is None or previous == champion:
        raise RegistryError(
            f"version {champion} has no previous champion to go back to; promote another version by its number"
        )
    former = registry.tag_of(champion, FORMER_PREVIOUS)
    registry.set_alias(Alias.CHAMPION, previous)
    registry.set_tag(champion, FORMER_PREVIOUS, "")
    return RolledBack(previous, champion, _restored(registry, former))


def _restored(registry: Aliases, former: str | None) -> int | None:
    """Point ``previous-champion`` where it pointed before, and return that; nowhere if the version is gone since."""
    if former:
        with suppress(RegistryError):
            registry.set_alias(Alias.PREVIOUS, int(former))
            return int(former)
    registry.remove_alias(Alias.PREVIOUS)
    return None


def _decide(version: int, champion: int | None, evidence: Evidence | None) -> Promote | Refuse:
    if evidence is None:
        return Refuse((f"version {version} was not evaluated",))
    if (evidence.challenger, evidence.champion) != (version, champion):
        compared, wanted = _pair(evidence.challenger, evidence.champion), _pair(version, champion)
        return Refuse((f"the evaluation was of {compared}, not of {wanted}; evaluate again",))
    return decide_promotion(evidence)


def _pair(challenger: int, champion: int | None) -> str:
    return f"version {challenger} against {'no champion' if champion is None else f'version {champion}'}"


def _move(registry: Aliases, version: int, champion: int | None) -> None:
    former = registry.version_of(Alias.PREVIOUS)
    if former is None or former != champion:  # equal where an earlier call was cut off; that one wrote the tag
        registry.set_tag(version, FORMER_PREVIOUS, str(former or ""))
    if champion is not None:
        registry.set_alias(Alias.PREVIOUS, champion)
    elif former is not None:
        registry.remove_alias(Alias.PREVIOUS)
    registry.set_alias(Alias.CHAMPION, version)
    if registry.version_of(Alias.CHALLENGER) == version:
        registry.remove_alias(Alias.CHALLENGER)


def _broken_behaviour(evidence: Evidence) -> Iterator[str]:
    if evidence.behaviours < 1:
        yield "no behavioural test was run"
    if evidence.failed_behaviours:
        failed, names = len(evidence.failed_behaviours), ", ".join(evidence.failed_behaviours)
        yield f"{failed} of {evidence.behaviours} behavioural tests fail: {names}"


def _worse_tradable(gains: Mapping[str, Mapping[FirstFigure, Gain]]) -> Iterator[str]:
    measured = {name: figures["tradable"] for name, figures in gains.items() if "tradable" in figures}
    if not measured:
        yield "tradable was measured on no set"
    for name, gain in measured.items():
        if gain.is_worse:
            yield f"tradable is significantly worse on {name}: {gain}"


def _nothing_better(gains: Mapping[str, Mapping[FirstFigure, Gain]]) -> Iterator[str]:
    pooled = gains.get(POOLED, {})
    if not pooled:
        yield "no first figure was measured on the pooled frozen sets"
    elif not _better(pooled):
        said = ", ".join(f"{figure} {pooled[figure]}" for figure in FIRST_FIGURES if figure in pooled)
        yield f"no first figure is significantly better on the pooled frozen sets: {said}"


def _better(pooled: Mapping[FirstFigure, Gain]) -> dict[FirstFigure, Gain]:
    return {figure: pooled[figure] for figure in FIRST_FIGURES if figure in pooled and pooled[figure].is_better}
