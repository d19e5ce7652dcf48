"""Tokens of programs: made and removed by the command, checked by the server, limited to their scope."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tagger.core.config import Settings
from tagger.core.errors import NoLibraryError, UsageError
from tagger.store.session import Store
from tagger.store.tokens import all_tokens, create_token, find_token, is_token, remove_token, token_of
from tagger.web.login import Login
from tagger.web.problems import ProblemError
from tagger.web.token_check import Tokens, check_scope
from tests.cli.runner import Tagger
from tests.clock import Clock
from tests.store.samples import NOW
from tests.web.site import Site, serving
from tests.web.test_guard import HASH, PASSWORD

DAY = 86400
CORRECTION = b'{"photos": [1], "add": ["made by a program"]}'
JSON = {"Content-Type": "application/json"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_only_the_hash_of_a_token_is_kept(store: Store, settings: Settings) -> None:
    with store.write() as session:
        token, secret = create_token(session, "  Picture   frame ", NOW, read_only=True)
        other, another = create_token(session, "backup", NOW, read_only=False)
        assert (token.name, token.read_only, token.used_on) == ("Picture frame", True, None)
        for taken in ("PICTURE FRAME", "", "\n", "x" * 101):
            with pytest.raises(UsageError):
                create_token(session, taken, NOW, read_only=True)
    # 256 random bits.
    assert re.fullmatch(r"tagger_[\w-]{43}", secret)
    with store.read() as session:
        assert token_of(session, secret) == token
        for wrong in (another[:-1], secret + "x", secret.upper(), "", "tagger_", "\ud800"):
            assert token_of(session, wrong) is None
        assert [one.name for one in all_tokens(session)] == ["backup", "Picture frame"]
    with store.write() as session:
        remove_token(session, find_token(session, "picture frame").id)
    with store.read() as session:
        assert token_of(session, secret) is None
        assert token_of(session, another) == other
        with pytest.raises(UsageError, match="frame"):
            find_token(session, "picture frame")
    if store.engine.dialect.name == "sqlite":
        data = b"".join(path.read_bytes() for path in settings.data_dir.glob("library.db*"))
        assert b"Picture frame" in data
        assert secret[7:].encode() not in data


def test_the_last_day_is_kept_once_a_day(store: Store) -> None:
    clock = Clock(NOW)
    with store.write() as session:
        _, secret = create_token(session, "frame", NOW, read_only=True)
    tokens = Tokens(lambda: store, clock)

    def used_on() -> str | None:
        assert tokens.find(secret) is not None
        with store.read() as session:
            return all_tokens(session)[0].used_on

    assert used_on() == "2023-11-14"
    clock.time += DAY
    assert used_on() == "2023-11-15"
    assert tokens.find("correct horse") is None
    assert tokens.find("tagger_wrong") is None

    def nothing() -> Store:
        raise NoLibraryError(Path("/nowhere"))

    assert Tokens(nothing, clock).find(secret) is None


@pytest.mark.parametrize(
    ("method", "path", "fine"),
    [
        ("GET", "/api/v1/search", True),
        ("OPTIONS", "/api/v1/search", True),
        ("POST", "/api/v1/classify", True),
        ("POST", "/api/v1/labels/x/rules/preview", True),
        ("POST", "/api/v1/corrections", False),
        ("POST", "/api/v1/photos/1/corrections", False),
        ("PUT", "/api/v1/labels/x/rules", False),
        ("DELETE", "/api/v1/albums/1", False),
        ("DELETE", "/api/v1/taught/preview", False),
        ("DELETE", "/api/v1/duplicates", False),
        ("PATCH", "/api/v1/search", False),
    ],
)
def test_a_token_that_may_only_read_changes_nothing(store: Store, method: str, path: str, fine: bool) -> None:
    with store.write() as session:
        reading, _ = create_token(session, "reads", NOW, read_only=True)
        writing, _ = create_token(session, "writes", NOW, read_only=False)
    check_scope(writing, method, path)
    for page in ("/", "/status", "/apix", "/language"):
        with pytest.raises(ProblemError, match="pages"):
            check_scope(writing, method, page)
    if fine:
        check_scope(reading, method, path)
        return
    with pytest.raises(ProblemError, match="only read") as caught:
        check_scope(reading, method, path)
    assert caught.value.fault.status == 403


@pytest.fixture
def locked(gallery: Tagger) -> Iterator[Site]:
    with serving(gallery, TAGGER_WEB_PASSWORD_HASH=HASH) as site:
        yield site


@pytest.mark.slow
def test_programs_are_let_in_by_their_tokens_until_they_are_removed(locked: Site) -> None:
    tagger = locked.tagger
    made = tagger("token", "create", "frame", "--read")
    reading = made.stdout.strip()
    assert "not shown again" in made.stderr
    writing = tagger("token", "create", "backup").stdout.strip()
    assert reading not in tagger("token", "list").stdout + tagger("token", "list", "--json").stdout
    assert tagger.json("token", "list")[1] == {
        "name": "frame",
        "scope": "read",
        "created_at": tagger.json("token", "list")[1]["created_at"],
        "used_on": None,
    }

    assert locked.get("/api/v1/search?limit=1", bearer(reading)).status == 200
    assert locked.ask("HEAD", "/api/v1/search?limit=1", headers=bearer(reading)).status == 200
    answer = locked.ask("POST", "/api/v1/corrections", CORRECTION, {**JSON, **bearer(reading)})
    assert (answer.status, answer.headers["content-type"]) == (403, "application/problem+json")
    assert "only read" in answer.json["detail"]
    assert locked.get("/api/v1/corrections", bearer(writing)).json == []
    answer = locked.ask("POST", "/api/v1/corrections", CORRECTION, {**JSON, **bearer(writing)})
    assert (answer.status, answer.json["changed"]) == (200, 1)
    # It is no session: neither for the pages, nor beside a cookie.
    assert locked.get("/", {**bearer(writing), "Accept": "text/html"}).status == 403
    assert (
        locked.ask("POST", "/api/v1/corrections", CORRECTION, {**JSON, "Cookie": f"tagger_session={writing}"}).status
        == 403
    )
    assert locked.get("/api/v1/search", {"Cookie": f"tagger_session={writing}"}).status == 401
    assert locked.get(f"/api/v1/search?token={writing}").status == 401
    # No browser sends one by itself, so it needs no proof of where the page came from; another host's name is refused.
    odd = {**JSON, **bearer(writing), "Cookie": "a=b"}
    assert locked.ask("POST", "/api/v1/corrections", CORRECTION, odd).status == 200
    assert locked.get("/api/v1/search", {**bearer(writing), "Host": "evil.example"}).status == 421

    today = tagger.json("token", "list")[1]["used_on"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", today)
    assert tagger("token", "remove", "frame", code=2).stderr.count("--yes") == 1
    tagger("token", "remove", "FRAME", "--yes")
    assert locked.get("/api/v1/search", bearer(reading)).status == 401
    assert locked.get("/api/v1/search?limit=1", bearer(writing)).status == 200

    # Made-up ones are wrong tries, as of the password.
    found = [locked.get("/api/v1/search", bearer(f"tagger_{number:043}")).status for number in range(6)]
    assert found[-1] == 429
    assert set(found[:4]) == {401}
    assert locked.get("/api/v1/search", bearer(PASSWORD)).status == 429
    assert locked.get("/api/v1/search?limit=1", bearer(writing)).status == 200
    said = "".join(locked.said)
    assert writing not in said
    assert reading not in said
    with sqlite3.connect(tagger.database) as connection:
        [(name, length)] = connection.execute("SELECT name, length(hash) FROM tokens").fetchall()
    connection.close()
    assert (name, length) == ("backup", 32)


@pytest.mark.slow
def test_nothing_that_is_only_read_changes_the_library(locked: Site) -> None:
    """Every GET of the API with a token that may only read; the database is then as it was."""
    reading = locked.tagger("token", "create", "frame", "--read").stdout.strip()
    assert locked.get("/api/v1/search?limit=1", bearer(reading)).status == 200

    def content() -> str:
        with sqlite3.connect(locked.tagger.database) as connection:
            text = "\n".join(connection.iterdump())
        connection.close()
        return text

    before = content()
    paths = locked.get("/api/openapi.json", bearer(reading)).json["paths"]
    for path, operations in paths.items():
        if "get" in operations:
            asked = re.sub(r"\{label[^}]*\}|\{key\}", "n02084071", path)
            asked = re.sub(r"\{[^}]*\}", "1", asked)
            query = "?once=true" if path.endswith("/events") else "?q=cat&to=cat&path=/x"
            assert locked.get(asked + query, bearer(reading)).status < 500, asked
    assert content() == before


@pytest.mark.slow
def test_tokens_and_passwords_do_not_wait_for_each_other(gallery: Tagger) -> None:
    secret = gallery("token", "create", "frame", "--read").stdout.strip()
    slow = PasswordHasher(time_cost=60, memory_cost=32 * 1024, parallelism=1).hash(PASSWORD)
    with serving(gallery, TAGGER_WEB_PASSWORD_HASH=slow) as site, ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(site.get, "/api/v1/search?limit=1", bearer(f"wrong {number}")) for number in range(4)]
        # All slots for passwords are taken, one of them is at work.
        time.sleep(0.3)
        assert site.get("/api/v1/search?limit=1", bearer(secret)).status == 200
        assert not all(one.done() for one in tries)
        assert {one.result().status for one in tries} == {401}


def test_wrong_tokens_hold_up_their_own_sender_only(tmp_path: Path) -> None:
    clock = Clock(NOW)
    login = Login(HASH, tmp_path, clock)
    # Checking a password would wait for this for ever.
    with login._checking:
        found = [login.attempt_token("192.0.2.1") for _ in range(6)]
        assert found[:5] == [0.0] * 5
        assert found[5] > 0
        for number in range(200):
            assert login.attempt_token(f"198.51.100.{number}") == 0
    assert login.attempt("192.0.2.1", PASSWORD)
    assert login.attempt("203.0.113.7", PASSWORD) is None
    clock.time += 12
    assert login.attempt("192.0.2.1", PASSWORD) is None


def test_what_is_no_token_is_a_password(store: Store) -> None:
    with store.write() as session:
        _, secret = create_token(session, "frame", NOW, read_only=True)
    assert is_token(secret)
    for other in ("tagger_", "tagger_is_my_password", secret + "x", secret[:-1], " " + secret, secret[:-1] + "ä"):
        assert not is_token(other)
