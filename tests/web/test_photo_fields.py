"""What a photo's file tells of it, on its page."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from tests.cli.runner import BUILT_IN, Tagger
from tests.imaging.test_fields import bag, exif_of, jpeg, xmp
from tests.web.site import serving


@pytest.mark.slow
def test_a_photos_page_shows_what_its_file_tells_and_each_leads_to_photos_like_it(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    jpeg(photos / "paris.jpg", xmp(bag("dc:subject", 'Summer 2019, "hot" &amp; &lt;b>'), 'xmp:Rating="4"'), exif_of())
    tagger = Tagger(tmp_path, BUILT_IN)
    tagger("backfill", photos)
    with serving(tagger) as site:
        number = site.photo("paris.jpg")
        page = site.get(f"/photos/{number}", {"Accept": "text/html", "Accept-Language": "de"}).text
        facts = page[page.index("<dl>") : page.index("</dl>")]
        assert "<dt>Eigene Stichwörter</dt>" in facts
        assert 'aria-label="4 von 5 Sternen">★★★★<' in facts
        assert "<b>" not in facts
        links = re.findall(r'<a href="/\?q=([^"]+)"', facts)
        assert len(links) >= 4
        for query in links:
            found = site.api(f"/search?strict=true&q={html.unescape(query)}")["photos"]
            assert [one["id"] for one in found] == [number], query
