"""``herald classify``: words and files, the order of answers, and wrong use with its cure."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from herald.cli import classify, main
from herald.news.judgement import Judgement
from herald.taxonomy import Direction, EventType

LISTING, HACK, COMMENTARY = (
    "Binance will list Sui (SUI)",
    "Hackers drain $120M from Aptos bridge",
    "Why bitcoin may fall this week",
)


@dataclass(frozen=True)
class Said:
    """What a command left: its status, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Herald = Callable[..., Said]


@pytest.fixture
def herald(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Herald:
    """Runs the command in this process, in a home of its own."""
    for name in os.environ:
        if name.startswith("HERALD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HERALD_HOME", str(tmp_path / "home"))

    def command(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["herald", "classify", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        written = capsys.readouterr()
        return Said(int(end.value.code or 0), written.out, written.err)

    return command


def lines_of(path: Path, *lines: dict[str, Any] | str) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", "utf-8")
    return path


def test_words_are_told_with_meaning_and_evidence(herald: Herald) -> None:
    said = herald("--model", "rules", LISTING, COMMENTARY)
    assert (said.status, said.err) == (0, "")
    told = said.out.splitlines()
    assert told.index(LISTING) < told.index(COMMENTARY)
    first = "\n".join(told[: told.index(COMMENTARY)])
    assert "LISTING (" in first
    assert ", tradable (" in first
    assert "BULL (BULL 0.90" in first
    assert "about SUI" in first
    assert "trades as paper:SUIUSDT" in first
    assert "because rule:" in first
    assert "not tradable (0.00)" in said.out.split(COMMENTARY)[1]
    assert "by rules" in first
    assert "degraded" not in said.out


def test_what_is_not_listed_here_is_told_with_its_reason(herald: Herald) -> None:
    said = herald("--model", "rules", "Coinbase to list Fartcoin and Solana", "OKX Removes 11 Trading Pairs")
    assert "trades as paper:SOLUSDT; FARTCOIN: not listed here (No venue in use trades the asset" in said.out
    assert "trades as nothing here; OKX: not listed here (What is named is a company, a venue or a person" in said.out


def test_json_holds_every_field_of_an_answer(herald: Herald) -> None:
    said = herald("--model", "rules", "--json", LISTING, HACK)
    assert said.status == 0
    listing, hack = said.answers
    assert (listing["id"], hack["id"]) == (1, 2)
    assert (listing["event_type"], listing["direction"], listing["primary_entity"]) == ("LISTING", "BULL", "SUI")
    assert (hack["event_type"], hack["direction"]) == ("HACK", "BEAR")
    assert sum(listing["direction_p"].values()) == pytest.approx(1)
    assert listing["instruments"] == ["paper:SUIUSDT"]
    assert listing["tradable"] is True
    assert listing["model"] == "rules"
    assert listing["degraded"] is False
    assert list(listing) == list(hack)


def test_a_file_is_answered_line_by_line_and_its_ids_are_kept(herald: Herald, tmp_path: Path) -> None:
    source = lines_of(
        tmp_path / "in.jsonl",
        {"id": "z", "text": HACK, "unknown": 1},
        "",
        {"id": 7, "text": LISTING, "published_at": "2025-06-06T21:41:00Z"},
        {"text": COMMENTARY},
    )
    said = herald("--model", "rules", "--in", source)
    assert (said.status, said.err) == (0, "")
    assert [one["id"] for one in said.answers] == ["z", 7, None]
    assert [one["event_type"] for one in said.answers] == ["HACK", "LISTING", "MARKET_COMMENTARY"]


def test_a_long_file_keeps_its_order_and_goes_where_it_is_told(herald: Herald, tmp_path: Path) -> None:
    count = classify.BATCH + 44
    texts = [(LISTING, HACK, COMMENTARY)[number % 3] for number in range(count)]
    numbers = [count - number for number in range(count)]
    rows = [{"id": number, "text": text} for number, text in zip(numbers, texts, strict=True)]
    source, target = lines_of(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl"
    said = herald("--model", "rules", "--in", source, "--out", target)
    assert (said.status, said.out) == (0, "")
    answers = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    assert [one["id"] for one in answers] == numbers
    kinds = [one["event_type"] for one in answers]
    assert kinds == [("LISTING", "HACK", "MARKET_COMMENTARY")[number % 3] for number in range(count)]


def test_a_source_that_is_trusted_makes_the_answer_surer(herald: Herald, tmp_path: Path) -> None:
    source = lines_of(
        tmp_path / "in.jsonl", {"text": LISTING, "source": "binance.listings"}, {"text": LISTING, "source": "nobody"}
    )
    known, stranger = herald("--model", "rules", "--in", source).answers
    assert known["confidence"] > stranger["confidence"]
    assert known["event_type"] == stranger["event_type"] == "LISTING"


def test_letters_of_any_language_are_written_as_they_are(herald: Herald, tmp_path: Path) -> None:
    source = lines_of(tmp_path / "in.jsonl", '{"id": "größe-ß", "text": "Börse nimmt Sui auf"}')
    target = tmp_path / "out.jsonl"
    assert herald("--model", "rules", "--in", source, "--out", target).status == 0
    assert "größe-ß" in target.read_text("utf-8")


def test_an_empty_file_has_no_answers(herald: Herald, tmp_path: Path) -> None:
    said = herald("--model", "rules", "--in", lines_of(tmp_path / "in.jsonl", "", ""))
    assert (said.status, said.out, said.err) == (0, "", "")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ('{"id": 3, "text": "Binance', "is no JSON"),
        ("Binance will list Sui", "is no JSON"),
        ('["Binance will list Sui"]', "the line: "),
        ('{"id": 3}', "text: "),
        ('{"id": 3, "text": ""}', "text: "),
        ('{"id": 3, "text": 5}', "text: "),
        ('{"text": "x", "published_at": "yesterday"}', "published_at: "),
    ],
)
def test_a_wrong_line_is_status_2_with_file_line_field_and_cure(
    herald: Herald, tmp_path: Path, line: str, named: str
) -> None:
    source, target = lines_of(tmp_path / "in.jsonl", {"text": LISTING}, "", line), tmp_path / "out.jsonl"
    said = herald("--model", "rules", "--in", source, "--out", target)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"herald: {source}:3: {named}")
    assert said.err.endswith('write {"id": ..., "text": "..."}\n')
    assert not target.exists()


def test_a_text_without_words_is_status_2(herald: Herald) -> None:
    said = herald("--model", "rules", LISTING, "   ")
    assert (said.status, said.out) == (2, "")
    assert "line 2: text: holds no words; give a headline" in said.err


def test_a_text_without_words_in_a_file_is_status_2_with_file_and_line(herald: Herald, tmp_path: Path) -> None:
    source = lines_of(tmp_path / "in.jsonl", {"text": LISTING}, {"id": "a", "text": "  ", "place": "elsewhere"})
    said = herald("--model", "rules", "--in", source)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(f"herald: {source}:2: text: ")


def test_words_and_a_file_or_neither_is_status_2(herald: Herald, tmp_path: Path) -> None:
    source = lines_of(tmp_path / "in.jsonl", {"text": LISTING})
    for arguments in ([LISTING, "--in", source], []):
        said = herald("--model", "rules", *arguments)
        assert (said.status, said.out) == (2, "")
        assert "as words in quotes, or a file of lines with --in; not both, not none" in said.err


def test_a_file_that_cannot_be_read_is_status_2_and_named(herald: Herald, tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes(b'{"text": "\xe9"}')
    for source in (tmp_path / "nowhere.jsonl", tmp_path / "latin.jsonl", tmp_path):
        said = herald("--model", "rules", "--in", source)
        assert (said.status, said.out) == (2, "")
        assert said.err.startswith(f"herald: {source}: cannot be read (")


@dataclass
class FakeModel:
    """Says of every text that it is a hack, and keeps what it was asked."""

    asked: list[str] = field(default_factory=list)

    def judge(self, texts: Sequence[str], evidence: Sequence[Sequence[str]]) -> list[Judgement]:
        assert len(texts) == len(evidence)
        self.asked += texts
        types = {one: 0.976 if one is EventType.HACK else 0.001 for one in EventType}
        ways = {Direction.BULL: 0.02, Direction.BEAR: 0.95, Direction.UNKNOWN: 0.03}
        return [Judgement(types, ways, 0.91, 0.8, 0.9, unfamiliar=False, model="fake-3") for _ in texts]


def test_the_model_that_is_named_answers(herald: Herald, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    monkeypatch.setattr(classify, "_model", lambda settings, which: model if which == "3" else None)
    said = herald("--model", "3", "--json", "Aptos bridge loses everything overnight", "Sui bridge loses everything")
    assert said.status == 0, said.err
    assert model.asked == ["Aptos bridge loses everything overnight", "Sui bridge loses everything"]
    for answer in said.answers:
        assert (answer["event_type"], answer["event_type_p"]) == ("HACK", 0.976)
        assert answer["tradable"] is True
        assert answer["tradable_p"] == pytest.approx(0.91, abs=0.02)
        assert (answer["direction"], answer["direction_p"]["BEAR"]) == ("BEAR", 0.95)
        assert answer["degraded"] is False
        assert "fake-3" in answer["model"]


def test_the_champion_answers_where_no_model_is_named(herald: Herald, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel()
    monkeypatch.setattr(classify, "_model", lambda settings, which: model if which == "champion" else None)
    assert herald(HACK).status == 0
    assert model.asked == [HACK]


def test_rules_alone_ask_for_no_model(herald: Herald, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classify, "_model", lambda settings, which: pytest.fail(f"asked for {which}"))
    assert herald("--model", "rules", HACK).status == 0
    assert not (tmp_path / "home").exists()


def test_an_empty_text_is_status_2(herald: Herald) -> None:
    said = herald("--model", "rules", "")
    assert said.status == 2
    assert "headline 1: text" in said.err


def test_an_out_that_cannot_be_written_is_told_before_the_work(herald: Herald, tmp_path: Path) -> None:
    said = herald("--model", "rules", LISTING, "--out", str(tmp_path / "no" / "x.jsonl"))
    assert said.status == 2
    assert "cannot be written" in said.err


def test_a_line_separator_within_a_text_ends_no_line(herald: Herald, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"text": "Binance will list\u2028Sui"}, ensure_ascii=False) + "\n", "utf-8")
    assert herald("--model", "rules", "--in", str(source)).status == 0
