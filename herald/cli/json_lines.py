"""Files of JSON lines, in and out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from herald.documents import ConfigurationError


def read_lines(source: Path, form: str) -> Iterator[tuple[Any, str]]:
    """Yield the data of each line that is not blank, with its place; ``form`` shows a right one.

    Only a line feed ends a line, since text may hold other separators. Raises ``ConfigurationError``.
    """
    try:
        text = source.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source}: cannot be read ({error}); give a file of JSON lines") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"{source}:{number}"
            try:
                data = json.loads(line)
            except ValueError as error:
                raise ConfigurationError(f"{place}: is no JSON ({error}); write {form}") from error
            yield data, place


def refuse_unwritable(target: Path | None) -> None:
    """Find out before the work whether its answers can be kept. Raises ``ConfigurationError``."""
    if target is not None and (target.is_dir() or not target.parent.is_dir()):
        raise ConfigurationError(f"--out {target}: cannot be written; give a file in a folder that is there")


def lines_of(answers: Iterable[Any]) -> str:
    """Return one line of JSON an answer."""
    return "".join(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)
