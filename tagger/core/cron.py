"""When something is done by the clock: an interval, or five fields as cron means them (crontab(5)).

Minutes, hours, days of the month, months and days of the week (0 and 7 are Sunday) as numbers, names, ranges, lists and
steps. Where days of the month and of the week are both restricted, either is enough. The times are local.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from datetime import time as time_of_day

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST_DAYS = 3650
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_DAYS = "sun mon tue wed thu fri sat".split()
_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
# The 29th of February is at most eight years away, as around 2100.
_FAR = 9 * 366


@dataclass(frozen=True, slots=True)
class Interval:
    """So often. `seconds`: from one time to the next."""

    seconds: int


@dataclass(frozen=True, slots=True)
class CronTimes:
    """At these times. `weekdays`: 0 is Sunday. `either`: a day of the month or of the week is enough."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    every_hour: bool

    def next_after(self, now: float, zone: tzinfo) -> float | None:
        """The first of the times after a moment (seconds since the epoch); None if there is none.

        A time that a change of clocks skips comes as much later; one that it repeats comes once, unless the hour is *.
        """
        day = datetime.fromtimestamp(now, zone).date() - timedelta(days=1)
        for _ in range(_FAR):
            if self._is_day(day):
                later = [moment for moment in self._moments(day, zone) if moment > now]
                if later:
                    return min(later)
            day += timedelta(days=1)
        return None

    def _is_day(self, day: date) -> bool:
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (of_month or of_week if self.either else of_month and of_week)

    def _moments(self, day: date, zone: tzinfo) -> set[float]:
        found = set()
        for hour in self.hours:
            for minute in self.minutes:
                for fold in (0, 1) if self.every_hour else (0,):
                    local = datetime.combine(day, time_of_day(hour, minute, fold=fold), zone)
                    if fold and datetime.fromtimestamp(local.timestamp(), zone).time() != local.time():
                        # There is no second one: it is in the hour that is skipped.
                        continue
                    found.add(local.timestamp())
        return found


def parse_schedule(text: str) -> Interval | CronTimes | None:
    """An interval such as `6h`, five cron fields, or `@daily` and the like; None for "", which is never.

    Raises ValueError with the reason, for people.
    """
    text = text.strip()
    if not text:
        return None
    if interval := re.fullmatch(r"([0-9]{1,12}) ?([smhd])", text):
        seconds = int(interval[1]) * _UNITS[interval[2]]
        if not 1 <= seconds <= _LONGEST_DAYS * 86400:
            raise ValueError(f"an interval is from 1s to {_LONGEST_DAYS}d")
        return Interval(seconds)
    fields = _NICKNAMES.get(text.lower(), text).split()
    if len(fields) != 5:
        raise ValueError(f"cron has five fields, not {len(fields)}")
    minute, hour, day, month, weekday = (field.lower() for field in fields)
    found = CronTimes(
        minutes=_numbers(minute, "minute", 0, 59),
        hours=_numbers(hour, "hour", 0, 23),
        days=_numbers(day, "day of the month", 1, 31),
        months=_numbers(month, "month", 1, 12, _MONTHS),
        weekdays=frozenset(number % 7 for number in _numbers(weekday, "day of the week", 0, 7, _DAYS)),
        either=not day.startswith("*") and not weekday.startswith("*"),
        every_hour=hour.startswith("*"),
    )
    if not found.either and min(found.days) > max(_length(month) for month in found.months):
        raise ValueError("there is no such day in these months")
    return found


def _length(month: int) -> int:
    return 29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31


def _numbers(field: str, what: str, low: int, high: int, names: list[str] | None = None) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, slash, step_text = part.partition("/")
        if (slash and not re.fullmatch("[0-9]{1,4}", step_text)) or (slash and int(step_text) == 0):
            raise ValueError(f"{part!r} has no step such as */5")
        step = int(step_text) if slash else 1
        if span == "*":
            first, last = low, high
        else:
            start, dash, end = span.partition("-")
            first = _number(start, what, low, high, names)
            last = _number(end, what, low, high, names) if dash else high if slash else first
            if last < first and names is _DAYS and last == 0:
                # fri-sun
                last = 7
        if last < first:
            raise ValueError(f"{span!r} ends before it begins")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, what: str, low: int, high: int, names: list[str] | None) -> int:
    if names is not None and text in names:
        return names.index(text) + (1 if names is _MONTHS else 0)
    if not re.fullmatch("[0-9]{1,4}", text):
        raise ValueError(f"{text!r} is no {what}")
    number = int(text)
    if not low <= number <= high:
        raise ValueError(f"the {what} is from {low} to {high}, not {number}")
    return number
