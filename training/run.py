"""Training, judging and promoting, whole: what each does, in order."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from herald.bootstrap.configuration import gazetteer_of, rulebook_of
from herald.bootstrap.wiring import NOWHERE, Wiring
from herald.documents import ConfigurationError
from herald.documents import version_of as content_version
from herald.inference.bert_graph import bert_graph
from herald.inference.pretrained import Pretrained, open_pretrained
from herald.inference.text_model import TextModel, load_model, save_model
from herald.news.reading import Reading
from herald.news.reading_desk import TextDesk
from herald.run_file import RunFile
from herald.settings import Settings
from training.behaviour.checks import BehaviourReport
from training.build import BuildSettings, Built, Corpus, DenseHeads, Report, build, corpus_of, frozen_heads
from training.corpus.headlines import load_headlines
from training.corpus.outside import outside_sets
from training.corpus.splits import Part
from training.evaluation import (
    MODEL,
    Evaluated,
    EvaluationSet,
    baselines_of,
    behave,
    draw,
    evaluate,
    evaluation_sets,
    gains,
    pooled_gains,
)
from training.evidence import POOLED, Evidence
from training.figures import Estimate, Figures, Predictions
from training.promotion import Refuse, promote
from training.registry import Alias, ModelRegistry, open_registry
from training.versions import version_in

MODELS = "models"
FIRST = "there is no champion yet, and a model whose failures are known serves better than none"
_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
"""A headline of the corpus is read as if it came then; the rules do not look at the clock."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """A model with its figures on every set and its behaviour."""

    sets: tuple[Evaluated, ...]
    behaviour: BehaviourReport


@dataclass(frozen=True, slots=True)
class Trained:
    """A new version, what it can do, and what became of it. ``outcome`` says in words which model serves."""

    version: int
    assessed: Assessed
    outcome: str


class Workshop:
    """Everything that training and judging share: settings, corpus, rules, registry.

    The corpus is read once; reading it by the rules takes some seconds. Headlines at ``own`` train beside it.
    """

    def __init__(self, settings: Settings, report: Report, own: Path | None = None) -> None:
        self._settings, self._report = settings, report
        wiring = Wiring(settings, NOWHERE)
        self._desk = TextDesk(rulebook_of(wiring), gazetteer_of(wiring))
        rules, self._names = ((settings.configs / name).read_text("utf-8") for name in ("rules.yaml", "gazetteer.csv"))
        self.rules_version = content_version(f"{rules}\n{self._names}")
        report("reading the corpus", 0.0, {})
        added = load_headlines(own) if own is not None else ()
        self.corpus: Corpus = corpus_of(load_headlines(), lambda text: self.read(text)[1], added)
        self._own = len(added)
        self.sets: list[EvaluationSet] = evaluation_sets(
            self.corpus, outside_sets(settings.data) if settings.data else [], self.read
        )

    def said_of_own(self) -> str:
        """Tell how many of a user's own headlines train; nothing where none were given."""
        if not self._own:
            return ""
        trained = len(self.corpus.examples) - self.corpus.own_from
        return f"; {trained} of {self._own} own headlines trained it (others are in the corpus, or like its held-out parts)"

    def read(self, text: str) -> tuple[Reading, tuple[str, ...]]:
        """Read a headline by the rules."""
        found = self._desk.read(text, _EPOCH)
        return found.reading, found.evidence

    def make(self, settings: BuildSettings, name: str) -> Built:
        """Train a model."""
        pretrained = open_pretrained(settings.encoder)
        if settings.kind == "quick":
            dense = frozen_heads(self.corpus, pretrained, settings, self._report)
        else:
            dense = self._fine_tuned(settings, pretrained)
        return build(
            self.corpus,
            dense,
            pretrained,
            settings,
            name=name,
            rules_version=self.rules_version,
            report=self._report,
            names=self._names,
        )

    def assess(self, model: TextModel, *, with_baselines: bool = False) -> Assessed:
        """Judge a model on every set, and run the behavioural tests. Parties are left out: no figure counts them."""
        model = TextModel(model.card, model.encoder, model.heads)
        baselines: list[dict[str, Predictions]] = [{} for _ in self.sets]
        if with_baselines:
            self._report("baselines", 0.0, {})
            baselines = baselines_of(self.sets, self.corpus)
        judged = []
        for number, (one, others) in enumerate(zip(self.sets, baselines, strict=True)):
            self._report(f"judging: {one.labelled.name}", number / len(self.sets), {})
            judged.append(evaluate(model, one, others))
        self._report("behavioural tests", 0.0, {})
        return Assessed(tuple(judged), behave(model, self.read))

    def compare(self, challenger: tuple[int, Assessed], champion: tuple[int, Assessed] | None) -> Evidence:
        """Return what speaks for a challenger against the champion."""
        version, assessed = challenger
        behaviour = assessed.behaviour
        failed = tuple(str(one) for one in behaviour.failed_capabilities())
        capabilities = len(behaviour.capabilities)
        if champion is None:
            return Evidence(version, None, {}, capabilities, failed)
        whats = [one.what for one in self.sets]
        pairs = list(zip(champion[1].sets, assessed.sets, strict=True))
        found = {pair[1].name: gains(*pair, what) for pair, what in zip(pairs, whats, strict=True)}
        return Evidence(version, champion[0], {**found, POOLED: pooled_gains(pairs, whats)}, capabilities, failed)

    def _fine_tuned(self, settings: BuildSettings, pretrained: Pretrained) -> DenseHeads:
        fine_tune = fine_tuning()
        train, held_out = self.corpus.rows(Part.TRAIN), self.corpus.rows(Part.CALIBRATION)
        tuned = fine_tune(
            (self.corpus.texts(train), self.corpus.targets.of(train)),
            (self.corpus.texts(held_out), self.corpus.targets.of(held_out)),
            settings=settings,
            report=self._report,
        )
        graph = bert_graph(tuned.encoder, pretrained.config()).SerializeToString()
        return DenseHeads(graph, tuned.weights, tuned.bias, tuned.epochs)


def fine_tuning() -> Any:
    """Return the function that fine-tunes. Raises ``ConfigurationError`` where torch is not installed."""
    try:
        from training.on_ray import fine_tune  # noqa: PLC0415 - torch is there only for those who fine-tune
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the full training needs {error.name}; install the extra with "
            "`.venv/bin/uv pip install -e '.[train]'`, or train with --quick"
        ) from error
    return fine_tune


def registry_of(settings: Settings) -> ModelRegistry:
    """Open the registry: of the services profile, of the Herald that runs in this home, or the home's own files."""
    if settings.mlflow_url:
        return open_registry(settings.mlflow_url)
    folder = settings.home / "mlflow"
    running = RunFile.read(settings.home)
    if running is not None and running.addresses.get("mlflow_url"):
        return open_registry(running.addresses["mlflow_url"], files=folder / "artifacts")
    return open_registry(f"sqlite:///{folder / 'mlflow.db'}")


def champion_folder(settings: Settings, which: int | str = Alias.CHAMPION) -> Path:
    """Return a local folder with the files of a version or alias. Raises ``RegistryError``."""
    return registry_of(settings).fetch(which, settings.home / MODELS)


def train(settings: Settings, how: BuildSettings, report: Report) -> Trained:
    """Train, judge and register a model. The first becomes the champion, a later one the challenger.

    Raises ``RegistryError``, ``CorpusError``, or ``EncoderNotFoundError``.
    """
    how = how.model_copy(update={"encoder": how.encoder or settings.encoder})
    workshop = Workshop(settings, report, Path(how.own) if how.own else None)
    built = workshop.make(how, name=f"{how.kind}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    assessed = workshop.assess(built.model)
    report("recording in MLflow", 0.0, {})
    registry = registry_of(settings)
    with tempfile.TemporaryDirectory(prefix="herald-train-") as temporary:
        folder, figures = Path(temporary) / "model", Path(temporary) / "figures"
        model = built.model
        save_model(folder, model.card, built.graph, built.tokenizer, model.heads, parties=model.parties)
        write_figures(assessed, workshop.sets, figures)
        (figures / "history.json").write_text(json.dumps(built.history, indent=1), "utf-8")
        version = registry.log_run(
            name=built.model.card.name,
            params=how.model_dump(),
            metrics=metrics_of(assessed),
            artifacts_dir=figures,
            model_folder=folder,
            tags={"kind": how.kind},
            configs=settings.configs,
        )
    champion = registry.version_of(Alias.CHAMPION)
    if champion is not None:
        registry.set_alias(Alias.CHALLENGER, version)
        said = f"version {version} is the challenger of version {champion}; `herald promote` compares the two"
        return Trained(version, assessed, said + workshop.said_of_own())
    first = promote(registry, version, workshop.compare((version, assessed), None), force_reason=FIRST)
    return Trained(version, assessed, str(first) + workshop.said_of_own())


def promote_version(settings: Settings, which: int | str, report: Report, *, force_reason: str | None = None) -> str:
    """Compare a version with the champion on the frozen sets, and make it the champion if it earns that.

    Raises ``NotPromotedError`` with all reasons, or ``RegistryError``.
    """
    registry = registry_of(settings)
    folder = registry.fetch(which, settings.home / MODELS)
    version = version_in(folder.name)
    champion = registry.version_of(Alias.CHAMPION)
    workshop = Workshop(settings, report)
    challenger = workshop.assess(load_model(folder, threads=BuildSettings().threads))
    other = None
    if champion is not None and champion != version:
        champion_files = registry.fetch(champion, settings.home / MODELS)
        model = load_model(champion_files, threads=BuildSettings().threads)
        other = (champion, workshop.assess(model))
    outcome = promote(registry, version, workshop.compare((version, challenger), other), force_reason=force_reason)
    if isinstance(outcome, Refuse):
        raise NotPromotedError(str(outcome))
    return str(outcome)


class NotPromotedError(RuntimeError):
    """A version that did not earn its promotion. Its text gives all reasons."""


def metrics_of(assessed: Assessed) -> dict[str, float]:
    """Return the figures as MLflow keeps them: ``set/figure`` with the bounds of its interval beside it."""
    found: dict[str, float] = {}
    for one in assessed.sets:
        for name, figures in one.figures.items():
            prefix = _key(one.name) + ("" if name == MODEL else f"/{_key(name)}")
            for figure, estimate in estimates_of(figures).items():
                found[f"{prefix}/{figure}"] = estimate.value
                if name == MODEL:
                    found |= {f"{prefix}/{figure}_low": estimate.low, f"{prefix}/{figure}_high": estimate.high}
    for capability in assessed.behaviour.capabilities:
        found[f"behaviour/{capability.capability}"] = capability.pass_rate
    return found


def estimates_of(figures: Figures) -> dict[str, Estimate]:
    """Return the figures that are defined, by name."""
    return {name: value for name, value in figures if isinstance(value, Estimate)}


def write_figures(assessed: Assessed, sets: Sequence[EvaluationSet], folder: Path) -> list[Path]:
    """Write figures, behaviour and plots into a folder; returns the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        one.name: {who: json.loads(f.model_dump_json()) for who, f in one.figures.items()} for one in assessed.sets
    }
    (folder / "figures.json").write_text(json.dumps(document, indent=1), "utf-8")
    (folder / "behaviour.txt").write_text("\n".join(behaviour_lines(assessed.behaviour)) + "\n", "utf-8")
    return [path for one, judged in zip(sets, assessed.sets, strict=True) for path in draw(judged, one.what, folder)]


def behaviour_lines(report: BehaviourReport) -> list[str]:
    """Tell each capability's pass rate, and every failure."""
    lines = []
    for one in report.capabilities:
        verdict = "passes" if one.passed else "FAILS"
        passed = one.checks - one.failed
        needs = f"{one.pass_rate:.0%}, needs {one.minimum_pass_rate:.0%}"
        lines.append(f"{one.capability}: {passed} of {one.checks} checks ({needs}), {verdict}")
        lines += [f"  expected {failure.expected}, found {failure.found}: {failure.text}" for failure in one.failures]
    return lines


def _key(name: str) -> str:
    return "_".join("".join(letter if letter.isalnum() else " " for letter in name.casefold()).split())
