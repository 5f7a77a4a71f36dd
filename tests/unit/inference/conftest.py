from pathlib import Path

import pytest

from herald.inference.bert_graph import bert_graph
from herald.inference.encoder import Encoder
from herald.inference.pretrained import Pretrained, packaged_encoder
from herald.news.gazetteer import Gazetteer, parse_gazetteer
from herald.news.reading_desk import TextDesk
from herald.news.rulebook import parse_rulebook

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
