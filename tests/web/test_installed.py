"""The page as an app: manifest, icons, and a service worker that keeps one page and nothing of the library."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.runner import Tagger
from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site, serving
from tests.web.test_guard import HASH, PASSWORD

# The addresses of all that the page keeps in this browser.
KEPT = """async () => {
    const found = [];
    for (const name of await caches.keys()) {
        for (const one of await (await caches.open(name)).keys()) found.push(new URL(one.url).pathname);
    }
    return found;
}"""
WORKERS = "async () => (await navigator.serviceWorker.getRegistrations()).length"


def test_the_manifest_names_icons_that_are_there(reading: Site) -> None:
    answer = reading.get("/static/manifest.webmanifest")
    assert answer.headers["content-type"].startswith("application/manifest+json")
    manifest = answer.json
    assert (manifest["start_url"], manifest["display"]) == ("../", "standalone")
    for icon in manifest["icons"]:
        picture = reading.get(f"/static/{icon['src']}")
        assert picture.headers["content-type"] == icon["type"]
        if icon["type"] == "image/png":
            assert (
                f"{int.from_bytes(picture.body[16:20], 'big')}x{int.from_bytes(picture.body[20:24], 'big')}"
                == (icon["sizes"])
            )
    assert 'rel="manifest"' in reading.get("/").text
    worker = reading.get("/worker.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    # Without any script, so that no other rule is needed for it.
    assert "<script" not in reading.get("/offline").text


@pytest.mark.slow
def test_without_the_server_there_is_a_page_that_says_so_and_after_logging_out_nothing(
    browser: Browser, gallery_once: Tagger
) -> None:
    with serving(gallery_once, TAGGER_WEB_PASSWORD_HASH=HASH) as site:
        page_of = watched(browser, site.address, refused=3)
        with page_of as page:
            page.goto("/login")
            page.get_by_label("Password").fill(PASSWORD)
            page.keyboard.press("Enter")
            expect(page.locator("#grid .tile").first).to_be_visible()
            page.evaluate("navigator.serviceWorker.ready.then(() => true)")
            page.goto("/?q=cat")
            page.goto("/status")
            assert sorted(page.evaluate(KEPT)) == ["/offline", "/static/app.css", "/static/icon.svg"]
            page.get_by_role("button", name="Log out").click()
            expect(page.get_by_label("Password")).to_be_visible()
            assert page.evaluate(WORKERS) == 0
            assert page.evaluate(KEPT) == []


@pytest.mark.slow
def test_the_offline_page_is_shown_when_the_server_is_gone(browser: Browser, gallery_once: Tagger) -> None:
    with serving(gallery_once) as site, watched(browser, site.address, refused=20) as page:
        page.goto("/")
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        page.goto("/labels")
        page.context.set_offline(True)
        page.goto("/albums")
        expect(page.get_by_role("heading", level=1)).to_contain_text("tagger cannot be reached")
        assert complaints(page, axe_script()) == []
        page.context.set_offline(False)
        page.get_by_role("link", name="Try again").click()
        expect(page.locator("#grid .tile").first).to_be_visible()
