"""Fetching from real servers on this machine, well-behaved and hostile."""

import asyncio
import contextlib
import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from herald.documents import parse_document
from herald.ports import Refused, Unavailable
from herald.sources import fetching
from herald.sources.addresses import public_socket
from herald.sources.building import build_source, pace_limits
from herald.sources.configuration import SourcesDocument
from herald.sources.fetching import FetchLimits, RetryLater, Validators, retry_after_s
from herald.sources.inflation import Unreadable
from herald.sources.pacing import Circuit, Outcome, Pace

NOW = datetime(2025, 6, 1, tzinfo=UTC)
LIMITS = FetchLimits(total_s=10, connect_s=5, read_s=5, max_bytes=100_000)
IMPATIENT = FetchLimits(total_s=0.5, connect_s=0.5, read_s=0.5)


@contextlib.asynccontextmanager
async def spoken(script):
    """Serve raw bytes: ``script`` gets the writer after a request's head was read."""

    talks = []

    async def talk(reader, writer):
        talks.append(asyncio.current_task())
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await reader.readuntil(b"\r\n\r\n")
                await script(writer)
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks)


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


# -- conditional requests -----------------------------------------------------------------------------------------


async def test_a_feed_is_asked_conditionally_and_gives_only_what_is_new(served, tools):
    asked, shown = [], ["one"]

    async def rss(request):
        tag = f'"{len(shown)}"'
        asked.append(request.headers.get("If-None-Match"))
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304)
        return web.Response(body=feed(*reversed(shown)), content_type="application/rss+xml", headers={"ETag": tag})

    async with served(rss=rss) as url:
        source = build_source(config("rss", f"{url}/rss"), tools)
        assert titles(await source.next_batch(NOW)) == ["one"]
        assert titles(await source.next_batch(NOW)) == []
        shown += ["two", "three"]
        assert titles(await source.next_batch(NOW)) == ["two", "three"]
        resumed = build_source(config("rss", f"{url}/rss"), tools, json.loads(json.dumps(source.snapshot())))
        assert titles(await resumed.next_batch(NOW)) == []
    assert asked == [None, '"1"', '"1"', '"3"']


async def test_an_unchanged_body_without_validators_is_not_read_again(served, tools):
    async def rss(_):
        return web.Response(body=feed("one"), content_type="application/rss+xml")

    async with served(rss=rss) as url:
        source = build_source(config("rss", f"{url}/rss"), tools)
        assert titles(await source.next_batch(NOW)) == ["one"]
        await tools.parser.close()
        assert titles(await source.next_batch(NOW)) == []
        assert tools.parser._child is None


async def test_a_feed_is_due_again_after_its_interval(served, tools):
    async def rss(_):
        return web.Response(body=feed("one"))

    async with served(rss=rss) as url:
        source = build_source(config("rss", f"{url}/rss", every_s=7), tools)
        assert source.next_wake_up(NOW) == NOW
        await source.next_batch(NOW)
        assert source.next_wake_up(NOW) == NOW + timedelta(seconds=7)


# -- redirects and addresses --------------------------------------------------------------------------------------


async def test_a_loopback_address_is_refused_unless_allowed(served, fetcher):
    async def page(_):
        return web.Response(text="secret")

    async with served(page=page) as url:
        for address in (url, url.replace("127.0.0.1", "localhost"), url.replace("127.0.0.1", "[::ffff:127.0.0.1]")):
            with pytest.raises(Refused, match="not public"):
                await fetcher.get(f"{address}/page", limits=LIMITS)
        with pytest.raises(Refused):
            await fetcher.get(f"{url}/page".replace("127.0.0.1", "2130706433"), limits=LIMITS)
        assert (await fetcher.get(f"{url}/page", limits=LIMITS, allow_private=True)).body == b"secret"


async def test_a_redirect_from_a_public_server_to_a_private_one_is_refused(served, fetcher, monkeypatch):
    reached = []

    async def inside(_):
        reached.append("inside")
        return web.Response(text="secret")

    async with served(inside=inside) as private:

        async def outside(request):
            raise web.HTTPFound(request.query["to"])

        async with served(outside=outside) as public:
            port = int(public.rsplit(":", 1)[1])
            monkeypatch.setattr(
                fetching,
                "public_socket",
                lambda info: (
                    __import__("socket").socket(info[0], info[1]) if info[4][1] == port else public_socket(info)
                ),
            )
            targets = [f"{private}/inside", "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "//[::1]/"]
            for target in targets:
                with pytest.raises(Refused):
                    await fetcher.get(f"{public}/outside", limits=LIMITS, params={"to": target})
    assert reached == []


async def test_redirects_are_followed_and_circles_and_long_chains_refused(served, fetcher):
    async def hop(request):
        n = int(request.query["n"])
        if n == 0:
            return web.Response(text="there")
        raise web.HTTPMovedPermanently(f"/hop?n={n - 1}")

    async def ring(request):
        raise web.HTTPFound("/ring2" if request.path == "/ring" else "/ring")

    async def nowhere(_):
        return web.Response(status=302)

    async with served(hop=hop, ring=ring, ring2=ring, nowhere=nowhere) as url:
        answer = await fetcher.get(f"{url}/hop?n=3", limits=LIMITS, allow_private=True)
        assert (answer.body, answer.url) == (b"there", f"{url}/hop?n=0")
        for path, reason in (("hop?n=9", "more than 5 times"), ("ring", "circle"), ("nowhere", "Location")):
            with pytest.raises(Refused, match=reason):
                await fetcher.get(f"{url}/{path}", limits=LIMITS, allow_private=True)


# -- time and size ------------------------------------------------------------------------------------------------


async def test_a_body_that_drips_and_a_head_that_never_comes_time_out(fetcher):
    async def drip(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def silence(_):
        await asyncio.sleep(30)

    for script in (drip, silence):
        async with spoken(script) as url:
            started = asyncio.get_running_loop().time()
            with pytest.raises(Unavailable):
                await fetcher.get(url, limits=IMPATIENT, allow_private=True)
            assert asyncio.get_running_loop().time() - started < 5


async def test_a_body_over_the_limit_is_unreadable_whether_it_says_so_or_not(served, fetcher):
    async def announced(_):
        return web.Response(body=b"x" * 200_000)

    async def chunked(request):
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                await response.write(b"x" * 10_000)
        return response

    packed = gzip.compress(b"\x00" * 50_000_000)

    async def bomb(_):
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with served(announced=announced, chunked=chunked, bomb=bomb) as url:
        for path in ("announced", "chunked", "bomb"):
            with pytest.raises(Unreadable, match="TOO_LARGE"):
                await fetcher.get(f"{url}/{path}", limits=LIMITS, allow_private=True)


async def test_a_source_reports_an_oversized_document_once(served, tools):
    async def rss(_):
        return web.Response(body=b"<rss>" + b" " * 5000)

    async with served(rss=rss) as url:
        source = build_source(config("rss", f"{url}/rss", max_bytes=1024), tools)
        assert codes(await source.next_batch(NOW)) == ["TOO_LARGE"]
        assert codes(await source.next_batch(NOW)) == []


async def test_a_packed_body_comes_out_unpacked(served, fetcher):
    async def page(request):
        assert request.headers["Accept-Encoding"] == "gzip, deflate"
        return web.Response(body=gzip.compress(b"hello"), headers={"Content-Encoding": "gzip"})

    async with served(page=page) as url:
        assert (await fetcher.get(f"{url}/page", limits=LIMITS, allow_private=True)).body == b"hello"


async def test_an_answer_that_breaks_off_or_is_no_http_is_unavailable(fetcher):
    async def broken(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")

    async def nonsense(writer):
        writer.write(b"\x00\x01\x02 hello\r\n\r\n")

    for script in (broken, nonsense):
        async with spoken(script) as url:
            with pytest.raises(Unavailable):
                await fetcher.get(url, limits=LIMITS, allow_private=True)
    with pytest.raises(Unavailable):
        await fetcher.get(url, limits=LIMITS, allow_private=True)


# -- status codes -------------------------------------------------------------------------------------------------


async def test_each_status_becomes_retry_later_unavailable_or_refused(served, fetcher):
    async def status(request):
        return web.Response(status=int(request.query["s"]), headers={"Retry-After": "17"})

    async with served(status=status) as url:
        for code, error in ((429, RetryLater), (503, RetryLater), (500, Unavailable), (404, Refused), (403, Refused)):
            with pytest.raises(error) as raised:
                await fetcher.get(f"{url}/status?s={code}", limits=LIMITS, allow_private=True)
            assert getattr(raised.value, "retry_after_s", 17.0) == 17.0


async def test_a_source_that_was_told_to_wait_waits(served, tools):
    async def rss(_):
        return web.Response(status=429, headers={"Retry-After": "60"})

    async with served(rss=rss) as url:
        source = build_source(config("rss", f"{url}/rss"), tools)
        with pytest.raises(RetryLater):
            await source.next_batch(NOW)
        assert source.next_wake_up(NOW) == NOW + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [("5", 5.0), ("Sun, 01 Jun 2025 00:00:30 GMT", 30.0), ("999999999999", 3600.0),
     ("Sat, 31 May 2025 00:00:00 GMT", 0.0), ("soon", None), ("", None), ("-5", None)],
)  # fmt: skip
def test_retry_after_is_read_and_bounded(value, wait_s):
    assert retry_after_s(value, NOW) == wait_s


async def test_the_circuit_of_a_dead_server_opens_and_half_opens_when_it_is_back(served, tools):
    broken = True

    async def rss(_):
        return web.Response(status=500) if broken else web.Response(body=feed("back"))

    async with served(rss=rss) as url:
        chosen = config("rss", f"{url}/rss")
        source, pace, now = build_source(chosen, tools), Pace(pace_limits(chosen)), NOW

        async def look():
            try:
                batch = await source.next_batch(now)
            except Unavailable:
                return Outcome.UNAVAILABLE, None
            return Outcome.ANSWERED, batch

        while pace.circuit is Circuit.CLOSED:
            pace = pace.begin(now)
            outcome, _ = await look()
            pace = pace.next_attempt(now, outcome, jitter=0.5)
            now = pace.at
        assert pace.failures == pace.limits.failures_max
        broken, pace = False, pace.begin(now)
        assert pace.circuit is Circuit.HALF_OPEN
        outcome, batch = await look()
        assert titles(batch) == ["back"]
        assert pace.next_attempt(now, outcome, jitter=0.5).circuit is Circuit.CLOSED


async def test_validators_are_bounded_and_empty_ones_are_not_sent():
    assert Validators().as_headers() == {}
    assert Validators("e", "m").as_headers() == {"If-None-Match": "e", "If-Modified-Since": "m"}
