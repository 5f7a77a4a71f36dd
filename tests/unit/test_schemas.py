from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from herald.messages import DEAD_LETTERS_TOPIC, SIGNALS_TOPIC, TOPICS, DeadLetter
from herald.schemas import breaks, text_of, topic_schemas, write_schemas

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("topic", TOPICS)
def test_the_published_schema_of_a_topic_is_that_of_the_code(topic: str) -> None:
    published = FOLDER / f"{topic}.json"
    schema = topic_schemas()[topic]
    if published.exists() and (broken := breaks(json.loads(published.read_text("utf-8")), schema)):
        pytest.fail(f"{topic}: {'; '.join(broken)}: old readers would fail; keep the field, or start the next version")
    cure = "run `python -m herald.schemas docs/schemas` and commit the result"
    assert published.exists(), cure
    assert published.read_text("utf-8") == text_of(schema), cure


def test_no_schema_is_published_of_a_topic_that_is_gone() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(TOPICS)


def test_writing_makes_one_file_a_topic(tmp_path: Path) -> None:
    assert {path.name for path in write_schemas(tmp_path / "new")} == {f"{topic}.json" for topic in TOPICS}


def test_a_message_on_the_wire_fits_its_schema() -> None:
    letter = DeadLetter(
        dead_letter_id="d",
        origin="wire",
        reason="MALFORMED",
        detail="",
        payload="{",
        at=datetime(2025, 1, 1, tzinfo=UTC),
    )
    schema = topic_schemas()[DEAD_LETTERS_TOPIC]
    jsonschema.validate(json.loads(letter.to_wire()), schema)
    with pytest.raises(jsonschema.ValidationError, match="payload"):
        jsonschema.validate({**json.loads(letter.to_wire()), "payload": 5}, schema)


@pytest.fixture
def schema() -> dict:
    return copy.deepcopy(topic_schemas()[SIGNALS_TOPIC])


def test_an_optional_field_may_be_added(schema: dict) -> None:
    newer = copy.deepcopy(schema)
    newer["properties"]["half_life_s"] = {"type": "number", "default": 0.0}
    assert breaks(schema, newer) == []


def test_a_new_value_may_be_added(schema: dict) -> None:
    newer = copy.deepcopy(schema)
    newer["$defs"]["EventType"]["enum"].append("HALVING")
    assert breaks(schema, newer) == []


def test_what_readers_would_miss_is_a_break(schema: dict) -> None:
    newer = copy.deepcopy(schema)
    del newer["properties"]["severity"]
    newer["required"].append("model")
    newer["properties"]["headline"]["type"] = "integer"
    newer["$defs"]["EventType"]["enum"].remove("HACK")
    assert breaks(schema, newer) == [
        "EventType has no value 'HACK' any more",
        "Signal.headline changed its type",
        "Signal.model is required now",
        "Signal.severity is gone",
    ]
    del newer["$defs"]["Direction"]
    assert "Direction is gone" in breaks(schema, newer)
