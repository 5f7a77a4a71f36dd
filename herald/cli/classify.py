"""``herald classify``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from herald.cli.json_lines import lines_of, read_lines, refuse_unwritable
from herald.cli.model_choice import RULES, model_folder
from herald.documents import ConfigurationError
from herald.settings import Settings, load_settings

BATCH = 256


def run(texts: list[str], source: Path | None, target: Path | None, model: str, *, as_json: bool) -> None:
    """Classify the texts of the command line, or the lines of a file."""
    if bool(texts) == bool(source):
        raise ConfigurationError("give headlines as words in quotes, or a file of lines with --in; not both, not none")
    from herald.inference.classification import FORM, parse_headline
    from herald.inference.lines import MalformedLineError

    refuse_unwritable(target)
    settings = load_settings()
    try:
        if source is None:
            numbered = enumerate(texts, start=1)
            lines = [parse_headline({"id": number, "text": text}, f"headline {number}") for number, text in numbered]
        else:
            lines = [parse_headline(data, place) for data, place in read_lines(source, FORM)]
        classifier = _classifier(settings, model)
        answers: list[dict[str, Any]] = []
        for begin in range(0, len(lines), BATCH):
            answers += classifier.classify(lines[begin : begin + BATCH], datetime.now(UTC))
    except MalformedLineError as error:
        raise ConfigurationError(str(error)) from error
    if target is not None:
        target.write_text(lines_of(answers), "utf-8")
    elif as_json or source is not None:
        sys.stdout.write(lines_of(answers))
    else:
        for line, answer in zip(lines, answers, strict=True):
            sys.stdout.write(_told(line.text, answer))


def _classifier(settings: Settings, which: str) -> Any:
    from herald.bootstrap.configuration import directory_of, gazetteer_of, models_of, rulebook_of, sources_of
    from herald.bootstrap.wiring import NOWHERE, Wiring
    from herald.inference.classification import Classifier
    from herald.news.reading_desk import TextDesk

    wiring = Wiring(settings, NOWHERE)
    gazetteer = gazetteer_of(wiring)
    return Classifier(
        desk=TextDesk(rulebook_of(wiring), gazetteer),
        gazetteer=gazetteer,
        directory=directory_of(wiring),
        profile_of=sources_of(wiring).profile_of,
        policy=models_of(wiring).verdict,
        model=None if which == RULES else _model(settings, which),
        rules_only=which == RULES,
    )


def _model(settings: Settings, which: str) -> Any:
    from herald.inference.text_model import load_model

    folder = model_folder(settings, which, train_first=True)
    assert folder is not None, "trained where there was none"
    return load_model(folder, threads=2)


def _told(text: str, answer: dict[str, Any]) -> str:
    """Tell one answer in words, with its evidence."""
    ways = ", ".join(f"{way} {share:.2f}" for way, share in answer["direction_p"].items())
    verdict = "tradable" if answer["tradable"] else "not tradable"
    lines = [
        text,
        f"  {answer['event_type']} ({answer['event_type_p']:.2f}), {verdict} ({answer['tradable_p']:.2f})",
        f"  {answer['direction']} ({ways})",
        f"  severity {answer['severity']:.2f}, confidence {answer['confidence']:.2f}",
        f"  about {answer['primary_entity'] or 'nobody'}",
        f"  trades as {_markets(answer)}",
        f"  names {', '.join(answer['entities']) or 'nobody'}",
        f"  because {'; '.join(answer['reasons']) or 'no rule matched'}",
        f"  by {answer['model']}" + (" (degraded: no model)" if answer["degraded"] else ""),
    ]
    return "\n".join(lines) + "\n"


def _markets(answer: dict[str, Any]) -> str:
    """Tell what trades the assets named, and of each that nothing trades why."""
    from herald.reports.reasons import explain
    from herald.taxonomy import Reason

    missing = [
        f"{one['entity']}: not listed here ({explain(Reason(one['reason'])).rstrip('.')})" for one in answer["unlisted"]
    ]
    return "; ".join((", ".join(answer["instruments"]) or "nothing here", *missing))
