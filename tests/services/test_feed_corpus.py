"""Every document of a large collection of feeds, and hostile ones of our own, served over HTTP to the RSS source."""

import os
import re
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from herald.sources.building import SourceTools
from herald.sources.configuration import RssSourceConfig
from herald.sources.recorded import RecordedSource
from herald.sources.rss import RssSource

NOW = datetime(2025, 6, 1, tzinfo=UTC)
DATA = Path(os.environ.get("HERALD_DATA") or "/nonexistent")
STATED_HEADER = re.compile(rb"^Header:\s*([\w-]+):[ \t]*([^\r\n]*)", re.MULTILINE)
SLOWEST_MAX_S = 5.0


def stated_headers(document):
    """The headers with which a document of the collection asks to be served, in its first comment."""
    comment = document[:2000].split(b"-->", 1)[0]
    found = {name.decode(): value.decode("latin-1").strip() for name, value in STATED_HEADER.findall(comment)}
    return {"Content-Type": found.pop("Content-type", "application/xml"), **found}


class Served:
    """A server of documents by number; ``read`` gives one to a new RSS source."""

    def __init__(self, documents, limit_s=SLOWEST_MAX_S):
        self.documents = documents
        self.tools = SourceTools(parse_limit_s=limit_s)

    async def __aenter__(self):
        app = web.Application()
        app.add_routes([web.get("/doc/{n}", self._document), web.get("/to/{n}", self._redirect)])
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{self.runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_):
        await self.tools.close()
        await self.runner.cleanup()

    async def _document(self, request):
        body, headers = self.documents[int(request.match_info["n"])]
        return web.Response(body=body, headers=headers)

    async def _redirect(self, request):
        raise web.HTTPFound(f"/doc/{request.match_info['n']}")

    async def read(self, number, way="doc", **more):
        config = RssSourceConfig(
            name=f"d{number}", kind="rss", url=f"{self.address}/{way}/{number}", allow_private_address=True, **more
        )
        source = RssSource(config, self.tools.fetcher, self.tools.parser)
        started = time.perf_counter()
        batch = await source.next_batch(NOW)
        return batch, time.perf_counter() - started


@pytest.mark.data
async def test_every_document_of_the_collection_ends_as_items_or_as_a_rejection(capsys):
    folder = DATA / "feeds_feedparser"
    if not folder.is_dir():
        pytest.skip(f"no feeds at {folder}; set HERALD_DATA to the folder of recorded data sets")
    paths = sorted(folder.rglob("*.xml"))
    documents = [(path.read_bytes(), stated_headers(path.read_bytes())) for path in paths]
    items, codes, slowest = 0, Counter(), (0.0, "")
    async with Served(documents) as server:
        for number, path in enumerate(paths):
            batch, took_s = await server.read(number)
            assert batch.items or batch.rejected, path
            assert all(item.title and item.received_at for item in batch.items), path
            items += len(batch.items)
            codes.update(one.code for one in batch.rejected)
            slowest = max(slowest, (took_s, path.name))
        assert server.tools.parser._child.returncode is None
    with capsys.disabled():
        print(
            f"\n{len(paths)} documents, {items} items, rejected {dict(codes)}, slowest {slowest[0]:.3f} s {slowest[1]}"
        )
    assert len(paths) > 2000
    assert items > 800
    assert not set(codes) & {"PARSER_FAILED", "PARSE_TIMEOUT", "ENTITY_DECLARATIONS"}
    assert slowest[0] < SLOWEST_MAX_S


@pytest.mark.data
async def test_every_row_of_a_recording_comes_out_in_time_order():
    paths = sorted((DATA / "crypto_news_2025").glob("*.parquet"))
    if not paths:
        pytest.skip(f"no recorded news at {DATA}; set HERALD_DATA to the folder of recorded data sets")
    source = RecordedSource("news", paths[0], limit=1000)
    times, rejected, done = [], 0, False
    while not done:
        batch = await source.next_batch(datetime(2030, 1, 1, tzinfo=UTC))
        times += [item.published_at for item in batch.items]
        rejected, done = rejected + len(batch.rejected), batch.done
    assert len(times) + rejected == source.total == 10_907
    assert times == sorted(times)


def feed(text, head="", encoding="utf-8"):
    xml = f'<?xml version="1.0" encoding="{encoding}"?>{head}<rss version="2.0"><channel>{text}</channel></rss>'
    return xml.encode(encoding, "replace")


def item(title):
    return f"<item><title>{title}</title></item>"


XML = "application/rss+xml"
LAUGHS = '<!DOCTYPE r [<!ENTITY a "ha">'
LAUGHS += "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(10)) + "]>"
BLOW_UP = f'<!DOCTYPE r [<!ENTITY a "{"A" * 50_000}">]>'
LOCAL_FILE = '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
ANY = None
HOSTILE = {
    "a billion laughs": (lambda: feed(item("&k;"), LAUGHS), XML, {"ENTITY_DECLARATIONS"}),
    "a quadratic blow-up": (lambda: feed(item("&a;" * 10_000), BLOW_UP), XML, {"ENTITY_DECLARATIONS"}),
    "a local file": (lambda: feed(item("&x;"), LOCAL_FILE), XML, {"ENTITY_DECLARATIONS"}),
    "laughs in UTF-16": (lambda: feed(item("&k;"), LAUGHS, "utf-16"), XML, {"ENTITY_DECLARATIONS"}),
    "laughs in UTF-7": (lambda: feed(item("&k;"), LAUGHS, "utf-7"), XML, {"UNSUPPORTED_ENCODING"}),
    "laughs after junk": (lambda: b"junk" + feed(item("&k;"), LAUGHS), XML, set()),
    "50 MB of nothing": (lambda: b"<rss>" + b" " * 50_000_000, XML, {"TOO_LARGE"}),
    "50 MB of items": (lambda: feed(item("t" * 990) * 50_000), XML, {"TOO_LARGE"}),
    "tags without end": (lambda: feed("<a>" * 200_000), XML, ANY),
    "one title of a megabyte": (lambda: feed(item("x " * 500_000)), XML, set()),
    "many attributes": (lambda: feed(f"<item {' '.join(f'a{n}=1' for n in range(100_000))}/>"), XML, ANY),
    "unclosed comments": (lambda: b"<!--" * 300_000, XML, ANY),
    "unclosed CDATA": (lambda: feed("<![CDATA[" * 100_000), XML, ANY),
    "ampersands": (lambda: feed(item("&" * 500_000)), XML, ANY),
    "angle brackets": (lambda: b"<" * 1_000_000, XML, ANY),
    "blank lines": (lambda: b"<?xml version='1.0'?>" + b"\n" * 1_000_000 + b"<rss/>", XML, {"PARSE_TIMEOUT"}),
    "a wrong charset": (lambda: feed(item("Größe")), "text/xml; charset=utf-16", ANY),
    "an unknown charset": (lambda: feed(item("Größe")), "text/xml; charset=klingon", set()),
    "random bytes": (lambda: bytes(range(256)) * 4_000, "application/octet-stream", ANY),
    "a page": (lambda: b"<!doctype html><html><body>sorry</body></html>", XML, {"HTML_INSTEAD_OF_FEED"}),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_ends_in_time_and_the_next_one_is_served(name):
    make, content_type, expected = HOSTILE[name]
    documents = [(make(), {"Content-Type": content_type}), (feed(item("Fine")), {"Content-Type": XML})]
    async with Served(documents, limit_s=1.5) as server:
        batch, took_s = await server.read(0)
        assert batch.items or batch.rejected
        if expected is not ANY:
            assert {one.code for one in batch.rejected} == expected
        assert all(len(one.title) <= 2000 for one in batch.items)
        assert took_s < SLOWEST_MAX_S
        after, _ = await server.read(1, way="to")
        assert [one.title for one in after.items] == ["Fine"]


async def test_a_huge_document_that_is_let_in_still_ends_in_time():
    huge = feed(item("t" * 990) * 50_000)
    async with Served([(huge, {}), (feed(item("Fine")), {})], limit_s=1.5) as server:
        batch, took_s = await server.read(0, max_bytes=64 * 1024 * 1024, timeout_s=30)
        assert [one.code for one in batch.rejected] == ["PARSE_TIMEOUT"]
        assert took_s < 4 * SLOWEST_MAX_S
        after, _ = await server.read(1)
        assert [one.title for one in after.items] == ["Fine"]
