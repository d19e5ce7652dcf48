"""The months of the library, and going to one of them."""

from __future__ import annotations

import sqlite3

from tagger.store.timeline import Month, timeline_of
from tests.cli.gallery import COUNT
from tests.web.site import Site


class Rows:
    """A library of a few columns, to be read."""

    def __init__(self, *photos: tuple[str | None, int | None]) -> None:
        self._library = sqlite3.connect(":memory:")
        self._library.execute("CREATE TABLE photos (taken TEXT, missing_since INTEGER)")
        self._library.executemany("INSERT INTO photos VALUES (?, ?)", photos)

    def rows(self, sql: str, parameters: dict[str, object]) -> sqlite3.Cursor:
        return self._library.execute(sql, parameters)


def test_months_are_counted_without_what_is_missing() -> None:
    photos = [("2023-06-05T12:00:00", None), ("2023-06-30T12:00:00", None), ("2023-06-01T12:00:00", 1), (None, None)]
    found = timeline_of(Rows(*photos, ("2021-01-01T00:00:00", 5), ("2019-12-31T23:59:59", None), (None, 7)))  # type: ignore[arg-type]
    assert found.months == (Month("2023-06", 2), Month("2019-12", 1))
    assert found.undated == 1
    assert timeline_of(Rows()).months == ()  # type: ignore[arg-type]


def test_each_month_leads_to_its_photos(reading: Site) -> None:
    found = reading.api("/timeline")
    months = found["months"]
    assert sum(one["photos"] for one in months) + found["undated"] == COUNT
    assert months == sorted(months, key=lambda one: one["month"], reverse=True)
    for one in months:
        photos = reading.api(f"/search?after={one['after']}&limit=500")["photos"]
        assert [photo["taken"][:7] for photo in photos[: one["photos"]]] == [one["month"]] * one["photos"]
    photos = reading.api(f"/search?after={found['undated_after']}&limit=500")["photos"]
    assert len(photos) == found["undated"]
    assert not any(photo["taken"] for photo in photos)
    assert 'id="dates"' in reading.get("/").text
    # The surest first is no order of time.
    assert 'id="dates"' not in reading.get("/?q=animal").text


def test_a_search_in_the_order_of_time_has_months_of_its_own(reading: Site) -> None:
    found = reading.api("/timeline?q=taken:2023")
    [month] = found["months"]
    assert month["month"] == "2023-06"
    assert month["photos"] == len(reading.api("/search?q=taken:2023&limit=500")["photos"])
    assert found["undated"] == 0
    # What it leads to is within the search.
    first = reading.api(f"/search?q=taken:2023&after={month['after']}")["photos"]
    assert [photo["taken"][:7] for photo in first] == ["2023-06"] * month["photos"]
    jpegs = reading.api("/timeline?q=type:jpeg")
    assert (
        sum(one["photos"] for one in jpegs["months"]) + jpegs["undated"]
        == reading.api("/search/count?q=type:jpeg")["photos"]
    )
    assert 'id="dates"' in reading.get("/?q=taken:2023").text
    # The surest first has no months, and a search that cannot be understood has no answer.
    assert "order" in reading.api("/timeline?q=animal", 400)["detail"]
    reading.api("/timeline?q=(", 400)
