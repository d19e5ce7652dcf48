"""What is in a result, on the page and in the API."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

import pytest

from tests.cli.runner import Tagger
from tests.cli.test_facets import multiplied
from tests.web.site import Site, serving

HTML = {"Accept": "text/html"}


def test_the_api_tells_what_is_in_a_result_and_narrowing_finds_as_many(reading: Site) -> None:
    assert reading.api("/search?q=animal")["facets"] is None
    found = reading.api("/search?q=animal&limit=1&facets=true")["facets"]
    assert found["photos"] == len(reading.api("/search?q=animal&limit=500")["photos"])
    for facet in found["labels"] + found["years"] + found["places"] + found["cameras"]:
        assert len(reading.api(f"/search?limit=500&q={quote(facet['query'])}")["photos"]) == facet["photos"], facet
    assert {"animal", "cat"} <= {facet["name"] for facet in found["labels"]}


def test_the_page_narrows_without_a_script(reading: Site) -> None:
    page = reading.get("/?q=animal", HTML).text
    narrow = page[page.index('<details class="narrow"') :].partition("</details>")[0]
    links = re.findall(r'<a href="([^"]+)">([^<]+) <small>([0-9,]+)</small></a>', narrow)
    assert links
    for address, name, _ in links:
        answer = reading.get(html.unescape(address), HTML)
        assert answer.status == 200, name
        assert 'id="grid"' in answer.text
    assert '<details class="narrow" id="facets" open>' in reading.get("/?q=animal&facets=1", HTML).text


@pytest.mark.slow
def test_a_large_result_is_told_about(gallery: Tagger) -> None:
    multiplied(gallery, 100)
    with serving(gallery) as site:
        exact = site.api("/search?q=cat&facets=true")["facets"]
        found = site.api("/search?q=*&facets=true")["facets"]
        assert (exact["about"], found["about"]) == (False, True)
        assert found["photos"] == pytest.approx(11_200, rel=0.1)
        page = site.get("/?q=*&facets=1", HTML).text
        assert re.search(r"<small>≈ [0-9,]+</small>", page)
        assert "≈" not in site.get("/?q=cat&facets=1", HTML).text
