"""Dates in people's words."""

from __future__ import annotations

from datetime import date

import pytest
from babel import Locale

from tagger.core.languages import LANGUAGES
from tagger.search.dates import DAYS, MONTHS, span_of
from tagger.search.query import parse
from tagger.search.query_tree import Taken

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
        ("vor zwei Wochen", "2026-11-09", "2026-11-16"),
        ("vor einem Jahr", "2025-01-01", "2026-01-01"),
        ("il y a trois semaines", "2026-11-02", "2026-11-09"),
        ("hace un año", "2025-01-01", "2026-01-01"),
        ("due settimane fa", "2026-11-09", "2026-11-16"),
        ("há duas semanas", "2026-11-09", "2026-11-16"),
        ("twee weken geleden", "2026-11-09", "2026-11-16"),
        ("dwa tygodnie temu", "2026-11-09", "2026-11-16"),
        ("rok temu", "2025-01-01", "2026-01-01"),
        ("två veckor sedan", "2026-11-09", "2026-11-16"),
        ("二週間前", "2026-11-09", "2026-11-16"),
        ("三ヶ月前", "2026-08-01", "2026-09-01"),
        ("两个月前", "2026-09-01", "2026-10-01"),
        ("two weeks ago", "2026-11-09", "2026-11-16"),
        ("a year ago", "2025-01-01", "2026-01-01"),
        ("vorgestern", "2026-11-26", "2026-11-27"),
        ("avant-hier", "2026-11-26", "2026-11-27"),
        ("l'altro ieri", "2026-11-26", "2026-11-27"),
        ("przedwczoraj", "2026-11-26", "2026-11-27"),
        ("一昨日", "2026-11-26", "2026-11-27"),
        ("前天", "2026-11-26", "2026-11-27"),
        ("the day before yesterday", "2026-11-26", "2026-11-27"),
        ("die letzten 7 Tage", "2026-11-22", "2026-11-29"),
        ("in den letzten zwei Wochen", "2026-11-15", "2026-11-29"),
        ("les 7 derniers jours", "2026-11-22", "2026-11-29"),
        ("los últimos 7 días", "2026-11-22", "2026-11-29"),
        ("ultimi 7 giorni", "2026-11-22", "2026-11-29"),
        ("ostatnie 7 dni", "2026-11-22", "2026-11-29"),
        ("過去7日間", "2026-11-22", "2026-11-29"),
        ("最近7天", "2026-11-22", "2026-11-29"),
        ("last two weeks", "2026-11-15", "2026-11-29"),
        ("Sommer letzten Jahres", "2025-06-01", "2025-09-01"),
        ("été de l'année dernière", "2025-06-01", "2025-09-01"),
        ("latem zeszłego roku", "2025-06-01", "2025-09-01"),
        ("去年の夏", "2025-06-01", "2025-09-01"),
        ("去年夏天", "2025-06-01", "2025-09-01"),
        ("june of last year", "2025-06-01", "2025-07-01"),
        ("2019年の夏", "2019-06-01", "2019-09-01"),
        ("令和2年の夏", "2020-06-01", "2020-09-01"),
        ("Winter 2019/2020", "2019-12-01", "2020-03-01"),
        ("hiver 2019-2020", "2019-12-01", "2020-03-01"),
        ("winter 2019/20", "2019-12-01", "2020-03-01"),
        ("w czerwcu 2019", "2019-06-01", "2019-07-01"),
        ("zeszłego lata", "2026-06-01", "2026-09-01"),
        ("Jänner 2019", "2019-01-01", "2019-02-01"),
        ("l'an dernier", "2025-01-01", "2026-01-01"),
        ("i somras", "2026-06-01", "2026-09-01"),
        ("月曜", "2026-11-23", "2026-11-24"),
        ("周一", "2026-11-23", "2026-11-24"),
        ("6/2019", "2019-06-01", "2019-07-01"),
        ("06.2019", "2019-06-01", "2019-07-01"),
        ("20190601", "2019-06-01", "2019-06-02"),
        ("June, 2019", "2019-06-01", "2019-07-01"),
    ],
)
def test_dates_in_the_languages_of_labels(words: str, first: str, behind: str) -> None:
    assert span_of(words, SATURDAY) == (date.fromisoformat(first), date.fromisoformat(behind))


# The first of June 2019, the month and the year, and the day without its year, as each language writes them.
WRITTEN = {
    "en": (
        *("1 June 2019", "1st June 2019", "1st of June 2019", "June 1, 2019", "June 1st, 2019", "1 Jun 2019"),
        *("2019/6/1", "2019.06.01", "2019-6-1", "1.6.2019"),
    ),
    "de": ("1. Juni 2019", "1 Juni 2019", "01. Juni 2019", "1.6.2019", "01.06.2019", "1. 6. 2019", "am 1. Juni 2019"),
    "fr": ("1er juin 2019", "1 juin 2019", "le 1er juin 2019"),
    "es": ("1 de junio de 2019", "1 junio 2019", "el 1 de junio de 2019", "1º de junio de 2019", "junio 1 de 2019"),
    "it": ("1 giugno 2019", "1º giugno 2019", "1° giugno 2019", "il 1 giugno 2019"),
    "pt": ("1 de junho de 2019", "1º de junho de 2019", "1.º de junho de 2019"),
    "nl": ("1 juni 2019", "1 Juni 2019"),
    "pl": ("1 czerwca 2019", "1 czerwca 2019 roku", "01.06.2019"),
    "sv": ("1 juni 2019", "den 1 juni 2019", "1:a juni 2019"),
    "ja": (
        *(
            "2019年6月1日",
            "2019年06月01日",
            "２０１９年６月１日",
            "2019年 6月 1日",
            "2019年6月1日(土)",
            "2019年6月1日（土）",
        ),
        *(
            "2019年6月1日土曜日",
            "令和元年6月1日",
            "令和1年6月1日",
            "二〇一九年六月一日",
            "2019/6/1",
            "２０１９／０６／０１",
        ),
    ),
    "zh": (
        *(
            "2019年6月1日",
            "2019年6月1号",
            "2019年06月01日",
            "２０１９年６月１号",
            "2019年6月1日星期六",
            "二〇一九年六月一日",
        ),
        *("二零一九年六月一号", "2019 年 6 月 1 日", "2019-6-1", "2019.6.1"),
    ),
}
MONTH = {
    "en": ("June 2019", "2019/6", "2019/06"),
    "de": ("Juni 2019", "im Juni 2019"),
    "fr": ("juin 2019", "en juin 2019"),
    "es": ("junio de 2019", "junio del 2019"),
    "it": ("giugno 2019",),
    "pt": ("junho de 2019",),
    "nl": ("juni 2019",),
    "pl": ("czerwiec 2019", "czerwca 2019"),
    "sv": ("juni 2019",),
    "ja": ("2019年6月", "2019年06月", "２０１９年６月", "令和元年六月", "2019年の6月"),
    "zh": ("2019年6月", "2019年06月", "2019年6月份", "二〇一九年六月"),
}
DAY = {
    "en": ("1 June", "1st of June"),
    "de": ("1. Juni",),
    "fr": ("1er juin", "le 1er juin"),
    "es": ("1 de junio",),
    "it": ("1 giugno",),
    "pt": ("1 de junho",),
    "nl": ("1 juni",),
    "pl": ("1 czerwca",),
    "sv": ("1 juni", "den 1 juni"),
    "ja": ("6月1日", "６月１日", "六月一日"),
    "zh": ("6月1日", "6月1号", "六月一号"),
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_dates_as_a_language_writes_them(code: str) -> None:
    for text in WRITTEN[code]:
        assert span_of(text, SATURDAY) == (date(2019, 6, 1), date(2019, 6, 2)), text
    for text in MONTH[code]:
        assert span_of(text, SATURDAY) == (date(2019, 6, 1), date(2019, 7, 1)), text
    for text in DAY[code]:
        assert span_of(text, SATURDAY) == (date(2026, 6, 1), date(2026, 6, 2)), text


@pytest.mark.parametrize(
    ("text", "first", "behind"),
    [
        ("2019年", "2019-01-01", "2020-01-01"),
        ("２０１９年", "2019-01-01", "2020-01-01"),
        ("平成31年4月30日", "2019-04-30", "2019-05-01"),
        ("昭和64年", "1989-01-01", "1990-01-01"),
        ("十二月二十一日", "2025-12-21", "2025-12-22"),
        ("12月", "2025-12-01", "2026-01-01"),
        ("11月28日", "2026-11-28", "2026-11-29"),
        ("11月29日", "2025-11-29", "2025-11-30"),
        ("2月29日", "2024-02-29", "2024-03-01"),
        ("２０１９－０６", "2019-06-01", "2019-07-01"),
    ],
)
def test_dates_of_numbers(text: str, first: str, behind: str) -> None:
    assert span_of(text, SATURDAY) == (date.fromisoformat(first), date.fromisoformat(behind))


@pytest.mark.parametrize(
    "text",
    [
        "2019年13月",
        "2019年2月30日",
        "13月",
        "2月30日",
        "31.2.2019",
        "20190231",
        "13/2019",
        "summer 2019/2020",
        "winter 2019/2021",
        "monday last year",
        "2019/13",
        "0000年",
        "年",
        "月",
        "日",
        "32 June",
        "0月",
        "6月0日",
    ],
)
def test_there_is_no_such_day(text: str) -> None:
    assert span_of(text, SATURDAY) is None


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("taken:2019年6月1日", "2019-06-01", "2019-06-02"),
        ("taken:２０１９", "2019", "2019~"),
        ("taken:２０１９-０６-０１", "2019-06-01", "2019-06-01~"),
        ("taken:2019年6月1日..2019年6月3日", "2019-06-01", "2019-06-04"),
        ('taken:"2019年6月1日(土)"', "2019-06-01", "2019-06-02"),
        ("taken:2019年..2020年", "2019-01-01", "2021-01-01"),
        ('taken:"1. Juni 2019..3. Juni 2019"', "2019-06-01", "2019-06-04"),
    ],
)
def test_written_dates_in_a_query(text: str, start: str, end: str) -> None:
    tree = parse(text)
    assert isinstance(tree, Taken)
    assert (tree.start, tree.end) == (start, end)
    assert parse(str(tree)) == tree


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
