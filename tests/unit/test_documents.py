from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from herald.documents import ConfigurationError, Document, load_document, parse_document, version_of


class Limits(Document):
    daily_loss_usd: float = Field(gt=0)
    cool_down_s: float = 120.0


class Book(Document):
    name: str
    limits: Limits
    tags: tuple[str, ...] = ()
    children: tuple[Limits, ...] = ()
    spare: Limits | None = None


GOOD = """\
name: main
limits:
  daily_loss_usd: 100
"""


def failure(text: str, model: type[Document] = Book) -> str:
    with pytest.raises(ConfigurationError) as error:
        parse_document(text, model, "book.yaml")
    return str(error.value)


def test_a_good_document_becomes_a_frozen_model() -> None:
    book = parse_document(GOOD, Book, "book.yaml")
    assert book.limits.daily_loss_usd == 100
    with pytest.raises(ValueError, match="frozen"):
        book.name = "other"


def test_an_unknown_field_is_refused_with_the_nearest_known_one() -> None:
    text = GOOD + "  cooldown_s: 5\n"
    assert failure(text) == "book.yaml:4: limits.cooldown_s: unknown field; did you mean 'cool_down_s'?"


def test_an_unknown_field_unlike_any_other_is_to_be_removed() -> None:
    assert failure(GOOD + "zzz: 5\n") == "book.yaml:4: zzz: unknown field; remove it"


def test_a_wrong_value_is_named_with_its_line_and_what_was_given() -> None:
    message = failure(GOOD.replace("100", "-3"))
    assert message.startswith("book.yaml:3: limits.daily_loss_usd: ")
    assert "greater than 0" in message
    assert message.endswith("(given: -3)")


def test_a_wrong_value_in_a_list_is_named_by_its_own_line() -> None:
    text = GOOD + "children:\n  - daily_loss_usd: 1\n  - daily_loss_usd: none\n"
    assert failure(text).startswith("book.yaml:6: children.1.daily_loss_usd: ")


def test_a_missing_field_is_named_at_the_place_where_it_belongs() -> None:
    assert failure("name: main\nlimits:\n  cool_down_s: 3\n") == "book.yaml:2: limits.daily_loss_usd: Field required"


def test_all_problems_are_told_at_once() -> None:
    message = failure("name: [1]\nlimits:\n  daily_loss_usd: 0\n  what: 1\n")
    assert [line.split(":")[1] for line in message.splitlines()] == ["1", "3", "4"]


def test_a_key_given_twice_is_refused() -> None:
    assert failure(GOOD + "name: again\n") == "book.yaml:4: 'name' is given twice; keep one"


def test_a_nested_key_given_twice_is_refused_too() -> None:
    assert failure(GOOD + "  daily_loss_usd: 5\n") == "book.yaml:4: 'daily_loss_usd' is given twice; keep one"
    assert "given twice" in failure(GOOD + "children:\n  - {daily_loss_usd: 1, daily_loss_usd: 2}\n")


def test_text_that_is_not_yaml_is_one_line_with_the_place() -> None:
    message = failure("name: [1, 2\nlimits: }")
    assert message.startswith("book.yaml: not valid YAML: ")
    assert "line 2" in message
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "# nothing\n", "[1, 2]\n", "just words\n"])
def test_a_document_that_is_no_mapping_is_an_error_and_no_traceback(text: str) -> None:
    assert failure(text).startswith("book.yaml:1: ")


def test_an_empty_document_fits_a_model_that_needs_nothing() -> None:
    class Empty(Document):
        size: int = 1

    assert parse_document("", Empty, "x.yaml").size == 1


def test_python_objects_cannot_be_smuggled_in() -> None:
    assert "not valid YAML" in failure("name: !!python/object/apply:os.getcwd []\n")


def test_a_file_that_is_missing_or_not_text_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml: cannot be read .*UTF-8 YAML"):
        load_document(tmp_path / "none.yaml", Book)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match=r"bytes\.yaml: cannot be read"):
        load_document(tmp_path / "bytes.yaml", Book)


def test_a_file_is_named_in_its_errors(tmp_path: Path) -> None:
    path = tmp_path / "book.yaml"
    path.write_text("name: 3\n", "utf-8")
    with pytest.raises(ConfigurationError, match=r"book\.yaml:1: name: "):
        load_document(path, Book)


def test_a_wrong_default_is_found_when_the_model_is_used() -> None:
    class Wrong(Document):
        share: float = Field(default=2.0, le=1.0)

    assert "share" in failure("{}\n", Wrong)


def test_a_version_follows_the_text_and_nothing_else() -> None:
    assert version_of("a: 1\n") == version_of("a: 1\n")
    assert version_of("a: 1\n") != version_of("a: 2\n")
    assert len(version_of("")) == 12
