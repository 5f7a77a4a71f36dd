"""Promotion: what the evidence allows, how aliases move, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evidence import FIRST_FIGURES, POOLED, Evidence, FirstFigure, Gain
from training.promotion import (
    FORCED_BECAUSE,
    FORCED_OVER,
    Promote,
    Promoted,
    Refuse,
    decide_promotion,
    promote,
    rollback,
)
from training.registry import Alias, RegistryError

BETTER = Gain(mean=0.03, low=0.01, high=0.05, p_value=0.002)
EVEN = Gain(mean=0.01, low=-0.01, high=0.03, p_value=0.2)
WORSE = Gain(mean=-0.03, low=-0.05, high=-0.01, p_value=0.998)


Gains = dict[str, dict[FirstFigure, Gain]]


class FakeAliases:
    """Aliases and tags in memory. ``cut_off_after`` calls that change something, the next one fails."""

    def __init__(self, versions: int, **aliases: int) -> None:
        self.versions = set(range(1, versions + 1))
        self.aliases = {Alias[name.upper()]: version for name, version in aliases.items()}
        self.tags: dict[tuple[int, str], str] = {}
        self.cut_off_after: int | None = None

    def version_of(self, alias: Alias) -> int | None:
        return self.aliases.get(alias)

    def set_alias(self, alias: Alias, version: int) -> None:
        self._change(version)
        self.aliases[alias] = version

    def remove_alias(self, alias: Alias) -> None:
        self._change()
        self.aliases.pop(alias, None)

    def set_tag(self, version: int, name: str, text: str) -> None:
        self._change(version)
        self.tags[version, name] = text

    def tag_of(self, version: int, name: str) -> str | None:
        return self.tags.get((version, name))

    def delete(self, version: int) -> None:
        self.versions.remove(version)
        self.aliases = {alias: kept for alias, kept in self.aliases.items() if kept != version}

    def _change(self, version: int | None = None) -> None:
        if version is not None and version not in self.versions:
            raise RegistryError(f"version {version} is not there")
        if self.cut_off_after is not None:
            if self.cut_off_after == 0:
                raise RegistryError("cut off")
            self.cut_off_after -= 1


def evidence(
    gains: Gains | None = None,
    *,
    challenger: int = 2,
    champion: int | None = 1,
    behaviours: int = 40,
    failed: tuple[str, ...] = (),
) -> Evidence:
    good: Gains = {
        "feeds": {"type": EVEN, "tradable": EVEN},
        POOLED: {"type": BETTER, "direction": EVEN, "tradable": EVEN},
    }
    return Evidence(challenger, champion, good if gains is None else gains, behaviours, failed)


@pytest.mark.parametrize("better", FIRST_FIGURES)
def test_one_figure_significantly_better_on_the_pooled_sets_promotes(better: FirstFigure) -> None:
    gains: Gains = {POOLED: {figure: BETTER if figure == better else EVEN for figure in FIRST_FIGURES}}
    decision = decide_promotion(evidence(gains))
    assert decision == Promote((f"{better} gains +3.00 points (+1.00 to +5.00, p = 0.002) on the pooled sets",))


def test_type_and_direction_may_be_worse_where_another_figure_is_better() -> None:
    gains: Gains = {POOLED: {"type": WORSE, "direction": WORSE, "tradable": BETTER}}
    assert isinstance(decide_promotion(evidence(gains)), Promote)


def test_better_on_one_set_alone_does_not_promote() -> None:
    gains: Gains = {"feeds": {"type": BETTER, "tradable": BETTER}, POOLED: {"type": EVEN, "tradable": EVEN}}
    decision = decide_promotion(evidence(gains))
    said = "no first figure is significantly better on the pooled frozen sets: "
    even = "+1.00 points (-1.00 to +3.00, p = 0.2)"
    assert decision == Refuse((f"{said}type {even}, tradable {even}",))


@pytest.mark.parametrize("name", ["feeds", POOLED])
def test_tradable_significantly_worse_on_any_set_refuses(name: str) -> None:
    gains: Gains = {"feeds": {"tradable": EVEN}, POOLED: {"type": BETTER, "tradable": EVEN}}
    gains[name]["tradable"] = WORSE
    decision = decide_promotion(evidence(gains))
    said = f"tradable is significantly worse on {name}: -3.00 points (-5.00 to -1.00, p = 0.998)"
    assert decision == Refuse((said,))


def test_a_failed_behavioural_test_refuses_even_a_first_model() -> None:
    for champion in (1, None):
        decision = decide_promotion(evidence(champion=champion, failed=("negation", "a name swapped")))
        assert decision == Refuse(("2 of 40 behavioural tests fail: negation, a name swapped",))


def test_a_refusal_gives_every_reason() -> None:
    gains: Gains = {"feeds": {"tradable": WORSE}, "archive": {"tradable": WORSE}, POOLED: {"type": WORSE}}
    decision = decide_promotion(evidence(gains, failed=("negation",)))
    assert isinstance(decision, Refuse)
    beginnings = ["1 of 40 behavioural", "tradable is", "tradable is", "no first figure is significantly better"]
    assert [reason.startswith(said) for reason, said in zip(decision.reasons, beginnings, strict=True)] == [True] * 4
    assert all(reason in str(decision) for reason in decision.reasons)


def test_what_was_not_measured_counts_against_the_challenger() -> None:
    assert decide_promotion(evidence({}, behaviours=0)) == Refuse(
        (
            "no behavioural test was run",
            "tradable was measured on no set",
            "no first figure was measured on the pooled frozen sets",
        )
    )


def test_a_first_model_needs_only_the_behavioural_tests() -> None:
    decision = decide_promotion(evidence({}, champion=None))
    assert decision == Promote(("there is no champion yet, and all 40 behavioural tests pass",))
    assert isinstance(decide_promotion(evidence({}, champion=None, behaviours=0)), Refuse)


@given(
    st.dictionaries(
        st.sampled_from(["feeds", "archive", POOLED]),
        st.dictionaries(st.sampled_from(FIRST_FIGURES), st.sampled_from([BETTER, EVEN, WORSE])),
    ),
    st.sampled_from([(), ("negation",)]),
)
def test_a_challenger_is_promoted_only_within_the_rules(gains: Gains, failed: tuple[str, ...]) -> None:
    allowed = (
        not failed
        and any("tradable" in figures for figures in gains.values())
        and all(figures.get("tradable") is not WORSE for figures in gains.values())
        and BETTER in gains.get(POOLED, {}).values()
    )
    assert isinstance(decide_promotion(evidence(gains, failed=failed)), Promote) == allowed


@pytest.mark.parametrize(
    "numbers",
    [(float("nan"), 0.0, 0.1, 0.5), (0.0, 0.1, -0.1, 0.5), (0.0, -0.1, float("inf"), 0.5), (0.0, 0.0, 0.0, 2)],
)
def test_a_gain_that_is_no_interval_is_refused(numbers: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="is no gain; give finite numbers"):
        Gain(*numbers)


def test_a_gain_that_touches_zero_is_neither_better_nor_worse() -> None:
    for gain in (Gain(0.01, 0.0, 0.02, 0.05), Gain(-0.01, -0.02, 0.0, 0.95)):
        assert not gain.is_better
        assert not gain.is_worse


def test_a_promotion_moves_the_aliases_and_says_so() -> None:
    registry = FakeAliases(2, champion=1, challenger=2)
    done = promote(registry, 2, evidence())
    assert registry.aliases == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}
    assert isinstance(done, Promoted)
    assert str(done).startswith("version 2 is the champion now, version 1 the previous one: type gains +3.00")
    assert registry.tag_of(2, FORCED_BECAUSE) is None


def test_a_first_model_becomes_the_champion_of_nobody() -> None:
    registry = FakeAliases(1)
    done = promote(registry, 1, evidence({}, challenger=1, champion=None))
    assert registry.aliases == {Alias.CHAMPION: 1}
    assert "the first: there is no champion yet" in str(done)


def test_a_refused_version_changes_nothing() -> None:
    registry = FakeAliases(2, champion=1, challenger=2)
    registry.cut_off_after = 0
    decision = promote(registry, 2, evidence(failed=("negation",)))
    assert decision == Refuse(("1 of 40 behavioural tests fail: negation",))


@pytest.mark.parametrize("known", [evidence(challenger=3), evidence(champion=3), evidence(champion=None), None])
def test_evidence_of_other_versions_does_not_promote(known: Evidence | None) -> None:
    registry = FakeAliases(3, champion=1)
    decision = promote(registry, 2, known)
    assert isinstance(decision, Refuse)
    assert registry.aliases == {Alias.CHAMPION: 1}
    expected = "version 2 was not evaluated" if known is None else "not of version 2 against version 1; evaluate again"
    assert expected in str(decision)


def test_force_promotes_and_keeps_its_reason_with_what_spoke_against_it() -> None:
    registry = FakeAliases(2, champion=1)
    done = promote(registry, 2, evidence(failed=("negation",)), force_reason="  the venue renamed its feed ")
    assert registry.aliases == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}
    assert registry.tag_of(2, FORCED_BECAUSE) == "the venue renamed its feed"
    assert registry.tag_of(2, FORCED_OVER) == "1 of 40 behavioural tests fail: negation"
    assert "by force (the venue renamed its feed), against: 1 of 40 behavioural tests fail: negation" in str(done)


def test_force_that_was_not_needed_is_still_on_record() -> None:
    registry = FakeAliases(2, champion=1)
    done = promote(registry, 2, evidence(), force_reason="in a hurry")
    assert (registry.tag_of(2, FORCED_BECAUSE), registry.tag_of(2, FORCED_OVER)) == ("in a hurry", "")
    assert "by force" not in str(done)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_force_without_a_reason_is_an_error(reason: str) -> None:
    registry = FakeAliases(2, champion=1)
    with pytest.raises(RegistryError, match="needs a reason; say in words"):
        promote(registry, 2, evidence(), force_reason=reason)
    assert registry.aliases == {Alias.CHAMPION: 1}


def test_the_champion_cannot_be_promoted_again() -> None:
    with pytest.raises(RegistryError, match="version 1 is the champion already; name another"):
        promote(FakeAliases(1, champion=1), 1, None, force_reason="to be sure")


def test_a_version_that_is_not_there_leaves_the_aliases_alone() -> None:
    registry = FakeAliases(2, champion=2, previous=1)
    with pytest.raises(RegistryError, match="version 9 is not there"):
        promote(registry, 9, None, force_reason="a typing mistake")
    assert registry.aliases == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}


def forced(registry: FakeAliases, *versions: int) -> None:
    for version in versions:
        promote(registry, version, None, force_reason="a drill")


def test_rollbacks_undo_promotions_one_by_one_until_none_is_left() -> None:
    registry = FakeAliases(3)
    forced(registry, 1, 2, 3)
    assert str(rollback(registry)) == "version 2 is the champion again in place of version 3; before it: version 1"
    assert registry.aliases == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}
    assert str(rollback(registry)) == "version 1 is the champion again in place of version 2; before it: none"
    assert registry.aliases == {Alias.CHAMPION: 1}
    with pytest.raises(RegistryError, match="version 1 has no previous champion to go back to; promote another"):
        rollback(registry)
    assert registry.aliases == {Alias.CHAMPION: 1}


def test_a_rollback_can_be_undone_by_promoting_again() -> None:
    registry = FakeAliases(2)
    forced(registry, 1, 2)
    rollback(registry)
    forced(registry, 2)
    assert registry.aliases == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1}
    rollback(registry)
    assert registry.aliases == {Alias.CHAMPION: 1}


def test_a_rollback_passes_over_a_former_champion_that_was_deleted() -> None:
    registry = FakeAliases(3)
    forced(registry, 1, 2, 3)
    registry.delete(1)
    assert rollback(registry).previous is None
    assert registry.aliases == {Alias.CHAMPION: 2}


def test_there_is_nothing_to_roll_back_without_a_champion() -> None:
    with pytest.raises(RegistryError, match="no champion to roll back; promote a version first"):
        rollback(FakeAliases(1))


@pytest.mark.parametrize("steps", range(6))
def test_a_promotion_that_is_cut_off_keeps_a_champion_and_can_be_repeated(steps: int) -> None:
    registry = FakeAliases(3)
    forced(registry, 1, 2)
    registry.aliases[Alias.CHALLENGER] = 3
    registry.cut_off_after = steps
    with pytest.raises(RegistryError, match="cut off"):
        forced(registry, 3)
    champion = registry.version_of(Alias.CHAMPION)
    assert champion == (3 if steps == 5 else 2)
    registry.cut_off_after = None
    if champion != 3:
        forced(registry, 3)
        assert registry.aliases == {Alias.CHAMPION: 3, Alias.PREVIOUS: 2}
    assert rollback(registry).version == 2
    assert registry.version_of(Alias.PREVIOUS) == 1


@pytest.mark.parametrize("steps", range(3))
def test_a_rollback_that_is_cut_off_never_leaves_the_undone_version_in_reach(steps: int) -> None:
    registry = FakeAliases(3)
    forced(registry, 1, 2, 3)
    registry.cut_off_after = steps
    with pytest.raises(RegistryError, match="cut off"):
        rollback(registry)
    assert registry.version_of(Alias.CHAMPION) == (3 if steps == 0 else 2)
    assert registry.version_of(Alias.PREVIOUS) == 2
