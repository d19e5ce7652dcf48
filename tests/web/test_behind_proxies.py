"""Behind real reverse proxies: people log in and change things, other pages do not, and strangers lock nobody out."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.runner import Tagger
from tests.web.proxies import (
    Proxy,
    apache,
    caddy,
    documented_nginx,
    documented_server,
    free_port,
    haproxy,
    nginx,
)
from tests.web.site import Answer, Site, serving
from tests.web.test_guard import FORM, HASH, PASSWORD

pytestmark = pytest.mark.slow
NAME = "nas.example.org"
SETTINGS = {"TAGGER_WEB_PASSWORD_HASH": HASH, "TAGGER_WEB_HOSTS": f'["{NAME}"]'}


@pytest.fixture
def site(gallery_once: Tagger) -> Iterator[Site]:
    with serving(gallery_once, **SETTINGS) as site:
        yield site


@pytest.fixture
def below(gallery_once: Tagger) -> Iterator[Site]:
    with serving(gallery_once, TAGGER_WEB_ROOT_PATH="/tagger", **SETTINGS) as site:
        yield site


def documented(site: Site, old: bool = False) -> str:
    block = documented_nginx().replace("127.0.0.1:8643", f"127.0.0.1:{site.port}")
    assert "$http_host" in block
    # As it was documented before, and as much that is on the web has it.
    return block.replace("Host $http_host", "Host $host") if old else block


def log_in(proxy: Proxy, password: str = PASSWORD, cookie: str = "", me: str = "", **headers: str) -> Answer:
    """As a browser does it that sends no Sec-Fetch-Site, which they do by HTTPS and to this machine only."""
    sent = {**FORM, "Origin": proxy.origin, **({"Cookie": cookie} if cookie else {}), **headers}
    return proxy.ask("POST", "/login", f"password={quote(password)}".encode(), sent, me)


def cookie_of(answer: Answer, name: str) -> str:
    """One cookie of those that an answer sets, as a browser sends it back."""
    [found] = [
        part.strip().partition(";")[0] for part in answer.headers["set-cookie"].split(", ") if f"{name}=" in part
    ]
    return found


def goes_through(proxy: Proxy) -> None:
    """A person logs in, changes something and logs out; another page cannot."""
    answer = log_in(proxy)
    assert (answer.status, answer.headers["location"]) == (303, f"{proxy.root}/"), answer.text
    assert answer.headers["set-cookie"].count("Secure") == (2 if proxy.https else 0)
    inside = {"Cookie": cookie_of(answer, "tagger_session"), "Content-Type": "application/json"}
    assert "Log out" in proxy.ask("GET", "/", headers={**inside, "Accept": "text/html"}).text
    change = b'{"photos": []}'
    assert proxy.ask("POST", "/api/v1/retry", change, {**inside, "Origin": proxy.origin}).status == 200
    assert proxy.ask("POST", "/api/v1/retry", change, {**inside, "Sec-Fetch-Site": "same-origin"}).status == 200
    for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}, {}):
        assert proxy.ask("POST", "/api/v1/retry", change, {**inside, **foreign}).status == 403, foreign
    program = {"Authorization": f"Bearer {PASSWORD}"}
    assert proxy.ask("GET", "/api/v1/search", headers=program).status == 200
    assert proxy.ask("HEAD", "/api/v1/search", headers=program).status == 200
    assert proxy.ask("POST", "/logout", b"", {**inside, "Origin": proxy.origin}).status == 303
    answer = proxy.ask("GET", "/", headers={"Host": "evil.example", "Accept": "text/html"})
    assert answer.status == 421


@pytest.mark.parametrize("old", [False, True], ids=["documented", "host"])
@pytest.mark.parametrize("https", [False, True], ids=["http", "https"])
def test_nginx_as_documented_at_any_port(below: Site, tmp_path: Path, https: bool, old: bool) -> None:
    port = free_port()
    with nginx(tmp_path, port, documented(below, old), https):
        # As published by a container or a router at another port than it listens at.
        for public in (f"{NAME}:{port}", f"{NAME}:8443", NAME):
            goes_through(Proxy(port, public, https, "/tagger"))
        beside = Proxy(port, f"{NAME}:{port}", https, "/tagger")
        answer = log_in(beside, Origin=f"{beside.origin.rpartition(':')[0]}:9")
        # Where the port is not known, another of the same name cannot be told; with the documented line it is.
        assert answer.status == (303 if old else 403)


def test_nginx_of_the_how_to_page(site: Site, tmp_path: Path) -> None:
    port = free_port()
    location = documented_server().replace("127.0.0.1:8643", f"127.0.0.1:{site.port}")
    with nginx(tmp_path, port, location, https=True):
        goes_through(Proxy(port, NAME, https=True))


def test_nginx_by_a_unix_socket(gallery_once: Tagger, tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "web.sock"
    process = gallery_once.start("web", environ={"TAGGER_WEB_LISTEN": f"unix:{path}", "TAGGER_WEB_PASSWORD_HASH": HASH})
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        assert process.stdout.readline().startswith("Serving unix:")
        # The proxy is another user.
        assert path.stat().st_mode & 0o777 == 0o666
        location = documented_nginx().replace("http://127.0.0.1:8643", f"http://unix:{path}:/")
        with nginx(tmp_path, port, location, https=True):
            proxy = Proxy(port, f"{NAME}:{port}", True, "/tagger")
            assert "Secure" in log_in(proxy).headers["set-cookie"]
            for number in range(7):
                log_in(proxy, f"wrong {number}", me="127.0.0.2")
            assert log_in(proxy, me="127.0.0.2").status == 429
            assert log_in(proxy, me="127.0.0.3").status == 303
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
        process.stderr.close()


@pytest.mark.parametrize(("start", "https"), [(caddy, False), (haproxy, True), (apache, True)])
def test_other_proxies(
    site: Site, tmp_path: Path, start: Callable[[Path, int, int], AbstractContextManager[None]], https: bool
) -> None:
    if start is apache and not shutil.which("apache2", path="/usr/sbin"):
        pytest.skip("there is no apache2")
    port = free_port()
    with start(tmp_path, port, site.port):
        proxy = Proxy(port, f"{NAME}:{port}", https)
        goes_through(proxy)
        goes_through(Proxy(port, f"{NAME}:8443", https))
        for number in range(7):
            log_in(proxy, f"wrong {number}", me="127.0.0.2")
        assert log_in(proxy, me="127.0.0.2").status == 429
        assert log_in(proxy, me="127.0.0.3").status == 303


def test_strangers_lock_out_neither_a_known_browser_nor_a_program_nor_other_addresses(
    below: Site, tmp_path: Path
) -> None:
    port = free_port()
    with nginx(tmp_path, port, documented(below)):
        proxy = Proxy(port, f"{NAME}:{port}", root="/tagger")
        program = {"Authorization": f"Bearer {PASSWORD}"}
        assert proxy.ask("GET", "/api/v1/search?limit=1", headers=program, me="127.0.0.9").status == 200
        device = cookie_of(log_in(proxy), "tagger_device")
        # A stranger at the same address, as behind one router, with headers that he made up.
        found = [log_in(proxy, f"wrong {n}", **{"X-Forwarded-For": f"203.0.113.{n}"}).status for n in range(8)]
        assert found == [401] * 5 + [429] * 3
        assert log_in(proxy).status == 429
        assert log_in(proxy, cookie=device).status == 303
        assert log_in(proxy, me="127.0.0.3").status == 303
        # Fifty from anywhere.
        found = [log_in(proxy, f"wrong {n}", me=f"127.1.0.{n + 1}").status for n in range(60)]
        assert set(found[:44]) == {401}
        assert 429 in found
        assert log_in(proxy, me="127.0.0.4").status == 429
        assert log_in(proxy, cookie=device, me="127.0.0.4").status == 303
        assert proxy.ask("GET", "/api/v1/search?limit=1", headers=program, me="127.0.0.9").status == 200


def test_headers_of_those_that_are_no_proxies_are_ignored_and_said_once(gallery_once: Tagger) -> None:
    with serving(gallery_once, TAGGER_WEB_TRUSTED_PROXIES='["192.0.2.1"]', **SETTINGS) as site:
        spoofed = {"X-Forwarded-Host": NAME, "X-Forwarded-Proto": "https"}
        plain = Proxy(site.port, f"127.0.0.1:{site.port}")
        assert "Secure" not in log_in(plain, **spoofed).headers["set-cookie"]
        assert (
            plain.ask("GET", "/login", headers={"Host": "evil.example", "X-Forwarded-Host": "localhost"}).status == 421
        )
        found = [log_in(plain, f"wrong {n}", **{"X-Forwarded-For": f"203.0.113.{n}"}).status for n in range(7)]
        assert found == [401] * 5 + [429] * 2
        # A proxy that is not named, with another port than tagger's own: what to do is said.
        answer = log_in(plain, Origin=f"http://127.0.0.1:{site.port + 1}", **{"X-Forwarded-For": "203.0.113.1"})
        assert answer.status == 403
        assert "web.trusted_proxies" in answer.json["cure"]
        assert "$http_host" in answer.json["cure"]


def test_an_ipv4_proxy_of_a_server_that_listens_for_both_is_believed(gallery_once: Tagger) -> None:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::", 0))
        except OSError:
            pytest.skip("there is no IPv6")
    with serving(gallery_once, TAGGER_WEB_LISTEN="[::]:0", **SETTINGS) as site:
        proxy = Proxy(site.port, NAME)
        found = [log_in(proxy, f"wrong {n}", **{"X-Forwarded-For": f"203.0.113.{n}"}).status for n in range(7)]
        assert found == [401] * 7
        assert "Secure" in log_in(proxy, **{"X-Forwarded-Proto": "https"}).headers["set-cookie"]
