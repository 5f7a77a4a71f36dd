"""YAML documents parsed once into typed, frozen models, with errors that name file, line, field and cure."""

from __future__ import annotations

import hashlib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)


class ConfigurationError(ValueError):
    """A configuration that cannot be used. Its text names the field, the value and the cure."""


class Document(BaseModel):
    """Base of configuration models: frozen, unknown keys refused, defaults checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def load_document(path: Path, model: type[ModelT]) -> ModelT:
    """Read one YAML file into ``model``. Raises ``ConfigurationError``."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read ({error}); give the path of a UTF-8 YAML file"
        raise ConfigurationError(message) from error
    return parse_document(text, model, name=str(path))


def parse_document(text: str, model: type[ModelT], name: str) -> ModelT:
    """Parse YAML text into ``model``; ``name`` stands for the file in messages. Raises ``ConfigurationError``."""
    try:
        node, data = _read(text)
        _refuse_repeated_keys(node, name)
    except yaml.YAMLError as error:
        message = f"{name}: not valid YAML: {' '.join(str(error).split())}"
        raise ConfigurationError(message) from error
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, node, model, name)) from error


def _read(text: str) -> tuple[yaml.Node | None, Any]:
    """Parse once, by the C parser where there is one: it is many times faster, and every process reads its files."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def version_of(text: str) -> str:
    """Return a short content hash, the version of a document that states none."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _refuse_repeated_keys(node: yaml.Node | None, name: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                message = f"{name}:{key.start_mark.line + 1}: '{key.value}' is given twice; keep one"
                raise ConfigurationError(message)
            seen.add(key.value)
            _refuse_repeated_keys(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_keys(value, name)


def _explain(error: ValidationError, node: yaml.Node | None, model: type[BaseModel], name: str) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        location = problem["loc"]
        field = ".".join(str(part) for part in location) or "the document"
        cure = problem["msg"]
        if problem["type"] == "extra_forbidden":
            near = get_close_matches(str(location[-1]), _field_names(model), n=1)
            cure = f"unknown field; did you mean '{near[0]}'?" if near else "unknown field; remove it"
        given = "" if problem["type"] in {"missing", "extra_forbidden"} else f" (given: {problem['input']!r})"
        lines.append(f"{name}:{_line_of(node, location)}: {field}: {cure}{given}")
    return "\n".join(lines)


def _field_names(model: type[BaseModel]) -> list[str]:
    """Collect the field names of a model and of the models inside it."""
    names: list[str] = []
    pending, seen = [model], set()
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        for key, info in current.model_fields.items():
            names.append(key)
            pending.extend(_models_in(info.annotation))
    return names


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _line_of(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """Find the line of the deepest node on the way to ``location``, counted from 1."""
    line = node.start_mark.line if node is not None else 0
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                continue  # the tag of a union, which the file does not spell as a level, or a missing field
            line, node = found[0].start_mark.line, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
    return line + 1
