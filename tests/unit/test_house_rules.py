"""The rules of the house that no linter knows. Each message names the file and the cure."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import pytest
import yaml

from herald.bootstrap.configuration import configuration_models
from herald.documents import load_document

ROOT = Path(__file__).resolve().parents[2]
CODE = ("herald", "actors", "serve", "training", "pipelines", "benchmarks", "tests")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

NAMES_THAT_SAY_NOTHING = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
UNFINISHED = re.compile(r"#.*\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")

PURE = ("herald/news", "herald/market", "herald/trading", "herald/learning", "herald/taxonomy.py")
IMPURE_MODULES = {
    "asyncio",
    "os",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
    "aiohttp",
    "chdb",
    "psycopg",
    "redis",
    "requests",
}
IMPURE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "open", "getenv", "environ"}

READS_ENVIRONMENT = {
    "herald/settings.py": "the settings themselves",
    "herald/stores/embedded/server_process.py": "a server inherits the environment of its parent",
    "herald/stores/embedded/postgres_server.py": "a server inherits the environment of its parent",
    "actors/deployment.py": "Ray reads its switches from the environment only",
}


@lru_cache
def modules() -> tuple[Path, ...]:
    return tuple(sorted(path for folder in CODE for path in (ROOT / folder).rglob("*.py")))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text("utf-8"), str(path))))


def configuration_files() -> list[str]:
    return sorted(path.relative_to(ROOT / "configs").as_posix() for path in (ROOT / "configs").rglob("*.y*ml"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def within(*places: str) -> Iterator[Path]:
    return (
        path
        for path in modules()
        if any(named(path) == place or named(path).startswith(place + "/") for place in places)
    )


def complain(found: list[str], cure: str) -> None:
    assert not found, f"{cure}:\n  " + "\n  ".join(found)


def imported(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.split(".")[0]


def test_the_rules_look_at_something() -> None:
    assert len(modules()) > 50


def test_files_are_short() -> None:
    lengths = ((path, len(path.read_text("utf-8").splitlines())) for path in modules())
    found = [f"{named(path)}: {lines} lines" for path, lines in lengths if lines > FILE_LINES_MAX]
    complain(found, f"a file holds one concept in at most {FILE_LINES_MAX} lines; move one of its concepts out")


def test_functions_are_short() -> None:
    found = [
        f"{named(path)}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for path in modules()
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    ]
    complain(found, f"a function has at most {FUNCTION_LINES_MAX} lines; name its parts and call them")


def test_names_say_what_a_thing_is() -> None:
    found = []
    for path in modules():
        parts = {part.lower() for part in (*path.relative_to(ROOT).parts[:-1], path.stem)}
        words = {word for part in parts for word in part.split("_")}
        found += [named(path)] if words & NAMES_THAT_SAY_NOTHING else []
        for node in nodes_of(path):
            if isinstance(node, ast.ClassDef):
                last = re.findall(r"[A-Z][a-z]+|[A-Z]+(?![a-z])", node.name)[-1:]
                found += [f"{named(path)}: {node.name}"] if {w.lower() for w in last} & NAMES_THAT_SAY_NOTHING else []
    complain(found, f"name it by what it is about; {', '.join(sorted(NAMES_THAT_SAY_NOTHING))} say nothing")


def test_no_error_is_swallowed() -> None:
    found = []
    for path in modules():
        for node in nodes_of(path):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or (
                    isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
                )
                idle = all(isinstance(part, ast.Pass | ast.Continue) for part in node.body)
                found += [f"{named(path)}:{node.lineno}"] if broad and idle else []
            elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "suppress":
                names = {argument.id for argument in node.args if isinstance(argument, ast.Name)}
                found += [f"{named(path)}:{node.lineno}"] if names & {"Exception", "BaseException"} else []
    complain(found, "catch the errors that are expected by name; let the others end the process")


def test_nothing_is_left_to_do_in_the_code() -> None:
    found = [
        f"{named(path)}:{number}: {line.strip()}"
        for path in modules()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    complain(found, "finish it, or say in the documentation what it does not do")


def test_the_library_never_imports_ray() -> None:
    found = [
        f"{named(path)}:{line}" for path in within("herald") for line, name in imported(nodes_of(path)) if name == "ray"
    ]
    complain(found, "herald/ is the library without Ray; put the shell into actors/ or serve/")


def test_pure_packages_import_nothing_that_acts() -> None:
    found = [
        f"{named(path)}:{line}: {name}"
        for path in within(*PURE)
        for line, name in imported(nodes_of(path))
        if name in IMPURE_MODULES
    ]
    complain(found, "time, randomness, files and the environment are arguments of pure code; take them as such")


def test_pure_packages_never_ask_the_clock_or_for_a_random_id() -> None:
    found = []
    for path in within(*PURE):
        for node in nodes_of(path):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                found += [f"{named(path)}:{node.lineno}: {name}()"] if name in IMPURE_CALLS else []
    complain(found, "take the time, the id or the text as an argument; the shell knows it")


def test_the_environment_is_read_in_few_places() -> None:
    found = []
    for path in within("herald", "actors", "serve", "training", "pipelines"):
        if named(path) in READS_ENVIRONMENT or named(path).startswith("herald/cli/"):
            continue
        for node in nodes_of(path):
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "putenv"}:
                found.append(f"{named(path)}:{node.lineno}")
            elif isinstance(node, ast.ImportFrom) and node.module == "os":
                found += [f"{named(path)}:{node.lineno}" for alias in node.names if alias.name in {"environ", "getenv"}]
    complain(found, "make it a field of herald.settings.Settings, or give the reason in READS_ENVIRONMENT")


def test_every_exemption_from_the_environment_rule_is_still_needed() -> None:
    found = [
        name
        for name in READS_ENVIRONMENT
        if name != "herald/settings.py" and "os.environ" not in (ROOT / name).read_text("utf-8")
    ]
    complain(found, "remove it from READS_ENVIRONMENT")


def test_lock_files_name_no_registry() -> None:
    locks = [*ROOT.glob("*.lock"), *ROOT.glob("requirements*.txt")]
    assert locks
    found = [named(path) for path in locks if re.search(r"https?://", path.read_text("utf-8"))]
    complain(found, "an address in a lock file ties it to one registry; write it again with `make lock`")


def test_notebooks_hold_no_outputs() -> None:
    found = []
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        found += [named(path)] if any(cell.get("outputs") or cell.get("execution_count") for cell in cells) else []
    complain(found, "clear the outputs before committing; the tests execute the notebooks")


def test_every_decision_record_is_listed_and_numbered() -> None:
    index = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert numbers == list(range(1, len(records) + 1)), "number the files of docs/adr from 0001 without gaps"
    complain([path.name for path in records if f"adr/{path.name}" not in index], "link it from docs/architecture.md")


def test_every_link_between_documents_leads_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    links = ((page, link) for page in pages for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")))
    found = [
        f"{named(page)}: {link}"
        for page, link in links
        if not re.match(r"[a-z]+:", link) and not (page.parent / link).exists()
    ]
    complain(found, "correct the path, or write the file")


def test_there_is_a_changelog_with_the_current_version() -> None:
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert version
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## {version[1]}" in text, f"tell the users in CHANGELOG.md what {version[1]} brings"


@pytest.mark.parametrize("name", configuration_files())
def test_every_configuration_file_fits_its_model(name: str) -> None:
    models = dict(configuration_models())
    assert name in models, f"list {name} with its model in herald.bootstrap.configuration_models"
    load_document(ROOT / "configs" / name, models[name])


def test_no_secret_is_configured_in_a_file() -> None:
    word = re.compile(r"(password|secret|api_?key|private_?key|token)$", re.IGNORECASE)

    def secrets_in(value: object, path: str) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                if word.search(str(key)) and isinstance(inner, str) and inner:
                    yield f"{path}: {key}"
                yield from secrets_in(inner, path)
        elif isinstance(value, list):
            for inner in value:
                yield from secrets_in(inner, path)

    found = [
        complaint
        for path in (ROOT / "configs").rglob("*.y*ml")
        for complaint in secrets_in(yaml.safe_load(path.read_text("utf-8")), named(path))
    ]
    complain(found, "a secret comes from the environment and never from a file of the repository")
