"""What the sources document may say, and what a change of it means."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from herald.documents import ConfigurationError, load_document, parse_document
from herald.sources.configuration import SourcesDocument, difference
from herald.sources.press import DESKS

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def document(text):
    return parse_document(text, SourcesDocument, "sources.yaml")


TWO = """
sources:
  - {name: a, kind: rss, url: "https://a.example/feed"}
  - {name: b, kind: json, url: "https://b.example/api", group: other}
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("every_s: 1", "sources.yaml:5: .*greater than or equal to 5"),
        ("evry_s: 9", "sources.yaml:5: .*did you mean 'every_s'"),
        ("trust: 1.5", "sources.yaml:5: .*less than or equal to 1"),
        ("cursor_param: x", "unknown field"),
    ],
)
def test_a_wrong_field_is_named_with_its_line_and_cure(line, message):
    with pytest.raises(ConfigurationError, match=message):
        document(f"sources:\n  - name: a\n    kind: rss\n    url: https://a.example/\n    {line}\n")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{name: a, kind: rss, url: 'file:///etc/passwd'}", "only http and https"),
        ("{name: a, kind: websocket, url: 'https://a.example/'}", "only ws and wss"),
        ("{name: a, kind: carrier-pigeon, url: 'https://a.example/'}", "carrier-pigeon"),
        ("{name: a, kind: json, url: 'https://a.example/', cursor_param: after}", "give both or none"),
    ],
)
def test_a_source_that_cannot_work_is_refused(source, message):
    with pytest.raises(ConfigurationError, match=message):
        document(f"sources: [{source}]")


def test_two_sources_of_one_name_are_refused():
    with pytest.raises(ConfigurationError, match="rename one"):
        document(TWO.replace("name: b", "name: A"))


def test_a_change_says_what_to_start_stop_and_restart():
    old = document(TWO)
    new = document(TWO.replace("https://a.example/feed", "https://a.example/new").replace("name: b", "name: c"))
    change = difference(old, new)
    assert [source.name for source in change.added] == ["c"]
    assert change.removed == ("b",)
    assert [source.name for source in change.changed] == ["a"]
    assert difference(old, document(TWO)).is_empty


def test_switching_a_source_off_removes_it_and_on_adds_it():
    off = document(TWO.replace("group: other", "enabled: false"))
    assert difference(document(TWO), off).removed == ("b",)
    assert [source.name for source in difference(off, document(TWO)).added] == ["b"]
    assert list(off.by_group()) == ["main"]


def test_a_profile_is_found_in_any_case_and_a_stranger_gets_the_default():
    text = "profiles: {CoinDesk: {trust: 0.8, allow_listed: true, wire: cd}}\ndefault_profile: {trust: 0.1}\n" + TWO
    known = document(text)
    assert known.profile_of("coindesk").trust == 0.8
    assert known.profile_of("coindesk").wire == "cd"
    assert known.profile_of("B").trust == 0.5
    assert known.profile_of("nobody").trust == 0.1
    assert not known.profile_of("nobody").allow_listed


def test_a_recording_s_bounds_are_utc_where_they_name_no_zone():
    (source,) = document("sources: [{name: r, kind: recorded, path: x, start: 2025-06-06 00:00:00}]").sources
    assert source.start == datetime(2025, 6, 6, tzinfo=UTC)


@pytest.mark.parametrize("name", ["sources.yaml", "demo-sources.yaml"])
def test_the_documents_that_herald_ships_are_valid(name):
    shipped = load_document(CONFIGS / name, SourcesDocument)
    assert shipped.enabled()
    assert all(source.allow_private_address is (name == "demo-sources.yaml") for source in shipped.sources)


def test_the_demo_moves_to_the_port_that_its_server_got():
    moved = load_document(CONFIGS / "demo-sources.yaml", SourcesDocument).at_server("127.0.0.1", 4321)
    assert {source.url.split("/")[2] for source in moved.sources} == {"127.0.0.1:4321"}
    assert {source.kind for source in moved.sources} == {"rss", "json", "html", "websocket"}
    assert {source.name for source in moved.sources} == set(DESKS)
