"""The settings that may be changed on the page: told with their origins, previewed, changed, taken back."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cli.runner import Tagger
from tests.cli.service import running, wait_for
from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site, serving
from tests.web.test_browser import ready, shoot
from tests.web.test_guard import HASH

pytestmark = pytest.mark.usefixtures("patient")

KEYS = {"labels.language", "labels.show_threshold", "service.work_window"}


def told(site: Site, key: str) -> dict[str, Any]:
    [found] = [one for one in site.api("/settings") if one["key"] == key]
    return dict(found)


def kinds(site: Site, key: str) -> list[str]:
    return [one["kind"] for one in told(site, key)["origins"]]


def put(site: Site, values: dict[str, object], status: int = 200) -> dict[str, Any]:
    return dict(site.send("/settings", values, status, method="PUT"))


def shown(site: Site) -> int:
    return sum(label["shown"] for label in site.api("/labels"))


def test_every_setting_is_told_with_its_origin_and_no_secret(gallery_once: Tagger) -> None:
    environ = {
        "TAGGER_STORAGE_SECRET_KEY": "hush",
        "TAGGER_HOOKS_COMMAND": '["/bin/told", "--password", "hush"]',
        "TAGGER_HOOKS_LABELLED": "https://nas.example/hush",
    }
    with serving(gallery_once, **environ) as site:
        found = site.api("/settings")
        assert {one["key"] for one in found if one["changeable"]} == KEYS
        assert told(site, "labels.top_k") == {
            "key": "labels.top_k",
            "value": 5,
            "origins": [{"kind": "default", "name": "", "line": None}],
            "changeable": False,
            "fixed": "",
        }
        assert told(site, "web.listen")["origins"][0]["name"] == "TAGGER_WEB_LISTEN"
        page = site.get("/settings").text
        for text in (json.dumps(found), page):
            assert "hush" not in text
        assert "show_threshold" in page
        assert "TAGGER_DATA_DIR" in page


def test_a_change_is_previewed_kept_applied_and_taken_back(site: Site) -> None:
    before = shown(site)
    preview = site.send("/settings/preview", {"labels.show_threshold": 0.95})
    assert 0 < preview["labels"]["changed"] <= preview["labels"]["photos"]
    assert preview["labels"]["lost"]
    assert preview["window"] is None
    assert kinds(site, "labels.show_threshold") == ["default"]
    assert not (site.tagger.data / "settings.toml").exists()

    changed = put(site, {"labels.show_threshold": 0.95})
    assert changed["by"] == "server"
    assert changed["before"] == {"labels.show_threshold": None}
    assert told(site, "labels.show_threshold")["value"] == 0.95
    assert kinds(site, "labels.show_threshold") == ["chosen"]
    wait_for(lambda: shown(site) < before, 30)
    # The command line reads the same, and names the file.
    [line] = [one for one in site.tagger("config", "labels").stdout.splitlines() if one.startswith("show_threshold")]
    assert line.split() == ["show_threshold", "=", "0.95", "#", f"{site.tagger.data}/settings.toml:4"]

    assert put(site, changed["before"])["before"] == {"labels.show_threshold": 0.95}
    assert kinds(site, "labels.show_threshold") == ["default"]
    wait_for(lambda: shown(site) == before, 30)


def test_the_work_window_tells_when_it_opens(site: Site) -> None:
    for window, is_open in (("00:00-23:59", True), ("", True)):
        found = site.send("/settings/preview", {"service.work_window": window})["window"]
        assert found is None if window == "" else (found["open"], "close" in found["told"]) == (is_open, True)
    put(site, {"service.work_window": "22:00-06:00", "labels.language": "de"})
    assert site.api("/status")["window"] == "22:00-06:00"
    found = site.send("/settings/preview?lang=de", {"service.work_window": ""})["window"]
    assert found["told"] == "Das Archiv würde jederzeit bearbeitet."
    said = tomllib.loads((site.tagger.data / "settings.toml").read_text())
    assert said == {"labels": {"language": "de"}, "service": {"work_window": "22:00-06:00"}}
    # Who asks for no language is answered in the chosen one.
    assert 'lang="de"' in site.get("/settings").text
    put(site, {"labels.language": None})
    assert 'lang="en"' in site.get("/settings").text
    assert site.api("/status")["window"] == "22:00-06:00"


def test_what_the_owner_says_elsewhere_goes_before_and_is_never_written(gallery: Tagger) -> None:
    file = gallery.home / "config.toml"
    text = "# mine\n[labels]\nlanguage = 'fr'  # as we speak\n"
    file.write_text(text)
    environ = {"TAGGER_CONFIG": str(file), "TAGGER_SERVICE_WORK_WINDOW": "01:00-02:00"}
    with serving(gallery, **environ) as site:
        assert told(site, "labels.language")["fixed"] == f"{file}:3 le fixe ; changez-le là-bas."
        refused = put(site, {"labels.language": "de"}, 400)
        assert f"{file}:3" in refused["cure"]
        assert "TAGGER_SERVICE_WORK_WINDOW" in put(site, {"service.work_window": ""}, 400)["cure"]
        # All or none.
        put(site, {"labels.show_threshold": 0.9, "labels.language": "de"}, 400)
        assert kinds(site, "labels.show_threshold") == ["default"]
        put(site, {"labels.show_threshold": 0.9})
        assert file.read_text() == text
    # What is chosen stays below a file that says it later.
    file.write_text(text + "show_threshold = 0.5\n")
    with serving(gallery, **environ) as site:
        assert told(site, "labels.show_threshold")["value"] == 0.5


def test_another_language_tells_how_many_keywords_would_be_written_anew(gallery_once: Tagger) -> None:
    with serving(gallery_once, TAGGER_KEYWORDS_MODE="sidecar") as site:
        found = site.send("/settings/preview", {"labels.language": "de"})
        assert found["keywords"] == site.api("/status")["labelled"] > 0
    with serving(gallery_once, TAGGER_KEYWORDS_MODE="sidecar", TAGGER_KEYWORDS_LANGUAGES='["fr"]') as site:
        assert site.send("/settings/preview", {"labels.language": "de"})["keywords"] == 0


@pytest.mark.parametrize(
    "values",
    [
        {"labels.language": "xx"},
        {"labels.show_threshold": 1.5},
        {"labels.show_threshold": "0.5"},
        {"service.work_window": "25:00-26:00"},
        {"service.work_window": "22:00-06:00\n"},
        {"hooks.command": ["/bin/sh"]},
        {"web.listen": "0.0.0.0:1"},
        {"language": "de"},
    ],
)
def test_nothing_else_can_be_set(reading: Site, values: dict[str, object]) -> None:
    for method, path in (("PUT", "/settings"), ("POST", "/settings/preview")):
        reading.send(path, values, 422, method=method)
    assert not (reading.tagger.data / "settings.toml").exists()


def test_another_site_and_a_token_that_may_only_read_change_no_settings(gallery: Tagger) -> None:
    secret = {kind: gallery("token", "create", kind, *options).stdout.split()[-1] for kind, options in TOKENS.items()}
    body = json.dumps({"service.work_window": "22:00-06:00"}).encode()
    with serving(gallery, TAGGER_WEB_PASSWORD_HASH=HASH) as site:
        json_body = {"Content-Type": "application/json"}

        def status(method: str, path: str, **headers: str) -> int:
            return site.ask(method, path, body, {**json_body, **headers}).status

        reads = {"Authorization": f"Bearer {secret['reads']}"}
        assert site.get("/api/v1/settings").status == 401
        assert site.get("/api/v1/settings", reads).status == 200
        assert status("POST", "/api/v1/settings/preview", **reads) == 200
        assert status("PUT", "/api/v1/settings", **reads) == 403
        assert status("PUT", "/api/v1/settings") == 401
        assert status("PUT", "/api/v1/settings", Authorization=f"Bearer {secret['writes']}") == 200
    with serving(gallery) as site:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Cookie": "a=b"}):
            assert site.ask("PUT", "/api/v1/settings", body, {**json_body, **headers}).status == 403


TOKENS: dict[str, list[str]] = {"reads": ["--read"], "writes": []}


@pytest.mark.slow
def test_the_running_service_takes_it_at_once(gallery: Tagger) -> None:
    environ = {"TAGGER_WEB_ENABLED": "true"}
    with running(gallery, environ=environ), serving(gallery) as site:
        changed = put(site, {"service.work_window": "22:00-06:00"})
        assert changed["by"] == "service"

        def window() -> object:
            return json.loads(gallery("status", "--json").stdout)["service"]["work_window"]

        wait_for(lambda: window() == "22:00-06:00", 30)
        put(site, changed["before"])
        wait_for(lambda: window() == "", 30)


def test_before_there_is_a_library_settings_can_be_chosen(bare: Tagger) -> None:
    with serving(bare) as site:
        assert site.send("/settings/preview", {"labels.show_threshold": 0.9})["labels"] is None
        put(site, {"service.work_window": "22:00-06:00"})
        assert "22:00" in site.get("/settings").text


def look(page: Page, site: Site) -> None:
    ready(page, "/settings")
    expect(page.get_by_role("heading", name="Settings", exact=True)).to_be_visible()


@pytest.mark.slow
def test_a_person_changes_the_threshold_and_takes_it_back(browser: Browser, site: Site) -> None:
    script = axe_script()
    with watched(browser, site.address) as page:
        page.goto("/drop")
        page.get_by_text("More", exact=True).click()
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()
        expect(page.get_by_role("button", name="Apply")).to_be_disabled()
        expect(page.get_by_text("Default").first).to_be_visible()
        shoot(page, "settings", whole=True)
        assert complaints(page, script) == []
        page.get_by_label("as was measured for the model").uncheck()
        page.get_by_label("Show them from").fill("0.95")
        expect(page.locator("#changed")).to_contain_text("photos would show other labels")
        expect(page.locator("#preview .tile").first).to_be_visible()
        shoot(page, "settings-preview", whole=True)
        assert complaints(page, script) == []
        page.get_by_role("button", name="Apply").click()
        undo = page.get_by_role("button", name="Undo")
        expect(undo).to_be_focused()
        expect(page.locator("#threshold-from")).to_have_text("Chosen on this page")
        assert told(site, "labels.show_threshold")["value"] == 0.95
        assert complaints(page, script) == []
        shoot(page, "settings-done", whole=True)
        undo.click()
        expect(page.locator("#done")).to_have_text("It is as before.")
        assert kinds(site, "labels.show_threshold") == ["default"]
        page.locator("details.settings summary").first.click()
        expect(page.get_by_text("TAGGER_DATA_DIR")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_work_window_is_chosen(browser: Browser, site: Site, scheme: Any) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "color_scheme": scheme, "locale": "de-DE"}
    with watched(browser, site.address, **phone) as page:
        ready(page, "/settings")
        page.get_by_label("Jederzeit").tap()
        page.get_by_label("Von", exact=True).fill("23:15")
        expect(page.locator("#preview")).to_contain_text("Neue Fotos kommen sofort an die Reihe")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        shoot(page, f"settings-phone-{scheme}", whole=True)
        page.get_by_role("button", name="Anwenden").tap()
        expect(page.get_by_role("button", name="Rückgängig")).to_be_visible()
        assert told(site, "service.work_window")["value"] == "23:15-06:00"
        assert complaints(page, axe_script()) == []


@pytest.mark.slow
def test_with_the_keyboard_alone_the_language_is_changed(browser: Browser, site: Site) -> None:
    # This browser asks for a language that labels have no names in.
    with watched(browser, site.address, locale="tlh") as page:
        look(page, site)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        for _ in range(3):
            if page.evaluate("document.activeElement.id") == "language":
                break
            page.keyboard.press("Tab")
        page.keyboard.type("Deu")
        expect(page.locator("#preview")).to_contain_text("Nothing is written into photos for it.")
        expect(page.get_by_role("button", name="Apply")).to_be_enabled()
        page.keyboard.press("Enter")
        for _ in range(12):
            if page.evaluate("document.activeElement.id") == "apply":
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Rückgängig")).to_be_focused()
        expect(page.get_by_role("heading", name="Einstellungen", exact=True)).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.locator("#done")).to_have_text("It is as before.")


@pytest.mark.slow
def test_what_is_said_elsewhere_cannot_be_touched(browser: Browser, gallery: Tagger) -> None:
    with (
        serving(gallery, TAGGER_LABELS_LANGUAGE="en", TAGGER_SERVICE_WORK_WINDOW="22:00-06:00") as site,
        watched(browser, site.address) as page,
    ):
        look(page, site)
        expect(page.get_by_label("Language of the labels")).to_be_disabled()
        expect(page.get_by_label("At any time")).to_be_disabled()
        expect(page.locator("#window-from")).to_contain_text("TAGGER_SERVICE_WORK_WINDOW")
        page.get_by_label("as was measured for the model").uncheck()
        page.get_by_label("Show them from").fill("0.95")
        page.get_by_role("button", name="Apply").click()
        expect(page.get_by_role("button", name="Undo")).to_be_visible()
        assert complaints(page, axe_script()) == []
