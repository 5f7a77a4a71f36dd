from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from herald.inference.bert_graph import bert_graph
from herald.inference.encoder import Encoder
from herald.inference.pretrained import Pretrained, packaged_encoder
from herald.messages import NewsItem
from herald.news.gazetteer import Gazetteer, parse_gazetteer
from herald.news.judgement import Judgement
from herald.news.reading import Reading
from herald.news.reading_desk import TextDesk
from herald.news.rulebook import parse_rulebook
from herald.taxonomy import Direction, EventType

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture(scope="session")
def packaged() -> Pretrained:
    return packaged_encoder()


@pytest.fixture(scope="session")
def encoder_graph(packaged: Pretrained) -> bytes:
    """The packaged encoder's graph, which takes a second to build."""
    graph: bytes = bert_graph(packaged.weights(), packaged.config()).SerializeToString()
    return graph


@pytest.fixture(scope="session")
def encoder(packaged: Pretrained, encoder_graph: bytes) -> Encoder:
    return Encoder(encoder_graph, packaged.tokenizer)


@pytest.fixture(scope="session")
def gazetteer() -> Gazetteer:
    path = CONFIGS / "gazetteer.csv"
    return parse_gazetteer(path.read_text("utf-8"), str(path))


@pytest.fixture(scope="session")
def desk(gazetteer: Gazetteer) -> TextDesk:
    path = CONFIGS / "rules.yaml"
    return TextDesk(parse_rulebook(path.read_text("utf-8"), str(path)), gazetteer)


@pytest.fixture(scope="session")
def found_of(desk: TextDesk) -> Callable[..., list[tuple[NewsItem, Reading]]]:
    """Make items of headlines, with what the rules read in them."""

    def make(*headlines: str) -> list[tuple[NewsItem, Reading]]:
        read = [desk.read(one, datetime(2025, 6, 2, 12, 0, tzinfo=UTC)) for one in headlines]
        return [(one.item, one.reading) for one in read]

    return make


@pytest.fixture(scope="session")
def judgement_of() -> Callable[..., Judgement]:
    """Make a judgement that finds a hack; the severity tells which headline it is of: 0.012 for "headline 12"."""

    def make(headline: str, model: str = "m1", **changes: Any) -> Judgement:
        number = headline.rsplit(maxsplit=1)[-1]
        rest = 0.1 / (len(EventType) - 1)
        given: dict[str, Any] = {
            "event_types": {one: 0.9 if one is EventType.HACK else rest for one in EventType},
            "directions": {Direction.BULL: 0.1, Direction.BEAR: 0.8, Direction.UNKNOWN: 0.1},
            "tradable_p": 0.95,
            "severity": int(number) / 1000 if number.isdecimal() else 0.5,
            "familiarity": 0.9,
            "unfamiliar": False,
            "model": model,
        }
        return Judgement(**given | changes)

    return make
