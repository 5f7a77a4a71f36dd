"""The registry, on a real MLflow with a SQLite store and a real model that is tiny."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import warnings
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pytest
from numpy.typing import NDArray
from spacy.about import __version__ as spacy_version
from spacy.training import Example as Lesson
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from herald.inference.bert_graph import bert_graph
from herald.inference.parties import PartyReader, party_pipeline
from herald.inference.party_forms import PartyDesign, PartySettings, WordForms
from herald.inference.text_model import CARD, OUTPUTS, PARTIES, Heads, ModelCard, load_model, save_model
from herald.inference.words import BUCKETS, WORD_BUCKETS
from herald.news.gazetteer import parse_gazetteer
from herald.taxonomy import Direction, EventType
from training.promotion import promote, rollback
from training.registry import MODEL, Alias, ModelRegistry, RegistryError, open_registry

WIDTH = 8
NO_NAMES = "kind,code,sector,asset,names,plain\n"
WORDS = ("[UNK]", "[CLS]", "exchange", "lists", "token", "hack")


class Training:
    """What a training leaves behind, and the registry that it goes to."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.uri = f"sqlite:///{home / 'mlflow' / 'mlflow.db'}"
        self.registry = open_registry(self.uri)
        self.model = home / "trained"
        self.figures = home / "plots"
        write_model(self.model, "tiny")
        (self.figures / "sets").mkdir(parents=True)
        (self.figures / "sets" / "calibration.txt").write_text("a plot")

    def log(self, name: str = "a run", **changes: object) -> int:
        given = {
            "params": {"epochs": 3, "rate": 1e-4},
            "metrics": {"pooled/type_macro_f1": 0.5},
            "artifacts_dir": self.figures,
            "model_folder": self.model,
            "tags": {"kind": "quick"},
        }
        return self.registry.log_run(name, **{**given, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Training:
    return Training(tmp_path_factory.mktemp("registry"))


def write_model(folder: Path, name: str, seed: int = 0) -> None:
    """Save a model of one layer with random weights."""
    random = np.random.default_rng(seed)

    def drawn(*shape: int) -> NDArray[np.float32]:
        return random.normal(scale=0.5, size=shape).astype(np.float32)

    layer = "encoder.layer.0."
    dense = {
        "attention.self.query": (WIDTH, WIDTH),
        "attention.self.key": (WIDTH, WIDTH),
        "attention.self.value": (WIDTH, WIDTH),
        "attention.output.dense": (WIDTH, WIDTH),
        "intermediate.dense": (2 * WIDTH, WIDTH),
        "output.dense": (WIDTH, 2 * WIDTH),
    }
    weights = {
        "embeddings.word_embeddings.weight": drawn(len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": drawn(96, WIDTH),
        "embeddings.token_type_embeddings.weight": drawn(2, WIDTH),
    }
    for part, shape in dense.items():
        weights |= {f"{layer}{part}.weight": drawn(*shape), f"{layer}{part}.bias": drawn(shape[0])}
    for part in ("embeddings.", f"{layer}attention.output.", f"{layer}output."):
        weights |= {f"{part}LayerNorm.weight": 1 + drawn(WIDTH), f"{part}LayerNorm.bias": drawn(WIDTH)}
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "num_attention_heads": 2,
        "num_hidden_layers": 1,
        "hidden_size": WIDTH,
    }
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", WORDS.index("[CLS]"))])
    written = folder.with_name(f"{folder.name}-tokenizer.json")
    tokenizer.save(str(written))
    heads = Heads(
        weights=drawn(WIDTH, OUTPUTS),
        word_weights=drawn(BUCKETS, OUTPUTS),
        bias=drawn(OUTPUTS),
        frequencies=np.ones(WORD_BUCKETS, dtype=np.float32),
        shift=drawn(OUTPUTS),
        prototypes=drawn(3, WIDTH),
    )
    card = ModelCard(name=name, kind="quick", encoder="tiny", corpus_sha256="c0ffee", rules_version="r1", trained_on=9)
    save_model(folder, card, bert_graph(weights, config).SerializeToString(), written, heads)


def test_a_run_keeps_params_metrics_tags_and_figures(training: Training) -> None:
    version = training.log(
        metrics={f"figure_{i}": i / 250 for i in range(250)}, params={f"p{i}": i for i in range(120)}
    )
    client = training.registry._client
    run = client.get_run(training.registry.versions()[0].run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {f"p{i}": str(i) for i in range(120)}
    assert run.data.metrics == {f"figure_{i}": i / 250 for i in range(250)}
    expected = {"kind": "quick", "corpus_sha256": "c0ffee", "rules_version": "r1", "package.numpy": np.__version__}
    assert expected.items() <= run.data.tags.items()
    assert run.data.tags["python"].startswith("3.")
    assert [one.path for one in client.list_artifacts(run.info.run_id, "figures/sets")] == [
        "figures/sets/calibration.txt"
    ]
    for name, text in expected.items():
        assert training.registry.tag_of(version, name) == text


def test_mlflow_loads_a_version_as_a_reader_of_a_column_of_text(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = training.log()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", training.uri)
    pyfunc = pytest.importorskip("mlflow.pyfunc")
    pandas = pytest.importorskip("pandas")
    texts = ["exchange lists token", "hack", None, "nothing known"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = pyfunc.load_model(f"models:/{MODEL}/{version}")
        answer = loaded.predict(pandas.DataFrame({"text": texts}))
        again = loaded.predict(pandas.DataFrame({"text": texts[:1]}))
    assert list(answer.columns) == ["event_type", "event_type_p", "direction", "tradable_p", "severity"]
    assert len(answer) == len(texts)
    assert set(answer["event_type"]) <= set(EventType)
    assert set(answer["direction"]) <= set(Direction)
    for column in ("event_type_p", "tradable_p", "severity"):
        assert answer[column].between(0, 1).all()
    assert answer["tradable_p"].nunique() == len(texts)
    assert again.iloc[0].to_dict() == pytest.approx(answer.iloc[0].to_dict())
    assert loaded.metadata.signature.inputs.input_names() == ["text"]
    assert loaded.metadata.signature.outputs.input_names() == list(answer.columns)


def test_a_fetched_model_is_the_one_that_was_registered(training: Training, tmp_path: Path) -> None:
    version = training.log()
    training.registry.set_alias(Alias.CHALLENGER, version)
    folder = training.registry.fetch("challenger", tmp_path)
    assert folder.parent == tmp_path
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in training.model.iterdir()
    }
    assert load_model(folder).card.name == "tiny"
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


@pytest.fixture
def with_parties(tmp_path: Path) -> Path:
    """A model with a recogniser of parties that never learned anything."""
    model = tmp_path / "named"
    write_model(model, "named")
    design = PartyDesign(width=8, depth=1, hidden=8, rows=(50, 50, 50, 50))
    nlp = party_pipeline(design, parse_gazetteer(NO_NAMES, "none"), WordForms())
    nlp.get_pipe("ner").initialize(lambda: [Lesson(nlp.make_doc("Cork"), nlp.make_doc("Cork"))])
    PartyReader(nlp, NO_NAMES, PartySettings(spacy=spacy_version, design=design), WordForms()).save(model / PARTIES)
    card = ModelCard.model_validate_json((model / CARD).read_text("utf-8"))
    (model / CARD).write_text(card.model_copy(update={"spacy": spacy_version}).model_dump_json(), "utf-8")
    return model


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_recogniser_of_parties_is_registered_and_fetched_with_the_model(
    training: Training, with_parties: Path, tmp_path: Path
) -> None:
    number = training.log(model_folder=with_parties)
    folder = training.registry.fetch(number, tmp_path / "fetched")
    assert files_in(folder) == files_in(with_parties)
    assert load_model(folder).parties is not None
    assert training.registry.tag_of(number, "package.spacy") == spacy_version


@pytest.mark.parametrize("spoil", ["lost", "damaged"])
def test_a_model_whose_recogniser_is_lost_or_damaged_is_not_registered(
    spoil: str, training: Training, with_parties: Path
) -> None:
    if spoil == "lost":
        shutil.rmtree(with_parties / PARTIES)
    else:
        (with_parties / PARTIES / "words.json").write_text("not what it was")
    with pytest.raises(RegistryError, match=r"nothing was registered: .*recogniser of parties.*train one"):
        training.log(model_folder=with_parties)


def test_a_version_that_lost_its_recogniser_or_its_card_is_not_fetched(
    training: Training, with_parties: Path, tmp_path: Path
) -> None:
    number = training.log(model_folder=with_parties)
    uri = training.registry._client.get_model_version_download_uri(MODEL, str(number))
    kept = Path(url2pathname(urlsplit(uri).path))
    (stored,) = [path.parent for path in kept.rglob(CARD)]
    shutil.rmtree(stored / PARTIES)
    with pytest.raises(RegistryError, match=rf"version {number} has lost its recogniser of parties .*train it again"):
        training.registry.fetch(number, tmp_path / "fetched")
    (stored / CARD).write_text("not what it was")
    with pytest.raises(RegistryError, match=rf"version {number} has a damaged {CARD} .*train it again"):
        training.registry.fetch(number, tmp_path / "fetched")
    assert list((tmp_path / "fetched").iterdir()) == []


def test_a_version_is_downloaded_once(training: Training, tmp_path: Path) -> None:
    version = training.log()
    folder = training.registry.fetch(version, tmp_path)
    (folder / "model.json").write_text("mine")
    assert training.registry.fetch(str(version), tmp_path) == folder
    assert (folder / "model.json").read_text() == "mine"


def test_a_download_that_breaks_off_is_never_used(
    training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = training.log()

    def break_off(descriptor: int) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", break_off)
        with pytest.raises(RegistryError, match=f"version {version} cannot be fetched into .*: no space left"):
            training.registry.fetch(version, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert load_model(training.registry.fetch(version, tmp_path)).card.name == "tiny"


def test_what_a_dead_process_left_is_removed_and_what_a_live_one_loads_is_kept(
    training: Training, tmp_path: Path
) -> None:
    version = training.log()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead, alive = tmp_path / f".partial-{ended.pid}-abc", tmp_path / f".partial-{os.getpid()}-abc"
    for left in (dead, alive):
        left.mkdir()
        (left / "model.json").write_text("half")
    folder = training.registry.fetch(version, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {alive.name, folder.name}


def test_versions_come_newest_first_with_aliases_and_metrics(training: Training) -> None:
    before = datetime.now(UTC)
    first = training.log(metrics={"f1": 0.25})
    second = training.log(metrics={"f1": 0.75})
    training.registry.set_alias(Alias.CHAMPION, first)
    training.registry.set_alias(Alias.CHALLENGER, first)
    newest, older = training.registry.versions()[:2]
    assert (newest.version, newest.aliases, newest.metrics) == (second, (), {"f1": 0.75})
    assert (older.version, older.aliases, older.metrics) == (first, ("challenger", "champion"), {"f1": 0.25})
    assert before.replace(microsecond=0) <= older.created_at <= newest.created_at <= datetime.now(UTC)
    assert len({newest.run_id, older.run_id, ""}) == 3


def test_an_alias_moves_and_can_be_removed(training: Training) -> None:
    first, second = training.log(), training.log()
    for version in (first, second):
        training.registry.set_alias(Alias.CHALLENGER, version)
        assert training.registry.version_of(Alias.CHALLENGER) == version
    training.registry.remove_alias(Alias.CHALLENGER)
    assert training.registry.version_of(Alias.CHALLENGER) is None
    with pytest.raises(RegistryError, match="no version is the challenger; promote one"):
        training.registry.fetch("challenger", training.home)


def test_a_promotion_by_force_and_its_rollback_show_in_mlflow(training: Training) -> None:
    first, second = training.log(), training.log()
    training.registry.set_alias(Alias.CHAMPION, first)
    promote(training.registry, second, None, force_reason="a drill")
    assert training.registry.version_of(Alias.CHAMPION) == second
    assert training.registry.version_of(Alias.PREVIOUS) == first
    assert training.registry.tag_of(second, "forced_because") == "a drill"
    assert rollback(training.registry).version == first
    assert training.registry.version_of(Alias.CHAMPION) == first


@pytest.mark.parametrize("which", ["best", 10_000])
def test_what_is_no_version_is_named(training: Training, tmp_path: Path, which: int | str) -> None:
    with pytest.raises(RegistryError, match=str(which)) as caught:
        training.registry.fetch(which, tmp_path)
    assert "give a number or one of champion" in str(caught.value) or "that the registry lists" in str(caught.value)


def test_an_alias_cannot_point_to_a_version_that_is_not_there(training: Training) -> None:
    champion = training.registry.version_of(Alias.CHAMPION)
    with pytest.raises(RegistryError, match=r"champion cannot be set to version 10000: .*; name a version"):
        training.registry.set_alias(Alias.CHAMPION, 10_000)
    assert training.registry.version_of(Alias.CHAMPION) == champion


def test_a_model_that_cannot_be_loaded_is_not_registered(training: Training, tmp_path: Path) -> None:
    known = training.registry.versions()
    with pytest.raises(RegistryError, match=r"nothing was registered: .*train one"):
        training.log(model_folder=tmp_path)
    assert training.registry.versions() == known


@pytest.mark.parametrize("changed", ["configs", "artifacts_dir"])
def test_a_folder_that_is_not_there_is_named_before_a_run_is_begun(
    training: Training, tmp_path: Path, changed: str
) -> None:
    with pytest.raises(RegistryError, match="nowhere"):
        training.log("never begun", **{changed: tmp_path / "nowhere"})
    client = training.registry._client
    assert not client.search_runs([training.registry._experiment], "attributes.run_name = 'never begun'")


def test_a_run_that_breaks_off_is_marked_failed_and_registers_nothing(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*given: object) -> None:
        raise OSError("no space left")

    known = training.registry.versions()
    with monkeypatch.context() as broken:
        broken.setattr(training.registry._client, "log_model_artifacts", break_off)
        with pytest.raises(RegistryError, match="run 'broken' cannot be recorded: no space left; see that MLflow"):
            training.log("broken")
    assert training.registry.versions() == known
    client = training.registry._client
    number = training.registry._experiment
    (run,) = client.search_runs([number], "attributes.run_name = 'broken'")
    assert run.info.status == "FAILED"
    (model,) = client.search_logged_models([number], f"source_run_id = '{run.info.run_id}'")
    assert str(model.status) == "FAILED"


def test_a_version_of_the_same_number_in_another_store_is_another_model(training: Training, tmp_path: Path) -> None:
    store = tmp_path / "mlflow.db"
    shutil.copyfile(training.home / "mlflow" / "mlflow.db", store)
    version = training.log()
    write_model(tmp_path / "other", "other", seed=1)
    there = open_registry(f"sqlite:///{store}")
    assert there.log_run("there", {}, {}, None, tmp_path / "other", {}) == version
    models = tmp_path / "models"
    names = [load_model(registry.fetch(version, models)).card.name for registry in (training.registry, there)]
    assert names == ["tiny", "other"]


def test_the_files_lie_beside_the_store_and_nothing_is_said(
    training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    again = open_registry(training.uri)
    assert again.versions() == training.registry.versions()
    assert again.fetch(training.log(), tmp_path / "models").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
    assert (training.home / "mlflow" / "artifacts").is_dir()
    assert capfd.readouterr().out == ""


def test_a_store_that_a_server_wrote_is_not_opened_without_it(tmp_path: Path, training: Training) -> None:
    store = tmp_path / "mlflow.db"
    shutil.copyfile(training.home / "mlflow" / "mlflow.db", store)
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE experiments SET artifact_location = 'mlflow-artifacts:/1'")
    with pytest.raises(RegistryError, match="kept by its server; start that"):
        open_registry(f"sqlite:///{store}")


def test_a_server_that_is_not_there_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match=r"the registry at http://127\.0\.0\.1:9 cannot be opened") as caught:
        open_registry("http://herald:hunter2@127.0.0.1:9")
    assert "hunter2" not in str(caught.value)


def test_the_registry_reports_to_nobody(training: Training) -> None:
    assert isinstance(training.registry, ModelRegistry)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"].lower() == "true"
    assert pytest.importorskip("mlflow.telemetry.client").get_telemetry_client() is None
