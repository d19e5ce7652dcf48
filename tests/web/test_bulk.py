"""Many photos at once, over HTTP against the real server: counts, corrections, undo, lookup."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.web.site import Site


@pytest.mark.slow
def test_a_search_is_corrected_as_it_was_seen_and_taken_back(site: Site) -> None:
    count = site.api("/search/count?q=cat")["photos"]
    found = site.api("/search?q=cat&limit=500")["photos"]
    assert count == len(found) > 5
    assert site.api("/search/count")["photos"] == len(site.api("/search?limit=500")["photos"])
    said = {"query": "cat", "add": ["our pet"]}
    refused = site.send("/corrections", {**said, "expected": count + 1}, 409)
    assert str(count) in refused["detail"]
    assert site.api("/search/count?q=%22our+pet%22")["photos"] == 0

    done = site.send("/corrections", {**said, "expected": count})
    assert done == {"id": done["id"], "photos": count, "changed": count}
    assert site.api("/search/count?q=%22our+pet%22")["photos"] == count
    assert {one["name"]: one["shown"] for one in site.api("/labels")}["our pet"] == count
    [told] = site.api("/corrections")
    assert (told["id"], told["add"], told["photos"], told["undone_at"]) == (done["id"], ["our pet"], count, None)

    some = [one["id"] for one in found[:3]]
    fewer = site.send("/corrections", {"photos": some, "remove": ["our pet"]})
    assert fewer["changed"] == 3
    back = site.send(f"/corrections/{done['id']}/undo", {})
    assert back == {"changed": count - 3, "kept": 3}
    assert site.api("/search/count?q=%22our+pet%22")["photos"] == 0
    assert site.send(f"/corrections/{fewer['id']}/undo", {})["changed"] == 3
    # The label of the first is there again: it was what the second one found.
    assert site.api("/search/count?q=%22our+pet%22")["photos"] == 3
    assert "already" in site.send(f"/corrections/{done['id']}/undo", {}, 400)["detail"]

    for wrong in (
        {"add": ["x"]},
        {"photos": [], "add": ["x"]},
        {"photos": [1], "query": "cat", "expected": 1, "add": ["x"]},
        {"query": "cat", "add": ["x"]},
        {"photos": [1], "expected": 1, "add": ["x"]},
        {"photos": list(range(1, 10_002)), "add": ["x"]},
    ):
        site.send("/corrections", wrong, 422)
    assert "Nothing" in site.send("/corrections", {"photos": [1]}, 400)["detail"]
    assert "unicorn" in site.send("/corrections", {"photos": [1], "remove": ["unicorn"]}, 400)["detail"]

    photo = found[0]
    assert site.api(f"/lookup?path={quote(photo['path'])}")["id"] == photo["id"]
    site.api(f"/lookup?path={quote('/nowhere/x.jpg')}", 404)
