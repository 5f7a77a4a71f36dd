"""``herald same-story``."""

from __future__ import annotations

import sys
from pathlib import Path

from herald.cli.json_lines import lines_of, read_lines, refuse_unwritable
from herald.documents import ConfigurationError


def run(source: Path, target: Path | None) -> None:
    """Judge the pairs of a file, one JSON line each."""
    import numpy as np

    from herald.inference.lines import MalformedLineError
    from herald.inference.pairs import FORM, packaged_sameness, parse_pair_line
    from herald.inference.pretrained import open_packaged_encoder
    from herald.inference.text_model import unit

    refuse_unwritable(target)
    try:
        pairs = [parse_pair_line(data, place) for data, place in read_lines(source, FORM)]
    except MalformedLineError as error:
        raise ConfigurationError(str(error)) from error
    texts = sorted({text for pair in pairs for text in (pair.a, pair.b)})
    vectors = dict(zip(texts, unit(open_packaged_encoder(threads=2).encode(texts)), strict=True)) if texts else {}
    model = packaged_sameness()
    answers = []
    for pair in pairs:
        cosine = float(np.dot(vectors[pair.a], vectors[pair.b]))
        answers.append({"id": pair.id, "p": round(model.probability(pair.a, pair.b, cosine, pair.gap_s), 6)})
    text = lines_of(answers)
    if target is None:
        sys.stdout.write(text)
    else:
        target.write_text(text, "utf-8")
