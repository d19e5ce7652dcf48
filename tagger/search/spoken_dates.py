"""Dates in people's words in the languages that labels have, put into the English ones of `dates`.

All languages are known at once, as nothing means two dates. Accents and case do not matter.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FILE = "date_words.json"
# Words between a name and a year, or before both.
_BETWEEN = frozenset(
    {"de", "del", "di", "do", "da", "of", "im", "am", "den", "in", "en", "au", "el", "la", "le", "il", "roku", "の"}
)
# A day of a month: 1. Juni, 1er juin, 1º de junho.
_DAY = re.compile(r"(\d{1,2})(?:\.?(?:er|o|a|e|°)|:a|\.|st|nd|rd|th)?,?(?= |$)")
_YEAR_OF_CJK = re.compile(r"(\d{4})年")
_ARTICLE = re.compile(r"\b[ld]'(?=\w)")
_LONGEST = 60


def in_english(text: str) -> Iterator[str]:
    """What a text may be in English: each way to say it so. Nothing where a word is unknown."""
    if len(text) > _LONGEST:
        return
    phrases, ago = _known()
    words = plain(text)
    for pattern, unit in ago:
        if (match := pattern.fullmatch(words)) is not None:
            yield f"{match[1]} {unit}s ago"
    words = _ARTICLE.sub("", _YEAR_OF_CJK.sub(r"\1 ", words)).strip()
    found = _taken_apart(words, phrases)
    if found is None:
        return
    yield " ".join(found)
    # Many languages say the summer last, and 2019's summer.
    yield " ".join(reversed(found))


def _taken_apart(words: str, phrases: dict[str, str]) -> list[str] | None:
    """Each phrase in English, the longest that there is first."""
    found = []
    while words:
        if (year := re.match(r"\d{4}\b", words)) is not None:
            length, english = 4, year[0]
        elif (day := _DAY.match(words)) is not None:
            length, english = len(day[0]), day[1]
        else:
            length = next((n for n in range(len(words), 0, -1) if _is_whole(words, n) and words[:n] in phrases), 0)
            english = phrases.get(words[:length], "")
        if not length:
            first, _, words = words.partition(" ")
            first = first.rstrip(",")
            if first not in _BETWEEN and first.removeprefix("の"):
                return None
            continue
        found.append(english)
        words = words[length:].strip()
    return found


def _is_whole(words: str, length: int) -> bool:
    """Whether a word ends there; those of Japanese and Chinese end anywhere, and an apostrophe is an end."""
    return length == len(words) or not words[length - 1].isascii() or words[length - 1] == "'" or words[length] == " "


@cache
def _known() -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    known = json.loads(Path(__file__).with_name(FILE).read_text())
    patterns = [
        (re.compile(re.escape(pattern).replace(r"\{0\}", r"(\d{1,4})").replace(r"\ ", " ?")), unit)
        for pattern, unit in known["ago"].items()
        if "{0}" in pattern
    ]
    return known["phrases"], patterns


def plain(text: str) -> str:
    """A text without case, accents and doubled spaces."""
    split = unicodedata.normalize("NFKD", text.casefold().replace("-", " ").replace("_", " ").replace("’", "'"))
    return " ".join("".join(char for char in split if not unicodedata.combining(char)).split())
