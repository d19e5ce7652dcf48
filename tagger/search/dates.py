"""Dates in people's words: `monday`, `last month`, `1 June 2019`, `Sommer 2019`. In English and as `spoken_dates` and
`written_dates` know, by the local calendar.

Seasons are the northern half's: summer is June to August, and winter begins in December of its year.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from tagger.core.clock import SystemClock
from tagger.core.local_zone import LocalZone
from tagger.search import written_dates

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_UNITS = ("day", "week", "month", "year")
WORDS = ("today", "yesterday", *DAYS, *MONTHS, *SEASONS, "weekend", "last", "this", "week", "month", "year")
_AGO = re.compile(r"(\d{1,4}) (day|week|month|year)s? ago")
_LAST_MANY = re.compile(r"(?:the )?(?:last|past) (\d{1,4}) (day|week|month|year)s?")
_NAMED = re.compile(r"(?:(last|this) )?([a-z]+)(?:,? (?:of )?(\d{4}))?")
_OF_A_YEAR = re.compile(r"([a-z]+) (?:of )?(last|this) year|(last|this) year ([a-z]+)")
# The winter of 2019/20.
_TWO_YEARS = re.compile(r"(.*\D)(\d{4}) ?[/–-] ?(\d{4}|\d{2})")
_DAY_OF_MONTH = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?(?: of)? ([a-z]+)(?:,? (\d{4}))?")
_MONTH_AND_DAY = re.compile(r"([a-z]+) (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_ONE = timedelta(days=1)

# First day, and the day behind the last.
Span = tuple[date, date]


def today() -> date:
    """This day, by the local clock."""
    return datetime.fromtimestamp(SystemClock().now(), LocalZone()).date()


def span_of(text: str, now: date | None = None) -> Span | None:
    """The days that some words mean, from the first to the one behind the last; None if they mean none."""
    text = written_dates.usual(text)
    if (match := _TWO_YEARS.fullmatch(text)) is not None and (int(match[2]) + 1) % 100 == int(match[3][-2:]):
        span = span_of(match[1] + match[2], now)
        return span if span is not None and span[0].year < (span[1] - _ONE).year else None
    words = " ".join(text.casefold().replace("-", " ").replace("_", " ").split())
    now = now or today()
    found = _real(words, now)
    if found is not None:
        return found
    if (numbers := written_dates.numbers_of(text)) is not None:
        return _of_numbers(*numbers, now)
    # Not even the module is loaded for English.
    from tagger.search.spoken_dates import in_english

    return next((span for each in in_english(text) if (span := _real(each, now)) is not None), None)


def _real(words: str, now: date) -> Span | None:
    try:
        return _span(words, now)
    except (OverflowError, ValueError):
        # Before the first year, or behind the last.
        return None


def _of_numbers(year: int | None, month: int | None, day: int | None, now: date) -> Span | None:
    """A year, a month or a day; without the year, the latest that has begun."""
    try:
        if month is not None and not 1 <= month <= 12:
            return None
        if year is None and month is not None:
            if day is None:
                return _latest(lambda _, any_year: _months(any_year, month, 1), now, ended=False)
            return _shifted(written_dates.latest(month, day, now), 1)
        if year is None:
            return None
        if month is None:
            return _months(year, 1, 12)
        return _months(year, month, 1) if day is None else _shifted(date(year, month, day), 1)
    except (OverflowError, ValueError):
        return None


def _span(words: str, now: date) -> Span | None:
    if words in ("today", "yesterday"):
        return _unit("day", now, 0 if words == "today" else -1)
    if (match := _AGO.fullmatch(words)) is not None:
        return _unit(match[2], now, -int(match[1]))
    if (match := _LAST_MANY.fullmatch(words)) is not None:
        # These days up to now: last 7 days ends today.
        many, unit = int(match[1]), match[2]
        return _unit(unit, now, 1 - many)[0] if unit == "day" else _back(unit, now, many), now + _ONE
    if (match := _DAY_OF_MONTH.fullmatch(words)) is not None and (month := _month(match[2])):
        return _of_numbers(int(match[3]) if match[3] else None, month, int(match[1]), now)
    if (match := _MONTH_AND_DAY.fullmatch(words)) is not None and (month := _month(match[1])):
        return _of_numbers(int(match[3]), month, int(match[2]), now)
    if (match := _OF_A_YEAR.fullmatch(words)) is not None:
        name = match[1] or match[4]
        within = None if name in (*DAYS, "weekend") else _starts(name)
        return None if within is None else within(now, now.year - ("last" in match.groups()))
    if (match := _NAMED.fullmatch(words)) is None:
        return None
    which, name, year = match.groups()
    if name in _UNITS:
        return None if year or not which else _unit(name, now, -1 if which == "last" else 0)
    begins = _starts(name)
    if begins is None or (year and (which or name in (*DAYS, "weekend"))):
        return None
    if year:
        return begins(date(int(year), 6, 15), int(year))
    return _latest(begins, now, ended=which == "last")


def _starts(name: str) -> Callable[[date, int], Span] | None:
    """What gives the span of a name that comes again and again: near a day, in a year."""
    if name in DAYS:
        return lambda day, _: _shifted(_unit("week", day, 0)[0] + timedelta(days=DAYS.index(name)), 1)
    if name == "weekend":
        return lambda day, _: _shifted(_unit("week", day, 0)[0] + timedelta(days=5), 2)
    if name in SEASONS:
        return lambda _, year: _months(year, SEASONS[name], 3)
    if month := _month(name):
        return lambda _, year: _months(year, month, 1)
    return None


def _month(name: str) -> int:
    """The number of a month, from 1 on; 0 for other words."""
    months = [month for month in MONTHS if month == name or (len(name) >= 3 and month.startswith(name))]
    return MONTHS.index(months[0]) + 1 if len(months) == 1 else 0


def _latest(span: Callable[[date, int], Span], now: date, *, ended: bool) -> Span:
    """The latest that has begun; `ended`: that is over."""
    candidates = {span(now - timedelta(days=back), now.year - years) for back in (0, 7, 14) for years in (0, 1, 2)}
    fitting = [one for one in candidates if one[0] <= now and (not ended or one[1] <= now)]
    return max(fitting)


def _unit(unit: str, now: date, steps: int) -> Span:
    """A day, week, month or year, so many steps from the present one."""
    if unit == "day":
        return _shifted(now + timedelta(days=steps), 1)
    if unit == "week":
        return _shifted(now - timedelta(days=now.weekday()) + timedelta(weeks=steps), 7)
    if unit == "year":
        return _months(now.year + steps, 1, 12)
    return _months(now.year, now.month + steps, 1)


def _back(unit: str, now: date, many: int) -> date:
    """The day behind that one which was so many weeks, months or years ago."""
    if unit == "week":
        return now - timedelta(weeks=many) + _ONE
    first, behind = _months(now.year - (many if unit == "year" else 0), now.month - (many if unit == "month" else 0), 1)
    return min(first + timedelta(days=now.day - 1), behind - _ONE) + _ONE


def _shifted(first: date, days: int) -> Span:
    return first, first + timedelta(days=days)


def _months(year: int, month: int, many: int) -> Span:
    """So many months from one on; `month` may be below 1 or above 12."""
    start, end = year * 12 + month - 1, year * 12 + month - 1 + many
    return date(start // 12, start % 12 + 1, 1), date(end // 12, end % 12 + 1, 1)
