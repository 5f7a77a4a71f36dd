"""Sameness of headlines: what each feature sees, and how the model judges pairs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import herald.news.sameness
from herald.documents import ConfigurationError
from herald.news.sameness import DAY_S, FEATURES, SamenessModel, features

FITTED = Path(herald.news.sameness.__file__).with_suffix(".json")


def seen(left: str, right: str, cosine: float = 0.8) -> dict[str, float]:
    return dict(zip(FEATURES, features(left, right, cosine).tolist(), strict=True))


def document(**changed: Any) -> str:
    plain = {name: [value] * len(FEATURES) for name, value in (("mean", 0.0), ("scale", 1.0), ("weight", 0.0))}
    return json.dumps({"features": FEATURES, **plain, "bias": 0.0, "gap_power": 1.0, **changed})


@pytest.fixture(scope="module")
def model() -> SamenessModel:
    return SamenessModel.parse(FITTED.read_text("utf-8"), FITTED.name)


@given(st.text(max_size=60), st.text(max_size=60), st.floats(-1.0, 1.0))
def test_any_two_texts_give_finite_features_in_either_order(left: str, right: str, cosine: float) -> None:
    vector = features(left, right, cosine)
    assert vector.shape == (len(FEATURES),)
    assert np.isfinite(vector).all()
    assert np.array_equal(vector, features(right, left, cosine))


def test_a_headline_is_covered_by_itself_and_contradicts_itself_in_nothing() -> None:
    text = "Hackers drain $38M from Solana lender Kestrel Finance on Tuesday, a second loss"
    found = seen(text, text, 1.0)
    full = {"cosine", "word_overlap", "containment", "bigrams", "trigrams", "length_ratio"}
    assert {name: pytest.approx(1.0) for name in full} == {name: found[name] for name in full}
    against = set(FEATURES) - full - {"numbers_shared", "names_shared"}
    assert {name: found[name] for name in against} == dict.fromkeys(against, 0.0)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Norvelt adds 1,420 BTC for $148 million", "Norvelt spends nearly $150M on 1,420 coins"),
        ("Fund inflows hit $1.46B", "Fund inflows hit nearly $1.5 billion"),
        ("Fourteen die in blast", "Blast kills 14"),
        ("Thirty-seven dead in bus crash", "Bus crash kills 37"),
        ("Half a million flee floods", "Floods drive 500,000 from homes"),
        ("Inflation at 2.6 percent", "Inflation at 2.6%"),
        ("More than a million at risk", "1.3 million at risk"),
    ],
)
def test_numbers_that_agree_are_shared_however_they_are_written(left: str, right: str) -> None:
    found = seen(left, right)
    assert found["numbers_shared"] > 0
    assert found["numbers_conflict"] == 0


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Fund inflows hit $1.4B", "Fund inflows hit $2.1 billion"),
        ("Blast kills 14", "Blast kills 15"),
        ("Rate cut to 43%", "Rate cut to 40.5%"),
        ("Bitcoin at $104K", "Bitcoin at $105K"),
        ("Holdings pass 800,000 BTC", "Holdings pass 1 million BTC"),
    ],
)
def test_numbers_of_a_kind_that_differ_are_a_conflict(left: str, right: str) -> None:
    found = seen(left, right)
    assert found["numbers_conflict"] > 0
    assert found["numbers_shared"] == 0


def test_a_percentage_is_not_compared_with_a_sum_of_money() -> None:
    found = seen("Token falls 38%", "Hackers take $38M")
    assert (found["numbers_shared"], found["numbers_conflict"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("feature", "left", "right"),
    [
        ("calendar_conflict", "Talks set for June", "Talks set for August"),
        ("calendar_conflict", "ETFs gain on Monday", "ETFs gain on Friday"),
        ("calendar_conflict", "Profit up in Q1", "Profit up in second quarter"),
        ("ordinals_conflict", "Inflows for fourth week", "Inflows for 5th week"),
        ("places_conflict", "Quake hits Turkish town", "Quake hits Greek town"),
        ("assets_differ", "Fund buys Bitcoin", "Fund buys Ether"),
        ("parties_differ", "Coinbase lists Zephyr", "Kraken lists Zephyr"),
        ("name_swapped", "Pantara leads round for Strikewell", "Pantara leads round for Nightjar"),
        ("name_swapped", "Sevi Raises Funds Led by Palatine", "Kora Raises Funds Led by Palatine"),
        ("verb_swapped", "Bybit to sue ex-head of custody desk", "Bybit to praise ex-head of custody desk"),
        ("opposed", "Governor vetoes bill", "Governor signs bill"),
        ("opposed", "Oil rises on OPEC talk", "Oil falls on OPEC talk"),
        ("stage_conflict", "Ex-chief charged over fraud", "Ex-chief sentenced over fraud"),
        ("stage_extra", "Pupils kidnapped in Nigeria", "Kidnapped pupils in Nigeria freed"),
        ("negation", "Firm will buy bitcoin", "Firm will not buy bitcoin"),
        ("hedge", "Kraken goes public", "Kraken may go public"),
        ("question", "Bitcoin falls to $87K", "Bitcoin at $87K: buy?"),
        ("aftermath", "Quake hits Tonga", "Warning lifted after Tonga quake"),
        ("digest", "Market Wrap: Bitcoin steady", "Market Wrap: Ether leads"),
    ],
)
def test_what_tells_two_events_apart_is_seen(feature: str, left: str, right: str) -> None:
    assert seen(left, right)[feature] > 0
    assert feature == "digest" or seen(left, left)[feature] == 0


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Ankara raises rates", "Turkey raises rates"),
        ("SOL fund delayed in US", "Solana fund delayed in America"),
        ("Police arrest suspect", "Police detain suspect"),
        ("Morsi sworn in as president", "Mursi sworn in as president"),
        ("BoE holds rates", "BoE keeps rates"),
    ],
)
def test_words_that_stand_for_one_another_are_no_conflict(left: str, right: str) -> None:
    found = seen(left, right)
    against = ("places_conflict", "assets_differ", "name_swapped", "names_conflict", "opposed", "stage_conflict")
    assert [found[name] for name in against] == [0.0] * len(against)


def test_an_acronym_is_matched_with_its_words() -> None:
    assert seen("CAR sells land", "Central African Republic sells land")["names_conflict"] == 0


def test_a_ticker_that_is_a_common_word_counts_in_capitals_only() -> None:
    assert seen("NEAR gains", "Bitcoin gains")["assets_differ"] == 1
    assert seen("Blast near Kabul", "Bitcoin gains")["assets_differ"] == 0


@pytest.mark.parametrize(
    ("left", "right", "cosine"),
    [
        ("Tether mints another 1 billion USDT on Tron", "$1B in fresh USDT issued on the Tron network", 0.82),
        ("Hackers drain $38M from lender Kestrel", "Lender Kestrel exploited, $38 million gone", 0.85),
        ("Six killed as helicopter crashes in Hawaii", "Hawaii chopper crash kills six", 0.88),
    ],
)
def test_two_reports_of_one_event_are_likely_the_same(
    model: SamenessModel, left: str, right: str, cosine: float
) -> None:
    assert model.probability(left, right, cosine) > 0.7


@pytest.mark.parametrize(
    ("left", "right", "cosine"),
    [
        ("Norvelt Adds 1,420 BTC for $148 Million", "Norvelt Adds 905 BTC for $96 Million", 0.93),
        ("Coinbase to list Zephyr (ZPR) on Thursday", "Kraken to list Zephyr (ZPR) on Thursday", 0.86),
        ("Fed's rate held for fourth time", "Fed's rate held for sixth time", 0.9),
        ("Bithumb opens office in Dubai", "Typhoon nears the Philippines", 0.05),
    ],
)
def test_two_events_are_not_taken_for_one(model: SamenessModel, left: str, right: str, cosine: float) -> None:
    assert model.probability(left, right, cosine) < 0.4


def test_a_greater_cosine_never_lowers_the_probability(model: SamenessModel) -> None:
    found = [model.probability("Oil falls on talk", "Crude slips on talk", cosine) for cosine in np.linspace(-1, 1, 21)]
    assert found == sorted(found)
    assert 0.0 < found[0] < 0.05
    assert 0.5 < found[-1] < 1.0


def test_the_odds_fall_with_the_days_between_and_not_within_a_day(model: SamenessModel) -> None:
    pair = ("Six killed as helicopter crashes in Hawaii", "Hawaii chopper crash kills six", 0.88)
    near = model.probability(*pair)
    assert model.probability(*pair, gap_s=0.0) == near
    assert model.probability(*pair, gap_s=DAY_S) == near
    far = model.probability(*pair, gap_s=10 * DAY_S)
    assert far == model.probability(*pair, gap_s=-10 * DAY_S)
    assert far / (1 - far) == pytest.approx(near / (1 - near) / 10)


def test_a_probability_is_the_logistic_of_the_weighted_standardised_features() -> None:
    weight = [2.0 if name == "cosine" else 0.0 for name in FEATURES]
    model = SamenessModel.parse(document(mean=[0.5] * len(FEATURES), weight=weight, bias=-1.0), "here")
    assert model.probability("a", "b", 0.75) == pytest.approx(1 / (1 + math.exp(0.5)))


def test_extreme_log_odds_neither_overflow_nor_raise() -> None:
    assert SamenessModel.parse(document(bias=5_000.0), "here").probability("a", "b", 0.0) == 1.0
    assert SamenessModel.parse(document(bias=-5_000.0), "here").probability("a", "b", 0.0) == 0.0


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"features": ["cosine"]}, "not those of this version"),
        ({"mean": [0.0]}, "scales above 0"),
        ({"scale": [0.0] * len(FEATURES)}, "scales above 0"),
        ({"gap_power": -1.0}, "gap_power"),
        ({"depth": 3}, "depth"),
    ],
)
def test_weights_that_do_not_fit_are_refused(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        SamenessModel.parse(document(**changed), "weights.json")
