"""Which model a command reads with: found, trained first, or the rules alone, and never without saying so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from herald.bootstrap.wiring import ServedModel
from herald.cli.model_choice import CHAMPION, RULES, model_folder, wiring_of_model
from herald.settings import Settings, load_settings
from training.registry import RegistryError
from training.versions import Alias


class Home:
    """A home with a registry of which a test says who is champion, and what was asked of the training."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.champion: int | None = None
        self.asked: list[str] = []

    def made(self, *, mlflow: bool = True) -> Home:
        if mlflow:
            (self.settings.home / "mlflow").mkdir(parents=True)
            (self.settings.home / "mlflow" / "mlflow.db").touch()
        return self

    def registry_of(self, settings: Settings) -> Any:
        self.asked.append("registry")
        return SimpleNamespace(version_of=self.version_of)

    def version_of(self, alias: Alias) -> int | None:
        assert alias is Alias.CHAMPION
        return self.champion

    def champion_folder(self, settings: Settings, which: str) -> Path:
        self.asked.append(f"folder of {which}")
        if which == "99":
            raise RegistryError("no version 99")
        return settings.home / "models" / which

    def train(self, settings: Settings, how: Any, report: Callable[..., None]) -> None:
        self.asked.append(f"train {how.kind}")
        report("reading the corpus", 0.0, {})
        self.champion = 1


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    one = Home(load_settings(home=tmp_path / "home"))
    monkeypatch.setattr("training.run.registry_of", one.registry_of)
    monkeypatch.setattr("training.run.champion_folder", one.champion_folder)
    monkeypatch.setattr("training.run.train", one.train)
    return one


def test_the_champion_of_this_home_is_found(home: Home) -> None:
    home.made().champion = 3
    assert model_folder(home.settings, CHAMPION, train_first=False) == home.settings.home / "models" / "champion"
    assert home.asked == ["registry", "folder of champion"]


def test_a_home_that_never_had_a_model_is_told_without_asking_the_registry(home: Home) -> None:
    assert model_folder(home.settings, CHAMPION, train_first=False) is None
    assert home.asked == []


def test_a_registry_of_the_settings_is_asked_whatever_is_in_the_home(home: Home) -> None:
    home.champion = 3
    settings = home.settings.model_copy(update={"mlflow_url": "http://registry"})
    assert model_folder(settings, CHAMPION, train_first=False) is not None


def test_a_registry_without_a_champion_gives_no_model(home: Home) -> None:
    assert model_folder(home.made().settings, CHAMPION, train_first=False) is None


@pytest.mark.parametrize("mlflow", [False, True])
def test_where_there_is_no_model_the_quick_one_is_trained_once(home: Home, capsys, mlflow) -> None:
    home.made(mlflow=mlflow)
    assert model_folder(home.settings, CHAMPION, train_first=True) is not None
    assert "no model yet" in capsys.readouterr().err
    assert model_folder(home.settings, CHAMPION, train_first=True) is not None
    assert home.asked.count("train quick") == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("which", ["2", "challenger"])
@pytest.mark.parametrize("train_first", [False, True])
def test_a_version_that_is_named_is_taken_and_nothing_is_trained_for_it(home: Home, which, train_first) -> None:
    assert model_folder(home.settings, which, train_first=train_first) == home.settings.home / "models" / which
    assert home.asked == [f"folder of {which}"]


def test_a_version_that_is_not_there_is_told(home: Home) -> None:
    with pytest.raises(RegistryError, match="no version 99"):
        wiring_of_model(home.settings, "99", train_first=False)


def test_a_run_with_a_model_is_given_its_files(home: Home, capsys) -> None:
    home.made().champion = 3
    assert wiring_of_model(home.settings, CHAMPION, train_first=False) == {
        "model": ServedModel.GIVEN,
        "model_files": home.settings.home / "models" / "champion",
    }
    assert capsys.readouterr().err == ""


def test_a_run_that_must_do_without_a_model_says_so_with_the_cure(home: Home, capsys) -> None:
    assert wiring_of_model(home.settings, CHAMPION, train_first=False) == {"model": ServedModel.NONE}
    said = capsys.readouterr().err
    assert "the rules read alone" in said
    assert "herald train" in said


def test_the_rules_alone_need_no_registry_and_no_word(home: Home, capsys) -> None:
    home.made().champion = 3
    assert wiring_of_model(home.settings, RULES, train_first=True) == {"model": ServedModel.NONE}
    assert (home.asked, capsys.readouterr().err) == ([], "")


def test_to_be_told_that_there_is_no_model_costs_no_mlflow(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    wiring_of_model(home.settings, CHAMPION, train_first=False)
    assert "mlflow" not in sys.modules
