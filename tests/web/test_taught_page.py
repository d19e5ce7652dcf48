"""Teaching on the page: from a selection, with measures and doubtful photos, and the labels that were taught."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.cli.gallery import found_elsewhere
from tests.cli.runner import Tagger
from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site, serving
from tests.web.test_browser import ready, shoot
from tests.web.test_select import choosing, press
from tests.web.test_tasks import done

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("patient")]
CATS = "/?q=path:cat+OR+cat"


@pytest.fixture(scope="module")
def school(gallery_once: Tagger, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One library in which each test teaches labels of its own."""
    home = tmp_path_factory.mktemp("school") / "gallery"
    shutil.copytree(gallery_once.home, home)
    tagger = Tagger(home, dict(gallery_once.environ))
    found_elsewhere(tagger.database, home / "photos")
    with serving(tagger) as site:
        yield site


def photos(site: Site, query: str) -> list[int]:
    return [int(number) for number in site.api(f"/search/ids?q={query}")["photos"]]


def taught(site: Site, name: str, **more: object) -> dict[str, Any]:
    """Teach a label by the photos of the cat."""
    lesson = {"name": name, "yes": photos(site, "path:cat+OR+cat"), **more}
    return dict(done(site, site.send("/taught", lesson, 202))["result"])


def label(site: Site, name: str) -> dict[str, Any]:
    [found] = [one for one in site.api("/taught") if one["name"] == name]
    return dict(found)


def test_the_api_tells_the_measures_and_what_was_said_since(school: Site) -> None:
    lesson = taught(school, "a measured pet")
    curve = lesson["curve"]
    assert 2 <= len(curve) <= 41
    thresholds = [point["threshold"] for point in curve]
    assert thresholds == sorted(thresholds, reverse=True)
    assert all(0 <= point[name] <= 1 for point in curve for name in ("precision", "recall"))
    # The lower the threshold, the more is found; the chosen one is on it, with the figures that are told.
    assert [point["recall"] for point in curve] == sorted(point["recall"] for point in curve)
    [chosen] = [point for point in curve if abs(point["threshold"] - lesson["threshold"]) < 1e-3]
    assert chosen["precision"] == pytest.approx(lesson["precision"], abs=1e-3)
    assert chosen["recall"] == pytest.approx(lesson["recall"], abs=1e-3)

    found = label(school, "a measured pet")
    assert found["curve"] == curve
    assert found["threshold"] == pytest.approx(lesson["threshold"], abs=1e-3)
    assert (found["since_yes"], found["since_no"]) == (0, 0)
    assert found["learned_at"] > 0
    doubtful = school.api("/review?label=own:a%20measured%20pet&limit=50")["questions"]
    assert found["to_look_at"] == len(doubtful) > 2
    [first, second] = [one["photo"]["id"] for one in doubtful[:2]]
    school.send(f"/photos/{first}/corrections", {"remove": [found["key"]]})
    school.send(f"/photos/{second}/corrections", {"confirm": [found["key"]]})
    found = label(school, "a measured pet")
    assert (found["since_yes"], found["since_no"]) == (1, 1)
    assert found["to_look_at"] == len(doubtful) - 2
    again = done(school, school.send("/taught/own:a%20measured%20pet/again", {}, 202))["result"]
    assert (again["kept"], again["no"], again["yes"]) == (True, 1, lesson["yes"] + 1)
    found = label(school, "a measured pet")
    assert (found["since_yes"], found["since_no"], found["no"]) == (0, 0, 1)
    school.send("/taught/own:nothing/again", {}, 400)


def teach_dialog(page: Page, site: Site, name: str) -> None:
    choosing(page, CATS)
    press(page, "Control+a", len(photos(site, "path:cat+OR+cat")))
    page.locator("section.selection").get_by_role("button", name="Teach").click()
    page.get_by_label("Label", exact=True).fill(name)
    page.keyboard.press("Enter")
    page.locator("dialog .measures svg").wait_for()


def test_a_lesson_shows_its_measures_and_takes_counter_examples(browser: Browser, school: Site) -> None:
    script = axe_script()
    with watched(browser, school.address) as page:
        teach_dialog(page, school, "our cat")
        dialog = page.get_by_role("dialog")
        picture = dialog.get_by_role("img", name=re.compile("How many are right.*It is given from"))
        expect(picture).to_be_visible()
        dialog.get_by_text("As a table").click()
        expect(dialog.locator(".measures table tbody tr").nth(2)).to_be_visible()
        few = dialog.locator(".answers-few li")
        assert 1 <= few.count() <= 12
        assert complaints(page, script) == []
        shoot(page, "teach-dialog")
        # The keyboard answers, and goes on to the next.
        few.first.locator("button").first.focus()
        number = int(few.first.get_attribute("data-photo") or 0)
        page.keyboard.press("n")
        expect(few.first.locator(".no")).to_have_attribute("aria-pressed", "true")
        expect(few.nth(1).locator("button").first).to_be_focused()
        # An answer can be taken back by pressing it again.
        few.nth(1).locator(".yes").click()
        few.nth(1).locator(".yes").click()
        expect(few.nth(1).locator(".yes")).to_have_attribute("aria-pressed", "false")
        expect(dialog.get_by_role("button", name="See again with the answers")).to_be_in_viewport(ratio=1)
        assert complaints(page, script) == []
        dialog.get_by_role("button", name="See again with the answers").click()
        expect(dialog).to_contain_text("1 that does not")
        assert str(number) not in few.evaluate_all("all => all.map((one) => one.dataset.photo)")
        assert "our cat" not in [one["name"] for one in school.api("/taught")]
        dialog.get_by_role("button", name="Keep it", exact=True).click()
        expect(page.locator(".selection .done")).to_contain_text("It is learned, and off.")
        assert (label(school, "our cat")["no"], label(school, "our cat")["on"]) == (1, False)


def card(page: Page, name: str) -> Any:
    return page.locator("#taught > li").filter(has=page.get_by_role("link", name=name, exact=True))


def test_a_taught_label_is_answered_learned_again_switched_and_forgotten(browser: Browser, school: Site) -> None:
    script = axe_script()
    taught(school, "a clever pet")
    with watched(browser, school.address) as page:
        ready(page, "/taught")
        mine = card(page, "a clever pet")
        switch = mine.get_by_role("switch")
        expect(switch).to_have_attribute("aria-checked", "false")
        expect(mine.get_by_role("img", name=re.compile("How many are right"))).to_be_visible()
        expect(mine).to_contain_text("Learned on")
        shoot(page, "taught", whole=True)
        assert complaints(page, script) == []
        mine.locator(".ask").click()
        few = mine.locator(".answers-few li")
        expect(few.first.locator("button").first).to_be_focused()
        assert few.count() <= 12
        page.keyboard.press("n")
        expect(mine.get_by_role("button", name="Learn from that")).to_be_visible()
        assert label(school, "a clever pet")["since_no"] == 1
        assert complaints(page, script) == []
        shoot(page, "taught-asked", whole=True)
        mine.get_by_role("button", name="Learn from that").click()
        expect(mine).to_contain_text("1 that does not")
        assert label(school, "a clever pet")["since_no"] == 0

        switch.focus()
        page.keyboard.press("Space")
        expect(switch).to_have_attribute("aria-checked", "true")
        expect(switch).to_be_focused()
        assert label(school, "a clever pet")["photos"] > 5
        expect(mine).to_contain_text("photos have it from what was taught")
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "false")
        assert label(school, "a clever pet")["photos"] == 0

        mine.get_by_role("button", name="Forget it", exact=True).click()
        expect(mine).to_contain_text("It stays where you gave it yourself")
        mine.get_by_role("button", name="Cancel").click()
        mine.get_by_role("button", name="Forget it", exact=True).click()
        mine.get_by_role("button", name="Forget it with its examples").click()
        expect(mine).to_have_count(0)
        assert "a clever pet" not in [one["name"] for one in school.api("/taught")]


def test_what_would_spread_too_far_is_looked_at_first(browser: Browser, school: Site) -> None:
    """Nearly everything is an example of it, or looks like one."""
    with watched(browser, school.address) as page:
        taught(school, "a wide one", precision=0.05)
        found = label(school, "a wide one")
        ready(page, "/taught")
        mine = card(page, "a wide one")
        mine.get_by_role("switch").click()
        if not found["must_look"]:
            expect(mine.get_by_role("switch")).to_have_attribute("aria-checked", "true")
            return
        expect(mine).to_contain_text("look at some of its photos first")
        expect(mine.locator(".answers-few li").first).to_be_visible()
        mine.get_by_role("button", name="I looked, they are right").click()
        expect(mine.get_by_role("switch")).to_have_attribute("aria-checked", "true")


@pytest.mark.parametrize("locale", ["en-US", "de-DE", "fr-FR", "es-ES"])
@pytest.mark.parametrize("width", [360, 1280])
def test_taught_labels_fit_and_axe_finds_nothing_serious(
    browser: Browser, school: Site, locale: str, width: int
) -> None:
    script, phone = axe_script(), {"has_touch": True, "is_mobile": True} if width < 500 else {}
    if not [one for one in school.api("/taught") if one["name"] == "a measured pet"]:
        taught(school, "a measured pet")
    for scheme in ("light", "dark"):
        options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "locale": locale, **phone}
        with watched(browser, school.address, **options) as page:
            ready(page, "/taught")
            card(page, "a measured pet").locator(".ask").click()
            card(page, "a measured pet").locator(".answers-few li").first.wait_for()
            assert complaints(page, script) == []
            assert page.evaluate("document.documentElement.scrollWidth") == width
            shoot(page, f"taught-{locale}-{width}-{scheme}", whole=True)


def test_without_a_taught_label_it_tells_how_to_teach_one(browser: Browser, reading: Site) -> None:
    for options in ({}, {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}, "locale": "de-DE"}):
        with watched(browser, reading.address, **options) as page:
            ready(page, "/taught")
            expect(page.locator("#none")).to_be_visible()
            assert complaints(page, axe_script()) == []
            shoot(page, f"taught-none-{len(options)}")
            page.locator("#none a.button").click()
            expect(page).to_have_url(re.compile("/$"))


def test_the_review_count_stands_in_the_navigation(browser: Browser, school: Site) -> None:
    number = school.api("/review/count")
    assert (number["questions"], number["more"]) == (100, True) or not number["more"]
    with watched(browser, school.address) as page:
        ready(page, "/review")
        badge = page.locator("#to-review")
        # It is counted beside, for the next page.
        for _ in range(20):
            if badge.is_visible():
                break
            page.wait_for_timeout(500)
            page.reload()
        expect(badge).to_contain_text(str(number["questions"]))
        nav = page.get_by_role("navigation", name="Main")
        expect(nav.get_by_role("link", name=re.compile("^Review"))).to_have_count(1)


def test_a_labels_page_says_its_name(browser: Browser, reading: Site) -> None:
    with watched(browser, reading.address, locale="de-DE") as page:
        ready(page, "/labels/n07920052")
        expect(page).to_have_title("Espresso · tagger")
        expect(page.locator("h1")).to_have_text("Espresso")


def test_what_is_pressed_while_words_are_loaded_counts(browser: Browser, reading: Site) -> None:
    def slow(route: Route) -> None:
        time.sleep(1)
        route.continue_()

    with watched(browser, reading.address, locale="fr-FR") as page:
        page.route("**/static/words/*", slow)
        ready(page, "/albums")
        more = page.locator("header nav .further")
        more.locator("summary").click()
        page.keyboard.press("Escape")
        expect(more.locator("div")).to_be_hidden()


def test_the_navigation_fits_at_every_width(browser: Browser, reading: Site) -> None:
    for locale in ("en-US", "de-DE", "fr-FR", "es-ES"):
        with watched(browser, reading.address, locale=locale) as page:
            ready(page, "/albums")
            for width in (360, 480, 830, 840, 1000, 1264, 1280, 1920):
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth") == width, (locale, width)
                nav = page.locator("header nav")
                box = nav.bounding_box()
                assert box is not None
                for entry in nav.locator("> a:visible, > details").all():
                    place = entry.bounding_box()
                    assert place is not None
                    assert place["x"] >= box["x"] - 1, (locale, width)
                    assert place["x"] + place["width"] <= width, (locale, width)
                nav.locator(".further summary").click()
                menu = nav.locator(".further div").bounding_box()
                assert menu is not None
                assert menu["x"] >= 0
                assert menu["y"] >= 0
                assert menu["x"] + menu["width"] <= width
                page.keyboard.press("Escape")
                expect(nav.locator(".further div")).to_be_hidden()
