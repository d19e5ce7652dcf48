"""The page in real Chromium behind nginx as docs/web.md has it: below a path, at a port that is not tagger's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.cli.gallery import COUNT, PHOTOS
from tests.cli.runner import Tagger
from tests.cli.service import running, wait_for
from tests.web.browser import chromium, watched
from tests.web.proxies import Proxy, documented_nginx, free_port, nginx
from tests.web.test_browser import drop, shoot
from tests.web.test_guard import HASH, PASSWORD

pytestmark = pytest.mark.slow


def answers(proxy: Proxy) -> bool:
    try:
        return proxy.ask("GET", "/login").status == 200
    except TimeoutError:
        return False


def test_login_corrections_uploads_and_the_live_status(gallery: Tagger, tmp_path: Path) -> None:
    own, odd = free_port(), free_port()
    web = {
        "TAGGER_WEB_ENABLED": "true",
        "TAGGER_WEB_LISTEN": f"127.0.0.1:{own}",
        "TAGGER_WEB_ROOT_PATH": "/tagger",
        "TAGGER_WEB_PASSWORD_HASH": HASH,
        # Beside other tests it would be last.
        "TAGGER_SERVICE_NICE": "0",
    }
    photos = gallery.home / "photos"
    (tmp_path / "nginx").mkdir()
    location = documented_nginx().replace("127.0.0.1:8643", f"127.0.0.1:{own}")
    address = f"http://127.0.0.1:{odd}/tagger"
    with (
        running(gallery, photos, environ=web) as service,
        nginx(tmp_path / "nginx", odd, location),
        chromium() as browser,
        watched(browser, address) as page,
    ):
        # Until the service's page is there nginx has nobody to ask.
        wait_for(lambda: answers(Proxy(odd, f"127.0.0.1:{odd}", root="/tagger")), 120, service.said)
        page.goto(f"{address}/status")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{address}/status")

        expect(page.locator("#photos")).to_have_text(str(COUNT))
        # Nobody reloads the page.
        (photos / "new.jpg").write_bytes((photos / "turned.jpg").read_bytes() + b"\0")
        expect(page.locator("#photos")).to_have_text(str(COUNT + 1), timeout=60_000)
        shoot(page, "status-behind-nginx")

        page.goto(f"{address}/?q=espresso")
        page.locator("#grid a").first.click()
        expect(page).to_have_url(re.compile(rf"{address}/photos/\d+"))
        # The address is that of the photo's page, whatever is shown of it.
        page.goto(page.url)
        page.get_by_label("Add a label").fill("Mitzi")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(".labels")).to_contain_text("Mitzi", timeout=30_000)
        assert len(gallery.found("Mitzi")) == 1

        page.goto(f"{address}/drop")
        drop(page, PHOTOS / "coffee.jpg")
        expect(page.locator(".answer .classes.first li").first).to_contain_text("espresso", timeout=60_000)

        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Password")).to_be_visible()
