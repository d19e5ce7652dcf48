"""Dates as people write them with numbers: 2019/6/1, 1.6.2019, 2019年6月1日, 令和元年6月, 二〇一九年六月一日."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

# A year, maybe a month and a day of it; a month and a day without the year. None where it is not said.
Numbers = tuple[int | None, int | None, int | None]

_DIGITS = {digit: number for number, digit in enumerate("〇一二三四五六七八九")} | {"零": 0}
_NUMBER = re.compile("[〇零一二三四五六七八九十]+(?=[年月日号號])")
# The year before the first of each era.
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867}
_ERA = re.compile(f"({'|'.join(_ERAS)})(元|[0-9]{{1,2}})年")
_WEEKDAY = re.compile(r"\(?(?:[月火水木金土日](?:曜日?)?|(?:星期|周|週)[一二三四五六日天])\)?$")
_CJK = re.compile(r"(?:([0-9]{4})年)?(?:([0-9]{1,2})月份?(?:([0-9]{1,2})[日号號])?)?")
_YEAR_FIRST = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})(?:\2([0-9]{1,2}))?")
_MONTH_FIRST = re.compile(r"([0-9]{1,2})[-/.]([0-9]{4})")
_UNDIVIDED = re.compile(r"([12][0-9]{3})([0-9]{2})([0-9]{2})")
_DAY_FIRST = re.compile(r"([0-9]{1,2})\. ?([0-9]{1,2})\. ?([0-9]{4})")


def usual(text: str) -> str:
    """A text with usual digits and signs instead of those of full width, and years of our era for Japan's."""
    return _ERA.sub(_year_of_era, unicodedata.normalize("NFKC", text).strip())


def numbers_of(text: str) -> Numbers | None:
    """Year, month and day of a date written with numbers, whether there is such a day or not; None for other texts."""
    if (match := _YEAR_FIRST.fullmatch(text)) is not None:
        return int(match[1]), int(match[3]), None if match[4] is None else int(match[4])
    if (match := _MONTH_FIRST.fullmatch(text)) is not None:
        return int(match[2]), int(match[1]), None
    if (match := _UNDIVIDED.fullmatch(text)) is not None:
        return int(match[1]), int(match[2]), int(match[3])
    if (match := _DAY_FIRST.fullmatch(text)) is not None:
        return int(match[3]), int(match[2]), int(match[1])
    plain = _ERA.sub(
        _year_of_era, _NUMBER.sub(lambda found: str(_number(found[0])), "".join(text.split()).replace("年の", "年"))
    )
    match = _CJK.fullmatch(plain) or _CJK.fullmatch(_WEEKDAY.sub("", plain))
    if match is None or not any(match.groups()):
        return None
    year, month, day = (None if part is None else int(part) for part in match.groups())
    return year, month, day


def latest(month: int, day: int, now: date) -> date:
    """The latest such day that has begun. Raises ValueError if no year has it."""
    for year in range(now.year, now.year - 9, -1):
        try:
            found = date(year, month, day)
        except ValueError:
            # The 29th of February, in most years.
            continue
        if found <= now:
            return found
    raise ValueError(f"no year has a day {month}-{day}")


def _year_of_era(found: re.Match[str]) -> str:
    return f"{_ERAS[found[1]] + (1 if found[2] == '元' else int(found[2]))}年"


def _number(text: str) -> int:
    """二〇一九 digit by digit, 二十一 as it is said."""
    if "十" not in text:
        return int("".join(str(_DIGITS[digit]) for digit in text))
    tens, _, ones = text.partition("十")
    return 10 * (_DIGITS.get(tens, 1)) + _DIGITS.get(ones, 0)
