"""The page's own words in the languages that have a catalogue (`locale/`), and its numbers and dates.

GNU gettext as the standard library reads it. A language without a catalogue gets English words; only its labels differ.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType

from fastapi import Request
from markupsafe import Markup

from tagger.core.languages import ENGLISH, LanguageCode
from tagger.core.sentences import Sentence
from tagger.web.recalled import recalled
from tagger.web.visitor import code_of

LOCALE = Path(__file__).parent / "locale"
CATALOGUES: tuple[LanguageCode, ...] = ("de", "es", "fr")
DOMAIN = "messages"
# Between thousands, and before decimals (Unicode CLDR).
_MARKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"en": (",", "."), "de": (".", ","), "es": (".", ","), "fr": ("\u202f", ",")}
)
_DATES: Mapping[str, str] = MappingProxyType(
    {"en": "%Y-%m-%d %H:%M", "de": "%d.%m.%Y, %H:%M", "es": "%d/%m/%Y, %H:%M", "fr": "%d/%m/%Y %H:%M"}
)


class _Untold(gettext.NullTranslations):
    """Stands behind a catalogue: says so where it lacks a message."""

    def gettext(self, message: str) -> str:
        raise KeyError(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        raise KeyError(msgid1)


@dataclass(frozen=True)
class Words:
    """What the page says, in one language. `code`: English for a language without a catalogue."""

    code: LanguageCode
    translations: gettext.NullTranslations

    def text(self, message: str, **values: object) -> Markup:
        """A message of a template. Values are escaped, the message is our own markup."""
        return Markup(self._told(message)).format(**values)

    def plural(self, one: str, many: str, number: int, **values: object) -> Markup:
        """As `text`, for a number of things, which is `{n}`."""
        try:
            told = self.translations.ngettext(one, many, number)
        except KeyError:
            told = one if number == 1 else many
        return Markup(told).format(n=self.number(number), **values)

    def said(self, text: str) -> str:
        """What another room says to people, as far as the catalogue has it. For a template, English is marked."""
        if self.code == ENGLISH or not text:
            return text
        try:
            return text.told(self._translated) if isinstance(text, Sentence) else self._translated(text)
        except KeyError:
            return Markup('<span lang="en">{}</span>').format(text)

    def _translated(self, message: str) -> str:
        """A message by the catalogue, or what was stored of one. Raises KeyError."""
        try:
            return self.translations.gettext(message)
        except KeyError:
            before = recalled(message)
            if before is None or not before.values:
                raise
            return before.told(self._translated)

    def plain(self, text: str) -> str:
        """As `said`, where there is no markup."""
        said = self.said(text)
        return text if isinstance(said, Markup) else said

    def _told(self, message: str) -> str:
        try:
            return self.translations.gettext(message)
        except KeyError:
            return message

    def number(self, value: float, decimals: int = 0) -> str:
        """A number as people of this language write it."""
        thousands, point = _MARKS[self.code]
        if self.code == "es" and abs(value) < 10_000:
            thousands = ""
        whole, dot, rest = f"{value:,.{decimals}f}".partition(".")
        return whole.replace(",", thousands) + (point if dot else "") + rest

    def share(self, value: float) -> str:
        """A share, 0 to 1, as per cent."""
        return f"{self.number(100 * value)}\u00a0%"

    def size(self, number: int) -> str:
        """A number of bytes."""
        if number >= 1e6:
            return self.text("{number} MB", number=self.number(number / 1e6, 1))
        return self.text("{number} kB", number=self.number(number / 1e3, 1 if number < 1e4 else 0))

    def moment(self, seconds: float) -> str:
        """A time (seconds since the epoch) in this machine's time zone."""
        return datetime.fromtimestamp(seconds, UTC).astimezone().strftime(_DATES[self.code])

    def clock(self, seconds: float) -> str:
        """The time of day of a time (seconds since the epoch) in this machine's time zone."""
        return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%H:%M")

    def soon(self, seconds: float, now: float) -> str:
        """When something will be, as people say it: today, a weekday, a date. Both: seconds since the epoch."""
        then, today = (datetime.fromtimestamp(one, UTC).astimezone() for one in (seconds, now))
        days = (then.date() - today.date()).days
        clock = self.clock(seconds)
        if days == 0:
            return self.text("today at {time}", time=clock)
        if days == 1:
            return self.text("tomorrow at {time}", time=clock)
        if 1 < days < 7:
            return self.text("on {day} at {time}", day=self.said(_DAYS[then.weekday()]), time=clock)
        return self.text("on {date}", date=self.moment(seconds))

    def month(self, text: str) -> str:
        """A month of a year, which is written `2023-06`."""
        try:
            found = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            return text
        return self.text("{month} {year}", month=self.said(_MONTHS[found.month - 1]), year=found.year)

    def taken(self, text: str) -> str:
        """When a photo was taken, as it is stored: `2023-06-05T12:00:00`."""
        try:
            return datetime.fromisoformat(text).strftime(f"{_DATES[self.code]}:%S")
        except ValueError:
            return text.replace("T", " ")


_DAYS = (
    Sentence("Monday"),
    Sentence("Tuesday"),
    Sentence("Wednesday"),
    Sentence("Thursday"),
    Sentence("Friday"),
    Sentence("Saturday"),
    Sentence("Sunday"),
)
_MONTHS = (
    Sentence("January"),
    Sentence("February"),
    Sentence("March"),
    Sentence("April"),
    Sentence("May"),
    Sentence("June"),
    Sentence("July"),
    Sentence("August"),
    Sentence("September"),
    Sentence("October"),
    Sentence("November"),
    Sentence("December"),
)


@cache
def words(code: LanguageCode) -> Words:
    """The page's words for a visitor of a language."""
    if code not in CATALOGUES:
        return Words(ENGLISH, gettext.NullTranslations())
    with (LOCALE / code / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
        translations = gettext.GNUTranslations(file)
    translations.add_fallback(_Untold())
    return Words(code, translations)


def words_of(request: Request) -> Words:
    """The page's words for who asks."""
    return words(code_of(request))
