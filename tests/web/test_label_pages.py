"""The pages of labels, in real Chromium: cards, the hierarchy, and one label."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site
from tests.web.test_browser import ready, shoot

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def test_every_label_of_the_library_is_told_with_its_photos_and_a_picture(reading: Site) -> None:
    text = reading.get("/labels").text
    espresso = re.search(r'<li><a href="/labels/n07920052">(.*?)</a></li>', text)
    assert espresso is not None
    assert "espresso</span><small>4 photos" in espresso[1]
    photo = re.search(r"photos/(\d+)/picture", espresso[1])
    assert photo is not None
    names = {one["name"] for one in reading.api(f"/photos/{photo[1]}")["labels"] if one["shown"]}
    assert "espresso" in names
    # Animals come before food, and in a group the most frequent first.
    assert 0 < text.index('id="animals"') < text.index('id="food"') < text.index('id="things"')
    counts = [int(number) for number in re.findall(r"<small>(\d+) photo", text.partition('id="things"')[2])]
    things = counts[: text.partition('id="things"')[2].partition("</section>")[0].count("<li>")]
    assert things == sorted(things, reverse=True)
    # As cards were called in addresses that people kept.
    assert 'id="animals"' in reading.get("/labels?view=cloud").text


def test_a_label_of_ones_own_has_a_page_and_a_group_of_its_own(site: Site) -> None:
    site.send(f"/photos/{site.photo('coffee.jpg')}/corrections", {"add": ["Mitzi"]})
    text = site.get("/labels").text
    assert text.index('id="yours"') < text.index('id="people"')
    link = re.search(r'href="(/labels/own[^"]*)"', text)
    assert link is not None
    page = site.get(link[1])
    assert page.status == 200
    assert "See its 1 photo" in page.text
    # It has no threshold that one could move.
    assert 'id="rules"' not in page.text
    assert site.get("/labels/own%3Anobody", {"Accept": "text/html"}).status == 400


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_cards_are_filtered_and_lead_to_the_photos(browser: Browser, reading: Site, options: dict[str, object]) -> None:
    with watched(browser, reading.address, **options) as page:
        ready(page, "/labels")
        shown = page.locator(".cards li:visible")
        everything = shown.count()
        page.get_by_role("searchbox", name="Filter the labels").fill("ESPR")
        expect(shown).to_have_count(1)
        expect(shown).to_contain_text("espresso")
        expect(page.locator("#filtered")).to_have_text("1 label")
        expect(page.locator(".group:visible")).to_have_count(1)
        assert complaints(page, axe_script()) == []
        page.get_by_role("searchbox", name="Filter the labels").fill("no such thing")
        expect(page.locator("#filtered")).to_contain_text("No label has that")
        page.keyboard.press("Escape")
        expect(shown).to_have_count(everything)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
        shoot(page, f"label-cards-{'phone' if options else 'desktop'}", whole=True)
        page.get_by_role("link", name=re.compile("^espresso")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("espresso")
        expect(page.locator("#photos .tile")).to_have_count(len(reading.tagger.found("espresso")))
        expect(page.get_by_label("Call it")).to_be_visible()
        # What would change is compared when somebody changes something.
        expect(page.locator("#changed")).to_have_count(0)
        assert complaints(page, axe_script()) == []
        page.get_by_role("link", name=re.compile("^See all")).click()
        expect(page).to_have_url(re.compile(r"\?q=%22espresso%22"))


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.querySelector('span:not(.cover)')?.textContent ?? ''"))


@pytest.mark.slow
def test_the_hierarchy_opens_with_the_arrows_alone(browser: Browser, reading: Site) -> None:
    with watched(browser, reading.address) as page:
        ready(page, "/labels?view=tree")
        tree = page.locator(".tree")
        espresso = tree.get_by_role("link", name=re.compile("^espresso"))
        expect(espresso).to_be_hidden()
        tree.get_by_role("link", name=re.compile("^food ")).focus()
        for key, name in (("ArrowRight", "drink"), ("ArrowRight", "drink"), ("ArrowRight", "espresso")):
            page.keyboard.press(key)
            assert focused(page) == name, key
        expect(espresso).to_be_visible()
        page.keyboard.press("ArrowLeft")
        assert focused(page) == "drink"
        page.keyboard.press("ArrowLeft")
        expect(espresso).to_be_hidden()
        assert focused(page) == "drink"
        page.keyboard.press("ArrowUp")
        assert focused(page) == "food"
        page.keyboard.press("ArrowLeft")
        assert focused(page) == "food"
        page.keyboard.press("Home")
        first = focused(page)
        page.keyboard.press("ArrowDown")
        assert focused(page) not in ("", first)
        page.get_by_role("searchbox", name="Filter the labels").fill("espresso")
        expect(espresso).to_be_visible()
        expect(tree.get_by_role("link", name=re.compile("^drink"))).to_be_visible()
        assert complaints(page, axe_script()) == []
        espresso.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("espresso")
        expect(page.get_by_role("navigation", name="Wider labels")).to_contain_text("drink")
