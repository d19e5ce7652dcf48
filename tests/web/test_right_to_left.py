"""The page read from the right, as a translation may be: it is mirrored, and nothing is cut off."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.browser import watched
from tests.web.site import Site
from tests.web.test_browser import ready

pytestmark = pytest.mark.slow


def mirrored(page: Page, path: str) -> None:
    ready(page, path)
    page.evaluate("document.documentElement.dir = 'rtl'")


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_are_mirrored_and_nothing_is_cut_off(browser: Browser, reading: Site, width: int) -> None:
    with watched(browser, reading.address, viewport={"width": width, "height": 800}) as page:
        for path in (
            "/",
            "/?q=*",
            "/labels",
            "/albums",
            "/review",
            "/duplicates",
            "/taught",
            "/status",
            "/failed",
            "/drop",
        ):
            mirrored(page, path)
            assert page.evaluate("document.documentElement.scrollWidth") == width, path
            brand, main = page.locator(".brand").bounding_box(), page.locator("main").bounding_box()
            assert brand is not None
            assert main is not None
            assert brand["x"] + brand["width"] / 2 > width / 2, path
            assert main["x"] >= 0, path
            assert main["x"] + main["width"] <= width, path


def test_arrows_go_where_the_photos_stand(browser: Browser, reading: Site) -> None:
    with watched(browser, reading.address) as page:
        mirrored(page, "/?q=*")
        tiles = page.locator("#grid .tile")
        tiles.nth(0).focus()
        page.keyboard.press("ArrowLeft")
        expect(tiles.nth(1)).to_be_focused()
        first, second = tiles.nth(0).bounding_box(), tiles.nth(1).bounding_box()
        assert first is not None
        assert second is not None
        assert second["x"] < first["x"]
        page.keyboard.press("ArrowRight")
        expect(tiles.nth(0)).to_be_focused()
        # The years stand at the edge where lines end.
        dates = page.locator(".dates").bounding_box()
        assert dates is None or dates["x"] < 200
