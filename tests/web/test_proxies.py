"""What is believed of a request that came through others, on plain values."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from tagger.web.proxies import Approach, approach, networks, split_host

TRUSTED = networks(["127.0.0.1", "::1", "10.0.0.0/8", "fd00::/8"])


def came(peer: str | None, *headers: tuple[str, str]) -> Approach:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "client": None if peer is None else (peer, 1), "scheme": "http", "headers": raw}
    return approach(scope, Headers(raw=raw), TRUSTED)


def forwarded(peer: str | None, *values: str) -> str:
    return came(peer, *(("X-Forwarded-For", value) for value in values)).client


@pytest.mark.parametrize(
    ("peer", "values", "client"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        # What a client wrote itself stands on the left.
        ("127.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        ("127.0.0.1", ["127.0.0.1, 10.1.2.3"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7:51234"], "203.0.113.7"),
        ("127.0.0.1", ["[2001:db8::7]:51234"], "2001:db8::7"),
        ("127.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.1", ["::ffff:203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["203.0.113.7, ::ffff:10.1.2.3, fd00::9"], "203.0.113.7"),
        ("127.0.0.1", ["198.51.100.1, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1, unknown, 10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", [" ,, "], "127.0.0.1"),
        ("::1", ["203.0.113.7"], "203.0.113.7"),
        ("::ffff:127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("fd00::1%eth0", ["203.0.113.7"], "203.0.113.7"),
        (None, ["203.0.113.7"], "203.0.113.7"),
        (None, ["198.51.100.1, 203.0.113.7, 127.0.0.1"], "203.0.113.7"),
        (None, [], "local"),
        # Others say what they like.
        ("192.168.1.9", ["203.0.113.7"], "192.168.1.9"),
        ("::ffff:192.168.1.9", ["203.0.113.7"], "192.168.1.9"),
        ("2001:db8::1", ["127.0.0.1"], "2001:db8::1"),
    ],
)
def test_who_asks_is_the_last_that_is_no_trusted_proxy(peer: str | None, values: list[str], client: str) -> None:
    assert forwarded(peer, *values) == client


def test_networks_of_mapped_addresses_and_with_bits_of_a_host_are_understood() -> None:
    assert [str(one) for one in networks(["::ffff:10.0.0.0/104", "192.168.1.5/24", " 10.9.8.7 "])] == [
        "10.0.0.0/8",
        "192.168.1.0/24",
        "10.9.8.7/32",
    ]


@pytest.mark.parametrize(
    ("peer", "value", "scheme"),
    [
        ("127.0.0.1", "https", "https"),
        (None, "HTTPS", "https"),
        ("10.1.1.1", "https, http", "https"),
        ("127.0.0.1", "gopher", "http"),
        ("127.0.0.1", "", "http"),
        ("192.168.1.9", "https", "http"),
    ],
)
def test_by_https_came_whom_a_trusted_proxy_calls_so(peer: str | None, value: str, scheme: str) -> None:
    assert came(peer, ("X-Forwarded-Proto", value)).scheme == scheme


HOST, PORT, ASKED = "Host", "X-Forwarded-Port", "X-Forwarded-Host"


@pytest.mark.parametrize(
    ("headers", "own", "foreign"),
    [
        # $http_host, Caddy, HAProxy: the name and the port.
        ({HOST: "nas.home:8443"}, ["https://nas.home:8443", "http://NAS.home:8443"], ["https://nas.home:9", "https://nas.home"]),
        # $host: the port is not known.
        ({HOST: "nas.home"}, ["https://nas.home:8443", "http://nas.home:8080", "https://nas.home"], ["https://x.home:8443"]),
        ({HOST: "nas.home", PORT: "8443"}, ["https://nas.home:8443"], ["https://nas.home:9", "https://nas.home"]),
        ({HOST: "nas.home", PORT: "443"}, ["https://nas.home"], ["https://nas.home:9"]),
        # Apache asks itself by the address.
        ({HOST: "127.0.0.1:8643", ASKED: "nas.home:8443"}, ["https://nas.home:8443"], ["https://nas.home"]),
        ({HOST: "127.0.0.1:8643", ASKED: "nas.home, inner"}, ["https://nas.home"], ["https://inner"]),
        ({HOST: "127.0.0.1:8643", ASKED: "nas.home", PORT: "8443"}, ["https://nas.home:8443"], ["https://nas.home:1"]),
        # The port inside of a container, and the one that is published.
        ({HOST: "nas.home:8443", PORT: "443"}, ["https://nas.home:8443"], ["https://nas.home:9"]),
        ({HOST: "[2001:db8::5]:8443"}, ["https://[2001:db8::5]:8443"], ["https://[2001:db8::6]:8443"]),
    ],
)  # fmt: skip
def test_a_page_is_tagger_s_own_by_the_name_and_port_that_a_proxy_tells(
    headers: dict[str, str], own: list[str], foreign: list[str]
) -> None:
    here = came("127.0.0.1", *headers.items())
    assert [origin for origin in own if not here.is_origin(origin)] == []
    never = ["null", "", "https://", "https://evil.example:8443", "ftp://nas.home:8443", "https://[", "nas.home:8443"]
    assert [origin for origin in (*foreign, *never) if here.is_origin(origin)] == []


def test_without_a_trusted_proxy_the_port_must_be_the_one_that_was_asked_for() -> None:
    assert came("192.168.1.9", (HOST, "nas")).is_origin("http://nas")
    assert came("192.168.1.9", (HOST, "nas:80")).is_origin("http://nas")
    assert not came("192.168.1.9", (HOST, "nas")).is_origin("http://nas:8080")
    spoofed = came("192.168.1.9", (HOST, "nas:8643"), (ASKED, "evil.example"), (PORT, "9"))
    assert spoofed.hosts == ("nas:8643",)
    assert not spoofed.is_origin("http://evil.example")
    assert not spoofed.is_origin("http://nas:9")


def test_hosts_are_taken_apart() -> None:
    found = [split_host(host) for host in ("NAS.home.:80", "[::1]:80", "[::1]", "nas", " nas:x ", "")]
    assert found == [("nas.home", "80"), ("::1", "80"), ("::1", ""), ("nas", ""), ("nas:x", ""), ("", "")]
