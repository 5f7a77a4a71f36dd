"""Labelled headlines from outside: each form is read, and a broken file is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from herald.inference.text_model import DIRECTIONS, TYPES
from herald.taxonomy import Direction, EventType
from training.corpus import outside as module
from training.corpus.headlines import CorpusError
from training.corpus.outside import LabelledSet, outside_sets

BULL, BEAR, UNKNOWN = Direction.BULL, Direction.BEAR, Direction.UNKNOWN


def write(data: Path, name: str, text: str | bytes) -> Path:
    path = data / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def only(data: Path) -> LabelledSet:
    (found,) = outside_sets(data)
    assert len(found.texts) == len(found.targets)
    return found


def directions(found: LabelledSet) -> list[Direction]:
    return [DIRECTIONS[number] for number in found.targets.directions]


def types(found: LabelledSet) -> list[EventType]:
    return [TYPES[number] for number in found.targets.types]


@pytest.fixture
def labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "labels.csv"
    monkeypatch.setattr(module, "LABELS", path)
    return path


def label(path: Path, rows: Sequence[tuple[str, EventType, Direction, int]]) -> None:
    """Write labels keyed by the hash of the headline as it came."""
    lines = [f"{hashlib.sha256(text.encode()).hexdigest()},{kind},{way},{mark}" for text, kind, way, mark in rows]
    path.write_text("sha256,event_type,direction,tradable\n" + "\n".join(lines) + "\n")


def parquet(path: Path, headlines: Sequence[str | None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({"headline": headlines, "ticker": [""] * len(headlines)}).write_parquet(path)


def test_headlines_labelled_by_hand_are_found_by_their_hash(tmp_path: Path, labels: Path) -> None:
    data = tmp_path / "data"
    parquet(data / "crypto_news_2025" / "a.parquet", ["Nobody labelled this", " Bank &amp; broker hacked", None, ""])
    parquet(data / "crypto_news_2025" / "b.parquet", ["Venue lists Sui", "Venue lists Sui"])
    label(
        labels,
        [
            ("Venue lists Sui", EventType.LISTING, BULL, 1),
            ("is in no file", EventType.ETF, BULL, 1),
            (" Bank &amp; broker hacked", EventType.HACK, BEAR, 0),
        ],
    )
    found = only(data)
    assert found.what == {"type", "direction", "tradable"}
    assert found.texts == ("Venue lists Sui", "Bank & broker hacked")
    assert types(found) == [EventType.LISTING, EventType.HACK]
    assert directions(found) == [BULL, BEAR]
    assert found.targets.tradable.tolist() == [1, 0]


def test_announcements_get_a_type_by_their_words_and_others_are_left_out(tmp_path: Path) -> None:
    titles = [
        "Binance Will List Sui (SUI)",
        "Binance Lists Aptos",
        "Binance Will Delist BTT, and Lists Others",
        "Notice of Removal of Trading Pairs",
        "System Upgrade Completed",
        "Binance Adds ALGO/TRY",
        "Binance Launches SUI Perpetual",
    ]
    write(tmp_path, "binance_announcements/a.jsonl", "".join(json.dumps({"title": title}) + "\n" for title in titles))
    found = only(tmp_path)
    assert found.what == {"type"}
    assert found.texts == tuple(titles[:4] + titles[5:])
    listing, delist = EventType.LISTING, EventType.DELIST
    assert types(found) == [listing, listing, delist, delist, listing, listing]


def test_signs_are_directions(tmp_path: Path) -> None:
    lines = 'id,date,headline,direction\n1,2021-09-30,Up,1\n2,2021-09-30,Down,-1\n3,2021-09-30,"Flat, so far",0\n'
    write(tmp_path, "direction_cryptolin/a.csv", lines)
    found = only(tmp_path)
    assert found.what == {"direction"}
    assert (found.texts, directions(found)) == (("Up", "Down", "Flat, so far"), [BULL, BEAR, UNKNOWN])


def test_dovish_is_good_and_hawkish_bad(tmp_path: Path) -> None:
    write(tmp_path, "fomc_stance/a.csv", "sentence,year,label\nWe ease.,2021,0\nWe tighten.,2021,1\nWe met.,2021,2\n")
    found = only(tmp_path)
    assert found.what == {"type", "direction"}
    assert directions(found) == [BULL, BEAR, UNKNOWN]
    assert types(found) == [EventType.FED_SPEECH] * 3


def test_the_tone_stands_behind_the_last_at_sign(tmp_path: Path) -> None:
    write(tmp_path, "fin_phrasebank/a.txt", "Mail us @ home .@neutral\nProfit rose .@positive\n\nLoss .@negative\n")
    found = only(tmp_path)
    assert found.texts == ("Mail us @ home .", "Profit rose .", "Loss .")
    assert directions(found) == [UNKNOWN, BULL, BEAR]


def test_a_headline_whose_entities_disagree_is_left_out(tmp_path: Path) -> None:
    lines = [
        "S No.,Title,Decisions,Words",
        "1,Gold shines,{'Gold': 'positive'},2",
        "2,\"Gold up, silver down\",\"{'Gold': 'positive', 'Silver': 'negative'}\",4",
        "3,Both fall,\"{'Gold': 'negative', 'Silver': 'negative'}\",2",
        "4,Nobody said,{},2",
    ]
    write(tmp_path, "entity_sentiment_sentfin/a.csv", "\n".join(lines) + "\n")
    found = only(tmp_path)
    assert (found.texts, directions(found)) == (("Gold shines", "Both fall"), [BULL, BEAR])


def test_only_sets_that_are_there_are_read_and_in_a_fixed_order(tmp_path: Path) -> None:
    assert outside_sets(tmp_path / "nowhere") == []
    assert outside_sets(tmp_path) == []
    write(tmp_path, "unknown_set/a.csv", "x")
    write(tmp_path, "fin_phrasebank/a.txt", "Profit rose .@positive\n")
    write(tmp_path, "binance_announcements/a.jsonl", '{"title": "Binance Lists Sui"}\n')
    first = outside_sets(tmp_path)
    assert [one.name for one in first] == ["exchange announcements, weak labels", "company news"]
    assert [one.texts for one in outside_sets(tmp_path)] == [one.texts for one in first]


def test_all_files_of_a_folder_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write(tmp_path, f"fin_phrasebank/{name}.txt", f"{name} rose .@positive\n")
    assert only(tmp_path).texts == ("a rose .", "b rose .", "c rose .")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("crypto_news_2025/a.parquet", b"PAR1 and no more"),
        ("binance_announcements/a.jsonl", b'{"title": "Binance Li'),
        ("binance_announcements/a.jsonl", b'{"headline": "Binance Lists Sui"}\n'),
        ("direction_cryptolin/a.csv", b"id,date,headline,direction\n1,2021-09-30,Up,2\n"),
        ("direction_cryptolin/a.csv", b"id,date,headline\n1,2021-09-30,Up\n"),
        ("fomc_stance/a.csv", b"sentence,year,label\nWe ease.\n"),
        ("fomc_stance/a.csv", b"sentence,year,label\n\xff\xfe,2021,1\n"),
        ("fin_phrasebank/a.txt", b"Profit rose .@splendid\n"),
        ("entity_sentiment_sentfin/a.csv", b"S No.,Headline\n1,Gold shines\n"),
    ],
)
def test_a_broken_file_is_refused_with_its_folder_and_cure(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path, "fin_phrasebank/good.txt", "Profit rose .@positive\n")
    path = write(tmp_path, name, content)
    with pytest.raises(CorpusError, match=r"cannot be read .*; restore the set or remove it") as caught:
        outside_sets(tmp_path)
    assert str(path.parent) in str(caught.value)


def test_a_label_of_an_unknown_type_is_refused(tmp_path: Path, labels: Path) -> None:
    parquet(tmp_path / "crypto_news_2025" / "a.parquet", ["Venue lists Sui"])
    digest = hashlib.sha256(b"Venue lists Sui").hexdigest()
    labels.write_text(f"sha256,event_type,direction,tradable\n{digest},LISTINGS,BULL,1\n")
    with pytest.raises(CorpusError, match="LISTINGS"):
        outside_sets(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("binance_announcements/a.jsonl", b"[1]\n"),
        ("entity_sentiment_sentfin/a.csv", b"S No.,Title,Decisions,Words\n1,Gold shines\n"),
        ("fomc_stance/a.csv", b'sentence,year,label\n"' + b"x," * 100_000),
        ("direction_cryptolin/a.csv", b"direction,headline\n1\n"),
    ],
)
def test_a_file_of_the_wrong_form_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match="restore the set or remove it"):
        outside_sets(tmp_path)


def test_an_empty_folder_is_no_set(tmp_path: Path) -> None:
    (tmp_path / "fomc_stance").mkdir()
    assert outside_sets(tmp_path) == []


def test_a_line_separator_within_a_title_ends_no_line(tmp_path: Path) -> None:
    (tmp_path / "binance_announcements").mkdir()
    (tmp_path / "binance_announcements" / "a.jsonl").write_text('{"title": "Binance Lists\u2028Sui"}\n', "utf-8")
    assert len(outside_sets(tmp_path)[0].texts) == 1
