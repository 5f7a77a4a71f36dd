"""Which addresses may be connected to."""

import socket

import pytest

from herald.sources.addresses import AddressRefused, is_public, public_socket, url_fault


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::",
        "2001:0:53aa:64c:0:fbff:f5ff:fffe",
        "localhost", "2130706433", "",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(host):
    assert not is_public(host)


@pytest.mark.parametrize("host", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_allowed(host):
    assert is_public(host)


def test_the_socket_is_not_even_made_for_a_private_address():
    with pytest.raises(AddressRefused, match="allow_private_address"):
        public_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 80)))


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("file:///etc/passwd", "scheme"),
        ("gopher://example.com/", "scheme"),
        ("http:///path", "no host"),
        ("http://user:secret@example.com/", "credentials"),
        ("http://[::1", "not a URL"),
        ("http://example.com:99999/", "not a URL"),
        ("example.com/feed", "scheme"),
    ],
)
def test_a_url_that_cannot_be_fetched_says_why(url, fault):
    assert fault in (url_fault(url) or "")


def test_a_plain_web_address_has_no_fault():
    assert url_fault("https://example.com:8443/feed?x=1") is None
