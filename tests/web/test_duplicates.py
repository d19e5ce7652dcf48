"""Near-duplicates: the API, the lists that come out, and the page in real Chromium."""

from __future__ import annotations

import csv
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, Page, expect
from starlette.requests import Request

from tagger.core.config import Settings
from tagger.web.api_duplicates import get_duplicates
from tagger.web.app import create_app
from tagger.web.context import WebContext
from tagger.web.duplicate_groups import KnownGroup
from tests.cli.gallery import found_elsewhere
from tests.cli.runner import Tagger
from tests.cli.service import wait_for
from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site, serving
from tests.web.test_browser import ready, shoot
from tests.web.test_tasks import done

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("patient")]


@pytest.fixture(scope="module")
def doubled(gallery_once: Tagger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The gallery with copies of two of its photos; what a test decides it takes back."""
    home = tmp_path_factory.mktemp("doubled") / "gallery"
    shutil.copytree(gallery_once.home, home)
    tagger = Tagger(home, dict(gallery_once.environ))
    found_elsewhere(tagger.database, home / "photos")
    more = home / "more"
    more.mkdir()
    temple = Image.open(home / "photos" / "temple.jpg").convert("RGB")
    shutil.copy(home / "photos" / "temple.jpg", more / "exact.jpg")
    temple.save(more / "again.jpg", quality=60)
    temple.resize((temple.width * 2 // 3, temple.height * 2 // 3)).save(more / "smaller.jpg", quality=85)
    coffee = Image.open(home / "photos" / "coffee.jpg").convert("RGB")
    coffee.filter(ImageFilter.GaussianBlur(1.2)).save(more / "blurred.jpg", quality=100, subsampling=0)
    tagger("backfill", more)
    with serving(tagger) as site:
        yield site


def look(site: Site, least: float = 0.95) -> None:
    assert done(site, site.send("/duplicates", {"least": least}, 202))["state"] == "done"


def named(group: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {Path(photo["path"]).name: photo for photo in group["photos"]}


def the_group(site: Site, name: str) -> dict[str, Any]:
    groups = site.api("/duplicates?limit=50&sharpness=true")["listed"]
    [found] = [group for group in groups if name in named(group)]
    return found


def test_groups_are_compared_and_decided_and_lists_come_out(doubled: Site, tmp_path: Path) -> None:
    assert doubled.api("/duplicates?least=0.77") == {
        "looked": False, "groups": 0, "photos": 0, "decided": 0, "clear": 0, "hidden": 0, "hidden_bytes": 0,
        "listed": [], "next": None,
    }  # fmt: skip
    assert doubled.send("/duplicates/decisions/clear", {"least": 0.77})["id"] is None
    look(doubled)
    page = doubled.api("/duplicates?limit=50")
    assert page["looked"]
    assert page["groups"] == len(page["listed"])
    assert page["listed"][0]["photos"][0]["sharpness"] is None

    temples = the_group(doubled, "exact.jpg")
    photos = named(temples)
    assert photos.keys() == {"temple.jpg", "exact.jpg", "again.jpg", "smaller.jpg"}
    assert temples["best"] == photos["temple.jpg"]["id"]
    assert temples["why"][0] == "It has the most pixels."
    assert (photos["exact.jpg"]["same_bytes"], photos["again.jpg"]["same_bytes"]) == (True, False)
    assert photos["exact.jpg"]["folder"] == str(doubled.tagger.home / "more")
    blurred = the_group(doubled, "blurred.jpg")
    coffees = named(blurred)
    # Its file is larger, but it was blurred.
    assert coffees["blurred.jpg"]["bytes"] > coffees["coffee.jpg"]["bytes"]
    assert coffees["blurred.jpg"]["sharpness"] < 0.8 * coffees["coffee.jpg"]["sharpness"]
    assert blurred["best"] == coffees["coffee.jpg"]["id"]
    assert "It is the sharpest." in blurred["why"]

    hide = [photos[name]["id"] for name in ("exact.jpg", "again.jpg", "smaller.jpg")]
    first = doubled.send("/duplicates/decisions", {"keep": [photos["temple.jpg"]["id"]], "hide": hide})
    assert (first["kept"], first["hidden"]) == (1, 3)
    after = doubled.api("/duplicates?limit=50&open=true")
    assert (after["decided"], after["hidden"]) == (1, 3)
    assert after["hidden_bytes"] == sum(photos[name]["bytes"] for name in ("exact.jpg", "again.jpg", "smaller.jpg"))
    assert all("exact.jpg" not in named(group) for group in after["listed"])
    assert the_group(doubled, "exact.jpg")["decided"]
    assert named(the_group(doubled, "exact.jpg"))["exact.jpg"]["kept"] is False

    more = doubled.tagger.home / "more"
    wanted = sorted(str(more / name) for name in ("exact.jpg", "again.jpg", "smaller.jpg"))
    answer = doubled.get("/api/v1/duplicates/hidden")
    assert answer.text.splitlines() == wanted
    assert answer.headers["content-disposition"] == 'attachment; filename="not-kept.txt"'
    assert doubled.get("/api/v1/duplicates/hidden?form=null").text.split("\0") == [*wanted, ""]
    rows = list(csv.DictReader(doubled.get("/api/v1/duplicates/hidden?form=csv").text.splitlines()))
    assert [row["path"] for row in rows] == wanted
    assert {row["kept instead"] for row in rows} == {str(doubled.tagger.home / "photos" / "temple.jpg")}
    # The command tells the same, and makes links to all the rest.
    assert doubled.tagger("duplicates", "--hidden").stdout.splitlines() == wanted
    assert doubled.tagger("duplicates", "--hidden", "-0").stdout.split("\0") == [*wanted, ""]
    assert doubled.tagger.json_lines("duplicates", "--hidden")[0]["kept_instead"]["path"].endswith("temple.jpg")
    doubled.tagger("duplicates", "--link", tmp_path / "kept")
    linked = {path.name for path in (tmp_path / "kept").rglob("*.jpg")}
    assert "temple.jpg" in linked
    assert linked.isdisjoint({"exact.jpg", "again.jpg", "smaller.jpg"})
    # Nothing was deleted, nor changed.
    assert {path.name for path in more.iterdir()} == {"exact.jpg", "again.jpg", "smaller.jpg", "blurred.jpg"}
    for wrong in (["--link", tmp_path / "x", "--hidden"], ["-0"]):
        doubled.tagger("duplicates", *wrong, code=2)

    assert doubled.send(f"/duplicates/decisions/{first['id']}/undo", {})["photos"] == 4
    doubled.send(f"/duplicates/decisions/{first['id']}/undo", {}, 404)
    assert doubled.get("/api/v1/duplicates/hidden").text == ""
    assert "Decide on the page" in doubled.tagger("duplicates", "--hidden").stderr


def test_what_is_not_in_doubt_is_decided_at_once(doubled: Site) -> None:
    look(doubled)
    before = doubled.api("/duplicates?limit=50")
    photos = named(the_group(doubled, "blurred.jpg"))
    found = doubled.send("/duplicates/decisions/clear", {"least": 0.95})
    assert found["groups"] == before["clear"] > 0
    assert (found["kept"], found["hidden"] >= found["groups"]) == (found["groups"], True)
    after = doubled.api("/duplicates?limit=50&open=true")
    assert (after["clear"], after["decided"]) == (0, before["clear"])
    # A photo and its blurred copy have the same pixels: a person looks.
    assert [group for group in after["listed"] if "blurred.jpg" in named(group)]
    assert photos["blurred.jpg"]["kept"] is None
    assert doubled.send("/duplicates/decisions/clear", {"least": 0.95})["id"] is None
    doubled.send(f"/duplicates/decisions/{found['id']}/undo", {})
    assert doubled.api("/duplicates")["decided"] == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "Nothing was said"),
        ({"keep": [1], "hide": [1]}, "one way"),
        ({"hide": [2], "open": [2]}, "one way"),
        ({"keep": [999_999]}, "not there: 999999"),
    ],
)
def test_what_makes_no_sense_is_refused(doubled: Site, said: dict[str, Any], why: str) -> None:
    assert why in doubled.send("/duplicates/decisions", said, 400)["detail"]


def test_ten_thousand_groups_come_page_by_page(gallery_once: Tagger, tmp_path: Path) -> None:
    shutil.copytree(gallery_once.data, tmp_path / "data")
    context = WebContext(lambda: Settings(data_dir=tmp_path / "data"))
    groups = [KnownGroup((number % 50 + 1, number % 50 + 51), ("a", "b"), (7, 8), 0.99, 0) for number in range(10_000)]
    context.duplicates.put(0.95, groups)
    scope = {"type": "http", "app": create_app(context), "path": "/", "query_string": b"", "headers": []}
    try:
        seen, after = 0, 9_900
        get_duplicates(Request(scope), limit=1)
        started = time.monotonic()
        while after is not None:
            page = get_duplicates(Request(scope), after=after, limit=25)
            assert page.groups == 10_000
            assert page.listed[0].number == after
            seen += len(page.listed)
            after = page.next
        assert seen == 100
        # Four pages; one of many groups is no slower than one of few.
        assert time.monotonic() - started < 4
    finally:
        context.close()


def steps(page: Page) -> int:
    """The number of the group that is shown."""
    return int(re.findall(r"\d+", page.locator("#which").inner_text())[0])


def start(page: Page, path: str = "/duplicates") -> None:
    ready(page, path)
    page.locator("#copies .choice").first.wait_for()


def test_the_page_by_keyboard_alone(browser: Browser, doubled: Site) -> None:
    with watched(browser, doubled.address) as page:
        start(page)
        look(doubled)
        total = doubled.api("/duplicates")["groups"]
        expect(page.locator("#which")).to_have_text(f"Group 1 of {total}")
        expect(page.locator("#summary")).to_contain_text(f"{total} groups")
        # What is proposed stands first and is kept, the others are not.
        states = page.locator("#copies .choice .state")
        expect(states.first).to_have_text("✓ Kept")
        expect(states.nth(1)).to_have_text("✕ Not kept")
        expect(page.locator(".copy.best .proposed")).to_contain_text("proposed")
        expect(page.locator("#why")).to_contain_text("It ")
        number = page.locator("#copies > li").count()
        expect(page.locator("#done")).to_contain_text(f"Keep 1 of {number}")
        page.keyboard.press("2")
        expect(page.locator("#done")).to_contain_text(f"Keep 2 of {number}")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#which")).to_have_text(f"Group 2 of {total}")
        expect(page).to_have_url(re.compile("group=2"))
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#which")).to_have_text(f"Group 1 of {total}")
        page.keyboard.press("d")
        expect(page.locator("#said")).to_contain_text("not kept")
        expect(page.locator("#which")).to_have_text(f"Group 2 of {total}")
        expect(page.locator("#which")).to_be_focused()
        assert doubled.api("/duplicates")["decided"] == 1
        page.keyboard.press("a")
        expect(page.locator("#summary")).to_contain_text("2 decided")
        # Both are taken back, the last first.
        page.keyboard.press("u")
        expect(page.locator("#which")).to_have_text(f"Group 2 of {total}")
        expect(page.locator("#summary")).to_contain_text("1 decided")
        page.keyboard.press("u")
        expect(page.locator("#which")).to_have_text(f"Group 1 of {total}")
        assert doubled.api("/duplicates")["decided"] == 0
        # By Tab and Space as well.
        page.locator("#copies .choice").first.focus()
        page.keyboard.press("Space")
        expect(states.first).to_have_text("✕ Not kept")


def test_all_copies_show_the_same_place_from_near(browser: Browser, doubled: Site) -> None:
    with watched(browser, doubled.address) as page:
        start(page)
        first, second = (page.locator("#copies .choice img").nth(number) for number in (0, 1))
        before = first.bounding_box()
        assert before is not None
        page.keyboard.press("z")
        expect(page.locator("#zoom")).to_have_attribute("aria-pressed", "true")
        pixels = "one => new URL(one.src).searchParams.get('size')"
        wait_for(lambda: first.evaluate(pixels) == second.evaluate(pixels) == "full", 30)
        page.mouse.move(before["x"] + before["width"] * 0.9, before["y"] + before["height"] * 0.2)
        place = "one => [getComputedStyle(one).transform, getComputedStyle(one).transformOrigin]"
        wait_for(lambda: first.evaluate(place) == second.evaluate(place), 10)
        near, at = first.evaluate(place)
        assert near.startswith("matrix(4, ")
        x, y = (float(one.removesuffix("px")) for one in at.split())
        assert abs(x - 0.9 * before["width"]) < 2
        assert abs(y - 0.2 * before["height"]) < 2
        page.keyboard.press("Shift+ArrowLeft")
        wait_for(lambda: first.evaluate(place)[1] != at, 10)
        expect(page.locator("#which")).to_contain_text("Group 1 ")
        # Another group is shown as near, until it is switched off.
        page.keyboard.press("ArrowRight")
        expect(page.locator("#which")).to_contain_text("Group 2 ")
        wait_for(lambda: first.evaluate(place)[0].startswith("matrix(4, "), 10)
        page.locator("#zoom").click()
        wait_for(lambda: first.evaluate(place)[0] == "none", 10)


def test_all_is_decided_and_listed_and_taken_back(browser: Browser, doubled: Site) -> None:
    script = axe_script()
    with watched(browser, doubled.address, accept_downloads=True) as page:
        start(page)
        page.locator("#clear").click()
        expect(page.locator("#summary")).to_contain_text(re.compile("[1-9][0-9]* decided"))
        while page.locator("#group").is_visible():
            decided = doubled.api("/duplicates")["decided"]
            page.locator("#done").click()
            expect(page.locator("#summary")).to_contain_text(f"{decided + 1} decided")
        expect(page.locator("#finished")).to_contain_text("All is decided")
        assert complaints(page, script) == []
        shoot(page, "duplicates-finished")
        page.locator("details.lists summary").click()
        assert complaints(page, script) == []
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Text, a path a line").click()
        assert len(Path(waiting.value.path()).read_text().splitlines()) == doubled.api("/duplicates")["hidden"]
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Look at the decided ones").click()
        expect(page.locator("#which")).to_contain_text("Group 1")
        for _ in range(40):
            if page.locator("#back").is_disabled():
                break
            decided = doubled.api("/duplicates")["decided"]
            page.locator("#back").click()
            expect(page.locator("#summary")).not_to_contain_text(f"{decided} decided")
        assert doubled.api("/duplicates")["decided"] == 0
        # Nothing is that much alike.
        page.locator("#least").select_option("0.99")
        expect(page.locator("#which, #finished-told").filter(visible=True)).to_be_visible()


def test_an_address_leads_to_a_group_and_back(browser: Browser, doubled: Site) -> None:
    look(doubled)
    with watched(browser, doubled.address) as page:
        start(page, "/duplicates?least=0.95&group=2")
        assert steps(page) == 2
        page.locator("#copies .name a").first.click()
        expect(page.locator("article.photo")).to_be_visible()
        page.go_back()
        page.locator("#copies .choice").first.wait_for()
        assert steps(page) == 2


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "fr-FR", "es-ES"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_axe_finds_nothing_serious(browser: Browser, doubled: Site, locale: str, width: int) -> None:
    script, phone = axe_script(), {"has_touch": True, "is_mobile": True}
    found = {}
    for scheme in ("light", "dark"):
        options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "locale": locale}
        with watched(browser, doubled.address, **options, **(phone if width < 500 else {})) as page:
            start(page)
            page.wait_for_timeout(500)
            found[scheme] = complaints(page, script)
            shoot(page, f"duplicates-{locale}-{width}-{scheme}")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide == width
            # What decides is above the navigation, and can be pressed.
            bar, nav = page.locator(".decide").bounding_box(), page.locator("header nav").bounding_box()
            assert bar is not None
            assert nav is not None
            if width < 500:
                assert bar["y"] + bar["height"] <= nav["y"] + 1
            page.locator("#copies .choice").nth(1).click()
            page.locator("#done").click()
            expect(page.locator("#summary")).to_contain_text("1 ")
            page.locator("#back").click()
            expect(page.locator("#back")).to_be_disabled()
    assert found == {"light": [], "dark": []}
    assert doubled.api("/duplicates")["decided"] == 0


def test_without_duplicates_it_says_so_and_the_first_time_it_tells_how_far_it_is(
    browser: Browser, gallery: Tagger
) -> None:
    with serving(gallery) as site, watched(browser, site.address) as page:
        ready(page, "/duplicates?least=0.99")
        expect(page.locator("#finished-told, #which").filter(visible=True)).to_be_visible()
        assert complaints(page, axe_script()) == []
        shoot(page, "duplicates-none")
