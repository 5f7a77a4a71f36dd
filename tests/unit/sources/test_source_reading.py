"""Documents read into entries."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.sources.prolog import encoding_fault, entity_fault, root_name
from herald.sources.reading import Reading, Selectors, read_feed, read_page
from herald.sources.text import first_sentence, plain, point_in_time, web_address

XML = {"content-type": "application/rss+xml"}


def feed(items, head=""):
    return f'<?xml version="1.0"?>{head}<rss version="2.0"><channel><title>t</title>{items}</channel></rss>'.encode()


def read(data, headers=XML, most=100):
    return read_feed(data, headers, "https://news.example.com/feed", most)


def test_an_item_keeps_its_text_link_id_and_time():
    reading = read(
        feed(
            "<item><title>Binance &amp;amp; OKX list &lt;b&gt;XYZ&lt;/b&gt;</title><link>/a?b=1</link>"
            "<guid isPermaLink='false'>g1</guid>"
            "<pubDate>Mon, 03 Apr 2023 03:02:03 +0200</pubDate><category>listing</category>"
            "<description>&lt;p&gt;First. Second.&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;</description></item>"
        )
    )
    (entry,) = reading.entries
    assert reading.format == "rss"
    assert entry.title == "Binance & OKX list XYZ"
    assert entry.url == "https://news.example.com/a?b=1"
    assert entry.native_id == "g1"
    assert entry.published_at == datetime(2023, 4, 3, 1, 2, 3, tzinfo=UTC)
    assert entry.summary == "First. Second."
    assert entry.extras == {"tags": ["listing"]}


def test_a_missing_title_is_taken_from_the_summary_and_nothing_is_rejected():
    reading = read(feed("<item><description>SEC sues Kraken. More later.</description></item>"))
    assert [entry.title for entry in reading.entries] == ["SEC sues Kraken."]
    assert reading.faults == ()


def test_an_item_without_any_text_is_rejected_and_the_next_one_served():
    reading = read(feed("<item><link>https://a.example/1</link></item><item><title>Good</title></item>"))
    assert [entry.title for entry in reading.entries] == ["Good"]
    assert [one.code for one in reading.faults] == ["NO_HEADLINE"]


def test_a_link_that_runs_script_is_dropped():
    (entry,) = read(feed("<item><title>t</title><link>javascript:alert(1)</link></item>")).entries
    assert entry.url == ""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "EMPTY_DOCUMENT"),
        (b"\xef\xbb\xbf \n", "EMPTY_DOCUMENT"),
        (b"<!doctype html><html><body>hi</body></html>", "HTML_INSTEAD_OF_FEED"),
        (feed(""), "EMPTY_FEED"),
        (b"hello", "NOT_A_FEED"),
        (b"\x00\x01\x02\x03" * 50, "NOT_A_FEED"),
        (b'<?xml version="1.0"?><rss><channel><title>x', "MALFORMED_FEED"),
        (b'<?xml version="1.0" encoding="utf-7"?><rss/>', "UNSUPPORTED_ENCODING"),
    ],
)
def test_a_document_without_entries_says_what_it_is(data, code):
    assert [one.code for one in read(data).faults] == [code]


BOMB = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "declarations",
    [
        '<!ENTITY a0 "ha">' + BOMB,
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x PUBLIC "any" "http://example.com/x">',
        '<!ENTITY % p SYSTEM "http://example.com/x.dtd"> %p;',
        f'<!ENTITY long "{"A" * 5000}">',
        "".join(f'<!ENTITY e{n} "x">' for n in range(200)),
        '<!ENTITY x "a%b">',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "cp037"])
def test_dangerous_entities_are_refused_in_every_encoding(declarations, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n<!-- <a> --><!DOCTYPE rss [{declarations}]>'
    text += "<rss version='2.0'><channel><item><title>&x;</title></item></channel></rss>"
    assert [one.code for one in read(text.encode(encoding)).faults] == ["ENTITY_DECLARATIONS"]


def test_a_harmless_entity_and_an_old_character_set_are_read():
    head = '<!DOCTYPE rss [\n<!ENTITY id "tag:example">\n<!ENTITY % l PUBLIC "-//W3C//ENTITIES Latin 1" "http://w3.org/l">\n]>'
    assert [entry.title for entry in read(feed("<item><title>Fine</title></item>", head)).entries] == ["Fine"]


def test_an_article_about_entities_is_no_attack():
    reading = read(feed("<item><title>t</title><description><![CDATA[<!ENTITY x SYSTEM 'y'>]]></description></item>"))
    assert [entry.title for entry in reading.entries] == ["t"]


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ("Bitcoin fällt".encode("latin-1"), {"content-type": "application/rss+xml; charset=iso-8859-1"}),
        ("Bitcoin fällt".encode(), {"content-type": "application/rss+xml; charset=us-ascii"}),
        ("Bitcoin fällt".encode(), {"content-type": "text/plain"}),
        ("Bitcoin fällt".encode(), {"content-type": "nonsense; charset=klingon"}),
        ("Bitcoin fällt".encode("windows-1252"), {}),
    ],
)
def test_a_wrong_or_odd_charset_still_gives_the_headline(data, headers):
    document = b"<rss version='2.0'><channel><item><title>" + data + b"</title></item></channel></rss>"
    assert [entry.title for entry in read(document, headers).entries] == ["Bitcoin fällt"]


def test_more_entries_than_the_limit_are_cut_and_reported():
    reading = read(feed("".join(f"<item><title>t{n}</title></item>" for n in range(5))), most=3)
    assert len(reading.entries) == 3
    assert [one.code for one in reading.faults] == ["TOO_MANY_ENTRIES"]


@given(st.binary(max_size=400))
def test_any_bytes_end_as_entries_or_a_fault(data):
    reading = read(b"<rss><channel><item><title>" + data)
    assert reading.entries or reading.faults
    assert Reading.from_json(reading.to_json()) == reading


PAGE = b"""<html><body><ul>
<li class=n><a href="/1">Coinbase adds ADA</a><time datetime="2025-06-01T10:00:00Z">June</time><p>More</p></li>
<li class=n><a href="/2"></a></li><li>other</li></ul></body></html>"""


def test_a_page_is_read_by_selectors():
    reading = read_page(PAGE, {}, "https://x.example/news", Selectors("li.n", title="a", summary="p"), 10)
    (entry,) = reading.entries
    assert (entry.title, entry.url, entry.summary) == ("Coinbase adds ADA", "https://x.example/1", "More")
    assert entry.published_at == datetime(2025, 6, 1, 10, tzinfo=UTC)
    assert [one.code for one in reading.faults] == ["NO_HEADLINE"]


@pytest.mark.parametrize(("selector", "code"), [("section", "NOTHING_SELECTED"), ("li[", "BAD_SELECTOR")])
def test_a_selector_that_finds_nothing_is_reported(selector, code):
    assert [one.code for one in read_page(PAGE, {}, "", Selectors(selector), 10).faults] == [code]


def test_the_prolog_is_read_past_comments_and_marks():
    assert root_name(b"\xef\xbb\xbf<?xml version='1.0'?><!-- <b> --> <rdf:RDF>") == "rdf"
    assert root_name(b"no markup") == ""
    assert entity_fault(b"<!-- never closed") is None
    assert encoding_fault(b"<rss><title>utf-7 explained</title></rss>", "") is None


@pytest.mark.parametrize(
    "value",
    ["2025-06-01T10:00:00Z", "2025-06-01T12:00:00+02:00", "2025-06-01 10:00:00", 1748772000, 1748772000000,
     "1748772000", 1748772000000000, 1748772000000000000],
)  # fmt: skip
def test_times_are_read_in_all_their_units(value):
    assert point_in_time(value) == datetime(2025, 6, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, "", "soon", True, -5, float("nan"), float("inf"), "9" * 50, "0001-01-01", []])
def test_what_is_no_time_is_none(value):
    assert point_in_time(value) is None


def test_text_is_made_safe_to_carry():
    assert plain("A&#38;B <i>x</i>\ud800\x00\n y", 100) == "A&B x y"
    assert plain("profits < losses & more", 100) == "profits < losses & more"
    assert first_sentence("One two! Three.") == "One two!"
    assert web_address("//x.example/a", "https://y.example") == "https://x.example/a"
    assert web_address("mailto:a@b.c") == ""
    assert web_address("http://[bad", "https://y.example") == ""


def test_the_parsing_process_starts_without_the_heavy_libraries():
    heavy = {"numpy", "pydantic", "aiohttp", "polars"}
    code = f"import sys, herald.sources.parse_worker; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
