"""Dates in people's words."""

from __future__ import annotations

from datetime import date

import pytest
from babel import Locale

from tagger.core.languages import LANGUAGES
from tagger.search.dates import DAYS, MONTHS, span_of

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


@pytest.mark.parametrize(
    ("words", "first", "behind"),
    [
        ("Sommer 2019", "2019-06-01", "2019-09-01"),
        ("letzten Monat", "2026-10-01", "2026-11-01"),
        ("letzter Monat", "2026-10-01", "2026-11-01"),
        ("Maerz 2019", "2019-03-01", "2019-04-01"),
        ("vor 3 Tagen", "2026-11-25", "2026-11-26"),
        ("le mois dernier", "2026-10-01", "2026-11-01"),
        ("l’été dernier", "2026-06-01", "2026-09-01"),
        ("ete 2019", "2019-06-01", "2019-09-01"),
        ("verano de 2019", "2019-06-01", "2019-09-01"),
        ("hace 2 semanas", "2026-11-09", "2026-11-16"),
        ("lunedì scorso", "2026-11-23", "2026-11-24"),
        ("julho de 2020", "2020-07-01", "2020-08-01"),
        ("vorige maand", "2026-10-01", "2026-11-01"),
        ("w zeszłym miesiącu", "2026-10-01", "2026-11-01"),
        ("zeszły miesiąc", "2026-10-01", "2026-11-01"),
        ("marca 2019", "2019-03-01", "2019-04-01"),
        ("igår", "2026-11-27", "2026-11-28"),
        ("2019年6月", "2019-06-01", "2019-07-01"),
        ("2019年夏", "2019-06-01", "2019-09-01"),
        ("先週", "2026-11-16", "2026-11-23"),
        ("3日前", "2026-11-25", "2026-11-26"),
        ("2019年夏天", "2019-06-01", "2019-09-01"),
        ("上个月", "2026-10-01", "2026-11-01"),
    ],
)
def test_dates_in_the_languages_of_labels(words: str, first: str, behind: str) -> None:
    assert span_of(words, SATURDAY) == (date.fromisoformat(first), date.fromisoformat(behind))


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_every_month_and_day_of_a_language_is_known(code: str) -> None:
    locale = Locale(code)
    for kind in ("format", "stand-alone"):
        for number, name in locale.months[kind]["wide"].items():
            assert span_of(f"{name} 2019", SATURDAY) == span_of(f"{MONTHS[number - 1]} 2019", SATURDAY), name
        for number, name in locale.days[kind]["wide"].items():
            assert span_of(name, SATURDAY) == span_of(DAYS[number], SATURDAY), name


@pytest.mark.parametrize(
    "words", ["", "de", "Hund 2019", "夏夏", "Sommer Winter", "2019 2020", "vor vielen Tagen", "x" * 99]
)
def test_what_is_no_date_in_any_language(words: str) -> None:
    assert span_of(words, SATURDAY) is None
