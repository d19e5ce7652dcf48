"""Who is let in, and what another site cannot make a browser do."""

from __future__ import annotations

import gzip
import html
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from argon2 import PasswordHasher

from tagger.core.clock import SystemClock
from tagger.web.login import Login, hash_password
from tests.cli.runner import COMMAND, Tagger
from tests.clock import Clock
from tests.web.site import Site, serving

PASSWORD = "correct horse battery"
# Checked in no time, so that tries are made before some are forgiven.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def log_in(site: Site, password: str = PASSWORD, **more: str) -> tuple[int, str, str]:
    """Status, Location and the cookie as a browser would send it back."""
    fields = "&".join(f"{name}={quote(value)}" for name, value in {"password": password, **more}.items())
    answer = site.ask("POST", "/login", fields.encode(), {**FORM, "Sec-Fetch-Site": "same-origin"})
    return answer.status, answer.headers.get("location", ""), answer.headers.get("set-cookie", "").partition(";")[0]


@pytest.fixture
def locked(gallery_once: Tagger):
    with serving(gallery_once, TAGGER_WEB_PASSWORD_HASH=HASH) as site:
        yield site


def test_every_answer_carries_the_headers_of_a_careful_site(reading: Site) -> None:
    for path in ("/", "/api/v1/search", "/static/app.js", "/nothing", "/api/v1/photos/1/picture"):
        headers = reading.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_scripts_and_styles_are_asked_for_again_but_not_sent_again(reading: Site) -> None:
    for name in ("app.js", "app.css"):
        answer = reading.get(f"/static/{name}")
        assert answer.headers["cache-control"] == "no-cache"
        again = reading.get(f"/static/{name}", {"If-None-Match": answer.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
    assert reading.get("/").headers["cache-control"] == "no-store"


def test_scripts_and_styles_are_compressed_and_nothing_of_the_library_is(reading: Site) -> None:
    asks = {"Accept-Encoding": "gzip, br"}
    for name in ("app.css", "app.js"):
        plain, answer = reading.get(f"/static/{name}"), reading.get(f"/static/{name}", asks)
        assert "content-encoding" not in plain.headers
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(answer.body) == plain.body
        assert len(answer.body) < len(plain.body) / 2
        again = reading.get(f"/static/{name}", {**asks, "If-None-Match": answer.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
    for path in ("/", "/labels", "/api/v1/search"):
        assert "content-encoding" not in reading.get(path, asks).headers


def test_no_page_has_inline_script_or_style_or_anything_from_elsewhere(reading: Site) -> None:
    for path in (
        "/",
        "/photos/1",
        "/labels",
        "/labels/n07920052",
        "/drop",
        "/review",
        "/failed",
        "/status",
        "/settings",
        "/api/docs",
    ):
        text = reading.get(path).text
        assert " style=" not in text, path
        assert " on" not in [part[:3] for part in text.split("<")[1:]], path
        assert "<script>" not in text, path
        for mark in ('src="http', 'href="http', 'src="//', 'href="//'):
            assert mark not in text, path


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example", "localhost.evil"])
def test_a_name_that_is_not_this_server_is_refused(reading: Site, host: str) -> None:
    answer = reading.get("/", {"Host": host})
    assert answer.status == 421
    assert "web.hosts" in answer.json["cure"]


@pytest.mark.slow
def test_names_of_this_server_are_understood_as_people_write_them(gallery_once: Tagger) -> None:
    hosts = ["NAS.Example.org", "port.example:8443", "https://whole.example:8443/", "fotos.müller.example"]
    with serving(gallery_once, TAGGER_WEB_HOSTS=json.dumps(hosts)) as site:
        for asked in ("nas.example.org", "port.example", "whole.example", "fotos.xn--mller-kva.example"):
            for host in (asked, f"{asked}:8443", f"{asked.upper()}."):
                assert site.get("/api/v1/search?limit=1", {"Host": host}).status == 200, host
            assert site.get("/api/v1/search", {"Host": f"{asked}.evil.example"}).status == 421


@pytest.mark.parametrize("value", ['["nas"]', '["10.0.0.0/33"]', '["*"]', "true"])
@pytest.mark.slow
def test_a_proxy_that_is_no_address_is_refused(bare: Tagger, value: str) -> None:
    done = bare("status", code=2, environ={"TAGGER_WEB_TRUSTED_PROXIES": value})
    assert "TAGGER_WEB_TRUSTED_PROXIES" in done.stderr
    assert "172.16.0.0/12" in done.stderr


def test_in_a_browser_a_wrong_name_is_a_page_with_the_cure_and_its_style(reading: Site) -> None:
    there = {"Host": "nas.home:8643", "Accept": "text/html,*/*;q=0.8"}
    for method in ("GET", "HEAD"):
        answer = reading.ask(method, "/?q=espresso", headers=there)
        assert (answer.status, answer.headers["content-type"]) == (421, "text/html; charset=utf-8")
        assert "content-security-policy" in answer.headers
    text = html.unescape(reading.get("/", there).text)
    assert 'hosts = ["nas.home"]' in text
    assert """TAGGER_WEB_HOSTS='["nas.home"]'""" in text
    # Links would lead to the same again.
    assert "<nav" not in text
    assert "<script" not in text
    assert reading.get("/static/app.css", there).status == 200
    # In a browser, too, the API answers as an API.
    assert reading.get("/api/v1/search", there).json["status"] == 421
    nasty = reading.get("/", {"Host": "<script>x</script>", "Accept": "text/html"})
    assert nasty.status in (400, 421)
    assert "<script>x" not in nasty.text


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "words"),
    [
        ("GET", "/nothing", {}, 404, "There is no page at this address"),
        ("GET", "/photos/999999", {}, 404, "Photo 999999"),
        ("POST", "/login", {"Origin": "http://evil.example"}, 403, "Another page made the browser send this"),
        ("POST", "/status", {}, 405, "cannot be done here"),
    ],
)
def test_faults_are_pages_in_a_browser_and_json_for_programs(
    reading: Site, method: str, path: str, headers: dict[str, str], status: int, words: str
) -> None:
    answer = reading.ask(method, path, headers={**headers, "Accept": "text/html"})
    assert (answer.status, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert words in answer.text
    answer = reading.ask(method, path, headers=headers)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json["status"] == status


def test_without_a_library_the_pages_say_what_to_do(bare: Tagger) -> None:
    with serving(bare) as site:
        for path in ("/labels", "/failed", "/photos/1"):
            answer = site.get(path, {"Accept": "text/html"})
            assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert "tagger backfill" in answer.text
            assert "Service Unavailable" not in answer.text


def test_head_is_answered_as_get_is_without_the_body(reading: Site) -> None:
    paths = ["/", "/labels", "/status", "/drop", "/review", "/failed", "/api/docs", "/api/openapi.json", "/photos/1"]
    paths += ["/static/app.js", "/nothing", "/api/v1/search?q=espresso", "/api/v1/status", "/api/v1/photos/1/picture"]
    for path in [*paths, "/api/v1/photos/1/original", "/labels/", "/api/v1/events?once=true", "/api/v1/photos/0"]:
        get, head = reading.get(path), reading.ask("HEAD", path)
        assert (head.status, head.body) == (get.status, b""), path
        same = ("content-type", "content-length", "cache-control", "etag", "content-security-policy")
        # What the status page shows differs from one moment to the next.
        same = tuple(name for name in same if path not in ("/status", "/api/v1/status") or name != "content-length")
        assert {name: head.headers.get(name) for name in same} == {name: get.headers.get(name) for name in same}, path


def test_head_of_what_never_ends_does(reading: Site) -> None:
    for _ in range(40):
        assert reading.ask("HEAD", "/api/v1/events").status == 200
    assert "event: status" in reading.get("/api/v1/events?once=true").text


def test_head_changes_nothing(reading: Site) -> None:
    for path in ("/api/v1/retry", "/logout", "/api/classify"):
        answer = reading.ask("HEAD", path)
        assert answer.status == 405, path
    assert reading.ask("POST", "/status").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:80", "192.168.1.2:8643", "LOCALHOST:1"])
def test_names_of_this_server_are_not(reading: Site, host: str) -> None:
    assert reading.get("/", {"Host": host}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Cookie": "tagger_session=x"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1"},
    ],
)
def test_another_site_cannot_change_anything(reading: Site, headers: dict[str, str]) -> None:
    for path in ("/api/v1/photos/1/corrections", "/api/v1/retry", "/api/classify", "/login", "/logout"):
        answer = reading.ask("POST", path, b"{}", {"Content-Type": "text/plain", **headers})
        assert answer.status == 403, path


def test_the_page_itself_and_programs_can(reading: Site) -> None:
    host = f"127.0.0.1:{reading.port}"
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": f"http://{host}"}, {"Sec-Fetch-Site": "none"}):
        answer = reading.ask(
            "POST", "/api/v1/retry", b'{"photos": []}', {"Content-Type": "application/json", **headers}
        )
        assert answer.status == 200, headers


def test_a_long_body_is_refused(reading: Site) -> None:
    body = b'{"add": ["' + b"x" * 400_000 + b'"]}'
    answer = reading.ask("POST", "/api/v1/photos/1/corrections", body, {"Content-Type": "application/json"})
    assert answer.status == 413


def test_without_the_password_there_is_nothing_to_see(locked: Site) -> None:
    for path in ("/api/v1/search", "/api/v1/photos/1/picture", "/api/openapi.json", "/api/v1/events", "/photos/1"):
        answer = locked.get(path)
        assert answer.status == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
    answer = locked.get("/?q=espresso", {"Accept": "text/html"})
    assert (answer.status, answer.headers["location"]) == (303, "/login?next=%2F%3Fq%3Despresso")
    assert locked.get("/login").status == 200
    assert locked.get("/static/app.css").status == 200


def test_the_password_opens_a_session_that_ends(locked: Site) -> None:
    status, where, cookie = log_in(locked, next="/?q=espresso")
    assert (status, where) == (303, "/?q=espresso")
    answer = locked.ask("POST", "/login", f"password={quote(PASSWORD)}".encode(), {**FORM, "Sec-Fetch-Site": "none"})
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    inside = {"Cookie": cookie, "Accept": "text/html"}
    assert "Log out" in locked.get("/", inside).text
    # A session cannot be made up or changed.
    for wrong in (cookie[:-2] + "xx", "tagger_session=", cookie.replace("=", "=x", 1)):
        assert locked.get("/api/v1/search", {"Cookie": wrong}).status == 401
    # With a session, but sent by another page.
    assert locked.ask("POST", "/api/v1/retry", b"{}", {"Cookie": cookie}).status == 403
    answer = locked.ask("POST", "/logout", b"", {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
    assert 'tagger_session=""' in answer.headers["set-cookie"]


@pytest.mark.parametrize("where", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/a\nb"])
def test_after_the_login_nobody_is_sent_elsewhere(locked: Site, where: str) -> None:
    assert log_in(locked, next=where)[:2] == (303, "/")


def test_programs_send_the_password_itself(locked: Site) -> None:
    assert locked.get("/api/v1/search", {"Authorization": f"Bearer {PASSWORD}"}).status == 200
    assert locked.get("/api/v1/search", {"Authorization": "Bearer wrong"}).status == 401
    headers = {"Authorization": f"Bearer {PASSWORD}", "Content-Type": "application/json"}
    assert locked.ask("POST", "/api/v1/retry", b'{"photos": []}', headers).status == 200


def test_strangers_keep_out_neither_a_browser_nor_a_program_that_were_let_in(locked: Site) -> None:
    answer = locked.ask("POST", "/login", f"password={quote(PASSWORD)}".encode(), {**FORM, "Sec-Fetch-Site": "none"})
    [device] = [part.partition(";")[0] for part in answer.headers["set-cookie"].split(", ") if "tagger_device" in part]
    program = {"Authorization": f"Bearer {PASSWORD}"}
    assert locked.get("/api/v1/search?limit=1", program).status == 200
    assert [log_in(locked, f"wrong {number}")[0] for number in range(7)] == [401] * 5 + [429] * 2
    assert log_in(locked)[0] == 429
    assert locked.get("/api/v1/search?limit=1", program).status == 200
    assert locked.get("/api/v1/search?limit=1", {"Authorization": "Bearer wrong"}).status == 429
    headers = {**FORM, "Sec-Fetch-Site": "same-origin", "Cookie": device}
    # Logged out, or after the session's end; the device cookie alone lets nobody in.
    assert locked.get("/api/v1/search", {"Cookie": device}).status == 401
    assert locked.ask("POST", "/login", f"password={quote(PASSWORD)}".encode(), headers).status == 303
    assert locked.ask("POST", "/login", b"password=wrong", headers).status == 401


def test_whoever_tries_passwords_must_wait(locked: Site) -> None:
    found = [log_in(locked, f"wrong {number}")[0] for number in range(7)]
    assert found[:5] == [401] * 5
    assert found[5:] == [429] * 2
    answer = locked.get("/api/v1/search", {"Authorization": "Bearer wrong"})
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 13
    # Not even the right one, or the wrong ones would be worth trying.
    assert log_in(locked)[0] == 429


def test_who_knows_the_password_may_come_as_often_as_they_like(locked: Site) -> None:
    headers = {"Authorization": f"Bearer {PASSWORD}"}
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: locked.get("/api/v1/search?limit=1", headers).status, range(24)))
    assert found == [200] * 24


def test_wrong_tries_at_the_same_time_count_like_those_one_after_the_other(locked: Site) -> None:
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda number: log_in(locked, f"wrong {number}")[0], range(12)))
    assert sorted(found) == [401] * 5 + [429] * 7


@pytest.fixture
def login(tmp_path: Path) -> tuple[Login, Clock]:
    clock = Clock()
    return Login(HASH, tmp_path, clock), clock


def test_a_browser_that_was_let_in_before_is_counted_by_itself(login: tuple[Login, Clock]) -> None:
    gate, clock = login
    device, other = gate.new_device(), gate.new_device()
    for number in range(200):
        gate.attempt(f"203.0.113.{number}", "wrong")
    for _ in range(9):
        gate.attempt("192.0.2.1", "wrong")
    assert gate.attempt("192.0.2.1", PASSWORD)
    assert gate.attempt("192.0.2.1", PASSWORD, device) is None
    # It may not try for ever, either; that neither hinders others nor lets it go on as a stranger.
    clock.time += 3600
    assert [gate.attempt("192.0.2.1", "wrong", device) for _ in range(5)] == [0.0] * 5
    assert gate.attempt("192.0.2.1", PASSWORD, device) == pytest.approx(12)
    assert gate.attempt("192.0.2.7", PASSWORD, device)
    assert gate.attempt("192.0.2.1", PASSWORD, other) is None
    assert gate.attempt("192.0.2.1", PASSWORD) is None
    clock.time += 13
    assert gate.attempt("192.0.2.1", PASSWORD, device) is None


def test_a_device_cookie_is_neither_made_up_nor_a_session_nor_another_password_s(login: tuple, tmp_path: Path) -> None:
    gate, _ = login
    device = gate.new_device()
    assert not gate.is_session(device)
    foreign = Login(hash_password("another one"), tmp_path, SystemClock()).new_device()
    for _ in range(6):
        gate.attempt("192.0.2.1", "wrong")
    for made_up in ("", "x", device[:-2] + "xx", foreign, gate.new_session(), "device.x"):
        assert gate.attempt("192.0.2.1", PASSWORD, made_up), made_up
    # It outlives the server.
    again = Login(HASH, tmp_path, SystemClock())
    for _ in range(6):
        again.attempt("192.0.2.1", "wrong")
    assert again.attempt("192.0.2.1", PASSWORD, device) is None


def test_a_program_that_was_let_in_before_does_not_wait(login: tuple[Login, Clock]) -> None:
    gate, _ = login
    assert gate.attempt_program("192.0.2.1", PASSWORD) is None
    for number in range(200):
        gate.attempt(f"203.0.113.{number}", "wrong")
        gate.attempt_program("192.0.2.1", "wrong")
    assert gate.attempt("192.0.2.9", PASSWORD)
    assert gate.attempt_program("192.0.2.1", PASSWORD) is None
    # It moved to another address, where nobody tries passwords.
    assert gate.attempt_program("192.0.2.50", PASSWORD) is None
    # Who tries them there finds it no sooner for that one is known.
    found = [gate.attempt_program("198.51.100.1", f"wrong {number}") for number in range(20)]
    assert all(found)
    assert gate.attempt_program("198.51.100.1", PASSWORD)


def test_a_whole_ipv6_connection_is_one_client(login: tuple[Login, Clock]) -> None:
    gate, _ = login
    found = [gate.attempt(f"2001:db8:1:2::{number:x}", "wrong") for number in range(7)]
    assert [bool(wait) for wait in found] == [False] * 5 + [True] * 2
    assert gate.attempt("2001:db8:1:3::1", "wrong") == 0.0


def test_another_password_ends_every_session(tmp_path) -> None:
    first, second = (Login(hash_password(word), tmp_path, SystemClock()) for word in ("one password", "another one"))
    session = first.new_session()
    assert first.is_session(session)
    assert not second.is_session(session)
    assert Login(first._hash, tmp_path, SystemClock()).is_session(session)
    assert (tmp_path / "web.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_a_password_is_hashed_for_the_settings(bare: Tagger) -> None:
    def hashed(password: str) -> subprocess.CompletedProcess[str]:
        command = [COMMAND, "web", "--hash-password"]
        return subprocess.run(
            command, input=f"{password}\n", capture_output=True, text=True, check=False, env=bare.environment()
        )

    done = hashed("a good password")
    assert done.returncode == 0
    assert done.stdout.startswith("$argon2id$")
    with serving(bare, TAGGER_WEB_PASSWORD_HASH=done.stdout.strip()) as site:
        assert log_in(site, "a good password")[0] == 303
    assert hashed("short").returncode == 2


@pytest.mark.parametrize("damaged", ["$argon2id$v=19$m=32768,t=4,p=2$", "$argon2id$v=19=32768,t=4$x", "$argon2id$..."])
@pytest.mark.slow
def test_a_damaged_hash_is_told_at_the_start(bare: Tagger, damaged: str) -> None:
    done = bare("web", "--listen", "127.0.0.1:0", code=2, environ={"TAGGER_WEB_PASSWORD_HASH": damaged})
    assert "web.password_hash is not a hash" in done.stderr
    assert "$$ for each $" in done.stderr


def test_a_port_that_is_taken_is_said(reading: Site) -> None:
    done = reading.tagger("web", "--listen", f"127.0.0.1:{reading.port}", code=2)
    assert "another tagger" in done.stderr


@pytest.mark.slow
def test_behind_a_proxy_every_link_has_the_prefix(gallery_once: Tagger) -> None:
    with serving(gallery_once, TAGGER_WEB_ROOT_PATH="/photos/tagger", TAGGER_WEB_PASSWORD_HASH=HASH) as site:
        assert site.root == "/photos/tagger"
        outside = Site(site.tagger, site.process, site.port)
        # A proxy may take the prefix off, or leave it.
        for way in (outside, site):
            answer = way.get("/?q=espresso", {"Accept": "text/html"})
            assert answer.headers["location"].startswith("/photos/tagger/login?next=")
        _, where, cookie = log_in(site, next="/labels")
        assert where == "/photos/tagger/labels"
        page = site.get("/", {"Cookie": cookie, "Accept": "text/html"}).text
        assert 'data-root="/photos/tagger"' in page
        for mark in ('href="/', 'src="/', 'action="/'):
            parts = page.split(mark)[1:]
            assert parts, mark
            assert all(part.startswith("photos/tagger/") for part in parts), mark
        assert site.get("/api/openapi.json", {"Cookie": cookie}).json["servers"] == [{"url": "/photos/tagger"}]
