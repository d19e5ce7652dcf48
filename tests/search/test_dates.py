"""Dates in people's words."""

from __future__ import annotations

from datetime import date

import pytest

from tagger.search.dates import span_of

SATURDAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("words", "first", "behind"),
    [
        ("today", "2026-11-28", "2026-11-29"),
        ("Yesterday", "2026-11-27", "2026-11-28"),
        ("monday", "2026-11-23", "2026-11-24"),
        ("saturday", "2026-11-28", "2026-11-29"),
        ("last saturday", "2026-11-21", "2026-11-22"),
        ("weekend", "2026-11-28", "2026-11-30"),
        ("last weekend", "2026-11-21", "2026-11-23"),
        ("this week", "2026-11-23", "2026-11-30"),
        ("last week", "2026-11-16", "2026-11-23"),
        ("last  Month", "2026-10-01", "2026-11-01"),
        ("last-month", "2026-10-01", "2026-11-01"),
        ("this year", "2026-01-01", "2027-01-01"),
        ("summer 2019", "2019-06-01", "2019-09-01"),
        ("winter 2019", "2019-12-01", "2020-03-01"),
        ("last summer", "2026-06-01", "2026-09-01"),
        ("autumn", "2026-09-01", "2026-12-01"),
        ("last autumn", "2025-09-01", "2025-12-01"),
        ("last winter", "2025-12-01", "2026-03-01"),
        ("june 2019", "2019-06-01", "2019-07-01"),
        ("Dec", "2025-12-01", "2026-01-01"),
        ("november", "2026-11-01", "2026-12-01"),
        ("last november", "2025-11-01", "2025-12-01"),
        ("3 days ago", "2026-11-25", "2026-11-26"),
        ("12 months ago", "2025-11-01", "2025-12-01"),
        ("last 7 days", "2026-11-22", "2026-11-29"),
        ("past 2 weeks", "2026-11-15", "2026-11-29"),
    ],
)
def test_words_are_days(words: str, first: str, behind: str) -> None:
    assert span_of(words, SATURDAY) == (date.fromisoformat(first), date.fromisoformat(behind))


def test_a_month_ago_ends_where_its_month_does() -> None:
    assert span_of("last 1 month", date(2026, 3, 31)) == (date(2026, 3, 1), date(2026, 4, 1))


@pytest.mark.parametrize(
    "words",
    ["", "someday", "monday 2019", "last", "month", "9999 years ago", "may 0000", "ma", "summer2019", "june 19"],
)
def test_other_words_are_none(words: str) -> None:
    assert span_of(words, SATURDAY) is None
