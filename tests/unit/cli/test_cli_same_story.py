"""``herald same-story``: a file of pairs in, probabilities out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from herald.cli.same_story import run
from herald.documents import ConfigurationError

ONE, AGAIN, OTHER = "SEC sues Kraken over staking", "Kraken sued by SEC over its staking", "Fed holds rates steady"


def pairs_file(path: Path, *pairs: object) -> Path:
    path.write_text("".join(f"{pair if isinstance(pair, str) else json.dumps(pair)}\n" for pair in pairs), "utf-8")
    return path


def test_a_pair_a_line_is_answered_in_order(tmp_path: Path) -> None:
    early, late = "2025-06-01T00:00:00Z", "2025-06-11T00:00:00Z"
    pairs = [
        {"id": "other", "a": ONE, "b": OTHER},
        {"id": "again", "a": ONE, "b": AGAIN},
        {"id": "turned", "a": AGAIN, "b": ONE},
        {"id": "later", "a": ONE, "b": AGAIN, "a_at": early, "b_at": late},
    ]
    run(pairs_file(tmp_path / "in.jsonl", *pairs), tmp_path / "out.jsonl")
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [answer["id"] for answer in answers] == ["other", "again", "turned", "later"]
    other, again, turned, later = (answer["p"] for answer in answers)
    assert other < 0.1
    assert again > 0.5
    assert turned == again > later


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ({"id": 1, "a": ONE}, r"in\.jsonl:1: b: .*; write \{\"id\""),
        ({"id": 1, "a": ONE, "b": ""}, r"in\.jsonl:1: b: "),
        ("no json", r"in\.jsonl:1: is no JSON .*; write \{\"id\""),
    ],
)
def test_a_wrong_line_is_named_with_its_cure(line: object, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        run(pairs_file(tmp_path / "in.jsonl", line), tmp_path / "out.jsonl")
    assert not (tmp_path / "out.jsonl").exists()


def test_an_out_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        run(pairs_file(tmp_path / "in.jsonl", {"a": ONE, "b": AGAIN}), tmp_path / "no" / "out.jsonl")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.jsonl: cannot be read"):
        run(tmp_path / "nowhere.jsonl", None)


def test_no_pairs_give_no_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(pairs_file(tmp_path / "in.jsonl"), None)
    assert capsys.readouterr().out == ""
