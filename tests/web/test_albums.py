"""Saved searches on the page and in the API."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import pytest

from tests.web.site import Answer, Site

HTML = {"Accept": "text/html"}


def post(site: Site, path: str, origin: str = "", **form: str) -> Answer:
    headers = HTML | {"Content-Type": "application/x-www-form-urlencoded", "Origin": origin or site.address}
    return site.ask("POST", path, urlencode(form).encode(), headers)


def test_albums_are_saved_shown_renamed_and_removed(site: Site) -> None:
    assert "There are none yet" in site.get("/albums", HTML).text
    assert 'action="/albums"' in site.get("/?q=espresso", HTML).text
    assert post(site, "/albums", origin="http://evil.example", name="x", q="cat").status == 403
    assert post(site, "/albums", name="Kaffee <b>", q="espresso OR cat").status == 303
    assert post(site, "/albums", name="KAFFEE <B>", q="cat").status == 400
    assert post(site, "/albums", name="broken", q="(cat").status == 400
    [one] = site.api("/albums")
    found = site.api("/search?limit=500&q=espresso+OR+cat")["photos"]
    assert (one["name"], one["photos"], one["first"]["id"]) == ("Kaffee <b>", len(found), found[0]["id"])
    page = site.get("/albums", HTML).text
    assert "Kaffee &lt;b&gt;" in page
    within = site.get(f"/?album={one['id']}", HTML).text
    assert set(re.findall(r'data-photo="(\d+)"', within)) <= {str(photo["id"]) for photo in found}
    assert f"&album={one['id']}" in html.unescape(within)
    assert post(site, f"/albums/{one['id']}/rename", name="Coffee").status == 303
    assert site.tagger.json("saved", "list")[0]["name"] == "Coffee"
    assert post(site, f"/albums/{one['id']}/remove").status == 303
    assert site.api("/albums") == []
    assert site.get(f"/?album={one['id']}", HTML).status == 404


def test_an_album_has_the_order_that_was_chosen(site: Site) -> None:
    def of(album: int) -> list[dict[str, object]]:
        found, after = [], ""
        while True:
            page = site.api(f"/search?limit=3&album={album}{after}")
            found += page["photos"]
            if not page["next"]:
                return found
            after = f"&after={page['next']}"

    assert post(site, "/albums", name="Cats", q="cat OR espresso", sort="path").status == 303
    [one] = site.api("/albums")
    assert one["sort"] == "path"
    paths = [photo["path"] for photo in of(one["id"])]
    assert len(paths) == len(set(paths)) == one["photos"]
    assert paths == [photo["path"] for photo in site.tagger.json_lines("search", "--saved", "Cats", "-n", 0)]
    assert paths != [photo["path"] for photo in site.api("/search?limit=500&q=cat+OR+espresso")["photos"]]
    # By date, as `--sort`, in pages; a place in one order is none in another.
    place = site.api(f"/search?limit=3&album={one['id']}")["next"]
    assert post(site, f"/albums/{one['id']}/rename", name="Cats", sort="date").status == 303
    assert site.ask("GET", f"/api/v1/search?album={one['id']}&after={place}").status == 400
    assert site.ask("GET", f"/api/v1/search?q=cat&after={place}").status == 400
    by_date = [photo["path"] for photo in of(one["id"])]
    assert by_date == [photo["path"] for photo in site.tagger.json_lines("search", "--saved", "Cats", "-n", 0)]
    assert sorted(by_date) == sorted(paths)
    assert "Without a date</h2>" in site.get(f"/?album={one['id']}", HTML).text
    # Another name leaves the order as it is.
    assert site.send(f"/albums/{one['id']}", {"name": "Kats"}, method="PUT")[0]["sort"] == "date"
    assert post(site, "/albums", name="x", q="cat", sort="size").status == 422


@pytest.mark.slow
def test_the_api_saves_renames_and_removes(site: Site) -> None:
    made = site.send("/albums", {"name": "Tiere", "query": "animal"}, 201)
    assert made["language"] == "en"
    assert site.send("/albums", {"name": "tiere", "query": "cat"}, 400)["detail"]
    within = site.api(f"/search?limit=500&facets=true&album={made['id']}")
    assert within["photos"] == site.api("/search?limit=500&q=animal")["photos"]
    assert len(within["photos"]) == within["facets"]["photos"] == made["photos"]
    narrowed = site.api(f"/search?limit=500&q=-cat&album={made['id']}")
    assert narrowed["photos"] == site.api("/search?limit=500&q=animal+-cat")["photos"]
    page = site.api(f"/search?limit=1&album={made['id']}")
    assert site.api(f"/search?limit=1&album={made['id']}&after={page['next']}")["photos"] == within["photos"][1:2]
    assert site.ask("GET", "/api/v1/search?album=1000000").status == 404
    assert site.send(f"/albums/{made['id']}", {"name": "Animals"}, method="PUT")[0]["name"] == "Animals"
    assert site.send(f"/albums/{made['id']}", {}, method="DELETE") == []
    assert site.send(f"/albums/{made['id']}", {}, 400, method="DELETE")["detail"]
