"""Choosing several photos and working on them, in real Chromium: by mouse, keyboard and touch."""

from __future__ import annotations

import re
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cli.runner import Tagger
from tests.cli.service import wait_for
from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site, serving
from tests.web.test_browser import ready, shoot

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("patient")]


@pytest.fixture(scope="module")
def shelf(gallery_once: Tagger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One library that all tests of this file change, each some other label; keywords are written beside."""
    home = tmp_path_factory.mktemp("shelf") / "gallery"
    shutil.copytree(gallery_once.home, home)
    with sqlite3.connect(home / "data" / "library.db") as connection:
        connection.execute("UPDATE roots SET path = ?", (str(home / "photos"),))
        connection.execute("UPDATE photos SET inode = NULL, ctime_ns = NULL")
    connection.close()
    with serving(Tagger(home, dict(gallery_once.environ)), TAGGER_KEYWORDS_MODE="sidecar") as site:
        yield site


def choosing(page: Page, path: str) -> None:
    """Go there, and wait until photos can be chosen."""
    ready(page, path)
    page.locator("#grid .pick").first.wait_for(state="attached")


def chosen(page: Page) -> int:
    bar = page.locator("section.selection")
    if not bar.is_visible() or not bar.locator("strong").is_visible():
        return 0
    return int(re.sub(r"\D", "", bar.locator("strong").inner_text()))


def press(page: Page, key: str, number: int) -> None:
    page.keyboard.press(key)
    wait_for(lambda: chosen(page) == number, 60, lambda: f"{chosen(page)} of {number}")


def test_photos_are_chosen_by_mouse_and_keyboard(browser: Browser, shelf: Site) -> None:
    with watched(browser, shelf.address) as page:
        choosing(page, "/")
        tiles = page.locator("#grid a.tile")
        expect(page.locator("section.selection")).to_be_hidden()
        tiles.nth(1).hover()
        page.locator(".pick").nth(1).click()
        assert chosen(page) == 1
        # From now on a click chooses; with Shift all in between.
        tiles.nth(4).click(modifiers=["Shift"])
        assert chosen(page) == 4
        tiles.nth(2).click()
        assert chosen(page) == 3
        expect(page.locator(".pick").nth(2)).to_have_attribute("aria-pressed", "false")
        expect(page).to_have_url(re.compile("/$"))
        page.keyboard.press("Escape")
        assert chosen(page) == 0
        expect(page.locator("section.selection")).to_be_hidden()
        # By keyboard alone.
        tiles.first.focus()
        press(page, "x", 1)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        press(page, "Shift+X", 3)
        press(page, "x", 2)
        whole = shelf.api("/search/count")["photos"]
        press(page, "Control+a", whole)
        assert whole > tiles.count()
        # What comes later is marked, too.
        page.keyboard.press("End")
        # The link to the next page goes when its photos come.
        wait_for(lambda: page.evaluate("scrollTo(0, document.body.scrollHeight)") or tiles.count() == whole, 60)
        expect(tiles).to_have_count(whole)
        assert page.locator(".pick[aria-pressed=true]").count() == whole
        page.get_by_role("combobox").focus()
        page.keyboard.press("x")
        assert page.get_by_role("combobox").input_value() == "x"
        assert chosen(page) == whole
        page.get_by_role("button", name="Clear selection").click()
        assert chosen(page) == 0
        # With the keyboard a photo is still opened while some are chosen.
        tiles.nth(0).focus()
        press(page, "x", 1)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/photos/\d+$"), timeout=30_000)


def test_a_label_is_added_confirmed_removed_and_taken_back(browser: Browser, shelf: Site) -> None:
    with watched(browser, shelf.address, refused=1) as page:
        choosing(page, "/?q=espresso")
        number = shelf.api("/search/count?q=espresso")["photos"]
        press(page, "Control+a", number)
        page.get_by_role("button", name="Add label").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(f"Add a label to {number} photos")
        expect(page.get_by_label("Label", exact=True)).to_be_focused()
        page.keyboard.type("a strong one")
        expect(dialog).to_contain_text(f"{number} photos would change")
        page.keyboard.press("Enter")
        expect(page.locator(".selection .done")).to_contain_text(f"{number} photos changed")
        assert shelf.api("/search/count?q=%22a+strong+one%22")["photos"] == number
        # Without the mouse, the way back is at hand.
        expect(page.get_by_role("button", name="Undo")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator(".selection .done")).to_contain_text(f"{number} photos are as before")
        assert shelf.api("/search/count?q=%22a+strong+one%22")["photos"] == 0

        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_label("Label", exact=True)).to_have_value("espresso")
        expect(dialog).to_contain_text(f"{number} photos would change")
        dialog.get_by_role("button", name="Remove").click()
        expect(page.locator(".selection .done")).to_contain_text(f"{number} photos changed")
        assert shelf.api("/search/count?q=espresso")["photos"] == 0
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".selection .done")).to_contain_text("as before")
        assert shelf.api("/search/count?q=espresso")["photos"] == number

        # Of several labels that stand on a photo, the first is offered.
        cat = shelf.photo("cat.jpg")
        names = [one["name"] for one in shelf.api(f"/photos/{cat}")["labels"] if one["shown"]]
        assert len(names) > 1
        page.get_by_role("button", name="Clear selection").click()
        choosing(page, "/?q=path:cat.jpg")
        number = shelf.api("/search/count?q=path:cat.jpg")["photos"]
        press(page, "Control+a", number)
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_label("Label", exact=True)).to_have_value(names[0])
        page.get_by_label("Label", exact=True).fill("unicron")
        dialog.get_by_role("button", name="Confirm").click()
        expect(dialog).to_contain_text("No photo has the label 'unicron'")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert chosen(page) == number


def test_they_are_taught_written_and_downloaded(browser: Browser, shelf: Site, tmp_path: Path) -> None:
    folder = shelf.tagger.home / "photos"
    with watched(browser, shelf.address, accept_downloads=True) as page:
        choosing(page, "/?q=path:cat+OR+cat")
        number = shelf.api("/search/count?q=path:cat+OR+cat")["photos"]
        press(page, "Control+a", number)
        dialog, done = page.get_by_role("dialog"), page.locator(".selection .done")
        page.get_by_role("button", name="Write keywords").click()
        expect(dialog).to_contain_text(re.compile(rf"{number} files would be written, [\d.]+ kB"))
        dialog.get_by_role("button", name="Write").click()
        # With them those that were queued before: other tests of this file corrected some.
        expect(done).to_contain_text("files written", timeout=30_000)
        written = len(list(folder.glob("*.xmp")))
        assert written >= number
        expect(done).to_contain_text(f"{written} files written")
        page.get_by_role("button", name="Undo").click()
        expect(done).to_contain_text(f"{written} files are as before", timeout=30_000)
        assert list(folder.glob("*.xmp")) == []

        page.get_by_role("button", name="Download").click()
        expect(dialog).to_contain_text(f"{number} photos, ")
        with page.expect_download() as waiting:
            dialog.get_by_role("link", name="Download as zip").click()
        waiting.value.save_as(tmp_path / "photos.zip")
        with zipfile.ZipFile(tmp_path / "photos.zip") as archive:
            assert archive.testzip() is None
            assert len(archive.namelist()) == number
            assert archive.read("cat left.jpg") == (folder / "cat left.jpg").read_bytes()

        page.get_by_role("button", name="Teach").click()
        page.get_by_label("Label", exact=True).fill("our pet")
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("button", name="Keep it", exact=True)).to_be_visible(timeout=30_000)
        expect(dialog).to_contain_text("of the library would get it")
        assert shelf.api("/taught") == []
        dialog.get_by_role("button", name="Keep it", exact=True).click()
        expect(done).to_contain_text("It is learned, and off.", timeout=30_000)
        assert [one["name"] for one in shelf.api("/taught")] == ["our pet"]
        page.get_by_role("button", name="Undo").click()
        expect(done).to_contain_text("It is forgotten.")
        assert shelf.api("/taught") == []


def test_on_a_phone_a_long_press_chooses_and_a_tap_adds(browser: Browser, shelf: Site) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    with watched(browser, shelf.address, **phone) as page:
        choosing(page, "/?q=espresso")
        tiles = page.locator("#grid a.tile")
        hold = """(tile) => {
            const box = tile.getBoundingClientRect(), at = { clientX: box.left + 9, clientY: box.top + 9 };
            const options = { bubbles: true, cancelable: true, pointerType: "touch", ...at };
            tile.dispatchEvent(new PointerEvent("pointerdown", options));
            return new Promise((done) => setTimeout(() => {
                tile.dispatchEvent(new PointerEvent("pointerup", options));
                tile.dispatchEvent(new MouseEvent("click", { ...options, detail: 1 }));
                done();
            }, 700));
        }"""
        tiles.first.evaluate(hold)
        assert chosen(page) == 1
        tiles.nth(1).tap()
        assert chosen(page) == 2
        expect(page.locator(".pick").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        shoot(page, "phone-selection")
        # The bar stands above the navigation, and both can be used.
        bar, nav = page.locator("section.selection").bounding_box(), page.locator("nav").bounding_box()
        assert bar is not None
        assert nav is not None
        assert bar["y"] + bar["height"] <= nav["y"] + 1
        page.get_by_role("button", name="Add label").tap()
        expect(page.get_by_role("dialog")).to_contain_text("2 photos")
        page.get_by_role("button", name="Cancel").tap()
        tiles.nth(1).tap()
        tiles.first.tap()
        assert chosen(page) == 0
        tiles.first.tap()
        expect(page.get_by_role("dialog", name="Photos in the whole window")).to_be_visible()
        page.reload()
        expect(page.locator("article.photo")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_while_photos_are_chosen(browser: Browser, shelf: Site, scheme: str) -> None:
    script, found = axe_script(), {}
    with watched(browser, shelf.address, color_scheme=scheme, locale="de-DE") as page:
        choosing(page, "/?q=espresso")
        number = shelf.api("/search/count?q=espresso")["photos"]
        press(page, "Control+a", number)
        found["chosen"] = complaints(page, script)
        shoot(page, f"selection-{scheme}")
        for name in ("Schlagwort hinzufügen", "Entfernen", "Beibringen", "Stichwörter schreiben", "Herunterladen"):
            page.locator("section.selection").get_by_role("button", name=name).click()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.wait_for_timeout(300)
            found[name] = complaints(page, script)
            shoot(page, f"selection-{scheme}-{name.partition(' ')[0]}")
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()
    assert {what: told for what, told in found.items() if told} == {}


def test_several_photos_of_one_label_are_reviewed_on_one_screen(browser: Browser, shelf: Site) -> None:
    script = axe_script()
    with watched(browser, shelf.address) as page:
        ready(page, "/review")
        page.get_by_role("link", name="Several at once").click()
        marks = page.locator("#marks button")
        marks.first.wait_for()
        name = page.locator("#asked strong").inner_text()
        number = marks.count()
        ids = [int(one) for one in marks.evaluate_all("all => all.map((one) => one.dataset.photo)")]
        expect(marks.first).to_be_focused()
        assert complaints(page, script) == []
        # The second one is wrong.
        if number > 1:
            page.keyboard.press("ArrowRight")
        wrong = ids[min(1, number - 1)]
        page.keyboard.press("x")
        expect(page.locator("#marks [aria-pressed=true]")).to_have_count(1)
        shoot(page, "review-many")
        before = shelf.api(f"/photos/{wrong}")
        page.keyboard.press("d")
        expect(page.locator("#count")).to_contain_text(f"{number} answered")
        after = shelf.api(f"/photos/{wrong}")
        assert name in after["removed"]
        assert name not in [label["name"] for label in after["labels"]]
        for photo in set(ids) - {wrong}:
            said = {label["name"]: label["origin"] for label in shelf.api(f"/photos/{photo}")["labels"]}
            assert said[name] == "person"
        page.keyboard.press("u")
        expect(page.locator("#asked strong")).to_have_text(name)
        expect(marks).to_have_count(number)
        assert shelf.api(f"/photos/{wrong}") == before
        page.keyboard.press("s")
        expect(page.locator("#asked strong")).not_to_have_text(name)


def test_one_sign_is_enough_for_suggestions(browser: Browser, shelf: Site) -> None:
    with watched(browser, shelf.address, refused=3, locale="ja-JP") as page:
        choosing(page, "/?q=path:cat")
        tiles = page.locator("#grid a.tile")
        tiles.first.focus()
        press(page, "x", 1)
        page.get_by_role("button", name="Add label").click()
        field, names = page.get_by_label("Label", exact=True), page.locator("#action-names option")
        field.press_sequentially("猫")
        expect(names.first).to_have_attribute("value", re.compile("猫"))
        field.fill("c")
        expect(names).to_have_count(0)
        field.press_sequentially("at")
        expect(names.first).to_be_attached()
        page.keyboard.press("Escape")
        ready(page, f"/photos/{shelf.photo('cat.jpg')}")
        page.locator("#own").press_sequentially("猫")
        expect(page.locator("#known option").first).to_have_attribute("value", re.compile("猫"))
