"""The pages as people use them, in real Chromium. Each leaves a screenshot in $SCREENSHOTS, to be looked at."""

from __future__ import annotations

import base64
import os
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.cli.gallery import COUNT, LABELLED, PHOTOS, huge_png
from tests.cli.runner import Tagger
from tests.cli.service import running, wait_for
from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site, serving
from tests.web.test_guard import HASH, PASSWORD

pytestmark = pytest.mark.slow

PAGES = [
    "/",
    "/?q=animal",
    "/?q=(",
    "/?q=unicron",
    "/?q=a+man+riding+his+motorcycle",
    "/?q=cat",
    "/photos/PHOTO",
    "/labels",
    "/labels?view=tree",
    "/labels/n07920052",
]
PAGES += ["/drop", "/review", "/failed", "/status", "/settings", "/api/docs", "/nothing"]


def shoot(page: Page, name: str, *, whole: bool = False) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=whole)


def ready(page: Page, path: str, photo: int = 0) -> None:
    """Go there, and wait until everything is there that a person waits for."""
    path = path.replace("PHOTO", str(photo))
    page.goto(path)
    page.wait_for_load_state("load")
    for name in ("#question:not([hidden])",) if path.startswith("/review") else ():
        page.wait_for_selector(name)
    loaded = "[...document.images].filter((one) => one.loading !== 'lazy').every((one) => one.complete)"
    # Not wait_for_function, which the page's Content-Security-Policy forbids.
    wait_for(lambda: page.evaluate(loaded), 30)


def names(page: Page) -> list[str]:
    """The file names of the grid's photos, from what a screen reader says."""
    return [
        alt.rpartition(", ")[2] for alt in page.locator("#grid img").evaluate_all("all => all.map((one) => one.alt)")
    ]


def drop(page: Page, *photos: Path) -> None:
    """As the browser does when somebody lets go of files over the page."""
    files = [[photo.name, base64.b64encode(photo.read_bytes()).decode()] for photo in photos]
    data = page.evaluate_handle(
        """(files) => {
            const data = new DataTransfer();
            for (const [name, text] of files) {
                const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
                data.items.add(new File([bytes], name, { type: "image/jpeg" }));
            }
            return data;
        }""",
        files,
    )
    page.dispatch_event("#drop", "dragover", {"dataTransfer": data})
    expect(page.locator("#drop")).to_have_class(re.compile("over"))
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})


def test_drop_a_photo_and_see_what_is_on_it(browser: Browser, reading: Site, tmp_path: Path) -> None:
    (tmp_path / "huge.png").write_bytes(huge_png())
    with watched(browser, reading.address) as page:
        ready(page, "/drop")
        drop(page, PHOTOS / "coffee.jpg", PHOTOS / "cat.jpg")
        answers = page.locator(".answer")
        expect(answers).to_have_count(2)
        # In the order in which they came, with their names. The first waits for the model, which a busy machine loads
        # slowly.
        expect(answers.locator(".file")).to_have_text(["coffee.jpg", "cat.jpg"])
        expect(answers.nth(1).locator(".classes.first li").first).to_contain_text("Egyptian cat", timeout=30_000)
        coffee = answers.nth(0)
        expect(coffee.locator(".classes.first li").first).to_contain_text("espresso")
        expect(coffee.locator(".chips")).to_contain_text("drink")
        coffee.get_by_text("More, and why").click()
        expect(coffee).to_contain_text("reaches 0.35")
        # The zone has made room for what was found.
        assert (coffee.bounding_box() or {"y": 1e9})["y"] < 400
        shoot(page, "drop", whole=True)
        page.get_by_role("button", name="Clear").click()
        expect(answers).to_have_count(0)
        page.evaluate(
            """async (text) => {
                const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
                const data = new DataTransfer();
                data.items.add(new File([bytes], "pasted.jpg", { type: "image/jpeg" }));
                document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
            }""",
            base64.b64encode((PHOTOS / "coffee.jpg").read_bytes()).decode(),
        )
        expect(answers.first.locator(".classes.first li").first).to_contain_text("espresso")
        page.set_input_files("#files", [tmp_path / "huge.png"])
        expect(answers.first).to_contain_text("limits.megapixels", timeout=60_000)


def test_search_with_suggestions_finds_the_right_photos(browser: Browser, reading: Site) -> None:
    with watched(browser, reading.address, refused=1) as page:
        ready(page, "/")
        page.get_by_role("combobox").type("dri")
        expect(page.get_by_role("option").first).to_contain_text("drink")
        shoot(page, "suggestions")
        page.get_by_role("option", name=re.compile("^drink")).first.click()
        expect(page).to_have_url(re.compile(r"\?q=drink"))
        assert names(page) == reading.tagger.found("drink")
        shoot(page, "search")
        # Behind what is labelled so stands what looks so, without a script, and with the one that goes on.
        ready(page, "/?q=a+man+riding+his+motorcycle")
        expect(page.get_by_role("heading", name="Looks like it")).to_be_visible()
        assert page.locator("#alike a.tile").count() == len(reading.tagger.found("a man riding his motorcycle"))
        shoot(page, "alike")
        ready(page, "/?q=unicron")
        expect(page.locator(".notice").first).to_contain_text("There is no label")
        ready(page, "/?q=(")
        expect(page.locator(".notice.bad")).to_contain_text("Something is missing")


def test_the_grid_goes_on_to_the_end_and_nothing_jumps(browser: Browser, reading: Site) -> None:
    coffee = reading.photo("coffee.jpg")
    with watched(browser, reading.address) as page:
        page.add_init_script(
            "window.jumps = 0; new PerformanceObserver((list) => { for (const one of list.getEntries()) "
            "if (!one.hadRecentInput) window.jumps += one.value }).observe({ type: 'layout-shift', buffered: true })"
        )
        ready(page, "/")
        shoot(page, "grid")
        for _ in range(150):
            page.mouse.wheel(0, 2000)
            page.wait_for_timeout(100)
            if page.locator("#grid li").count() == COUNT:
                break
        assert page.locator("#grid li").count() == COUNT
        assert len(set(page.locator("#grid a").evaluate_all("all => all.map((one) => one.href)"))) == COUNT
        expect(page.locator("#next")).to_have_count(0)
        for path in ("/", f"/photos/{coffee}", "/labels", "/status"):
            ready(page, path)
            page.wait_for_timeout(800)
            # The status fills itself in as it goes.
            assert page.evaluate("window.jumps") < (0.05 if path == "/status" else 0.02), path


@pytest.mark.parametrize("width", [412, 1280])
def test_nothing_jumps_when_a_picture_comes_late(browser: Browser, reading: Site, width: int) -> None:
    def late(route: Route) -> None:
        time.sleep(0.3)
        route.continue_()

    coffee = reading.photo("coffee.jpg")
    # Made once, however long that takes.
    reading.get(f"/api/v1/photos/{coffee}/picture?size=screen")
    with watched(browser, reading.address, viewport={"width": width, "height": 820}) as page:
        page.add_init_script(
            "window.jumps = 0; new PerformanceObserver((list) => { for (const one of list.getEntries()) "
            "if (!one.hadRecentInput) window.jumps += one.value }).observe({ type: 'layout-shift', buffered: true })"
        )
        page.route("**/picture?size=screen*", late)
        for path in (f"/photos/{coffee}", "/review"):
            ready(page, path)
            page.wait_for_timeout(800)
            assert page.evaluate("window.jumps") < 0.02, path
        ready(page, f"/photos/{coffee}")
        frame, picture = page.locator(".framed").bounding_box(), page.locator(".framed img").bounding_box()
        assert frame is not None
        assert picture is not None
        # Frames of what was found lie on the picture.
        assert abs(frame["width"] - picture["width"]) < 1
        assert abs(frame["height"] - picture["height"]) < 1
        assert abs(picture["width"] / picture["height"] - 600 / 400) < 0.02


def test_people_and_things_are_framed_while_the_page_says_why(browser: Browser, site: Site) -> None:
    with watched(browser, site.address) as page:
        ready(page, f"/photos/{site.photo('astronaut.jpg')}")
        frame = page.locator("#boxes div", has_text="person").first
        expect(frame).to_be_hidden()
        page.get_by_text("Why these labels?").click()
        expect(frame).to_be_visible()
        expect(page.locator("#why")).to_contain_text("People and things found on it: person")
        photo, box = page.locator(".stage img").bounding_box(), frame.bounding_box()
        assert photo is not None
        assert box is not None
        # It lies on the picture and covers the person, who fills most of it.
        assert photo["x"] - 1 <= box["x"] < box["x"] + box["width"] <= photo["x"] + photo["width"] + 1
        assert box["width"] * box["height"] > 0.2 * photo["width"] * photo["height"]
        shoot(page, "framed")
        page.get_by_text("Why these labels?").click()
        expect(frame).to_be_hidden()


def test_a_removed_label_is_gone_from_search_and_stays_gone(browser: Browser, site: Site) -> None:
    coffee = site.photo("coffee.jpg")
    with watched(browser, site.address) as page:
        ready(page, f"/photos/{coffee}")
        expect(page.locator(".labels li").first).to_contain_text("espresso")
        shoot(page, "photo")
        page.get_by_role("button", name="Remove espresso").click()
        expect(page.locator(".labels .removed")).to_contain_text("espresso")
        expect(page.locator("#said")).to_contain_text("stays away")
        assert "coffee.jpg" not in site.tagger.found("espresso")
        site.tagger("relabel", environ={"TAGGER_LABELS_SHOW_THRESHOLD": "0.1"})
        assert "coffee.jpg" not in site.tagger.found("espresso")
        page.get_by_label("Add a label").fill("Mitzi")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.locator(".labels")).to_contain_text("Mitzi")
        assert site.tagger.found("Mitzi") == ["coffee.jpg"]
        page.get_by_role("button", name="Confirm drink").click()
        expect(page.get_by_role("button", name="Take back what you said of drink")).to_be_visible()
        shoot(page, "corrected", whole=True)
        page.get_by_role("button", name="Undo the removal of espresso").click()
        expect(page.get_by_role("button", name="Remove espresso")).to_be_visible()
        assert "coffee.jpg" in site.tagger.found("espresso")
        page.get_by_text("Why these labels?").click()
        expect(page.locator("#why")).to_contain_text("reaches 0.35")
        expect(page.locator("#similar .tile")).to_have_count(24)
        shown = page.locator("#similar a").evaluate_all("links => links.map(link => link.href.split('/').pop())")
        by_command = site.tagger.json_lines("similar", site.api(f"/photos/{coffee}")["path"], "--limit", 24)
        assert [site.api(f"/photos/{one}")["path"] for one in shown] == [one["path"] for one in by_command]


def test_rules_show_what_they_would_change_before_they_do(browser: Browser, site: Site) -> None:
    with watched(browser, site.address) as page:
        ready(page, "/labels")
        shoot(page, "labels")
        ready(page, "/labels?view=tree")
        shoot(page, "tree")
        page.locator(".tree").get_by_role("link", name=re.compile("^food ")).click()
        expect(page.locator("h1")).to_contain_text("food")
        page.get_by_label("Call it").fill("Speise")
        # Behind pictures that are made now, the first time.
        expect(page.locator("#changed")).to_contain_text("photos would show other labels", timeout=30_000)
        expect(page.locator("#preview")).to_contain_text("Speise")
        shoot(page, "rules", whole=True)
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("#said")).to_contain_text("is being applied")
        wait_for(lambda: site.tagger.found("Speise"), 30)


def test_the_review_is_answered_with_one_key_each(browser: Browser, site: Site) -> None:
    with watched(browser, site.address) as page:
        ready(page, "/review")
        first = page.locator("#name").inner_text()
        shoot(page, "review")
        seen = [page.locator("#picture").get_attribute("href")]
        for key in "yns":
            now = _asked(page)
            page.keyboard.press(key)
            wait_for(lambda now=now: _asked(page) != now, 20)
            seen.append(page.locator("#picture").get_attribute("href"))
        expect(page.locator("#count")).to_have_text(re.compile(r"^2 answered · (100 or more|\d+) left$"))
        page.keyboard.press("u")
        page.keyboard.press("u")
        expect(page.locator("#name")).to_have_text(first)
        expect(page.locator("#picture")).to_have_attribute("href", seen[0] or "")


def _asked(page: Page) -> tuple[str | None, str]:
    return page.locator("#picture").get_attribute("href"), page.locator("#name").inner_text()


def test_failed_photos_say_why_and_are_tried_again(browser: Browser, site: Site) -> None:
    with watched(browser, site.address) as page:
        ready(page, "/failed")
        expect(page.locator(".rows li")).to_have_count(1)
        expect(page.locator(".rows")).to_contain_text("broken.jpg")
        expect(page.locator("section.reason h2")).to_contain_text("1 photo")
        shoot(page, "failed")
        page.get_by_role("button", name="Try all again").click()
        expect(page.locator("#said")).to_contain_text("1 queued again")
        expect(page.locator("section.reason")).to_have_count(0)


def test_the_header_is_of_one_line_and_reaches_the_edge(browser: Browser, gallery_once: Tagger) -> None:
    with serving(gallery_once, TAGGER_WEB_PASSWORD_HASH=HASH) as site:
        for width in (1280, 1920):
            size = {"width": width, "height": 900}
            with watched(browser, site.address, viewport=size) as page:
                page.goto("/failed")
                page.get_by_label("Password").fill(PASSWORD)
                page.keyboard.press("Enter")
                header, button = page.locator("header"), page.get_by_role("button", name="Log out")
                expect(button).to_be_visible()
                page.wait_for_load_state("load")
                top, out = header.bounding_box(), button.bounding_box()
                assert top is not None
                assert out is not None
                assert top["height"] < 65
                assert out["height"] < 40
                assert top["width"] == page.evaluate("document.documentElement.clientWidth")
                # What the page is about begins below the brand.
                title, brand = page.locator("h1").bounding_box(), page.locator(".brand").bounding_box()
                assert title is not None
                assert brand is not None
                assert title["x"] == brand["x"]


def test_on_a_phone_every_page_is_within_reach(browser: Browser, reading: Site) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    with watched(browser, reading.address, **phone) as page:
        ready(page, "/review")
        bar = page.get_by_role("navigation", name="Main")
        for name in ("Photos", "Albums", "Labels", "Review"):
            expect(bar.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
        # Both answers are above the bar.
        top = (bar.bounding_box() or {"y": 0})["y"]
        for name in ("#yes", "#no"):
            box = page.locator(name).bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= top
        expect(bar.get_by_role("link", name="Status")).to_be_hidden()
        # What is suggested lies over what follows, and a finger can search.
        ready(page, "/")
        page.get_by_role("combobox").fill("dri")
        option = page.get_by_role("option").first
        expect(option).to_contain_text("drink")
        option.click(trial=True)
        page.get_by_role("button", name="Search").tap()
        expect(page).to_have_url(re.compile("q=dri"))
        bar.get_by_text("More").tap()
        expect(bar.get_by_role("link", name="Failed")).to_be_in_viewport(ratio=1)
        bar.get_by_role("link", name="Status").tap()
        expect(page.locator("h1")).to_have_text("Status")
        expect(page.locator(".lead")).to_contain_text(f"{LABELLED} of {COUNT} photos are labelled. Nothing is waiting.")
        # Nothing was labelled in the last hour of this server, so there is nothing to draw.
        expect(page.locator("#speed")).to_be_hidden()
        ready(page, "/photos/1")
        for share in page.locator(".labels .share").all():
            assert (share.bounding_box() or {"height": 99})["height"] < 30


def test_first_run(browser: Browser, bare: Tagger) -> None:
    with serving(bare) as site, watched(browser, site.address, refused=1) as page:
        ready(page, "/")
        expect(page.locator("h1")).to_have_text("Welcome")
        expect(page.locator(".steps")).to_contain_text("tagger backfill ~/Photos")
        assert complaints(page, axe_script()) == []
        shoot(page, "welcome")


def test_login(browser: Browser, gallery_once: Tagger) -> None:
    with (
        serving(gallery_once, TAGGER_WEB_PASSWORD_HASH=HASH) as site,
        watched(browser, site.address, refused=1) as page,
    ):
        page.goto("/?q=espresso")
        expect(page.get_by_label("Password")).to_be_focused()
        shoot(page, "login")
        assert complaints(page, axe_script()) == []
        page.get_by_label("Password").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("not the password")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/\?q=espresso$"))
        assert "coffee.jpg" in names(page)
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Password")).to_be_visible()
        page.goto("/")
        expect(page.get_by_label("Password")).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, reading: Site) -> None:
    size = {"width": 360, "height": 740}
    phone = {"viewport": size, "has_touch": True, "is_mobile": True, "color_scheme": "dark", "device_scale_factor": 2}
    with watched(browser, reading.address, refused=2, **phone) as page:
        for number, path in enumerate(PAGES):
            ready(page, path, reading.photo("coffee.jpg"))
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, (path, width)
            shoot(page, f"phone-{number:02}")
        ready(page, "/?q=drink")
        page.locator(".tile").first.tap()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.get_by_role("button", name="Information").tap()
        page.get_by_role("link", name="Everything about it").tap()
        expect(page.locator("article.photo")).to_be_visible()


def test_by_keyboard_alone(browser: Browser, reading: Site) -> None:
    with watched(browser, reading.address) as page:
        ready(page, "/")
        page.keyboard.press("Tab")
        expect(page.get_by_text("Skip to the content")).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_role("combobox")).to_be_focused()
        page.keyboard.type("dri")
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("option")).to_have_count(0)
        page.keyboard.type("n")
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("q=drink"))
        page.wait_for_load_state("load")
        links = page.locator("#grid a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
        for key, place in [("ArrowRight", 0), ("ArrowRight", 1), ("ArrowLeft", 0)]:
            page.keyboard.press(key)
            focused = page.evaluate("document.activeElement.getAttribute('href')")
            assert focused == links[place], (key, place)
        top = "document.activeElement.getBoundingClientRect().top + scrollY"
        first_row = page.evaluate(top)
        page.keyboard.press("ArrowDown")
        assert page.evaluate(top) > first_row
        page.keyboard.press("ArrowUp")
        assert page.evaluate(top) == first_row
        page.keyboard.press("ArrowLeft")
        page.locator("#grid a").first.focus()
        page.keyboard.press("Enter")
        # Keys count while it opens, too.
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(re.compile(re.escape(links[1]) + "$"))
        page.reload()
        expect(page.locator("article.photo")).to_be_visible()
        page.wait_for_load_state("load")
        page.keyboard.press("ArrowLeft")
        expect(page).to_have_url(re.compile(re.escape(links[0]) + "$"))
        page.wait_for_load_state("load")
        page.keyboard.press("Escape")
        expect(page).to_have_url(re.compile("q=drink"))


def test_the_status_lives(browser: Browser, gallery: Tagger) -> None:
    photos = gallery.home / "photos"
    with (
        running(
            gallery, photos, environ={"TAGGER_WEB_ENABLED": "true", "TAGGER_WEB_LISTEN": "127.0.0.1:8659"}
        ) as service,
        watched(browser, "http://127.0.0.1:8659") as page,
    ):
        wait_for(lambda: _answers("http://127.0.0.1:8659/"), 30, service.said)
        ready(page, "/status")
        expect(page.locator("#photos")).to_have_text(str(COUNT))
        expect(page.locator("#folders")).to_contain_text("Watched: new photos are noticed at once.")
        shoot(page, "status")
        for number in range(5):
            (photos / f"new {number}.jpg").write_bytes((photos / "turned.jpg").read_bytes() + bytes([number]))
        expect(page.locator("#photos")).to_have_text(str(COUNT + 5), timeout=30_000)
        expect(page.locator("#labelled")).to_have_text(str(LABELLED + 5), timeout=60_000)
        expect(page.locator("#lead")).to_contain_text(f"{LABELLED + 5} of {COUNT + 5} photos")
        # A rule that is changed while the service runs is applied by it.
        ready(page, "/labels/n07920052")
        page.get_by_label("Never show it").check()
        expect(page.locator("#changed")).to_be_visible()
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("#said")).to_contain_text("the service applies it")
        wait_for(lambda: not gallery.found("espresso>0.35"), 60, service.said)
        assert service.stop() == 0


def _answers(address: str) -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, reading: Site, scheme: str) -> None:
    script = axe_script()
    found, coffee = {}, reading.photo("coffee.jpg")
    with watched(browser, reading.address, refused=2, color_scheme=scheme) as page:
        for path in PAGES:
            ready(page, path, coffee)
            page.wait_for_timeout(300)
            found[path] = complaints(page, script)
        ready(page, f"/photos/{coffee}")
        page.get_by_text("Why these labels?").click()
        expect(page.locator("#why table")).to_be_visible()
        found["why"] = complaints(page, script)
        page.get_by_label("Search photos").type("dri")
        expect(page.get_by_role("option", name=re.compile("drink")).first).to_be_visible()
        page.keyboard.press("ArrowDown")
        found["suggestions"] = complaints(page, script)
        ready(page, "/drop")
        drop(page, PHOTOS / "coffee.jpg")
        page.get_by_text("More, and why").click()
        found["dropped"] = complaints(page, script)
        ready(page, "/labels/n07920052")
        page.get_by_label("Never show it").check()
        expect(page.locator("#changed")).to_be_visible()
        found["preview"] = complaints(page, script)
    assert {path: what for path, what in found.items() if what} == {}


ROWS = """() => [...document.querySelectorAll("#grid section")].map((section) => {
    const rows = new Map();
    for (const img of section.querySelectorAll("img")) {
        const box = img.getBoundingClientRect(), top = Math.round(box.top);
        rows.set(top, [...(rows.get(top) ?? []), { width: box.width, height: box.height, right: box.right,
            shape: img.width / img.height, own: img.getAttribute("width") / img.getAttribute("height") }]);
    }
    return [...rows.values()];
})"""


@pytest.mark.parametrize("scripts", [True, False])
def test_photos_stand_in_rows_of_one_height_and_are_not_cropped(browser: Browser, reading: Site, scripts: bool) -> None:
    for width in (360, 1280):
        size = {"width": width, "height": 900}
        with watched(browser, reading.address, viewport=size, java_script_enabled=scripts) as page:
            answer = page.goto("/?q=animal")
            assert answer is not None
            assert answer.ok
            [rows] = page.evaluate(ROWS)
            assert len(rows) > 1
            edge = page.evaluate("document.querySelector('#grid').getBoundingClientRect().right")
            for row in rows:
                heights = [one["height"] for one in row]
                assert max(heights) - min(heights) < 1.5, row
                for one in row:
                    assert abs(one["shape"] / one["own"] - 1) < 0.03, one
            # All but the last row are full.
            assert all(abs(row[-1]["right"] - edge) < 2 for row in rows[:-1])
            expect(page.locator(".count")).to_have_text(f"{len(reading.tagger.found('animal'))} photos")
            shoot(page, f"justified-{width}-{scripts}")


def test_photos_of_all_times_stand_below_their_months(browser: Browser, reading: Site) -> None:
    with watched(browser, reading.address) as page:
        ready(page, "/")
        expect(page.locator(".count")).to_have_text(f"{COUNT} photos")
        dated = [one for one in reading.api("/search?limit=500")["photos"] if one["taken"]]
        headings = page.locator("#grid h2").all_inner_texts()
        assert headings
        assert (headings[-1] == "Without a date") == (len(dated) < COUNT)
        shown = page.locator("#grid [data-photo]").evaluate_all("all => all.map((one) => Number(one.dataset.photo))")
        assert shown == [one["id"] for one in reading.api("/search?limit=60")["photos"]][: len(shown)]
        # From a photo, the search is still there, and leads back.
        ready(page, "/?q=drink")
        page.locator("#grid .tile").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.reload()
        expect(page.get_by_role("link", name="Back to “drink”")).to_be_visible()
        expect(page.get_by_role("combobox", name="Search photos")).to_have_value("drink")
