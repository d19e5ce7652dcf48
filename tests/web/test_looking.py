"""Looking at photos in real Chromium: the lightbox, and pictures that are slow, broken or of another size."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import tagger.web
from tests.cli.gallery import COUNT, PHOTOS
from tests.cli.service import wait_for
from tests.web.browser import axe_script, chromium, complaints, watched
from tests.web.site import Site, serving
from tests.web.test_browser import shoot

STATIC = Path(tagger.web.__file__).parent / "static"


def test_photoswipe_is_as_its_package_has_it() -> None:
    folder = STATIC / "photoswipe"
    told = re.findall(r"^([0-9a-f]{64})  (\S+)$", (folder / "PHOTOSWIPE-NOTICE").read_text(), re.M)
    assert {name for _, name in told} == {path.name for path in folder.iterdir() if path.suffix in (".js", ".css")}
    for digest, name in told:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=20_000)
    with chromium() as found:
        yield found
    expect.set_options(timeout=5_000)


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('href')"))


def links(page: Page) -> list[str]:
    return list(page.locator("#grid a.tile").evaluate_all("all => all.map((one) => one.getAttribute('href'))"))


@pytest.mark.slow
def test_photos_are_looked_at_one_after_another_and_esc_leads_back(browser: Browser, reading: Site) -> None:
    with watched(browser, reading.address) as page:
        page.goto("/?q=animal")
        page.wait_for_load_state("load")
        all_of_them, dialog = links(page), page.get_by_role("dialog", name="Photos in the whole window")
        page.locator("#grid a.tile").nth(1).click()
        expect(dialog).to_be_visible()
        expect(page).to_have_url(re.compile(re.escape(all_of_them[1]) + "$"))
        expect(dialog.locator(".pswp__told .chips li").first).to_be_visible()
        page.wait_for_timeout(400)
        shoot(page, "lightbox")
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        expect(page).to_have_url(re.compile(re.escape(all_of_them[6]) + "$"))
        page.keyboard.press("l")
        expect(dialog.locator(".chips")).to_be_hidden()
        page.keyboard.press("i")
        expect(dialog.locator(".facts")).to_contain_text(".jpg")
        expect(dialog.get_by_role("button", name="Information (i)")).to_have_attribute("aria-pressed", "true")
        page.wait_for_timeout(400)
        assert complaints(page, axe_script()) == []
        shoot(page, "lightbox-information")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(page).to_have_url(re.compile(r"\?q=animal$"))
        wait_for(lambda: focused(page) == all_of_them[6], 20)
        expect(page.locator("#grid a.tile").nth(6)).to_be_in_viewport()
        # The browser's own way back closes it, too, and the labels stay as they were chosen.
        page.keyboard.press("Enter")
        expect(dialog).to_be_visible()
        expect(dialog.locator(".chips")).to_be_hidden()
        page.go_back()
        expect(dialog).to_have_count(0)
        expect(page).to_have_url(re.compile(r"\?q=animal$"))
        wait_for(lambda: focused(page) == all_of_them[6], 20)


@pytest.mark.slow
def test_zooming_in_shows_the_pixels_of_the_photo(browser: Browser, reading: Site) -> None:
    with watched(browser, reading.address) as page:
        page.goto("/?q=path:chelsea.jpg OR path:coffee.jpg")
        page.locator("#grid a.tile").first.click()
        shown = page.locator(".pswp__item[aria-hidden=false] img.pswp__img:not(.pswp__img--placeholder)")
        expect(shown).to_be_visible()
        before = (shown.bounding_box() or {"width": 0})["width"]
        page.keyboard.press("z")
        wait_for(lambda: (shown.bounding_box() or {"width": 0})["width"] > 1.5 * before, 10)
        page.keyboard.press("Escape")


@pytest.mark.slow
def test_the_lightbox_goes_on_where_the_grid_ends_yet(browser: Browser, reading: Site) -> None:
    with watched(browser, reading.address, viewport={"width": 1280, "height": 300}) as page:
        page.goto("/")
        page.wait_for_load_state("load")
        page.locator("#grid a.tile").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        # The one that is shown may be the last that is there yet.
        last = ""
        for _ in range(20 * COUNT):
            if last and page.url.endswith(last):
                break
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(40)
            there = links(page)
            last = there[-1] if len(there) == COUNT else ""
        assert len(links(page)) == COUNT
        expect(page).to_have_url(re.compile(re.escape(links(page)[-1]) + "$"))
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        wait_for(lambda: focused(page) == links(page)[-1], 20)


@pytest.mark.slow
def test_broken_photos_between_good_ones_hold_up_none(browser: Browser, gallery: object) -> None:
    photos = gallery.home / "photos"  # type: ignore[attr-defined]
    coffee = (PHOTOS / "coffee.jpg").read_bytes()
    for number in range(40):
        (photos / f"broken {number:02}.jpg").write_bytes(coffee[: 300 + number])
    gallery("backfill", "--offline", photos, code=None)  # type: ignore[operator]
    with serving(gallery) as site, watched(browser, site.address) as page:  # type: ignore[arg-type]
        page.goto("/")
        page.wait_for_load_state("load")
        seen = "[...document.images].filter((one) => one.getBoundingClientRect().top < innerHeight)"
        wait_for(lambda: page.evaluate(f"{seen}.every((one) => one.complete && one.naturalWidth > 0)"), 60)
        # At once or on asking again each has a symbol or its picture; the server was never asked for what it refuses.
        shoot(page, "broken")
        page.mouse.wheel(0, 1500)
        wait_for(lambda: page.evaluate(f"{seen}.every((one) => one.complete && one.naturalWidth > 0)"), 60)
