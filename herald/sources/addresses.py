"""Which network addresses a source may be fetched from: public ones only, unless its configuration says otherwise.

A feed's address, or a redirect from it, could otherwise point at this machine, the local network or a cloud's
metadata service. The check happens on the address that is about to be connected to, after name resolution, so that
a name which changes its answer between check and use (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
AddrInfo = tuple[int, int, int, str, Any]

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFFFFFF


class AddressRefused(OSError):  # noqa: N818 - reads as the condition it states
    """A connection to an address that is not public was about to be made."""


def is_public(host: str) -> bool:
    """True where an IP address in text form is one of the public internet, also inside an IPv6 transition form."""
    try:
        address: IpAddress = ipaddress.ip_address(host)
    except ValueError:
        return False
    inner = _embedded_ipv4(address)
    if inner is not None:
        return is_public(str(inner))
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def public_socket(info: AddrInfo) -> socket.socket:
    """Make the socket for a resolved address; raises ``AddressRefused`` where the address is not public."""
    family, kind, protocol, _, target = info
    if not is_public(str(target[0])):
        raise AddressRefused("the address is not public; set allow_private_address for a local server")
    return socket.socket(family=family, type=kind, proto=protocol)


SocketFactory = Callable[[AddrInfo], socket.socket]


def url_fault(url: str, schemes: tuple[str, ...] = ("http", "https")) -> str | None:
    """Say what is wrong with a URL, None where it can be fetched: scheme, host, port, no credentials."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"it is not a URL ({error})"
    if parts.scheme.lower() not in schemes:
        return f"its scheme is {parts.scheme or 'missing'!r}; only {' and '.join(schemes)} are fetched"
    if not host:
        return "it names no host"
    if parts.username is not None or parts.password is not None:
        return "it carries credentials; remove them"
    return None


def _embedded_ipv4(address: IpAddress) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for: mapped, 6to4, Teredo or NAT64."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
    return None
