"""Where other machines are let in and there is no password, the first is chosen with a code from the log."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tagger.core.errors import StoreError
from tagger.web.login import PASSWORD_FILE, Login
from tests.cli.runner import Tagger
from tests.cli.service import wait_for
from tests.clock import Clock
from tests.web.site import Answer, Site, serving

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
OPEN = {"TAGGER_WEB_LISTEN": "0.0.0.0:0"}
PAGE = {"Accept": "text/html"}
CHOSEN = "correct horse battery"


def code_of(site: Site) -> str:
    """As a person reads it from the log."""
    found = wait_for(
        lambda: re.search(r"/setup and choose one with the code ([A-Z2-9]{4}-[A-Z2-9]{4})", "".join(site.said)), 20
    )
    return str(found[1])


def choose(site: Site, code: str, password: str = CHOSEN, again: str | None = None) -> Answer:
    fields = {"code": code, "password": password, "again": password if again is None else again}
    return site.ask("POST", "/setup", urlencode(fields).encode(), FORM)


@pytest.mark.slow
def test_whoever_reads_the_log_chooses_it_and_is_let_in(bare: Tagger) -> None:
    with serving(bare, **OPEN) as site:
        for path in ("/", "/status", "/login", "/photos/1"):
            answer = site.get(path, PAGE)
            assert (answer.status, answer.headers["location"]) == (303, "/setup")
        refused = site.get("/api/v1/labels")
        assert refused.status == 401
        assert "no password yet" in refused.text
        assert site.get("/static/app.css").status == 200
        assert "docker logs" in site.get("/setup").text
        assert choose(site, "AAAA-AAAA").status == 401
        code = code_of(site)
        assert choose(site, code, "short").status == 422
        assert choose(site, code, again="another one").status == 422
        # As it is typed.
        answer = choose(site, f" {code.replace('-', ' ').lower()} ")
        assert (answer.status, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"].partition(";")[0]
        assert site.get("/", {"Cookie": cookie, **PAGE}).status in (200, 409)
        assert "/login" in site.get("/", PAGE).headers["location"]
        # The code counts once, and there is nothing to be set up any more.
        assert choose(site, code, "somebody else's").status == 401
        assert site.get("/api/v1/status", {"Authorization": f"Bearer {CHOSEN}"}).status != 401
        assert site.get("/api/v1/status", {"Authorization": "Bearer somebody else's"}).status == 401
    assert (bare.data / PASSWORD_FILE).stat().st_mode & 0o777 == 0o600
    assert CHOSEN not in (bare.data / PASSWORD_FILE).read_text()
    # It is that of the next start, too, and also of this machine only.
    with serving(bare) as site:
        assert "/login" in site.get("/", PAGE).headers["location"]
        assert not any("/setup" in line for line in site.said)


@pytest.mark.slow
def test_wrong_codes_are_counted_and_then_the_right_one_must_wait_too(bare: Tagger) -> None:
    with serving(bare, **OPEN) as site:
        answers = [choose(site, "ABCD-EFGH").status for _ in range(6)]
        assert answers == [401] * 5 + [429]
        last = choose(site, code_of(site))
        assert last.status == 429
        assert int(last.headers["retry-after"]) > 0
    assert not (bare.data / PASSWORD_FILE).exists()


def test_another_site_cannot_choose_it(bare: Tagger) -> None:
    with serving(bare, **OPEN) as site:
        fields = urlencode({"code": code_of(site), "password": CHOSEN, "again": CHOSEN}).encode()
        assert site.ask("POST", "/setup", fields, {**FORM, "Sec-Fetch-Site": "cross-site"}).status == 403
    assert not (bare.data / PASSWORD_FILE).exists()


def test_two_that_have_the_code_are_one_after_the_other(tmp_path: Path) -> None:
    login = Login("", tmp_path, Clock())
    assert not login.required
    code = login.ask_for_first()
    assert login.required
    assert login.choose_first("192.0.2.1", code, CHOSEN) is None
    assert login.choose_first("192.0.2.2", code, "somebody else's") == 0.0
    assert login.attempt("192.0.2.3", CHOSEN) is None
    # Each start has a code of its own.
    assert len({Login("", tmp_path / "none", Clock()).ask_for_first() for _ in range(20)}) == 20


def test_what_cannot_be_kept_changes_nothing(tmp_path: Path) -> None:
    login = Login("", tmp_path / "data", Clock())
    code = login.ask_for_first()
    (tmp_path / "data").write_text("no folder")
    with pytest.raises(StoreError, match=r"web.password cannot be written"):
        login.choose_first("192.0.2.1", code, CHOSEN)
    assert login.is_first
    (tmp_path / "data").unlink()
    assert login.choose_first("192.0.2.1", code, CHOSEN) is None


@pytest.mark.parametrize("damage", ["", "nonsense", "$argon2id$"])
def test_a_damaged_one_lets_nobody_in(tmp_path: Path, damage: str) -> None:
    (tmp_path / PASSWORD_FILE).write_text(damage)
    with pytest.raises(StoreError, match=r"web.password is damaged"):
        Login("", tmp_path, Clock())
