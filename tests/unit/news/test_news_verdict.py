"""Rules and model together: whose word counts, for what, and what is said of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from herald.messages import NewsItem
from herald.news.gazetteer import Gazetteer
from herald.news.judgement import Judgement
from herald.news.reading import Reading
from herald.news.verdict import CONFIDENCE_MAX, VerdictPolicy, combine, tradable_probability
from herald.taxonomy import Direction, EventType, Reason

POLICY = VerdictPolicy(tradable_min=0.5, direction_min=0.45, rule_stands_min=0.2, rule_precision=0.8, rule_weight=0.25)
HEADLINE = "Sui DEX Cetus hacked, $220M drained"
RULED = Reading(
    event_type=EventType.HACK,
    direction=Direction.BEAR,
    severity=0.4,
    confidence=0.6,
    primary_entity="CETUS",
    entities=("SUI", "CETUS"),
    tradable=True,
    reasons=("rule:hack-loss", "words:hacked"),
    extras={"amount_usd": 2.2e8},
    fate_reason=Reason.RULE_MATCHED,
)
DOUBTED = RULED.model_copy(
    update={"tradable": False, "direction": Direction.UNKNOWN, "fate_reason": Reason.NOT_TRADABLE}
)
UNREAD = Reading(event_type=EventType.OTHER, confidence=0.1, entities=("SUI",), fate_reason=Reason.NO_RULE_MATCHED)

Combine = Callable[..., Reading]


def shares(of: dict[Any, float], among: Any) -> dict[Any, float]:
    """Give the named ones their probability and the others what is left, in equal parts."""
    others = [one for one in among if one not in of]
    return {one: of.get(one, (1 - sum(of.values())) / len(others)) for one in among}


def judged(
    event_type: EventType = EventType.HACK,
    direction: Direction = Direction.BEAR,
    *,
    type_p: float = 1.0,
    direction_p: float = 0.8,
    tradable_p: float = 0.9,
    severity: float = 0.8,
    unfamiliar: bool = False,
) -> Judgement:
    return Judgement(
        event_types=shares({event_type: type_p}, EventType),
        directions=shares({direction: direction_p}, Direction),
        tradable_p=tradable_p,
        severity=severity,
        familiarity=0.31,
        unfamiliar=unfamiliar,
        model="herald-7",
    )


@pytest.fixture
def verdict(make_item: Callable[..., NewsItem], gazetteer: Gazetteer) -> Combine:
    def make(
        ruled: Reading, model: Judgement, headline: str = HEADLINE, policy: VerdictPolicy = POLICY, **item: Any
    ) -> Reading:
        return combine(make_item(headline, **item), ruled, model, gazetteer, policy)

    return make


CONTRARY = judged(EventType.MARKET_COMMENTARY, Direction.BULL, type_p=0.97, tradable_p=0.01)


@pytest.mark.parametrize("speaker", [{"venue": "Binance"}, {"verified": True}])
def test_the_own_words_of_a_venue_or_a_proven_account_are_read_by_the_rules(
    speaker: dict[str, Any], verdict: Combine
) -> None:
    found = verdict(RULED, CONTRARY, **speaker)
    said = "model:MARKET_COMMENTARY:0.97, tradable 0.01"
    assert found == RULED.model_copy(update={"reasons": (*RULED.reasons, said), "model": "herald-7"})


@pytest.mark.parametrize("speaker", [{"venue": "Binance"}, {"verified": True}])
def test_own_words_that_no_rule_knows_are_left_to_the_model(speaker: dict[str, Any], verdict: Combine) -> None:
    found = verdict(UNREAD, judged(), **speaker)
    assert (found.event_type, found.tradable, found.fate_reason) == (EventType.HACK, True, Reason.MODEL_CLASSIFIED)


@pytest.mark.parametrize("ruled", [RULED, DOUBTED, UNREAD], ids=["tradable", "doubted", "unread"])
@pytest.mark.parametrize("venue", ["", "Binance"])
def test_text_unlike_anything_trained_on_is_left_to_the_rules(ruled: Reading, venue: str, verdict: Combine) -> None:
    found = verdict(ruled, judged(EventType.DEPEG, Direction.BULL, unfamiliar=True), venue=venue)
    assert found == ruled.model_copy(update={"reasons": (*ruled.reasons, "unfamiliar:0.31"), "model": "herald-7"})


def test_a_rule_that_finds_a_headline_tradable_stands_against_an_unsure_model(verdict: Combine) -> None:
    found = verdict(RULED, judged(EventType.PROMOTION, type_p=0.9, tradable_p=POLICY.rule_stands_min))
    assert (found.event_type, found.direction, found.tradable) == (EventType.HACK, Direction.BEAR, True)
    assert (found.fate_reason, found.is_signal) == (Reason.RULE_MATCHED, True)
    assert found.reasons == (*RULED.reasons, "model:PROMOTION:0.90, tradable 0.20")
    assert (found.primary_entity, found.entities, found.extras) == ("CETUS", ("SUI", "CETUS"), {"amount_usd": 2.2e8})
    assert (found.model, found.degraded) == ("herald-7", False)


@pytest.mark.parametrize(
    ("event_type", "fate"),
    [
        (EventType.HACK, Reason.NOT_TRADABLE),
        (EventType.SEC_ACTION, Reason.NOT_TRADABLE),
        (EventType.OTHER, Reason.NOT_TRADABLE),
        (EventType.PROMOTION, Reason.PROMOTIONAL),
        (EventType.MARKET_COMMENTARY, Reason.COMMENTARY),
    ],
)
def test_a_rule_is_overruled_by_a_model_that_is_sure_of_the_contrary(
    event_type: EventType, fate: Reason, verdict: Combine
) -> None:
    found = verdict(RULED, judged(event_type, tradable_p=0.01))
    assert (found.tradable, found.is_signal, found.fate_reason) == (False, False, fate)


@pytest.mark.parametrize("event_type", [EventType.HACK, EventType.SEC_ACTION, EventType.PROMOTION])
def test_a_rule_that_is_overruled_leaves_type_and_side_to_the_model(event_type: EventType, verdict: Combine) -> None:
    found = verdict(RULED, judged(event_type, Direction.BULL, tradable_p=0.19))
    assert (found.event_type, found.direction) == (event_type, Direction.BULL)
    assert found.reasons == (*RULED.reasons, f"model:{event_type}:1.00, tradable 0.19")
    assert found.entities == RULED.entities
    kept = verdict(RULED, judged(event_type, Direction.BULL, tradable_p=POLICY.rule_stands_min))
    assert (kept.event_type, kept.direction) == (EventType.HACK, Direction.UNKNOWN)


def test_a_model_alone_makes_a_signal_of_what_no_rule_knows(verdict: Combine) -> None:
    found = verdict(UNREAD, judged(EventType.HACK, type_p=1.0, tradable_p=POLICY.tradable_min))
    assert (found.event_type, found.direction, found.is_signal) == (EventType.HACK, Direction.BEAR, True)
    assert (found.fate_reason, found.primary_entity) == (Reason.MODEL_CLASSIFIED, "CETUS")
    assert found.reasons == ("model:HACK:1.00, tradable 0.50",)


def test_a_model_alone_that_is_not_sure_enough_makes_none(verdict: Combine) -> None:
    found = verdict(UNREAD, judged(EventType.HACK, tradable_p=0.49))
    assert (found.event_type, found.tradable, found.fate_reason) == (EventType.HACK, False, Reason.NO_RULE_MATCHED)


@pytest.mark.parametrize(
    ("event_type", "fate"),
    [
        (EventType.PROMOTION, Reason.PROMOTIONAL),
        (EventType.MARKET_COMMENTARY, Reason.COMMENTARY),
        (EventType.OTHER, Reason.NO_RULE_MATCHED),
    ],
)
def test_what_is_no_event_is_not_tradable_however_sure_the_model(
    event_type: EventType, fate: Reason, verdict: Combine
) -> None:
    found = verdict(UNREAD, judged(event_type, type_p=0.06, tradable_p=1.0))
    assert (found.event_type, found.tradable, found.fate_reason) == (event_type, False, fate)


def test_a_doubt_of_the_rules_gives_way_to_a_model_that_is_sure(verdict: Combine) -> None:
    found = verdict(DOUBTED, judged(tradable_p=0.8))
    assert (found.tradable, found.direction, found.fate_reason) == (True, Direction.BEAR, Reason.MODEL_CLASSIFIED)
    held = verdict(DOUBTED, judged(tradable_p=0.4))
    assert (held.tradable, held.fate_reason) == (False, Reason.NOT_TRADABLE)


@pytest.mark.parametrize(
    ("ruled", "said", "direction_p", "expected"),
    [
        (Direction.BEAR, Direction.BEAR, 0.8, Direction.BEAR),
        (Direction.BEAR, Direction.UNKNOWN, 0.9, Direction.BEAR),
        (Direction.BEAR, Direction.BULL, 0.44, Direction.BEAR),
        (Direction.BEAR, Direction.BULL, 0.45, Direction.UNKNOWN),
        (Direction.BULL, Direction.BEAR, 0.8, Direction.UNKNOWN),
        (Direction.BULL, Direction.BEAR, 0.44, Direction.BULL),
        (Direction.UNKNOWN, Direction.BULL, 0.8, Direction.BULL),
        (Direction.UNKNOWN, Direction.BULL, 0.44, Direction.UNKNOWN),
    ],
)
def test_the_side_of_a_rule_that_stands_is_given_up_only_to_a_sure_contrary(
    ruled: Direction, said: Direction, direction_p: float, expected: Direction, verdict: Combine
) -> None:
    standing = RULED.model_copy(update={"direction": ruled})
    assert verdict(standing, judged(direction=said, direction_p=direction_p)).direction is expected


@pytest.mark.parametrize(
    ("direction_p", "expected"), [(0.8, Direction.BULL), (0.45, Direction.BULL), (0.44, Direction.UNKNOWN)]
)
def test_without_a_rule_that_stands_the_side_is_the_models_where_it_is_sure(
    direction_p: float, expected: Direction, verdict: Combine
) -> None:
    said = judged(direction=Direction.BULL, direction_p=direction_p, tradable_p=0.1)
    assert verdict(RULED, said).direction is expected
    assert verdict(UNREAD, said).direction is expected


def test_severity_is_weighed_where_both_speak_of_one_type_and_else_the_models(verdict: Combine) -> None:
    assert verdict(RULED, judged(severity=0.6)).severity == pytest.approx(0.25 * 0.4 + 0.75 * 0.6)
    assert verdict(RULED, judged(EventType.DEPEG, severity=0.6, tradable_p=0.1)).severity == 0.6
    assert verdict(UNREAD, judged(EventType.OTHER, severity=0.6)).severity == 0.6  # no rule spoke


@pytest.mark.parametrize(("allow_listed", "severity"), [(False, 0.7), (True, 0.96)])
@pytest.mark.parametrize("ruled", [RULED, UNREAD], ids=["weighed", "alone"])
def test_only_sources_on_the_list_pass_a_severity_of_seven_tenths(
    allow_listed: bool, severity: float, ruled: Reading, verdict: Combine
) -> None:
    heavy = ruled.model_copy(update={"severity": 0.96})
    assert verdict(heavy, judged(severity=0.96), allow_listed=allow_listed).severity == severity
    assert verdict(heavy, judged(severity=0.96), allow_listed=allow_listed, trust=0.99).severity == severity


def test_the_chance_of_a_tradable_event_falls_with_the_chance_of_no_event() -> None:
    sure = judged(EventType.HACK, type_p=1.0, tradable_p=0.6)
    assert tradable_probability(UNREAD, sure, POLICY) == pytest.approx(0.6)
    torn = judged(EventType.MARKET_COMMENTARY, type_p=0.5, tradable_p=0.6)
    event_p = 0.5 * 22 / 24  # of the 24 other types, two are no event either
    assert tradable_probability(UNREAD, torn, POLICY) == pytest.approx(0.6 * math.sqrt(event_p))
    assert tradable_probability(UNREAD, judged(EventType.OTHER, type_p=1.0), POLICY) == 0.0


def test_a_rule_that_finds_a_headline_tradable_adds_its_evidence() -> None:
    said = judged(tradable_p=0.6)
    together = tradable_probability(RULED, said, POLICY)
    assert together == pytest.approx(1 - 0.4 * (1 - POLICY.rule_precision))
    assert tradable_probability(DOUBTED, said, POLICY) == pytest.approx(0.6)


@pytest.mark.parametrize("trust", [0.0, 0.4, 1.0])
def test_confidence_is_the_chance_of_a_tradable_event_discounted_for_little_trust(
    trust: float, verdict: Combine
) -> None:
    for ruled in (RULED, UNREAD):
        said = judged(tradable_p=0.6)
        expected = tradable_probability(ruled, said, POLICY) * (0.5 + 0.5 * trust)
        assert verdict(ruled, said, trust=trust).confidence == pytest.approx(expected, abs=1e-4)


def test_nothing_is_certain(verdict: Combine) -> None:
    assert verdict(RULED, judged(tradable_p=1.0), trust=1.0).confidence == CONFIDENCE_MAX < 1


def test_another_type_than_the_rules_brings_its_own_primary_entity(verdict: Combine) -> None:
    overruled = verdict(RULED, judged(EventType.FED_SPEECH, tradable_p=0.1), headline="Powell speaks about Cetus")
    assert overruled.primary_entity == "BTC"
    kept = verdict(RULED, judged(EventType.HACK, tradable_p=0.1), headline="Powell speaks about Cetus")
    assert kept.primary_entity == RULED.primary_entity


@pytest.mark.parametrize(
    ("headline", "event_type", "primary"),
    [
        ("Kraken debuts Solana", EventType.LISTING, "SOL"),
        ("Shares of Ripple acquired by a fund", EventType.FUNDING_MNA, "XRP"),
        ("Lawmakers agree", EventType.REGULATION, "BTC"),
        ("A quiet day", EventType.PARTNERSHIP, ""),
        ("Solana is quiet", UNREAD.event_type, "SOL"),
    ],
)
def test_where_no_rule_spoke_the_primary_entity_is_that_of_the_models_type(
    headline: str, event_type: EventType, primary: str, verdict: Combine
) -> None:
    assert verdict(UNREAD, judged(event_type), headline=headline).primary_entity == primary


def test_a_policy_out_of_range_is_refused() -> None:
    with pytest.raises(ValidationError, match="tradable_min"):
        VerdictPolicy(tradable_min=1.1)


def test_an_entry_of_unknown_age_stays_untraded(verdict: Combine) -> None:
    backlog = RULED.model_copy(
        update={"tradable": False, "direction": Direction.UNKNOWN, "fate_reason": Reason.TOO_OLD}
    )
    found = verdict(backlog, judged(tradable_p=0.99))
    assert (found.tradable, found.fate_reason) == (False, Reason.TOO_OLD)


def test_a_bitcoin_exchange_that_lists_a_coin_does_not_list_bitcoin(verdict: Combine) -> None:
    found = verdict(UNREAD, judged(EventType.LISTING), headline="Bitcoin exchange Kraken debuts Solana")
    assert found.primary_entity == "SOL"
