"""More like this: the command, the API and the page give one answer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.store import records
from tagger.web import context
from tagger.web.problems import ProblemError
from tests.cli.runner import Tagger
from tests.web.site import Site


def by_api(site: Site, name: str, limit: int = 100) -> list[str]:
    return [one["path"] for one in site.api(f"/photos/{site.photo(name)}/similar?limit={limit}")]


def by_command(site: Site, path: str, limit: int = 100) -> list[str]:
    return [one["path"] for one in site.tagger.json_lines("similar", path, "--limit", limit)]


def path_of(site: Site, name: str) -> str:
    return str(site.api(f"/photos/{site.photo(name)}")["path"])


def test_the_api_answers_as_the_command_does(reading: Site) -> None:
    for name in ("coffee.jpg", "phone.heic", "temple.jpg"):
        found = by_api(reading, name)
        assert len(found) == 100, "every photo is compared, whatever its labels"
        assert found == by_command(reading, path_of(reading, name))
    assert by_api(reading, "coffee.jpg", 7) == by_api(reading, "coffee.jpg")[:7]


@pytest.mark.slow
def test_what_comes_and_goes_meanwhile_is_followed(site: Site) -> None:
    photos = site.tagger.home / "photos"
    coffee = path_of(site, "coffee.jpg")
    first = by_api(site, "coffee.jpg", 3)
    # A copy, and a photo that is most of the coffee, come; the one that was most like it goes.
    shutil.copy(coffee, photos / "a copy of it.jpg")
    Path(first[0]).unlink()
    site.tagger("backfill", photos, "--accept-missing", code=None)
    found = by_api(site, "coffee.jpg")
    assert Path(found[0]).name == "a copy of it.jpg"
    assert first[0] not in found
    assert found == by_command(site, coffee)
    assert by_api(site, "a copy of it.jpg") == by_command(site, str(photos / "a copy of it.jpg"))


def test_a_photo_without_features_has_none(site: Site) -> None:
    [broken, *_] = site.api("/failed")["failed"]
    assert site.api(f"/photos/{broken['id']}/similar") == []


def test_until_a_large_library_is_gathered_it_says_so_and_when_to_ask_again(
    gallery: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = context.WebContext(lambda: Settings(data_dir=gallery.data))
    with served.store.read() as session:
        record = records.find_photo(session, str(gallery.home / "photos" / "coffee.jpg"))
    assert record is not None
    monkeypatch.setattr(context, "_COMPARING_SECONDS", 0.0)
    with pytest.raises(ProblemError) as caught:
        served.similar(record.id, 5)
    assert caught.value.fault.status == 503
    assert int(caught.value.headers["Retry-After"]) > 0
    monkeypatch.setattr(context, "_COMPARING_SECONDS", 60.0)
    assert len(served.similar(record.id, 5)) == 5
    served.close()
