"""Lines of JSON from other programs, read as what they should be."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

LineT = TypeVar("LineT", bound=BaseModel)


class MalformedLineError(ValueError):
    """A line that does not hold what it should. Its text names the place, the field and the cure."""


def parse_as(model: type[LineT], data: Any, place: str, form: str) -> LineT:
    """Read the data of one line as ``model``; ``form`` shows a right one. Raises ``MalformedLineError``."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = ".".join(map(str, problem["loc"])) or "the line"
        raise MalformedLineError(f"{place}: {field}: {problem['msg']}; write {form}") from error
