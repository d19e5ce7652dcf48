"""How a request came: from whom, under which name of this server, by https or not; through reverse proxies or directly.

What a proxy says (`X-Forwarded-For`, `-Host`, `-Port`, `-Proto`) counts only from one that is trusted. uvicorn's own
middleware for this knows neither Unix sockets, nor IPv4 addresses in IPv6, nor names and ports.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Browsers leave these out.
_USUAL_PORTS = ("80", "443")
# The other end of a Unix socket.
LOCAL = "local"


@dataclass(frozen=True)
class Approach:
    """How a request came.

    `client`: an address, or LOCAL. `hosts`: every host that was asked for on the way, the browser's first.
    `ports`: those by which the browser may have asked ("" is the usual one); None if no one knows. `proxied`: a trusted
    proxy, or a program on this machine, was the last to pass it on. `unknown_proxy`: one that is not trusted was.
    """

    client: str
    scheme: str
    hosts: tuple[str, ...]
    ports: frozenset[str] | None
    proxied: bool
    unknown_proxy: bool

    @property
    def host(self) -> str:
        """The host as the browser asked for it, with its port if that is known."""
        return self.hosts[0]

    def is_origin(self, origin: str) -> bool:
        """Whether a page of this origin (a browser's Origin header) is this server's own."""
        scheme, _, host = origin.partition("://")
        name, port = split_host(host)
        fine = scheme in ("http", "https") and bool(name) and name == split_host(self.host)[0]
        return fine and (self.ports is None or _unusual(port) in self.ports)


def networks(texts: Iterable[str]) -> tuple[_Network, ...]:
    """Addresses and networks as `web.trusted_proxies` lists them. Raises ValueError."""
    found = (ipaddress.ip_network(text.strip(), strict=False) for text in texts)
    return tuple(_without_mapping(network) for network in found)


def approach(scope: Scope, headers: Headers, trusted: tuple[_Network, ...]) -> Approach:
    """How a request came, believing what proxies of these networks say, and whoever asks through a Unix socket."""
    peer = scope["client"][0] if scope.get("client") else ""
    proxied = not peer or _is_in(peer, trusted)
    asked = headers.get("host", "")
    if not proxied:
        direct = frozenset({_unusual(split_host(asked)[1])})
        return Approach(_plain(peer), scope["scheme"], (asked,), direct, False, "x-forwarded-for" in headers)
    client = peer
    for text in reversed(_listed(headers, "x-forwarded-for")):
        if client and not _is_in(client, trusted):
            break
        hop = _address(text)
        if hop is None:
            break
        client = str(hop)
    named = _listed(headers, "x-forwarded-host") or [asked]
    said = [split_host(named[0])[1], *_listed(headers, "x-forwarded-port")[:1]]
    ports = frozenset(_unusual(port) for port in said if port.isdigit())
    scheme = next(iter(_listed(headers, "x-forwarded-proto")), "").casefold()
    return Approach(
        _plain(client) or LOCAL,
        scheme if scheme in ("http", "https") else scope["scheme"],
        (*named, asked),
        ports or None,
        True,
        False,
    )


def split_host(host: str) -> tuple[str, str]:
    """The name, in lower case, and the port of a host as headers give it; the port is empty where there is none."""
    name, colon, port = host.strip().rpartition(":")
    if not colon or not port.isdigit():
        name, port = host.strip(), ""
    return name.strip("[]").rstrip(".").casefold(), port


def is_address(name: str) -> bool:
    """Whether a host's name is an IP address."""
    return _address(name) is not None


def _unusual(port: str) -> str:
    return "" if port in _USUAL_PORTS else port


def _listed(headers: Headers, name: str) -> list[str]:
    """The values of a header that is a list, in order, however many lines it has."""
    return [part for text in headers.getlist(name) for part in map(str.strip, text.split(",")) if part]


def _address(text: str) -> _Address | None:
    """An address with or without brackets, port and zone; None if it is none."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found


def _plain(text: str) -> str:
    found = _address(text)
    return text if found is None else str(found)


def _is_in(text: str, trusted: tuple[_Network, ...]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in trusted)


def _without_mapping(network: _Network) -> _Network:
    """Networks of IPv4 addresses written as IPv6, as a socket for both shows them."""
    inner = getattr(network.network_address, "ipv4_mapped", None)
    return network if inner is None or network.prefixlen < 96 else ipaddress.ip_network((inner, network.prefixlen - 96))
