"""JSON answers mapped to entries."""

from datetime import UTC, datetime

import pytest

from herald.sources.configuration import JsonFields
from herald.sources.json_mapping import JsonMapping, at_path, parse_json


def mapping(items="", where=None, template="", **fields):
    return JsonMapping(items, JsonFields(**fields), where or {}, template, "https://x.example/")


def test_items_are_found_by_a_dotted_path_through_objects_and_lists():
    document = {
        "data": {"catalogs": [{"articles": [{"title": "Binance Will List XYZ", "code": "abc", "when": 1748772000000}]}]}
    }
    chosen = mapping(
        "data.catalogs.0.articles", template="https://x.example/a/{url}", url="code", published_at="when", id="code"
    )
    (entry,), faults = chosen.entries(document, 10)
    assert faults == []
    assert (entry.title, entry.url, entry.native_id) == ("Binance Will List XYZ", "https://x.example/a/abc", "abc")
    assert entry.published_at == datetime(2025, 6, 1, 10, tzinfo=UTC)


def test_each_bad_item_is_rejected_by_itself():
    document = [{"title": "Good"}, {"title": None}, 7, {"title": {"deep": 1}}, {"summary": "Only this. And that."}]
    entries, faults = mapping().entries(document, 10)
    assert [entry.title for entry in entries] == ["Good", "Only this."]
    assert [one.code for one in faults] == ["NO_HEADLINE", "ITEM_NOT_AN_OBJECT", "NO_HEADLINE"]


def test_items_of_another_kind_are_left_out_in_silence():
    entries, faults = mapping(where={"type": "news"}).entries([{"type": "ack"}, {"type": "news", "title": "N"}], 10)
    assert [entry.title for entry in entries] == ["N"]
    assert faults == []


def test_an_answer_without_the_list_is_rejected_whole():
    entries, (fault,) = mapping("data.items").entries({"error": "no key"}, 10)
    assert entries == []
    assert fault.code == "ITEMS_NOT_FOUND"
    assert "no key" in fault.payload


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe\x00", b"[" * 100_000, b"[" + b"9" * 5000 + b"]", "", b"NaN!"])
def test_what_is_not_json_is_a_value_error(data):
    with pytest.raises(ValueError, match=r".+"):
        parse_json(data)


def test_a_path_that_leads_nowhere_is_none():
    assert at_path({"a": [1]}, "a.5.b") is None
    assert at_path("text", "a") is None
    assert at_path({"a": 1}, "") == {"a": 1}
