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
_BETWEEN = frozenset("de del des di do da of im am den in en au el la le lo il no na nel nella roku w we".split())
# A day of a month: 1. Juni, 1er juin, 1º de junho.
_DAY = re.compile(r"(\d{1,2})(?:\.?(?:er|o|a|e|°)|:a|\.|st|nd|rd|th)?,?(?= |$)")
_ARTICLES = "the|die|der|in den|les|des|ces|los|las|en los|en las|gli|le|negli|nelle|os|as|nos|nas|de|het|w|de senaste"
# か月 is written in four ways.
_MONTHS_OF_JAPANESE = re.compile("[ヶケヵカ箇](?=月)")
_YEAR_OF_CJK = re.compile(r"(\d{4})年")
_ARTICLE = re.compile(r"\b[ld]'(?=\w)")
_LONGEST = 60


def in_english(text: str) -> Iterator[str]:
    """What a text may be in English: each way to say it so. Nothing where a word is unknown."""
    if len(text) > _LONGEST:
        return
    phrases, counted, numbers = _known()
    words = _MONTHS_OF_JAPANESE.sub("か", plain(text))
    for pattern, said in counted:
        if (match := pattern.fullmatch(words)) is not None:
            yield said.format(numbers.get(match[1], match[1]))
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
    while words := words.removeprefix("の"):
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
            if first not in _BETWEEN:
                return None
            continue
        found.append(english)
        words = words[length:].strip()
    return found


def _is_whole(words: str, length: int) -> bool:
    """Whether a word ends there; those of Japanese and Chinese end anywhere, and an apostrophe is an end."""
    return length == len(words) or not words[length - 1].isascii() or words[length - 1] == "'" or words[length] == " "


@cache
def _known() -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]], dict[str, int]]:
    """Phrases in English; how so many days are said, with what that is in English; and numbers."""
    known = json.loads(Path(__file__).with_name(FILE).read_text())
    number = rf"(\d{{1,4}}|{'|'.join(map(re.escape, sorted(known['numbers'], key=len, reverse=True)))})"
    counted = []
    for kind, before, said in (("ago", "", "{{}} {}s ago"), ("last", rf"(?:(?:{_ARTICLES}) )?", "last {{}} {}s")):
        for pattern, unit in known[kind].items():
            if "{0}" in pattern:
                text = re.escape(pattern).replace(r"\{0\}", number).replace(r"\ ", " ?")
                counted.append((re.compile(before + text), said.format(unit)))
    return known["phrases"], counted, known["numbers"]


def plain(text: str) -> str:
    """A text without case, accents and doubled spaces."""
    split = unicodedata.normalize("NFKD", text.casefold().replace("-", " ").replace("_", " ").replace("’", "'"))
    return " ".join("".join(char for char in split if not unicodedata.combining(char)).split())
