"""The demo's news server, read by the sources themselves."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from herald.documents import parse_document
from herald.ports import Refused
from herald.sources.building import build_source
from herald.sources.configuration import SourcesDocument
from herald.sources.fetching import FetchLimits
from herald.sources.newsroom import Newsroom
from herald.sources.press import Report, Rhythm
from herald.taxonomy import Direction, EventType

NOW = datetime(2025, 6, 1, tzinfo=UTC)
LIMITS = FetchLimits(total_s=10, connect_s=5, read_s=5, max_bytes=100_000)


DEMO = """
sources:
  - {name: agency.press, kind: websocket, url: "ws://x.example/ws/agency.press", resume_param: after, allow_private_address: true}
  - {name: ledger.post, kind: rss, url: "http://x.example/rss/ledger.post", allow_private_address: true}
  - {name: chain.alerts, kind: html, url: "http://x.example/page/chain.alerts", item: article.story, title: h2, time: time, allow_private_address: true}
  - {name: binance.announcements, kind: json, url: "http://x.example/api/binance.announcements", items: items, cursor_param: after, cursor_path: next, allow_private_address: true}
"""  # noqa: E501 - a table reads better


def told(desk, headline, kind="news"):
    return Report(0.0, 0, 0, desk, kind, headline, EventType.HACK, Direction.BEAR, 0.9, "BTC")


async def test_the_newsroom_tells_the_same_news_in_all_four_forms(tools):
    room = Newsroom()
    await room.start()
    document = parse_document(DEMO, SourcesDocument, "demo").at_server(room.host, room.port)
    sources = {chosen.name: build_source(chosen, tools) for chosen in document.sources}
    try:
        for source in sources.values():
            assert (await source.next_batch(NOW)).items == ()
        for name in sources:
            await room.publish(told(name, f"{name} & co report"))
        for name, source in sources.items():
            (item,) = (await source.next_batch(NOW)).items
            assert (item.source, item.title) == (name, f"{name} & co report")
            assert abs((item.published_at - room.published[0].at).total_seconds()) < 2
        again = build_source(document.sources[1], tools, sources["ledger.post"].snapshot())
        assert (await again.next_batch(NOW)).items == ()
        for name, source in sources.items():
            await room.publish(told(name, "", "malformed"))
            batch = await source.next_batch(NOW)
            assert (batch.items, len(batch.rejected)) == ((), 1)
    finally:
        for source in sources.values():
            await source.close()
        await room.close()


async def test_the_newsroom_publishes_at_once_and_tells_the_truth_apart(tools, fetcher):
    heard, enough = [], asyncio.Event()

    def hear(published):
        heard.append(published)
        if len(heard) >= 20:
            enough.set()

    room = Newsroom(rhythm=Rhythm(stories_per_min=6000), on_published=hear)
    await room.start()
    try:
        assert room.published == []
        room.begin()
        await enough.wait()
        answer = await fetcher.get(f"{room.address}/truth?after=3", limits=LIMITS, allow_private=True)
        items = json.loads(answer.body)["items"]
        assert [item["number"] for item in items[:3]] == [4, 5, 6]
        assert items[0]["headline"] == heard[3].report.headline
        with pytest.raises(Refused):
            await fetcher.get(f"{room.address}/truth?after=x", limits=LIMITS, allow_private=True)
        with pytest.raises(Refused):
            await fetcher.get(f"{room.address}/rss/nobody", limits=LIMITS, allow_private=True)
    finally:
        await room.close()
        await room.close()
