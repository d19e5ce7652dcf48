"""Every page and state as people see it: desktop and phone, light and dark, English and German.

The pictures go to the folder $SCREENSHOTS, to be looked at. What a machine can see of them is asserted: nothing is
wider than the screen or cut off or below the bar of a phone, what a finger hits is large enough, no console error.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cli.gallery import PHOTOS, found_elsewhere
from tests.cli.runner import Tagger
from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site, serving
from tests.web.test_browser import drop, ready
from tests.web.test_first_password import OPEN
from tests.web.test_guard import FORM, HASH
from tests.web.test_tasks import done

pytestmark = pytest.mark.slow

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "device_scale_factor": 1.5}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
# No picture is higher.
HIGHEST = 1400
FOLDER = os.environ.get("SCREENSHOTS", "")
SCHEMES = ("light", "dark")
# Where nobody looks at the pictures, the two that differ most say what a machine can see.
VARIANTS = [(1280, "en-GB"), (360, "de-DE"), *([(1280, "de-DE"), (360, "en-GB")] if FOLDER else [])]

# Texts that stand outside what they are in, where that neither scrolls nor ends in dots, or outside the window.
CUT_OFF = """() => {
    const found = [], all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const left_out = ".hidden, .skip, .said, .caption, option, noscript, svg";
    const seen = { visibilityProperty: true, opacityProperty: true };
    for (let node; (node = all.nextNode());) {
        const parent = node.parentElement;
        if (!node.data.trim() || !parent.checkVisibility(seen) || parent.closest(left_out)) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const text = range.getBoundingClientRect();
        let may_leave = false;
        for (let box = parent; box !== document.body && text.width; box = box.parentElement) {
            const style = getComputedStyle(box), edge = box.getBoundingClientRect();
            may_leave = /auto|scroll/.test(style.overflowX + style.overflowY) || style.textOverflow === "ellipsis";
            // What only screen readers read.
            may_leave ||= edge.width < 2;
            if (may_leave) break;
            if (style.overflowX !== "visible" && (text.right > edge.right + 1.5 || text.left < edge.left - 1.5
                || text.bottom > edge.bottom + 3)) found.push(node.data.trim());
        }
        if (!may_leave && (text.left < -1 || text.right > innerWidth + 1)) found.push(node.data.trim());
    }
    return [...new Set(found)].slice(0, 8);
}"""

# What a finger may miss: lower or narrower than 44 px. A link within a text is as high as its line.
TOO_SMALL = """() => {
    const all = "button, .button, summary, select, input:not([type=checkbox], [type=hidden]), .top nav > a, .tabs a, "
        + ".facets a, .jump a, .step a, .cards a, .tree li > a, .further div a";
    return [...document.querySelectorAll(all)].filter((one) => {
        if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
        if (one.closest(".hidden, .skip, .pswp") || one.matches(".hidden, .plain, .pick")) return false;
        const box = one.getBoundingClientRect();
        return box.width && (box.height < 43.5 || box.width < 43.5);
    }).map((one) => {
        const box = one.getBoundingClientRect();
        return `${one.outerHTML.slice(0, 70)} ${Math.round(box.width)}x${Math.round(box.height)}`;
    }).slice(0, 12);
}"""

# What stands below the bar even when all is scrolled away.
COVERED = """() => {
    const bar = document.querySelector("header nav");
    if (!bar || getComputedStyle(bar).position !== "fixed") return false;
    scrollTo(0, document.documentElement.scrollHeight);
    const last = document.querySelector("main").lastElementChild, top = bar.getBoundingClientRect().top;
    const under = last && last.getBoundingClientRect().bottom > top + 1;
    scrollTo(0, 0);
    return under;
}"""


@dataclass(frozen=True)
class Screen:
    """A page or a state of it. `act`: what is done before it is looked at. `axe`: no other test asks axe about it."""

    name: str
    path: str
    act: Callable[[Page], object] = lambda page: None
    axe: bool = False
    refused: int = 0


def open_lightbox(page: Page) -> None:
    page.locator("#grid a.tile").first.click()
    page.locator(".pswp__told .chips li").first.wait_for()
    page.locator(".pswp__button--information").click()
    page.locator(".pswp__told .facts").wait_for()
    page.wait_for_timeout(400)


def type_a_word(page: Page) -> None:
    # The scripts wait for the words of the language.
    page.wait_for_load_state("networkidle")
    page.get_by_role("combobox").type("dri")
    page.get_by_role("option").first.wait_for()


def select_some(page: Page) -> None:
    tiles = page.locator("#grid a.tile")
    page.locator("#grid .pick").first.wait_for(state="attached")
    for number in (0, 2, 3):
        tiles.nth(number).focus()
        page.keyboard.press("x")


def open_dialog(number: int) -> Callable[[Page], object]:
    """One of the things that are done with chosen photos, the first being 0."""

    def act(page: Page) -> None:
        select_some(page)
        page.locator(".acts button").nth(number).click()
        page.locator("dialog[open] h2").wait_for()
        page.wait_for_timeout(300)

    return act


def preview_writing(page: Page) -> None:
    open_dialog(4)(page)
    page.locator("dialog .files li").first.wait_for()


def zoom(page: Page) -> None:
    wait_for_copies(page)
    page.locator("#zoom").click()
    page.locator("#copies .choice").first.hover()
    page.wait_for_timeout(500)


def teach(page: Page) -> None:
    page.locator("#grid .pick").first.wait_for(state="attached")
    page.keyboard.press("Control+a")
    page.locator(".acts").wait_for()
    page.locator(".acts button").nth(3).click()
    page.locator("#action-label").fill("Mitzi")
    page.keyboard.press("Enter")
    page.locator("dialog .measures svg").wait_for()


def why(page: Page) -> None:
    page.locator("#why summary").click()
    page.locator("#why table").wait_for()


def drop_two(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    drop(page, PHOTOS / "coffee.jpg", PHOTOS / "cat.jpg")
    expect(page.locator(".answer .classes.first")).to_have_count(2, timeout=180_000)


def preview_rules(page: Page) -> None:
    page.locator("input[name=silence]").check()
    page.locator("#changed").wait_for()


def wait_for_copies(page: Page) -> None:
    page.locator("#copies .choice").first.wait_for()
    page.wait_for_timeout(300)


def wait_for_taught(page: Page) -> None:
    page.locator("#taught .ask").first.click()
    page.locator("#taught .answers-few li").first.wait_for()


def opened(selector: str) -> Callable[[Page], object]:
    return lambda page: page.locator(selector).first.click()


def marked(page: Page) -> None:
    page.locator("#marks button").nth(1).click()


SCREENS = (
    Screen("start", "/"),
    Screen("start-suggestions", "/", type_a_word),
    Screen("search", "/?q=animal&facets=1"),
    Screen("search-dated", "/?q=type:jpeg"),
    Screen("search-nothing", "/?q=unicron", refused=1),
    Screen("search-wrong", "/?q=(", refused=1),
    Screen("selected", "/?q=animal", select_some, axe=True),
    Screen("dialog-add", "/?q=animal", open_dialog(0), axe=True),
    Screen("dialog-write", "/?q=animal", preview_writing, axe=True),
    Screen("dialog-teach", "/?q=path:cat+OR+cat", teach),
    Screen("lightbox", "/?q=animal", open_lightbox),
    Screen("photo", "/photos/PHOTO"),
    Screen("photo-why", "/photos/PHOTO", why),
    Screen("photo-failed", "/photos/BROKEN", axe=True),
    Screen("labels", "/labels"),
    Screen("labels-tree", "/labels?view=tree"),
    Screen("label", "/labels/n07920052", preview_rules),
    Screen("albums", "/albums", axe=True),
    Screen("albums-change", "/albums", opened(".albums summary"), axe=True),
    Screen("review", "/review"),
    Screen("review-many", "/review?view=many", marked, axe=True),
    Screen("duplicates", "/duplicates", wait_for_copies),
    Screen("duplicates-zoomed", "/duplicates", zoom, axe=True),
    Screen("duplicates-none", "/duplicates?least=0.99", lambda page: page.wait_for_timeout(500)),
    Screen("taught", "/taught", wait_for_taught),
    Screen("status", "/status"),
    Screen("failed", "/failed"),
    Screen("drop", "/drop"),
    Screen("drop-answers", "/drop", drop_two),
    Screen("docs", "/api/docs"),
    Screen("not-found", "/nothing", refused=1),
    Screen("offline", "/offline", axe=True),
    Screen("languages", "/status", opened("details.language summary")),
    Screen("more", "/status", opened("details.further summary")),
)
WITHOUT = ("/", "/labels", "/albums", "/review", "/duplicates", "/taught", "/status", "/failed")


@pytest.fixture(scope="module")
def library(gallery_once: Tagger, tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    """The gallery with dates, a town, cameras and doubles."""
    home = tmp_path_factory.mktemp("library") / "Photos of Ann"
    shutil.copytree(gallery_once.home, home)
    tagger = Tagger(home, dict(gallery_once.environ))
    found_elsewhere(tagger.database, home / "photos")
    with sqlite3.connect(tagger.database) as connection:
        ids = [number for (number,) in connection.execute("SELECT id FROM photos WHERE taken IS NULL ORDER BY id")]
        for place, number in enumerate(ids[: len(ids) * 4 // 5]):
            day = f"{2024 - place // 30}-{12 - place // 5 % 6:02}-{28 - place % 5 * 3:02}T1{place % 9}:24:00"
            connection.execute("UPDATE photos SET taken = ? WHERE id = ?", (day, number))
        for place, (kind, name) in enumerate([("town", "Sitges"), ("town", "Garmisch-Partenkirchen")]):
            added = "INSERT INTO terms (kind, name, folded) VALUES (?, ?, ?)"
            term = connection.execute(added, (kind, name, name.lower())).lastrowid
            for number in ids[place * 12 : place * 12 + 12]:
                connection.execute("INSERT INTO photo_terms (photo_id, term_id) VALUES (?, ?)", (number, term))
    connection.close()
    return tagger


@pytest.fixture(scope="module")
def site(library: Tagger) -> Iterator[Site]:
    with serving(library, TAGGER_KEYWORDS_MODE="sidecar") as found:
        for name, query in [("Animals at home", "cat OR dog"), ("Überraschungsgeburtstag 2024", "food OR drink")]:
            form = urlencode({"name": name, "q": query}).encode()
            assert found.ask("POST", "/albums", form, {**FORM, "Sec-Fetch-Site": "same-origin"}).status == 303
        cats = found.api("/search/ids?q=path:cat+OR+cat")["photos"]
        done(found, found.send("/taught", {"name": "our cat", "yes": cats}, 202))
        done(found, found.send("/duplicates", {"least": 0.95}, 202))
        _make_pictures(found)
        yield found


def _make_pictures(site: Site) -> None:
    """Have every thumbnail made, so that none is still a clock."""
    ids = site.api("/search/ids")["photos"]
    paths = [f"/api/v1/photos/{number}/picture?size={size}" for number in ids for size in ("thumbnail", "large")]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(site.get, paths))


@dataclass
class Camera:
    """Takes pictures, and notes what a machine can see of them."""

    folder: Path
    variant: str
    axe: str
    faults: dict[str, object]

    def shoot(self, page: Page, name: str, *, axe: bool = False) -> None:
        """Two pictures of the whole page, or of what lies over it."""
        size = dict(page.viewport_size or {})
        self._look(page, name)
        if not page.locator("dialog[open], .pswp, .selection:not([hidden])").count():
            high = page.evaluate("scrollTo(0, 0), document.documentElement.scrollHeight")
            # Not full_page, which leaves what is fixed where it was, and forgets that this is a phone.
            page.set_viewport_size({"width": size["width"], "height": max(size["height"], min(high, HIGHEST))})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            # Desktop and phone, one in each.
            if axe and (scheme == "dark") == (size["width"] < 500):
                self._note(f"{name} {scheme} axe", complaints(page, self.axe))
            page.screenshot(path=self.folder / f"{name}-{self.variant}-{scheme}.png")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(size)  # type: ignore[arg-type]

    def _look(self, page: Page, name: str) -> None:
        width = page.viewport_size["width"]  # type: ignore[index]
        wide = page.evaluate("document.documentElement.scrollWidth")
        self._note(f"{name} wide", wide if wide > width else None)
        self._note(f"{name} cut off", page.evaluate(CUT_OFF))
        if width < 500:
            self._note(f"{name} covered", page.evaluate(COVERED))
            self._note(f"{name} too small", page.evaluate(TOO_SMALL))

    def _note(self, what: str, found: object) -> None:
        if found:
            self.faults[f"{self.variant} {what}"] = found


@pytest.mark.parametrize(("width", "locale"), VARIANTS)
def test_every_page_is_fit_to_be_seen(
    browser: Browser, site: Site, bare: Tagger, tmp_path: Path, width: int, locale: str
) -> None:
    folder = Path(FOLDER or tmp_path) / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {**(PHONE if width < 500 else DESKTOP), "locale": locale}
    camera = Camera(folder, f"{width}-{locale[:2]}", axe_script(), {})
    photos = {"PHOTO": site.photo("cat.jpg"), "BROKEN": site.photo("broken.jpg")}
    with watched(browser, site.address, refused=sum(one.refused for one in SCREENS), **options) as page:
        # A busy machine makes pictures slowly.
        page.set_default_timeout(90_000)
        for one in SCREENS:
            path = one.path
            for name, number in photos.items():
                path = path.replace(name, str(number))
            if one.path.startswith("/review?"):
                page.goto(path)
            else:
                ready(page, path)
            one.act(page)
            page.wait_for_timeout(150)
            camera.shoot(page, one.name, axe=one.axe)
    with ExitStack() as open_:
        empty = Tagger(tmp_path / "empty", dict(bare.environ))
        (empty.home / "Photos").mkdir(parents=True)
        empty("backfill", empty.home / "Photos", code=None)
        for kind, tagger in (("empty", empty), ("first", bare)):
            other = open_.enter_context(serving(tagger))
            with watched(browser, other.address, refused=3 * len(WITHOUT), **options) as page:
                page.set_default_timeout(90_000)
                for path in WITHOUT:
                    page.goto(path)
                    page.wait_for_load_state("networkidle") if path != "/status" else page.wait_for_timeout(300)
                    camera.shoot(page, f"{kind}{path.replace('/', '-')}", axe=True)
        for kind, environ in (("setup", OPEN), ("login", {"TAGGER_WEB_PASSWORD_HASH": HASH})):
            other = open_.enter_context(serving(bare, **environ))
            with watched(browser, other.address, refused=1, **options) as page:
                page.set_default_timeout(90_000)
                page.goto("/")
                page.locator("form.card").wait_for()
                camera.shoot(page, kind, axe=kind == "setup")
    assert camera.faults == {}
