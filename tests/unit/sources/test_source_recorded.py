"""Recordings handed out in the order in which they became known."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from herald.messages import NewsItem
from herald.ports import Refused
from herald.sources.recorded import RecordedSource

START = datetime(2025, 6, 6, tzinfo=UTC)


def minute(n):
    return START + timedelta(minutes=n)


@pytest.fixture
def parquet(tmp_path):
    path = tmp_path / "news.parquet"
    rows = [(3, "third"), (1, "first"), (2, "second a"), (2, "second b"), (2, ""), (9, "last")]
    pl.DataFrame(
        {
            "published_at": [minute(n) for n, _ in rows],
            "headline": [text for _, text in rows],
            "summary": ["s"] * len(rows),
            "source": ["Desk"] * len(rows),
            "url": ["https://a.example"] * len(rows),
            "categories": ["BTC|ETH"] * len(rows),
            "tags": [None] * len(rows),
        }
    ).write_parquet(path)
    return path


async def test_rows_come_one_by_one_in_time_order_and_never_before_their_time(parquet):
    source = RecordedSource("r", parquet, limit=1)
    await source.open()
    seen, batch = [], await source.next_batch(minute(0))
    assert batch.items == ()
    while not batch.done:
        now = source.next_wake_up(minute(0))
        batch = await source.next_batch(now)
        assert len(batch.items) + len(batch.rejected) == 1
        assert all(item.published_at <= now for item in batch.items)
        seen += [item.title for item in batch.items] + [one.code for one in batch.rejected]
    assert seen == ["first", "second a", "second b", "NO_HEADLINE", "third", "last"]
    assert source.total == source.position == 6


async def test_a_row_keeps_its_source_time_and_tags(parquet):
    (item,) = (await RecordedSource("r", parquet, limit=1).next_batch(minute(99))).items
    assert (item.source, item.published_at, item.received_at) == ("Desk", minute(1), minute(1))
    assert item.extras == {"categories": "BTC|ETH"}


async def test_bounds_include_the_start_and_exclude_the_end(parquet):
    source = RecordedSource("r", parquet, start=minute(2), end=minute(9))
    batch = await source.next_batch(minute(99))
    assert [item.title for item in batch.items] == ["second a", "second b", "third"]
    assert batch.done


async def test_a_snapshot_goes_on_where_it_was_taken(parquet):
    source = RecordedSource("r", parquet, limit=2)
    await source.next_batch(minute(99))
    resumed = RecordedSource("r", parquet, limit=2, snapshot=json.loads(json.dumps(source.snapshot())))
    assert [item.title for item in (await resumed.next_batch(minute(99))).items] == ["second b"]


async def test_lines_of_news_items_are_known_when_they_were_received(tmp_path):
    path = tmp_path / "news.jsonl"
    item = NewsItem(
        event_id="e1", content_hash="h", source="Desk", headline="Late", published_at=minute(0), received_at=minute(5)
    )
    raw = {"source": "Desk", "title": "Early", "published_at": minute(1).isoformat()}
    path.write_bytes(
        b"\n".join([item.to_wire(), json.dumps(raw).encode(), b"{broken", b"[1]", b"", b'{"title": "No time"}'])
    )
    source = RecordedSource("r", path)
    early = await source.next_batch(minute(2))
    assert [one.title for one in early.items] == ["Early"]
    assert [one.code for one in early.rejected] == ["NOT_JSON", "ITEM_NOT_AN_OBJECT", "NO_TIME"]
    (late,) = (await source.next_batch(minute(5))).items
    assert (late.title, late.native_id, late.published_at, late.received_at) == ("Late", "e1", minute(0), minute(5))


async def test_a_line_without_end_is_rejected_and_the_next_one_read(tmp_path):
    path = tmp_path / "news.jsonl"
    good = json.dumps({"title": "ok", "published_at": "2025-06-06T00:00:00Z"})
    path.write_text('{"title": "' + "x" * 3_000_000 + '"}\n' + good)
    batch = await RecordedSource("r", path).next_batch(minute(1))
    assert [one.code for one in batch.rejected] == ["TOO_LARGE"]
    assert [item.title for item in batch.items] == ["ok"]


@pytest.mark.parametrize("content", [None, b"PAR1 but not really", "columns", "rows"])
async def test_a_file_that_cannot_be_used_is_refused_with_the_reason(tmp_path, content, parquet):
    path, rows_max = tmp_path / "x.parquet", 100
    if content == "columns":
        pl.DataFrame({"a": [1]}).write_parquet(path)
    elif content == "rows":
        path, rows_max = parquet, 2
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(Refused, match=path.name):
        await RecordedSource("r", path, rows_max=rows_max).next_batch(START)


async def test_extras_are_kept_as_recorded_unless_they_are_no_valid_text(tmp_path):
    path = tmp_path / "news.jsonl"
    base = {"published_at": "2025-06-06T00:00:00Z"}
    rows = [{**base, "title": "a", "extras": {"n": 1}}, {**base, "title": "b", "extras": {"x": "\ud800"}}]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    items = (await RecordedSource("r", path).next_batch(minute(1))).items
    assert [item.extras for item in items] == [{"n": 1}, {}]
    assert all(item.to_wire() for item in items)
