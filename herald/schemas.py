"""JSON Schemas of the topics, exported for readers that are not written in Python.

``python -m herald.schemas docs/schemas`` writes one file a topic. A test keeps the files equal to the code, and tells
an addition, which readers survive, from a break, which needs a topic of the next version.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from herald.messages import (
    COMPARISONS_TOPIC,
    DEAD_LETTERS_TOPIC,
    DECISIONS_TOPIC,
    EXECUTIONS_TOPIC,
    ITEMS_TOPIC,
    SIGNALS_TOPIC,
    DeadLetter,
    Decision,
    Execution,
    ItemFate,
    Signal,
)
from herald.news.comparison import ModelComparison

Schema = dict[str, Any]

_OF_TOPICS: Mapping[str, TypeAdapter[Any]] = {
    SIGNALS_TOPIC: TypeAdapter(Signal),
    ITEMS_TOPIC: TypeAdapter(ItemFate),
    DECISIONS_TOPIC: TypeAdapter(Decision),
    EXECUTIONS_TOPIC: TypeAdapter(Execution),
    COMPARISONS_TOPIC: TypeAdapter(ModelComparison),
    DEAD_LETTERS_TOPIC: TypeAdapter(DeadLetter),
}


def topic_schemas() -> dict[str, Schema]:
    """Return the schema of each topic by its name. A field that a reader must expect to be absent is not required."""
    return {
        topic: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": topic,
            **adapter.json_schema(),
        }
        for topic, adapter in _OF_TOPICS.items()
    }


def breaks(old: Schema, new: Schema) -> list[str]:
    """List what a reader or writer of ``old`` could not live with in ``new``; empty where it only grew."""
    found = []
    new_objects = dict(_objects(new))
    for name, before in _objects(old):
        after = new_objects.get(name)
        if after is None:
            found.append(f"{name} is gone")
            continue
        found += [f"{name}.{field} is gone" for field in _fields(before) - _fields(after)]
        found += [f"{name}.{field} is required now" for field in _required(after) - _required(before)]
        shared = _fields(before) & _fields(after)
        found += [f"{name}.{field} changed its type" for field in shared if _type(before, field) != _type(after, field)]
        found += [f"{name} has no value {value!r} any more" for value in _values(before) - _values(after)]
    return sorted(found)


def write_schemas(directory: Path) -> list[Path]:
    """Write one file a topic and return the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for topic, schema in topic_schemas().items():
        path = directory / f"{topic}.json"
        path.write_text(text_of(schema), "utf-8")
        paths.append(path)
    return paths


def text_of(schema: Schema) -> str:
    """Write a schema as the text of its file."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _objects(schema: Schema) -> Iterator[tuple[str, Schema]]:
    yield str(schema.get("title", schema.get("$id"))), schema
    yield from schema.get("$defs", {}).items()


def _fields(part: Schema) -> set[str]:
    return set(part.get("properties", ()))


def _required(part: Schema) -> set[str]:
    return set(part.get("required", ()))


def _values(part: Schema) -> set[Any]:
    return set(part.get("enum", ()))


def _type(part: Schema, field: str) -> Schema:
    shape: Schema = part["properties"][field]
    return {key: value for key, value in shape.items() if key not in {"default", "description", "title"}}


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its one argument
        sys.exit("usage: python -m herald.schemas DIRECTORY")
    for written in write_schemas(Path(sys.argv[1])):
        sys.stdout.write(f"{written}\n")
