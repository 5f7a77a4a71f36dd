"""The corpus: its form, its mix, and that nothing of the test part is seen in training."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from herald.taxonomy import Direction, EventType
from training.behaviour.checks import checks_of, load_cases
from training.corpus.headlines import (
    FOLDER,
    HEADER,
    CorpusError,
    Example,
    SpanKind,
    corpus_hash,
    load_headlines,
    parse_line,
)
from training.corpus.splits import LIKENESS_MAX, Part, likeness, masked_words, split

LABELS = FOLDER.parent / "development" / "labels.csv"


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


@pytest.fixture(scope="module")
def corpus() -> tuple[Example, ...]:
    return load_headlines()


def test_a_line_gives_text_labels_and_spans() -> None:
    line = "LISTING\tBULL\t1\t0.5\t{Binance|V} to list {Sui|*A:SUI} with {Acme Labs|C}"
    example = parse_line(line, "here:2")
    assert example.text == "Binance to list Sui with Acme Labs"
    assert [(example.text[s.start : s.end], s.kind, s.code) for s in example.spans] == [
        ("Binance", SpanKind.VENUE, ""),
        ("Sui", SpanKind.ASSET, "SUI"),
        ("Acme Labs", SpanKind.COMPANY, ""),
    ]
    assert (example.primary_entity, example.tradable, example.severity) == ("SUI", True, 0.5)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("LISTING\tBULL\t1\t0.5", "has 4 fields"),
        ("LISTINGS\tBULL\t1\t0.5\tx", "'LISTINGS' is no event type"),
        ("LISTING\tUP\t1\t0.5\tx", "'UP' is no direction"),
        ("LISTING\tBULL\tyes\t0.5\tx", "tradable is 'yes'; write 0 or 1"),
        ("LISTING\tBULL\t1\t0.4\tx", "severity is '0.4'"),
        ("LISTING\tBULL\t1\t0.5\t{Sui|X:SUI} listed", "is of no known kind"),
        ("LISTING\tBULL\t1\t0.5\t{Sui|A:SUI listed", "not well formed"),
        ("LISTING\tBULL\t1\t0.5\t{Sui|*A:SUI} {BTC|*A:BTC}", "2 primary entities"),
        ("LISTING\tBULL\t1\t0.5\t  ", "empty or padded"),
    ],
)
def test_a_line_of_the_wrong_form_is_named_with_its_cure(line: str, complaint: str) -> None:
    with pytest.raises(CorpusError, match=complaint) as caught:
        parse_line(line, "file.tsv:7")
    assert str(caught.value).startswith("file.tsv:7: ")


def test_a_repeated_headline_is_refused(tmp_path: Path) -> None:
    lines = [HEADER, "OTHER\tUNKNOWN\t0\t0.1\tRain, again", "OTHER\tUNKNOWN\t0\t0.1\train again!"]
    (tmp_path / "a.tsv").write_text("\n".join(lines), "utf-8")
    with pytest.raises(CorpusError, match=r"a\.tsv:3: says the same as a\.tsv:2"):
        load_headlines(tmp_path)


def test_a_file_without_its_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("OTHER\tUNKNOWN\t0\t0.1\tRain", "utf-8")
    with pytest.raises(CorpusError, match="is not the header"):
        load_headlines(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no folder that holds a \.tsv file"):
        load_headlines(tmp_path)


def test_one_file_can_be_read_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.tsv").write_text(f"{HEADER}\nOTHER\tUNKNOWN\t0\t0.1\tRain {name}\n", "utf-8")
    assert [example.text for example in load_headlines(tmp_path / "b.tsv")] == ["Rain b"]


def test_a_file_in_another_encoding_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_bytes(f"{HEADER}\nOTHER\tUNKNOWN\t0\t0.1\tCafé\n".encode("latin-1"))
    with pytest.raises(CorpusError, match=r"a\.tsv: is not UTF-8 .*save it as UTF-8"):
        load_headlines(tmp_path)


def test_the_corpus_is_large_and_mixed(corpus) -> None:
    assert len(corpus) >= 8_000
    types = Counter(example.event_type for example in corpus)
    assert set(types) == set(EventType)
    assert min(types.values()) >= 150
    assert set(Counter(example.direction for example in corpus)) == set(Direction)
    tradable = sum(example.tradable for example in corpus) / len(corpus)
    assert 0.3 < tradable < 0.6
    lengths = [len(example.text.split()) for example in corpus]
    assert min(lengths) <= 4
    assert max(lengths) >= 20


def test_labels_agree_with_the_taxonomy(corpus) -> None:
    silent = {EventType.PROMOTION, EventType.MARKET_COMMENTARY}
    wrong = [e.place for e in corpus if e.event_type in silent and (e.tradable or e.direction is not Direction.UNKNOWN)]
    assert wrong == []


def test_no_two_headlines_of_training_and_test_read_alike(corpus) -> None:
    parts = split(corpus)
    train = [masked_words(e) for e, part in zip(corpus, parts, strict=True) if part is Part.TRAIN]
    test = [masked_words(e) for e, part in zip(corpus, parts, strict=True) if part is Part.TEST]
    assert len(test) > 800
    assert likeness(test, train).max() < LIKENESS_MAX


def test_no_headline_reads_like_a_behavioural_case(corpus) -> None:
    expectations = (one for check in checks_of(load_cases()) for one in check.expectations)
    asked = sorted({one.text for one in expectations})
    alike = likeness(*([_words(text) for text in texts] for texts in ([one.text for one in corpus], asked)), 0.6)
    assert [corpus[row].text for row in sorted(set(alike.nonzero()[0]))] == []


def test_the_split_keeps_its_test_set_when_the_corpus_grows(corpus) -> None:
    fewer = corpus[::2]
    small = dict(zip((e.text for e in fewer), split(fewer), strict=True))
    large = dict(zip((e.text for e in corpus), split(corpus), strict=True))
    moved = sum(small[text] is not large[text] for text in small)
    assert moved / len(small) < 0.03  # near twins join patterns that were apart without them


def test_one_pattern_filled_twice_stays_in_one_part() -> None:
    fillings = (("Binance", "SUI", 3), ("OKX", "SEI", 14), ("Kraken", "INJ", 9), ("MEXC", "TIA", 30))
    pattern = "LISTING\tBULL\t1\t0.5\t{%s|V} will list {%s|*A:%s} on %d June with zero fees"
    lines = [pattern % (venue, asset, asset, day) for venue, asset, day in fillings]
    examples = [parse_line(line, "x") for line in lines]
    assert len(set(split(examples))) == 1


def test_the_hash_of_the_corpus_follows_text_and_labels(corpus) -> None:
    some = list(corpus[:10])
    assert corpus_hash(some) == corpus_hash(tuple(some))
    assert corpus_hash(some) != corpus_hash(some[:9])


def test_the_labels_of_outside_headlines_hold_no_text_and_fit_the_taxonomy() -> None:
    with LABELS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 1_500
    assert len({row["sha256"] for row in rows}) == len(rows)
    assert all(len(row["sha256"]) == 64 and int(row["sha256"], 16) for row in rows)
    assert {row["event_type"] for row in rows} <= set(EventType)
    assert {row["direction"] for row in rows} <= set(Direction)
    assert {row["tradable"] for row in rows} == {"0", "1"}
    assert max(len(row["primary_entity"]) for row in rows) < 40
