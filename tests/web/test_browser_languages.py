"""The pages in German and Japanese, in real Chromium: nothing too wide, nothing that axe complains of, `lang` right."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site
from tests.web.test_browser import PAGES, ready, shoot

pytestmark = pytest.mark.slow

# Texts in Japanese signs that stand in no element of that language, but for what is only heard with its element.
UNMARKED = """() => {
    const found = [], all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = all.nextNode());) {
        const marked = node.parentElement.closest("[lang=ja], [lang=zh]");
        if (/[\\u3041-\\u30ff\\u4e00-\\u9fff]/.test(node.data) && !marked) found.push(node.data);
    }
    return found;
}"""


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize(("locale", "page_language"), [("de-DE", "de"), ("ja-JP", "en")])
def test_every_page_in_another_language(
    browser: Browser, reading: Site, locale: str, page_language: str, width: int
) -> None:
    script, coffee = axe_script(), reading.photo("coffee.jpg")
    size = {"width": width, "height": 800}
    found: dict[str, object] = {}
    with watched(browser, reading.address, refused=2, viewport=size, locale=locale) as page:
        for number, path in enumerate([*PAGES, "/albums"]):
            ready(page, path, coffee)
            page.wait_for_timeout(300)
            if "photos/" in path:
                page.locator("#why summary").click()
                expect(page.locator("#why table")).to_be_visible()
            shoot(page, f"{locale}-{width}-{number:02}", whole=True)
            wide = page.evaluate("document.documentElement.scrollWidth")
            unmarked = page.evaluate(UNMARKED) if page_language == "en" else []
            wrong = [*complaints(page, script), *unmarked, *([wide] if wide > width else [])]
            if wrong or page.locator("html").get_attribute("lang") != page_language:
                found[path] = wrong
        # The menu of languages, within the screen and complete.
        ready(page, "/labels")
        page.locator("details.language summary").click()
        menu = page.locator("details.language form")
        expect(menu.get_by_role("button")).to_have_count(12)
        box = menu.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        found["menu"] = complaints(page, script)
        shoot(page, f"{locale}-{width}-menu")
        page.keyboard.press("Escape")
        expect(menu).to_be_hidden()
        page.locator("details.language summary").click()
        menu.get_by_role("button", name="Español").click()
        expect(page.locator("h1")).to_contain_text("etiquetas")
        expect(page).to_have_url(f"{reading.address}/labels")
    assert {path: what for path, what in found.items() if what} == {}
