"""The answers of ``herald classify``: their form, whose word they carry, and lines that cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from herald.inference.classification import Classifier, HeadlineLine, MalformedLineError, parse_headline
from herald.inference.encoder import Encoder
from herald.inference.text_model import DIRECTIONS, OUTPUTS, TYPES, Heads, ModelCard, TextModel
from herald.inference.words import BUCKETS, WORD_BUCKETS, word_features
from herald.news.gazetteer import Gazetteer
from herald.news.profiles import SourceProfile
from herald.news.reading_desk import TextDesk
from herald.news.verdict import VerdictPolicy
from herald.taxonomy import Direction, EventType, MarketKind
from herald.trading.directory import Directory, Instruments, InstrumentSpec

NOW = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)
LISTING = "Coinbase to list Solana"
TALK = "Nothing that any rule knows"
FIELDS = {
    "id", "event_type", "event_type_p", "direction", "direction_p", "tradable_p", "severity", "confidence",
    "primary_entity", "entities", "instruments", "reasons", "model", "degraded",
}  # fmt: skip
"""What other programs build on."""
FURTHER_FIELDS = {"tradable", "unlisted"}
POLICY = VerdictPolicy(tradable_min=0.6, direction_min=0.45, rule_stands_min=0.15, rule_precision=0.8, rule_weight=0.5)

Make = Callable[..., Classifier]


def listed(symbol: str, kind: MarketKind) -> InstrumentSpec:
    return InstrumentSpec(symbol=symbol, base="SOL", kind=kind, tick_size=Decimal("0.01"), lot_size=Decimal("0.01"))


def profile_of(name: str) -> SourceProfile:
    known = {"desk": SourceProfile(name="desk", trust=0.9, allow_listed=True)}
    return known.get(name, SourceProfile(name=name, trust=0.2))


@pytest.fixture
def make(desk: TextDesk, gazetteer: Gazetteer) -> Make:
    directory = Directory(
        Instruments(instruments=(listed("SOLUSD", MarketKind.SPOT), listed("SOLUSDT", MarketKind.PERP)))
    )

    def classifier(model: TextModel | None = None, *, rules_only: bool = False) -> Classifier:
        return Classifier(desk, gazetteer, directory, profile_of, POLICY, model, rules_only)

    return classifier


@pytest.fixture
def opinionated(encoder: Encoder) -> TextModel:
    """A model that takes every text for a hack: probability 0.8, bearish 0.7, tradable 0.9, severity 0.6."""
    bias = np.full(OUTPUTS, -20.0, dtype=np.float32)
    bias[TYPES.index(EventType.HACK)], bias[TYPES.index(EventType.LISTING)] = np.log(0.8), np.log(0.2)
    ways = len(TYPES)
    for way, share in ((Direction.BEAR, 0.7), (Direction.BULL, 0.2), (Direction.UNKNOWN, 0.1)):
        bias[ways + DIRECTIONS.index(way)] = np.log(share)
    bias[-2], bias[-1] = np.log(0.9 / 0.1), np.log(0.6 / 0.4)
    heads = Heads(
        weights=np.zeros((encoder.width, OUTPUTS), dtype=np.float32),
        word_weights=np.zeros((BUCKETS, OUTPUTS), dtype=np.float32),
        bias=bias,
        frequencies=np.ones(WORD_BUCKETS, dtype=np.float32),
        shift=np.zeros(OUTPUTS, dtype=np.float32),
        prototypes=np.zeros((1, encoder.width), dtype=np.float32),
    )
    card = ModelCard(name="herald-7", kind="quick", encoder="e", corpus_sha256="c", rules_version="r", trained_on=1)
    return TextModel(card, encoder, heads)


def answer(classifier: Classifier, text: str, **fields: Any) -> dict[str, Any]:
    (found,) = classifier.classify([HeadlineLine(text=text, **fields)], NOW)
    return found


@pytest.mark.parametrize("text", [LISTING, TALK])
def test_an_answer_has_the_fields_that_programs_build_on(text: str, make: Make, opinionated: TextModel) -> None:
    for classifier in (make(), make(opinionated)):
        found = answer(classifier, text, id="a")
        assert set(found) == FIELDS | FURTHER_FIELDS
        assert set(found["direction_p"]) == {"BULL", "BEAR", "UNKNOWN"}
        assert json.loads(json.dumps(found)) == found
        assert (type(found["event_type"]), type(found["direction"])) == (str, str)
        for share in ("event_type_p", "tradable_p", "severity", "confidence"):
            assert 0 <= found[share] <= 1, share


def test_every_line_is_answered_in_order_under_its_own_id(make: Make, opinionated: TextModel) -> None:
    lines = [HeadlineLine(id=key, text=text) for key, text in ((7, TALK), ("b", LISTING), (None, "Fed cuts rates"))]
    for classifier in (make(), make(opinionated)):
        answers = classifier.classify(lines, NOW)
        assert [one["id"] for one in answers] == [7, "b", None]
        assert [answer(classifier, line.text, id=line.id) for line in lines] == answers
    assert make(opinionated).classify([], NOW) == []


def test_rules_that_were_asked_for_are_not_degraded_and_rules_in_place_of_a_model_are(make: Make) -> None:
    asked, fallen_back = answer(make(rules_only=True), LISTING), answer(make(), LISTING)
    assert (asked["degraded"], fallen_back["degraded"]) == (False, True)
    assert {**asked, "degraded": True} == fallen_back
    assert asked["model"] == "rules"


def test_the_rules_answer_with_their_own_certainty(make: Make) -> None:
    found = answer(make(), LISTING)
    assert (found["event_type"], found["direction"], found["tradable"]) == ("LISTING", "BULL", True)
    assert found["direction_p"] == {"BULL": 0.9, "BEAR": 0.05, "UNKNOWN": 0.05}
    assert found["event_type_p"] == found["tradable_p"] == found["confidence"] > 0
    assert any(reason.startswith("rule:") for reason in found["reasons"])


def test_what_no_rule_finds_tradable_has_no_chance_of_it(make: Make) -> None:
    found = answer(make(), TALK)
    assert (found["event_type"], found["tradable"], found["tradable_p"]) == ("OTHER", False, 0.0)
    assert found["direction_p"] == {"BULL": 0.05, "BEAR": 0.05, "UNKNOWN": 0.9}
    assert (found["primary_entity"], found["instruments"], found["reasons"]) == ("", [], [])


def test_a_model_answers_with_its_probabilities(make: Make, opinionated: TextModel) -> None:
    found = answer(make(opinionated), TALK)
    assert (found["event_type"], found["event_type_p"]) == ("HACK", 0.8)
    assert (found["direction"], found["direction_p"]) == ("BEAR", {"BULL": 0.2, "BEAR": 0.7, "UNKNOWN": 0.1})
    assert (found["tradable"], found["tradable_p"], found["severity"]) == (True, 0.9, 0.6)
    assert (found["model"], found["degraded"]) == ("herald-7", False)


def test_the_probability_is_that_of_the_type_answered(make: Make, opinionated: TextModel) -> None:
    found = answer(make(opinionated), LISTING)  # the rule stands against the model's likeliest type
    assert (found["event_type"], found["event_type_p"]) == ("LISTING", 0.2)
    assert found["tradable_p"] == 0.98  # rule and model together
    assert found["reasons"][-1] == "model:HACK:0.80, tradable 0.90"


def test_the_model_hears_the_evidence_of_the_rules(make: Make, opinionated: TextModel) -> None:
    weights = np.zeros((BUCKETS, OUTPUTS), dtype=np.float32)
    (place,) = word_features([""], [["tradable:False"]], opinionated.heads.frequencies).indices
    weights[place, len(TYPES) + DIRECTIONS.index(Direction.BULL)] = 20.0
    opinionated.heads = replace(opinionated.heads, word_weights=weights)
    lines = [HeadlineLine(text=LISTING), HeadlineLine(text=TALK)]
    said = [one["direction_p"]["BULL"] for one in make(opinionated).classify(lines, NOW)]
    assert said == pytest.approx([0.2, 1.0], abs=1e-3)


def test_text_unlike_what_a_model_knows_is_left_to_the_rules(make: Make, opinionated: TextModel) -> None:
    opinionated.card = opinionated.card.model_copy(update={"unfamiliar_below": 0.5})
    found, ruled = answer(make(opinionated), LISTING), answer(make(), LISTING)
    assert found["reasons"] == [*ruled["reasons"], "unfamiliar:0.00"]
    for field in ("event_type", "direction", "severity", "confidence", "tradable", "primary_entity"):
        assert found[field] == ruled[field]
    assert (found["model"], found["degraded"]) == ("herald-7", False)


def test_the_instruments_are_those_of_the_primary_entity_best_first(make: Make) -> None:
    found = answer(make(), LISTING)
    assert (found["primary_entity"], found["instruments"]) == ("SOL", ["paper:SOLUSDT", "paper:SOLUSD"])
    assert answer(make(), "Coinbase to list Fartcoin")["instruments"] == []
    assert "Coinbase" in found["entities"]


def test_assets_without_an_instrument_are_named_with_their_reason(make: Make) -> None:
    found = answer(make(), "Coinbase to list Solana (SOL), Fartcoin and Zebu (ZEBU) against USDT")
    assert (found["primary_entity"], found["instruments"]) == ("SOL", ["paper:SOLUSDT", "paper:SOLUSD"])
    reasons = {one["entity"]: one["reason"] for one in found["unlisted"]}
    assert reasons["FARTCOIN"] == "NO_INSTRUMENT"
    assert "Coinbase" not in reasons
    assert "SOL" not in reasons


def test_the_instruments_of_all_named_assets_follow_those_of_the_primary_entity(make: Make) -> None:
    found = answer(make(), "Whale moves $60M in ETH off Kraken and buys Solana")
    assert (found["primary_entity"], found["instruments"]) == ("ETH", ["paper:SOLUSDT", "paper:SOLUSD"])
    assert found["unlisted"] == [{"entity": "ETH", "reason": "NO_INSTRUMENT"}]


def test_a_party_that_a_headline_is_about_is_no_asset(make: Make) -> None:
    found = answer(make(), "OKX Removes 11 Trading Pairs")
    assert found["unlisted"] == [{"entity": "OKX", "reason": "NOT_AN_ASSET"}]


def test_a_named_source_counts_by_its_trust(make: Make) -> None:
    unnamed, trusted, stranger = (answer(make(), LISTING, source=name) for name in ("", "desk", "somebody"))
    assert stranger["confidence"] < unnamed["confidence"] < trusted["confidence"]


def test_a_line_keeps_what_it_says_and_drops_what_is_not_asked_for() -> None:
    data = {"id": 3, "text": "x", "source": "desk", "published_at": "2025-06-02T14:00:00+02:00", "lang": "en"}
    line = parse_headline(data, "in.jsonl:1")
    assert line == HeadlineLine(id=3, text="x", source="desk", published_at=NOW, place="in.jsonl:1")
    assert parse_headline({"text": "x"}, "in.jsonl:2") == HeadlineLine(text="x", place="in.jsonl:2")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"id": 1}, "text"),
        ({"id": 1, "text": ""}, "text"),
        ({"id": 1, "text": 5}, "text"),
        ({"id": 1, "text": None}, "text"),
        ({"id": [1], "text": "x"}, "id"),
        ({"text": "x", "source": 5}, "source"),
        ({"text": "x", "published_at": "2025-06-02T12:00:00"}, "published_at"),
        ({"text": "x", "published_at": "yesterday"}, "published_at"),
        ([1, 2], "the line"),
        ("x", "the line"),
        (None, "the line"),
    ],
)
def test_a_line_that_holds_no_headline_is_named_with_field_and_cure(data: object, field: str) -> None:
    with pytest.raises(MalformedLineError) as refused:
        parse_headline(data, "in.jsonl:4")
    message = str(refused.value)
    assert message.startswith(f"in.jsonl:4: {field}")
    assert message.endswith('write {"id": ..., "text": "..."}')


@pytest.mark.parametrize("text", ["   ", "<p></p>", "\u200b"])
def test_a_text_without_words_is_named_by_its_id(text: str, make: Make) -> None:
    with pytest.raises(MalformedLineError, match="line 'n9': text: holds no words; give a headline"):
        make().classify([HeadlineLine(id=1, text=LISTING), HeadlineLine(id="n9", text=text)], NOW)
