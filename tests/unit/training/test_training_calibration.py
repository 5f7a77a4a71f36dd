"""Temperatures and the shift to the mix of real feeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from herald.inference.text_model import DIRECTIONS, OUTPUTS, TYPES, sigmoid, softmax
from herald.taxonomy import EventType
from training.calibration import SOFTENING, TYPE_SHIFT_SHARE, fit_temperatures, shift_to_feeds, softened
from training.targets import Targets

MANY, WAYS = len(TYPES), len(DIRECTIONS)
Floats = NDArray[np.float32]


def believable(n: int = 4000) -> tuple[Floats, Targets]:
    """Logits, and labels drawn from just the probabilities that they mean."""
    draw = np.random.default_rng(5)
    logits = draw.normal(scale=1.5, size=(n, OUTPUTS)).astype(np.float32)

    def drawn(shares: Floats) -> NDArray[np.int64]:
        return np.asarray((shares.cumsum(axis=1) < draw.random(n)[:, None]).sum(axis=1), dtype=np.int64)

    return logits, Targets(
        types=drawn(softmax(logits[:, :MANY]).astype(np.float32)).clip(0, MANY - 1),
        directions=drawn(softmax(logits[:, MANY : MANY + WAYS]).astype(np.float32)).clip(0, WAYS - 1),
        tradable=(draw.random(n) < sigmoid(logits[:, -2])).astype(np.float32),
        severity=np.zeros(n, dtype=np.float32),
    )


def of_types(types: list[int], tradable: list[int]) -> Targets:
    zeros = np.zeros(len(types))
    return Targets(
        np.asarray(types), zeros.astype(np.int64), np.asarray(tradable, np.float32), zeros.astype(np.float32)
    )


def labels_file(folder: Path, rows: list[tuple[EventType, int, str]]) -> Path:
    """Write labels as those of the randomly drawn headlines are kept: type, tradable, stratum."""
    path = folder / "labels.csv"
    lines = [
        f"{number:064x},{kind},UNKNOWN,{tradable},,{stratum}" for number, (kind, tradable, stratum) in enumerate(rows)
    ]
    path.write_text("sha256,event_type,direction,tradable,primary_entity,stratum\n" + "\n".join(lines) + "\n")
    return path


def test_logits_that_are_right_as_they_are_keep_a_temperature_of_one() -> None:
    assert fit_temperatures(*believable()) == pytest.approx((1, 1, 1), abs=0.1)


def test_each_output_gets_the_temperature_by_which_it_is_too_sure() -> None:
    logits, targets = believable()
    logits[:, :MANY] *= 3.0
    logits[:, MANY : MANY + WAYS] *= 0.5
    logits[:, -2] *= 2.0
    assert fit_temperatures(logits, targets) == pytest.approx((3, 0.5, 2), rel=0.1)


def test_temperatures_stay_within_bounds_however_sure_or_wrong_the_logits_are() -> None:
    logits, targets = believable(200)
    right = np.zeros_like(logits)
    right[np.arange(200), targets.types] = 20
    right[np.arange(200), MANY + targets.directions] = 20
    right[:, -2] = 40 * targets.tradable - 20
    for sure in (right, -right):
        found = fit_temperatures(sure, targets)
        assert all(0.2 <= temperature <= 5.0 for temperature in found), found
    assert max(fit_temperatures(right, targets)) < 2
    assert min(fit_temperatures(-right, targets)) > 4.9


def test_severity_has_no_say_in_the_temperatures() -> None:
    logits, targets = believable(500)
    other = logits.copy()
    other[:, -1] = 100
    assert fit_temperatures(other, targets) == fit_temperatures(logits, targets)


def test_a_type_that_feeds_bring_often_is_moved_up_and_a_rare_one_down(tmp_path: Path) -> None:
    commentary, hack = EventType.MARKET_COMMENTARY, EventType.HACK
    labels = labels_file(tmp_path, [(commentary, 0, "random")] * 60 + [(hack, 1, "random")] * 15)
    shift = shift_to_feeds(of_types([0, 1, 2, 3], [1, 0, 1, 0]), 1.0, labels)
    counts = {commentary: 61, hack: 16}
    shares = np.asarray([counts.get(one, 1) for one in TYPES]) / (75 + MANY)
    assert shift[:MANY] == pytest.approx(TYPE_SHIFT_SHARE * np.log(shares * MANY), rel=1e-5)
    assert shift[TYPES.index(commentary)] > shift[TYPES.index(hack)] > 0 > shift[TYPES.index(EventType.ETF)]


def test_the_shift_of_tradable_is_the_difference_of_log_odds_in_units_of_its_temperature(tmp_path: Path) -> None:
    labels = labels_file(tmp_path, [(EventType.HACK, int(number < 2), "random") for number in range(10)])
    shift = shift_to_feeds(of_types([0, 1, 2, 3], [1, 1, 0, 0]), 2.0, labels)
    raised_by_one = 3 / 12
    assert shift[-2] == pytest.approx(2.0 * np.log(raised_by_one / (1 - raised_by_one)))
    assert sigmoid(shift[-2:-1] / 2.0) == pytest.approx([raised_by_one])


def test_only_headlines_drawn_at_random_count(tmp_path: Path) -> None:
    drawn = [(EventType.HACK, int(number < 2), "random") for number in range(10)]
    targets = of_types([0, 1], [1, 0])
    alone = shift_to_feeds(targets, 1.0, labels_file(tmp_path, drawn))
    enriched = shift_to_feeds(targets, 1.0, labels_file(tmp_path, drawn + [(EventType.ETF, 1, "enriched")] * 50))
    assert (alone == enriched).all()


def test_direction_and_severity_are_not_moved(tmp_path: Path) -> None:
    labels = labels_file(tmp_path, [(EventType.HACK, 1, "random"), (EventType.ETF, 0, "random")])
    shift = shift_to_feeds(of_types([0, 1], [1, 0]), 1.0, labels)
    assert shift.shape == (OUTPUTS,)
    assert shift.dtype == np.float32
    assert not shift[MANY : MANY + WAYS].any()
    assert shift[-1] == 0


def test_in_the_projects_own_labels_tradable_news_are_rarer_than_in_its_corpus() -> None:
    shift = shift_to_feeds(of_types([0, 1, 2, 3], [1, 0, 1, 0]), 1.0)
    assert -3 < shift[-2] < -0.5
    assert shift[:MANY].argmax() == TYPES.index(EventType.MARKET_COMMENTARY)


def test_a_mix_without_the_contrary_gives_a_finite_shift(tmp_path: Path) -> None:
    labels = labels_file(tmp_path, [(EventType.HACK, 1, "random")])
    assert np.isfinite(shift_to_feeds(of_types([0, 1], [1, 1]), 1.0, labels)).all()


def test_what_is_said_of_feeds_is_softer_than_what_the_corpus_asks_for() -> None:
    assert softened((0.5, 1.0, 2.0)) == pytest.approx((0.5 * SOFTENING[0], SOFTENING[1], 2.0 * SOFTENING[2]))
    assert min(SOFTENING) >= 1.0
