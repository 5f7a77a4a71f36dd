"""``herald same-story``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from herald.documents import ConfigurationError


def run(source: Path, target: Path | None) -> None:
    """Judge the pairs of a file, one JSON line each."""
    import numpy as np

    from herald.inference.pairs import MalformedPairError, PairLine, packaged_sameness, parse_pair_line
    from herald.inference.pretrained import open_packaged_encoder
    from herald.inference.text_model import unit

    try:
        pairs: list[PairLine] = [parse_pair_line(data, place) for data, place in _lines(source)]
    except MalformedPairError as error:
        raise ConfigurationError(str(error)) from error
    texts = sorted({text for pair in pairs for text in (pair.a, pair.b)})
    vectors = dict(zip(texts, unit(open_packaged_encoder(threads=2).encode(texts)), strict=True)) if texts else {}
    model = packaged_sameness()
    answers = []
    for pair in pairs:
        cosine = float(np.dot(vectors[pair.a], vectors[pair.b]))
        answers.append({"id": pair.id, "p": round(model.probability(pair.a, pair.b, cosine, pair.gap_s), 6)})
    text = "".join(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)
    if target is None:
        sys.stdout.write(text)
    else:
        target.write_text(text, "utf-8")


def _lines(source: Path) -> Iterator[tuple[Any, str]]:
    try:
        text = source.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source}: cannot be read ({error}); give a file of JSON lines") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield json.loads(line), f"{source}:{number}"
            except ValueError as error:
                raise ConfigurationError(f"{source}:{number}: is no JSON ({error})") from error
