"""Sources made from their configuration."""

from __future__ import annotations

from collections.abc import Callable
from random import SystemRandom
from typing import Any

from herald.clocks import WallClock
from herald.ports import Clock, Source
from herald.sources.configuration import (
    HtmlSourceConfig,
    JsonSourceConfig,
    RecordedSourceConfig,
    RssSourceConfig,
    SourceConfig,
    WebSocketSourceConfig,
)
from herald.sources.fetching import USER_AGENT, Fetcher
from herald.sources.html_diff import HtmlDiffSource
from herald.sources.json_api import JsonApiSource
from herald.sources.pacing import PaceLimits
from herald.sources.parsing import ParserProcess
from herald.sources.recorded import RecordedSource
from herald.sources.rss import RssSource
from herald.sources.websocket import WebSocketSource


class SourceTools:
    """What the sources of one process share: HTTP connections, one parsing process, clock and randomness."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        user_agent: str = USER_AGENT,
        parse_limit_s: float = 5.0,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        """``jitter`` returns random numbers in [0, 1)."""
        self.clock = clock or WallClock()
        self.fetcher = Fetcher(self.clock, user_agent)
        self.parser = ParserProcess(parse_limit_s)
        self.jitter = jitter or SystemRandom().random

    async def close(self) -> None:
        """Close connections and end the parsing process. Safe to call twice."""
        await self.fetcher.close()
        await self.parser.close()


def build_source(config: SourceConfig, tools: SourceTools, snapshot: dict[str, Any] | None = None) -> Source:
    """Make a source; ``snapshot`` is what an earlier one of the same name returned."""
    match config:
        case RssSourceConfig():
            return RssSource(config, tools.fetcher, tools.parser, snapshot)
        case HtmlSourceConfig():
            return HtmlDiffSource(config, tools.fetcher, tools.parser, snapshot)
        case JsonSourceConfig():
            return JsonApiSource(config, tools.fetcher, snapshot)
        case WebSocketSourceConfig():
            return WebSocketSource(config, tools.fetcher, tools.clock, tools.jitter, snapshot)
        case RecordedSourceConfig():
            return RecordedSource(
                config.name,
                config.path,
                start=config.start,
                end=config.end,
                limit=config.max_items,
                rows_max=config.rows_max,
                snapshot=snapshot,
            )


def pace_limits(config: SourceConfig) -> PaceLimits:
    """Return the rhythm of a source: streams and recordings set their own, all others are asked every ``every_s``."""
    if isinstance(config, (RssSourceConfig, HtmlSourceConfig, JsonSourceConfig)):
        return PaceLimits(every_s=config.every_s)
    return PaceLimits(every_s=0.0)
