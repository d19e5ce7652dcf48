"""The start page: what the library holds, and the months of searches, in real Chromium."""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.runner import Tagger
from tests.cli.service import wait_for
from tests.web.browser import axe_script, complaints, watched
from tests.web.site import Site, serving
from tests.web.test_browser import ready, shoot
from tests.web.test_label_pages import PHONE


@pytest.fixture
def held(gallery: Tagger) -> Tagger:
    """A library with photos of this day in an earlier year, and of a town."""
    with sqlite3.connect(gallery.database) as connection:
        ids = [number for (number,) in connection.execute("SELECT id FROM photos ORDER BY id LIMIT 3")]
        day = f"{datetime.now().astimezone():%m-%d}"
        for year, number in zip(("2019", "2021", "2099"), ids, strict=True):
            connection.execute("UPDATE photos SET taken = ? WHERE id = ?", (f"{year}-{day}T12:00:00", number))
        added = "INSERT INTO terms (kind, name, folded) VALUES ('town', 'Sitges', 'sitges')"
        term = connection.execute(added).lastrowid
        connection.execute("INSERT INTO photo_terms (photo_id, term_id) VALUES (?, ?)", (ids[0], term))
    connection.close()
    return gallery


def test_the_start_page_shows_what_the_library_holds(held: Tagger) -> None:
    with serving(held) as site:
        text = site.get("/").text
        start = text.partition('id="start"')[2].partition('class="count"')[0]
        for heading in ("On this day", "People", "Animals", "Places", "Added lately", "Is tagger right?"):
            assert f">{heading}</h2>" in start, heading
        # Of this day in years that have been.
        day = start.partition("On this day")[2].partition("</section>")[0]
        assert re.findall(r'class="name">(\d+)', day) == ["2021", "2019"]
        assert 'href="/?q=place%3A%22Sitges%22"' in start
        # A search, an album and what comes behind have none.
        assert 'id="start"' not in site.get("/?q=animal").text
        assert "People</h2>" in site.get("/").text
        assert ">Menschen</h2>" in site.get("/", {"Accept-Language": "de"}).text


def test_a_label_that_was_removed_is_gone_from_the_start(site: Site) -> None:
    assert "portrait</span>" in site.get("/").text
    for photo in site.api("/search?q=portrait&limit=100")["photos"]:
        site.send(f"/photos/{photo['id']}/corrections", {"remove": ["portrait"]})
    # On a busy machine the counts are some seconds old.
    wait_for(lambda: "portrait</span>" not in site.get("/").text, 60)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_the_start_page_is_clean_and_leads_on(browser: Browser, held: Tagger, options: dict[str, object]) -> None:
    with serving(held) as site, watched(browser, site.address, **options) as page:
        page.add_init_script(
            "window.jumps = 0; new PerformanceObserver((list) => { for (const one of list.getEntries()) "
            "if (!one.hadRecentInput) window.jumps += one.value }).observe({ type: 'layout-shift', buffered: true })"
        )
        # Its pictures are made now, the first time.
        page.set_default_timeout(90_000)
        ready(page, "/")
        expect(page.get_by_role("heading", name="On this day")).to_be_visible()
        assert complaints(page, axe_script()) == []
        assert page.evaluate("window.jumps") < 0.02
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
        shoot(page, f"start-{'phone' if options else 'desktop'}")
        page.locator("#start").get_by_role("link", name="Sitges").press("Enter")
        expect(page.locator("#grid .tile")).to_have_count(1)


@pytest.mark.slow
def test_a_search_in_the_order_of_time_has_years_at_its_edge(browser: Browser, reading: Site) -> None:
    with watched(browser, reading.address) as page:
        ready(page, "/?q=type:jpeg")
        year = page.get_by_role("navigation", name="Dates").get_by_role("link", name=re.compile("^2023"))
        expect(year).to_be_visible()
        assert complaints(page, axe_script()) == []
        year.press("Enter")
        expect(page).to_have_url(re.compile(r"\?q=type%3Ajpeg&after="))
        expect(page.locator("#grid h2").first).to_contain_text("2023")
        # The surest first has none.
        ready(page, "/?q=animal")
        expect(page.get_by_role("navigation", name="Dates")).to_have_count(0)
