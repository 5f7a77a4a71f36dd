from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.messages import RawItem, event_id_of
from herald.news.normalise import (
    BODY_CHARS_MAX,
    FUTURE_TOLERANCE,
    HEADLINE_CHARS_MAX,
    MalformedItem,
    canonical_url,
    clean,
    normalise,
)
from herald.news.profiles import SourceProfile
from herald.taxonomy import Reason, Stage

NOW = datetime(2025, 6, 2, 12, 0, tzinfo=UTC)
PROFILE = SourceProfile(name="Newswire", trust=0.8, wire="W1")


def raw(title: str = "Binance Will List Chainlink (LINK)", **fields) -> RawItem:
    return RawItem(**{"source": "x", "title": title, "published_at": NOW, "received_at": NOW, **fields})


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("BTC &#039;leading pack&#039;", "BTC 'leading pack'"),
        ("Trump&amp;#8217;s S&amp;amp;P 500 bet", "Trump's S&P 500 bet"),
        ("<p>Hello&nbsp;<b>world</b><script>alert(1)</script></p>", "Hello world"),
        ("&lt;b&gt;Fed&lt;/b&gt; cuts rates", "Fed cuts rates"),
        ("BTC < $100K & falling", "BTC < $100K & falling"),
        ("Zero\u200bwidth\u202e bidi\x00 control", "Zerowidth bidi control"),
        ('\u201cQuoted\u201d \u2018text\u2019 \\"escaped\\"', '"Quoted" \'text\' "escaped"'),
        ("\uff22\uff29\uff2e\u3000lists Dogecoin™", "BIN lists Dogecoin"),
        ("USDⓈ-M perpetual", "USDⓈ-M perpetual"),
        (" tabs\tand\r\nlines ", "tabs and lines"),
        ("Méliuz €28M", "Méliuz €28M"),
    ],
)
def test_text_is_reduced_to_what_a_reader_sees(dirty, expected):
    assert clean(dirty) == expected


@given(st.text(max_size=300))
def test_cleaning_never_fails_and_leaves_only_visible_text(text):
    cleaned = clean(text)
    assert "  " not in cleaned
    assert not any(ord(char) < 32 or char in "\u200b\u202e\ufeff" for char in cleaned)


def test_an_item_without_any_text_is_malformed_and_says_what_to_do():
    with pytest.raises(MalformedItem, match="title selector") as caught:
        normalise(raw("<p> \u200b </p>"), PROFILE, NOW)
    assert caught.value.code is Reason.EMPTY_HEADLINE


def test_an_item_without_title_takes_the_head_of_its_summary():
    assert normalise(raw("", summary="<p>Bitcoin is great</p>"), PROFILE, NOW).headline == "Bitcoin is great"


def test_absurd_lengths_are_cut_at_named_bounds():
    item = normalise(raw("a" * 10_000, summary="b " * 100_000), PROFILE, NOW)
    assert len(item.headline) == HEADLINE_CHARS_MAX
    assert len(item.body) <= BODY_CHARS_MAX


def test_times_are_utc_and_a_missing_one_is_the_time_of_receipt():
    item = normalise(raw(published_at=None), PROFILE, NOW)
    assert item.published_at == NOW
    assert item.extras["published_at_note"] == "missing"
    assert item.stamps == {Stage.PUBLISHED: NOW, Stage.RECEIVED: NOW}


def test_a_time_in_the_future_beyond_tolerance_is_not_believed():
    late = NOW + FUTURE_TOLERANCE + timedelta(seconds=1)
    assert normalise(raw(published_at=late), PROFILE, NOW).published_at == NOW
    near = NOW + FUTURE_TOLERANCE
    assert normalise(raw(published_at=near), PROFILE, NOW).published_at == near


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://Example.COM:443/a?utm_source=rss&b=2&a=1&fbclid=x#top", "https://example.com/a?a=1&b=2"),
        ("http://example.com:8080", "http://example.com:8080/"),
        ("https://user:secret@example.com/a", "https://example.com/a"),
        ("javascript:alert(1)", ""),
        ("ftp://example.com/a", ""),
        ("https://[broken", ""),
        ("not a url", ""),
        ("", ""),
    ],
)
def test_addresses_have_one_form(url, expected):
    assert canonical_url(url) == expected


def test_the_same_text_under_another_address_is_the_same_event():
    one = normalise(raw(url="https://a.example/1"), PROFILE, NOW)
    two = normalise(raw("Binance will list  Chainlink (LINK)!", url="https://a.example/2"), PROFILE, NOW)
    assert one.event_id == two.event_id == event_id_of(one.content_hash)


def test_an_edited_summary_of_a_full_headline_is_the_same_event():
    one = normalise(raw(summary="first version"), PROFILE, NOW)
    assert normalise(raw(summary="first version, updated"), PROFILE, NOW).event_id == one.event_id


def test_bodies_tell_short_headlines_apart():
    one = normalise(raw("Notice", summary="BTC pairs go"), PROFILE, NOW)
    assert normalise(raw("Notice", summary="ETH pairs go"), PROFILE, NOW).event_id != one.event_id


def test_another_source_or_another_day_is_another_event():
    one = normalise(raw(), PROFILE, NOW)
    assert normalise(raw(), SourceProfile(name="Other"), NOW).event_id != one.event_id
    tomorrow = NOW + timedelta(days=1)
    assert normalise(raw(published_at=tomorrow), PROFILE, tomorrow).event_id != one.event_id


def test_an_undated_entry_keeps_its_identity_from_poll_to_poll():
    one = normalise(raw(published_at=None), PROFILE, NOW)
    later = NOW + timedelta(days=1)
    assert normalise(raw(published_at=None, received_at=later), PROFILE, later).event_id == one.event_id


def test_the_item_carries_what_is_believed_of_its_source():
    item = normalise(raw(native_id="n1", extras={"tag": "x"}), PROFILE, NOW)
    assert (item.source, item.trust, item.wire) == ("Newswire", 0.8, "W1")
    assert item.extras == {"tag": "x", "native_id": "n1"}


def test_every_delivery_of_an_event_has_its_own_id():
    one = normalise(raw(native_id="row 1"), PROFILE, NOW)
    two = normalise(raw(native_id="row 2"), PROFILE, NOW)
    assert one.event_id == two.event_id
    assert one.item_id != two.item_id
    assert one.item_id == normalise(raw(native_id="row 1"), PROFILE, NOW).item_id
