"""One headline told in words, in the order in which things happened."""

from __future__ import annotations

import pytest

from herald.reports.lineage import headline_line, lineage_lines
from herald.taxonomy import Fate, Leg, Reason, Stage

from .conftest import Desk


def told(desk: Desk) -> list[str]:
    found = {
        "items": desk.items,
        "signals": desk.signals,
        "decisions": desk.decisions,
        "executions": desk.executions,
    }
    return list(lineage_lines({kind: [one.model_dump(mode="json") for one in many] for kind, many in found.items()}))


def test_a_traded_headline_is_told_from_its_words_to_its_exit(desk: Desk) -> None:
    signal = desk.signal("e1", 10)
    desk.order(signal, 10, ("2", "100.5"))
    desk.order(signal, 70, ("2", "101"), leg=Leg.EXIT, reason=Reason.TAKE_PROFIT)
    lines = told(desk)
    kinds = [line.split()[2] for line in lines if line[0] == "0"]
    assert kinds[0] == "headline"
    assert kinds[-2:] == ["approved", "order"]
    assert sorted(kinds) == ["approved", "approved", "headline", "order", "order", "signal"]
    text = "\n".join(lines)
    assert "wire: Story e1" in text
    assert "A rule recognised the event" in text
    assert "LISTING BULL BTC severity 0.80 confidence 0.90 by rules from wire" in text
    assert "entry BUY 2 paper:BTCUSDT at market, listing: " in text
    assert "FILLED BUY 2 of 2 paper:BTCUSDT at 100.5, fee 0.10 USD, slippage 50.0 bps" in text
    assert "exit SELL 2 paper:BTCUSDT" in text
    took, _, spans = lines[-1].partition(": ")
    assert took.split() == "took 20.0 ms from the received bytes to the acknowledged order".split()
    assert spans == "normalised 1.0, signalled 2.0, decided 5.0, approved 5.0, submitted 2.0, acknowledged 5.0"


def test_a_headline_that_was_not_traded_is_told_with_the_reason(desk: Desk) -> None:
    desk.passes(desk.signal("e1", 5), Reason.BELOW_MIN_SEVERITY)
    desk.refuse(desk.signal("e2", 6), Reason.COOL_DOWN)
    desk.item("e3", 7, Fate.DUPLICATE, Reason.EXACT_DUPLICATE)
    text = "\n".join(told(desk))
    assert "not traded by listing: The event is less severe than the playbook asks for." in text
    assert "refused   entry BUY 1 paper:BTCUSDT" in text
    assert "cooling down" in text
    assert "duplicate: The same text had been received before." in text
    assert "took" not in text


def test_a_correction_is_told_with_the_story_that_it_takes_back(desk: Desk) -> None:
    story = desk.signal("story", 1)
    desk.order(story, 1, ("2", "100"))
    correction = desk.signal("correction", 5).model_copy(update={"corrects_story_id": "story"})
    desk.signals[-1] = correction
    desk.passes(correction, Reason.STORY_CORRECTED)
    desk.order(story, 5, ("2", "101"), leg=Leg.EXIT, reason=Reason.STORY_CORRECTED)
    text = "\n".join(told(desk))
    why = "The story was denied or corrected by a source that is believed."
    assert "by rules from wire (takes back story)" in text
    assert f"not traded by listing: {why}" in text
    assert f"exit SELL 2 paper:BTCUSDT at market, listing: {why}" in text


def test_times_are_in_order_and_of_the_day(desk: Desk) -> None:
    desk.order(desk.signal("late", 3600), 3600, ("2", "100"))
    desk.item("early", 1, Fate.NO_SIGNAL, Reason.COMMENTARY)
    times = [line[:18] for line in told(desk) if line[0] == "0"]
    assert times == sorted(times)
    assert times[0] == "03-01 12:00:01.000"


def test_nothing_known_is_no_line() -> None:
    assert list(lineage_lines({})) == []


@pytest.mark.parametrize("width", [10, 100])
def test_a_listed_headline_names_the_id_to_ask_about(desk: Desk, width: int) -> None:
    item = desk.item("e1", 1, Fate.NO_SIGNAL, Reason.COMMENTARY, "A very long headline")
    assert item.stamps[Stage.RECEIVED] == desk.at(1)
    assert headline_line(item, width) == f"03-01 12:00:01.000  e1  no signal   wire: {'A very long headline'[:width]}"
