from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.ports import Quote
from herald.stores.clickhouse import _statements
from herald.stores.clickhouse_rows import quote_rows, stage_spans
from herald.stores.hot import decode_quotes, encode_quotes
from herald.stores.postgres.json_text import for_jsonb, for_text, to_json
from herald.stores.schema_files import FOLDER, Migration, MigrationError, migrations_in, missing_of
from herald.taxonomy import Stage

AT = datetime(2026, 3, 1, tzinfo=UTC)
numbers = st.floats(allow_nan=False)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        st.builds(Quote, st.integers(0, 2**62), numbers, numbers, numbers, numbers),
        max_size=8,
    )
)
def test_quotes_come_back_from_the_channel_exactly(quotes: dict[str, Quote]) -> None:
    assert dict(decode_quotes(encode_quotes(quotes))) == quotes


@given(st.integers(1, 60))
def test_a_message_of_quotes_that_is_cut_off_is_an_error(cut: int) -> None:
    payload = encode_quotes({"paper:BTC": Quote(1, 1.0, 2.0, 3.0, 4.0)})
    with pytest.raises(ValueError, match="cut off"):
        list(decode_quotes(payload[: -min(cut, len(payload) - 1)]))


@given(st.text())
def test_text_for_jsonb_loses_only_nul(text: str) -> None:
    if any(0xD800 <= ord(character) < 0xE000 for character in text):
        return
    assert json.loads(for_jsonb(to_json(text))) == text.replace("\x00", "\ufffd")
    assert for_text(text) == text.replace("\x00", "\ufffd")


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "\x00\\\x00", "\\\x00"])
def test_an_escaped_backslash_is_not_taken_for_a_nul(text: str) -> None:
    assert json.loads(for_jsonb(json.dumps(text))) == text.replace("\x00", "\ufffd")


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"n": math.nan})
    with pytest.raises(TypeError, match="not JSON serializable"):
        to_json({"at": AT})


def migration(name: str, checksum: str = "1") -> Migration:
    return Migration(name, b"", checksum)


def test_missing_migrations_are_those_after_the_applied_ones() -> None:
    wanted = [migration("0001"), migration("0002")]
    assert missing_of(wanted, {}, Path("m")) == wanted
    assert missing_of(wanted, {"0001": "1"}, Path("m")) == wanted[1:]
    assert missing_of(wanted, {"0001": "1", "0002": "1"}, Path("m")) == []


@pytest.mark.parametrize(
    ("applied", "words"),
    [
        ({"0001": "other"}, "m/0001 has changed since it was applied; restore it"),
        ({"0003": "1"}, "has 0003, which this code does not know; run the newer Herald"),
        ({"0002": "1"}, "m/0001 sorts before 0002, which is applied; give it the next number"),
    ],
)
def test_a_schema_that_does_not_fit_is_an_error_with_a_cure(applied: dict[str, str], words: str) -> None:
    with pytest.raises(MigrationError, match=words):
        missing_of([migration("0001"), migration("0002")], applied, Path("m"))


@pytest.mark.parametrize("store", ["postgres", "clickhouse"])
def test_migrations_are_numbered_without_gaps(store: str) -> None:
    names = [one.name for one in migrations_in(FOLDER / store)]
    assert names
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


def test_a_clickhouse_file_is_split_into_its_statements() -> None:
    assert _statements("-- a; b\nCREATE x (\n  a String COMMENT 'one; two'\n);\n\nCREATE y;\n") == [
        "CREATE x (\n  a String COMMENT 'one; two'\n)",
        "CREATE y",
    ]


def test_spans_are_named_after_the_later_stage() -> None:
    stamps = {
        Stage.PUBLISHED: AT,
        Stage.RECEIVED: AT + timedelta(milliseconds=10),
        Stage.SIGNALLED: AT + timedelta(milliseconds=12.5),
        Stage.ACKNOWLEDGED: AT + timedelta(milliseconds=40),
    }
    assert stage_spans(stamps) == {"polling": 10.0, "signalled": 2.5, "acknowledged": 27.5, "whole_way": 30.0}
    assert stage_spans({}) == {}


def test_a_quote_keeps_its_microseconds_in_the_analytical_store() -> None:
    [row] = quote_rows([("k", Quote(1_772_366_400_000_001_999, 1.0, 2.0, 3.0, 4.0))])
    assert row["at"] == "1772366400.000001"
