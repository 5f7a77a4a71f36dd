"""Streams from real WebSocket servers on this machine, which drop and misbehave."""

import json
from datetime import UTC, datetime

import pytest
from aiohttp import WSCloseCode, web

from herald.documents import parse_document
from herald.ports import Refused, Unavailable
from herald.sources.building import SourceTools, build_source
from herald.sources.configuration import SourcesDocument

NOW = datetime(2025, 6, 1, tzinfo=UTC)


def config(kind, url, **more):
    text = json.dumps({"sources": [{"name": "s", "kind": kind, "url": url, "allow_private_address": True, **more}]})
    return parse_document(text, SourcesDocument, "test").sources[0]


def titles(batch):
    return [item.title for item in batch.items]


def codes(batch):
    return [one.code for one in batch.rejected]


class Stream:
    """A WebSocket server that sends items after a cursor, and can drop its clients or send what it should not."""

    def __init__(self, items):
        self.items = items
        self.asked = []
        self.sockets = []
        self.drop_after = None
        self.raw = []

    async def ws(self, request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        after = int(request.query.get("since", 0))
        self.asked.append(after)
        for message in self.raw:
            await socket.send_str(message)
        for sent, n in enumerate([n for n in self.items if n > after], start=1):
            await socket.send_json({"id": n, "title": f"t{n}"})
            if sent == self.drop_after:
                await socket.close()
                return socket
        async for _ in socket:
            pass
        return socket


def stream_config(url, **more):
    chosen = {"resume_param": "since", "wait_s": 0.5, "backoff_s": 1, **more}
    return config("websocket", url.replace("http", "ws") + "/ws", **chosen)


async def test_a_dropped_stream_is_resumed_without_loss_or_repetition(served, tools):
    server = Stream(list(range(1, 101)))
    server.drop_after = 7
    got, now = [], NOW
    async with served(ws=server.ws) as url:
        source = build_source(stream_config(url), tools)
        for _ in range(200):
            now = max(now, source.next_wake_up(now))
            try:
                got += titles(await source.next_batch(now))
            except Unavailable:
                assert source.next_wake_up(now) > now
            if len(got) >= 100:
                break
        await source.close()
    assert got == [f"t{n}" for n in range(1, 101)]
    assert server.asked == [*range(0, 99, 7)]


async def test_a_stream_goes_on_after_a_restart_and_lets_repeated_items_through_once(served, tools):
    server = Stream([1, 2, 3])
    async with served(ws=server.ws) as url:
        source = build_source(stream_config(url), tools)
        got = titles(await source.next_batch(NOW))
        while len(got) < 3:
            got += titles(await source.next_batch(NOW))
        state = json.loads(json.dumps(source.snapshot()))
        await source.close()
        await source.close()
        server.items += [4]
        again = build_source(stream_config(url, resume_param=""), tools, state)
        assert titles(await again.next_batch(NOW)) == ["t4"]
        await again.close()


async def test_the_wait_between_attempts_doubles_with_jitter():
    tools = SourceTools(jitter=lambda: 1.0)
    source = build_source(stream_config("http://127.0.0.1:1"), tools)
    waits = []
    for _ in range(4):
        with pytest.raises(Unavailable):
            await source.next_batch(NOW)
        waits.append((source.next_wake_up(NOW) - NOW).total_seconds())
    await tools.close()
    assert waits == [1, 2, 4, 8]


async def test_a_message_that_is_no_json_is_rejected_and_the_next_one_served(served, tools):
    server = Stream([1])
    server.raw = ["{broken", "[1, 2]"]
    async with served(ws=server.ws) as url:
        source = build_source(stream_config(url), tools)
        batch = await source.next_batch(NOW)
        faults, got = codes(batch), titles(batch)
        while not got:
            batch = await source.next_batch(NOW)
            faults, got = faults + codes(batch), got + titles(batch)
        await source.close()
    assert faults == ["NOT_JSON", "ITEM_NOT_AN_OBJECT", "ITEM_NOT_AN_OBJECT"]
    assert got == ["t1"]


async def test_a_message_over_the_limit_is_reported_and_the_stream_goes_on(served, tools):
    server = Stream([1])
    server.raw = [json.dumps({"id": 9, "title": "x" * 5000})]
    async with served(ws=server.ws) as url:
        source = build_source(stream_config(url, message_bytes_max=1024), tools)
        assert codes(await source.next_batch(NOW)) == ["MESSAGE_TOO_LARGE"]
        server.raw = []
        assert titles(await source.next_batch(source.next_wake_up(NOW))) == ["t1"]
        await source.close()


async def test_a_full_queue_holds_the_sender_back_and_loses_nothing(served, tools):
    server = Stream(list(range(1, 501)))
    async with served(ws=server.ws) as url:
        source = build_source(stream_config(url, queue_max=3, max_items=10), tools)
        got = []
        while len(got) < 500:
            batch = await source.next_batch(NOW)
            assert len(batch.items) <= 10
            got += titles(batch)
        await source.close()
    assert got == [f"t{n}" for n in range(1, 501)]


async def test_a_quiet_stream_answers_within_its_wait_with_nothing(served, tools):
    server = Stream([])
    async with served(ws=server.ws) as url:
        source = build_source(stream_config(url, wait_s=0.05), tools)
        assert (await source.next_batch(NOW)).items == ()
        assert source.next_wake_up(NOW) == NOW
        await server.sockets[0].close(code=WSCloseCode.GOING_AWAY)
        with pytest.raises(Unavailable, match="1001"):
            await source.next_batch(NOW)
        await source.close()


async def test_a_stream_on_a_private_address_is_refused_unless_allowed(served, tools):
    server = Stream([1])
    async with served(ws=server.ws) as url:
        source = build_source(stream_config(url, allow_private_address=False), tools)
        with pytest.raises(Refused, match="not public"):
            await source.next_batch(NOW)
    assert server.asked == []
