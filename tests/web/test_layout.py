from __future__ import annotations

import pytest

from tagger.core.paths import PhotoPath
from tagger.search.found_photo import FoundPhoto
from tagger.search.ordered import DATED, SUREST, UNDATED
from tagger.web.layout import Shape, by_month, shapes, style_sheet
from tagger.web.words import words


def photo(number: int, taken: str | None, order: str = DATED) -> FoundPhoto:
    return FoundPhoto(number, PhotoPath("/p", "a.jpg"), taken, "v", (), (order, taken, number))


def test_months_with_few_photos_share_a_heading() -> None:
    busy = [photo(number, "2023-06-05T12:00:00") for number in range(8)]
    rare = [photo(20, "2022-03-01T12:00:00"), photo(21, "2021-02-01T12:00:00"), photo(22, None, UNDATED)]
    found = by_month([*busy, *rare])
    assert [(one.oldest, one.newest, len(one.photos)) for one in found] == [
        ("2023-06", "2023-06", 8),
        ("2021-02", "2022-03", 2),
        ("", "", 1),
    ]


def test_what_is_not_in_the_order_of_time_has_no_headings() -> None:
    [group] = by_month([photo(1, "2023-06-05T12:00:00", SUREST), photo(2, None, SUREST)])
    assert (group.oldest, group.newest, len(group.photos)) == (None, None, 2)
    assert by_month([]) == []


@pytest.mark.parametrize(
    ("size", "name"), [((4000, 3000), "r133"), ((3000, 4000), "r75"), ((10_000, 100), "r400"), ((1, 900), "r40")]
)
def test_every_size_has_a_class_that_the_style_sheet_knows(size: tuple[int, int], name: str) -> None:
    shape = Shape(*size)
    assert shape.name == name
    assert f".{name}{{--r:" in style_sheet()
    assert shapes([photo(1, None)], {})[1].name == "r100"


def test_months_are_named_in_the_language() -> None:
    assert [words(code).month("2023-03") for code in ("en", "de", "es", "fr")] == [
        "March 2023",
        "März 2023",
        "marzo de 2023",
        "mars 2023",
    ]
    assert words("en").month("2023-99") == "2023-99"
