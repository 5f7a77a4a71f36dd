"""Bodies unpacked under a limit."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herald.sources.inflation import Body, Unreadable


def unpack(encoding, data, limit=1_000_000, step=1000):
    body = Body(encoding, limit)
    for start in range(0, len(data), step):
        body.feed(data[start : start + step])
    return body.finish()


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@given(st.binary(max_size=5000), st.integers(1, 5000))
def test_what_was_packed_comes_out_whatever_the_pieces(data, step):
    assert unpack("gzip", gzip.compress(data), step=step) == data
    assert unpack("deflate", zlib.compress(data), step=step) == data
    assert unpack("", data, step=step) == data


def test_raw_deflate_and_gzip_in_two_members_with_padding_are_read():
    assert unpack("deflate", raw_deflate(b"hello " * 100)) == b"hello " * 100
    assert unpack("gzip", gzip.compress(b"one") + gzip.compress(b"two") + b"\x00" * 20) == b"onetwo"


def test_a_gzip_bomb_stops_at_the_limit():
    bomb = gzip.compress(b"\x00" * 50_000_000)
    assert len(bomb) < 100_000
    with pytest.raises(Unreadable, match="TOO_LARGE"):
        unpack("gzip", bomb, limit=1_000_000)


def test_a_body_over_the_limit_is_refused_before_it_is_whole():
    body = Body("identity", 10)
    with pytest.raises(Unreadable, match="TOO_LARGE"):
        body.feed(b"x" * 11)


@pytest.mark.parametrize("data", [gzip.compress(b"hello" * 100)[:-20], b"this is not gzip"])
def test_a_broken_packing_is_named(data):
    with pytest.raises(Unreadable, match="BAD_PACKING"):
        unpack("gzip", data)


def test_a_packing_that_was_not_asked_for_is_named():
    with pytest.raises(Unreadable, match="UNSUPPORTED_PACKING"):
        Body("br", 10)
