"""Feeds, JSON interfaces and pages from real servers on this machine."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from herald.documents import parse_document
from herald.sources.building import SourceTools, build_source
from herald.sources.configuration import SourcesDocument, difference
from herald.sources.inspection import inspect

NOW = datetime(2025, 6, 1, tzinfo=UTC)


def config(kind, url, **more):
    text = json.dumps({"sources": [{"name": "s", "kind": kind, "url": url, "allow_private_address": True, **more}]})
    return parse_document(text, SourcesDocument, "test").sources[0]


def feed(*titles):
    items = "".join(f"<item><guid>{title}</guid><title>{title}</title></item>" for title in titles)
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'.encode()


def titles(batch):
    return [item.title for item in batch.items]


def codes(batch):
    return [one.code for one in batch.rejected]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "EMPTY_DOCUMENT"),
        (b"<!doctype html><html><body>sorry</body></html>", "HTML_INSTEAD_OF_FEED"),
        (b'<?xml version="1.0"?>' + b"\n" * 400_000 + b"<rss/>", "PARSE_TIMEOUT"),
        (b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel/></rss>', "ENTITY_DECLARATIONS"),
    ],
)
async def test_a_hostile_feed_is_rejected_and_the_next_one_served(served, body, code):
    async def bad(_):
        return web.Response(body=body)

    async def good(_):
        return web.Response(body=feed("fine"))

    tools = SourceTools(parse_limit_s=1.0)
    try:
        async with served(bad=bad, good=good) as url:
            assert codes(await build_source(config("rss", f"{url}/bad"), tools).next_batch(NOW)) == [code]
            assert titles(await build_source(config("rss", f"{url}/good"), tools).next_batch(NOW)) == ["fine"]
    finally:
        await tools.close()


async def test_a_document_that_keeps_the_parser_busy_does_not_stall_the_event_loop():
    tools = SourceTools(parse_limit_s=1.0)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    reading = await tools.parser.read(b'<?xml version="1.0"?>' + b"\n" * 400_000 + b"<rss/>", headers={})
    ticking.cancel()
    await tools.close()
    assert [one.code for one in reading.faults] == ["PARSE_TIMEOUT"]
    assert ticks > 20


async def test_a_parser_that_was_killed_is_started_again(tools):
    await tools.parser.start()
    tools.parser._child.kill()
    assert (await tools.parser.read(feed("one"), headers={})).entries[0].title == "one"


async def test_a_json_interface_is_asked_by_cursor_and_goes_on_after_a_restart(served, tools):
    asked, shown = [], [{"id": n, "title": f"t{n}", "published_at": f"2025-06-01T00:00:0{n}Z"} for n in (1, 2)]

    async def api(request):
        after = int(request.query.get("after", 0))
        asked.append(after)
        return web.json_response({"d": {"l": [item for item in shown if item["id"] > after]}})

    async with served(api=api) as url:
        chosen = config("json", f"{url}/api", items="d.l", cursor_param="after", cursor_field="id")
        source = build_source(chosen, tools)
        assert titles(await source.next_batch(NOW)) == ["t1", "t2"]
        shown.append({"id": 10, "title": "t10"})
        resumed = build_source(chosen, tools, json.loads(json.dumps(source.snapshot())))
        assert titles(await resumed.next_batch(NOW)) == ["t10"]
        await resumed.next_batch(NOW)
    assert asked == [0, 2, 10]


async def test_a_page_that_was_broken_at_first_makes_no_old_items_new(served, tools):
    body = "please wait"

    async def page(_):
        return web.Response(text=body)

    async with served(page=page) as url:
        source = build_source(config("html", f"{url}/page", item="li"), tools)
        assert codes(await source.next_batch(NOW)) == ["NOTHING_SELECTED"]
        future = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        body = (
            f"<li>undated</li><li>old<time datetime=2020-01-01></time></li><li>new<time datetime={future}></time></li>"
        )
        assert titles(await source.next_batch(NOW)) == ["new"]


async def test_a_page_gives_a_baseline_first_and_then_what_was_added(served, tools):
    shown, layout = ["old"], "li"

    async def page(_):
        return web.Response(text="".join(f"<{layout}><a href='/{t}'>{t}</a></{layout}>" for t in shown))

    async with served(page=page) as url:
        chosen = config("html", f"{url}/page", item="li")
        source = build_source(chosen, tools)
        assert titles(await source.next_batch(NOW)) == []
        shown.insert(0, "new")
        resumed = build_source(chosen, tools, json.loads(json.dumps(source.snapshot())))
        assert titles(await resumed.next_batch(NOW)) == ["new"]
        layout = "div"
        assert codes(await resumed.next_batch(NOW)) == ["NOTHING_SELECTED"]


async def test_an_address_is_inspected_by_what_it_serves(served):
    async def rss(_):
        return web.Response(body=feed("one"), content_type="text/plain")

    async def missing(_):
        return web.Response(status=404)

    async with served(rss=rss, missing=missing) as url:
        report = await inspect(f"{url}/rss")
        assert (report["format"], [item["title"] for item in report["items"]], report["error"]) == (
            "rss",
            ["one"],
            None,
        )
        assert (await inspect(f"{url}/missing"))["error"]["code"] == "REFUSED"
        assert (await inspect(f"{url}/rss", allow_private=False))["error"]["code"] == "REFUSED"
    assert (await inspect(f"{url}/rss"))["error"]["code"] == "UNAVAILABLE"


async def test_a_reload_restarts_only_what_changed_and_keeps_its_place(served, tools):
    async def rss(_):
        return web.Response(body=feed("one"))

    async with served(rss=rss) as url:
        text = "sources: [{name: a, kind: rss, url: URL, allow_private_address: true}]".replace("URL", f"{url}/rss")
        old = parse_document(text, SourcesDocument, "old")
        source = build_source(old.sources[0], tools)
        assert titles(await source.next_batch(NOW)) == ["one"]
        (changed,) = difference(
            old, parse_document(text.replace("/rss,", "/rss, every_s: 9,"), SourcesDocument, "new")
        ).changed
        again = build_source(changed, tools, source.snapshot())
        assert titles(await again.next_batch(NOW)) == []
        assert again.next_wake_up(NOW) == NOW + timedelta(seconds=9)
