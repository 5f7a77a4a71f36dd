"""What a collector would make of one file."""

import gzip
import json

import pytest

from herald.sources.inspection import inspect
from herald.sources.reading import Selectors

RSS = b'<?xml version="1.0"?><rss version="2.0"><channel><item><title>One</title><pubDate>Sun, 01 Jun 2025 10:00:00 GMT</pubDate></item></channel></rss>'  # noqa: E501
ATOM = b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>One</title></entry></feed>'
CDF = b"<CHANNEL><ITEM><TITLE>One</TITLE></ITEM></CHANNEL>"
HTML = (
    b"<!doctype html><html><head><link rel=alternate type='application/rss+xml' href='/feed'></head>"
    b"<h2><a href='/1'>One</a></h2>"
)
JSON = json.dumps({"result": {"list": [{"title": "One", "url": "https://a.example", "date": 1748772000000}]}}).encode()


@pytest.mark.parametrize(
    ("data", "form"),
    [(RSS, "rss"), (ATOM, "atom"), (CDF, "cdf"), (HTML, "html"), (JSON, "json"), (gzip.compress(RSS), "rss")],
)
async def test_a_file_is_known_by_its_content_not_its_name(tmp_path, data, form):
    path = tmp_path / "document.bin"
    path.write_bytes(data)
    report = await inspect(str(path))
    assert (report["format"], [item["title"] for item in report["items"]], report["error"]) == (form, ["One"], None)
    assert json.loads(json.dumps(report)) == report
    assert set(report["items"][0]) == {"title", "url", "published_at", "summary"}


async def test_times_are_written_in_utc_and_missing_ones_are_null(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(RSS)
    assert (await inspect(str(path)))["items"][0]["published_at"] == "2025-06-01T10:00:00.000000Z"
    path.write_bytes(ATOM)
    assert (await inspect(str(path)))["items"][0]["published_at"] is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY_DOCUMENT"),
        (b"{broken", "NOT_JSON"),
        (b"[1, 2]", "ITEM_NOT_AN_OBJECT"),
        (b"[" * 100_000, "NOT_JSON"),
        (b"<html><body>nothing</body></html>", "NOTHING_SELECTED"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "NOT_A_FEED"),
        (b"\x1f\x8b broken", "BAD_PACKING"),
        (b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss/>', "ENTITY_DECLARATIONS"),
    ],
)
async def test_a_document_that_cannot_be_read_is_an_error_with_a_code(tmp_path, data, code):
    path = tmp_path / "document"
    path.write_bytes(data)
    report = await inspect(str(path))
    assert report["items"] == []
    assert report["error"]["code"] == code
    assert report["error"]["message"]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/no/such/file", "NO_SUCH_FILE"),
        ("\x00", "NO_SUCH_FILE"),
        ("ftp://a.example/x", "REFUSED"),
        ("http://[bad", "REFUSED"),
    ],
)
async def test_a_target_that_cannot_be_opened_is_an_error_with_a_code(target, code):
    assert (await inspect(target))["error"]["code"] == code


async def test_a_feed_without_entries_can_be_read_and_is_no_error(tmp_path):
    path = tmp_path / "document"
    path.write_bytes(b'<rss version="2.0"><channel><title>t</title></channel></rss>')
    report = await inspect(str(path))
    assert (report["format"], report["items"], report["error"]) == ("rss", [], None)


async def test_a_page_names_its_feeds_and_takes_selectors(tmp_path):
    path = tmp_path / "document"
    path.write_bytes(HTML + b"<p class=n>Two</p>")
    assert (await inspect(str(path)))["feeds"] == ["/feed"]
    report = await inspect(str(path), selectors=Selectors("p.n"))
    assert [item["title"] for item in report["items"]] == ["Two"]
