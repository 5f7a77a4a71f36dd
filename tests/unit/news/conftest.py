from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from herald.messages import NewsItem, RawItem
from herald.news.correlate import CorrelationPolicy, Outcome, StoryWindow, correlate
from herald.news.gazetteer import Gazetteer, parse_gazetteer
from herald.news.normalise import normalise
from herald.news.profiles import SourceProfile
from herald.news.reading import Reading
from herald.news.rulebook import Rulebook, parse_rulebook
from herald.news.rules import read

CONFIGS = Path(__file__).parents[3] / "configs"
START = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    path = CONFIGS / "gazetteer.csv"
    return parse_gazetteer(path.read_text("utf-8"), str(path))


@pytest.fixture(scope="session")
def rulebook() -> Rulebook:
    path = CONFIGS / "rules.yaml"
    return parse_rulebook(path.read_text("utf-8"), str(path))


@pytest.fixture(scope="session")
def make_item() -> Callable[..., NewsItem]:
    def make(headline: str, *, body: str = "", at_s: float = 0.0, source: str = "Newswire", **profile: Any) -> NewsItem:
        at = START + timedelta(seconds=at_s)
        raw = RawItem(source=source, title=headline, summary=body, published_at=at, received_at=at)
        return normalise(raw, SourceProfile(name=source, **{"trust": 0.7, **profile}), at)

    return make


@dataclass
class Desk:
    """Hears headlines one after another; ``changed`` and ``read`` alter the item and its reading."""

    make_item: Callable[..., NewsItem]
    reading_of: Callable[..., Reading]
    policy: CorrelationPolicy
    same: Any = None

    def __post_init__(self) -> None:
        self.window = StoryWindow(self.policy)

    def hears(
        self,
        headline: str,
        at_s: float = 0.0,
        changed: dict[str, Any] | None = None,
        read: dict[str, Any] | None = None,
        **item: Any,
    ) -> Outcome:
        heard = self.make_item(headline, at_s=at_s, **item).model_copy(update=changed or {})
        reading = self.reading_of(headline, at_s=at_s, **item).model_copy(update=read or {})
        _, outcome = correlate(self.window, heard, reading, heard.received_at, self.policy, self.same)
        return outcome


@pytest.fixture
def desk_of(make_item, reading_of) -> Callable[..., Desk]:
    """Make a desk of a policy, with who tells whether two headlines mean the same."""
    return lambda policy=None, same=None: Desk(make_item, reading_of, policy or CorrelationPolicy(), same)


@pytest.fixture
def desk(desk_of) -> Desk:
    return desk_of()


@pytest.fixture(scope="session")
def reading_of(make_item, rulebook, gazetteer) -> Callable[..., Reading]:
    def make(headline: str, **item: Any) -> Reading:
        return read(make_item(headline, **item), rulebook, gazetteer)

    return make
