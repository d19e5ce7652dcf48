"""The values of fields in a query: `rating:>=4`, `taken:2023..2024` -> a node of the query tree."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence

from tagger.core.formats import RAW_EXTENSIONS
from tagger.core.names import folded
from tagger.core.paths import shown_path
from tagger.core.sentences import Sentence
from tagger.search.query_tree import FieldNode, Format, Located, Measured, Named, Near, Shape, Taken

NAMES = ("keyword", "camera", "lens", "place")
MEASURES = ("rating", "width", "height")
FIELDS = (*NAMES, *MEASURES, "orientation", "gps", "near")
# File formats as photos are stored with them, and what else they are called.
FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "JPEG", "MPO", "PNG", "RAW", "TIFF", "WEBP")
_ALIASES = {"JPG": "JPEG", "JPE": "JPEG", "HEIC": "HEIF", "HIF": "HEIF", "TIF": "TIFF", "DIB": "BMP", "APNG": "PNG"} | {
    extension[1:].upper(): "RAW" for extension in RAW_EXTENSIONS
}
SHAPES = ("portrait", "landscape", "square")
_YES = {"yes": True, "true": True, "1": True, "no": False, "none": False, "false": False, "0": False}
_DATE = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?")
# 2019-2020, 2019 bis 2021
_TWO_YEARS = re.compile(r"([0-9]{4})\s*(?:[-–—~]|[^\W\d]+)\s*([0-9]{4})")
_BOUND = re.compile(r"(>=|<=|>|<|=|≥|≤)?\s*(-?\d{1,9})(?:px)?")
_RANGE = re.compile(r"(\d{0,9})\.\.(\d{0,9})")
# From 2 to 4, and from 4 on.
_BETWEEN, _AND_MORE = re.compile(r"(\d{1,9}) ?[-–] ?(\d{1,9})"), re.compile(r"(\d{1,9}) ?\+")
_STARS = re.compile("[★⭐]{1,5}")
# 48.85, N 48.85, 48.85° N, 48° 51' 24'' N
_ANGLE = (
    r"([NSEW])? ?([+-]?\d{1,3}(?:\.\d+)?) ?°?"
    r" ?(?:(\d{1,2}(?:\.\d+)?) ?['′’])? ?(?:(\d{1,2}(?:\.\d+)?) ?(?:[\"″”]|''))? ?([NSEW])?"
)
_APART = r"(?: ?[,;] ?| )"
_NEAR = re.compile(
    rf"{_ANGLE}{_APART}{_ANGLE}(?:{_APART}(\d+(?:\.\d+)?) ?(km|m|mi|miles)?)?",
    re.IGNORECASE,
)
_KM = {"km": 1.0, "m": 0.001, "mi": 1.609344, "miles": 1.609344, "": 1.0}
_USUAL_KM, _MOST_KM = 5.0, 500.0


def node_of(field: str, text: str) -> FieldNode | Taken:
    """What a field with a value means. Raises ValueError with a sentence for people."""
    if field == "format":
        return _format(text)
    if field == "taken":
        return _taken(text)
    value = " ".join(text.split())
    if field in NAMES:
        if not folded(value):
            raise ValueError(
                Sentence(
                    '{field}: needs a name right behind it, as in {field}:"{example}"',
                    field=field,
                    example=_EXAMPLES[field],
                )
            )
        return Named(field, None if value == "none" else value)
    if field in MEASURES:
        return _measured(field, value)
    if field == "orientation":
        return _shape(value)
    if field == "gps":
        if value.casefold() not in _YES:
            raise ValueError(Sentence("gps: is yes or no"))
        return Located(_YES[value.casefold()])
    return _near(value)


_EXAMPLES = {"keyword": "summer 2019", "camera": "canon eos", "lens": "50mm", "place": "Paris"}


def _measured(field: str, value: str) -> Measured:
    stars = field == "rating"
    word = value.casefold()
    if word == "none":
        return Measured(field, None, None)
    if stars and word in ("rejected", "-1"):
        return Measured(field, -1, -1)
    if stars and _STARS.fullmatch(value) is not None:
        return Measured(field, len(value), len(value))
    value = _AND_MORE.sub(r">=\1", value) if _AND_MORE.fullmatch(value) else value
    value = _BETWEEN.sub(r"\1..\2", value) if _BETWEEN.fullmatch(value) else value
    if (match := _RANGE.fullmatch(value)) is not None and value != "..":
        least, most = (int(part) if part else None for part in match.groups())
    elif (match := _BOUND.fullmatch(value)) is not None:
        least, most = _bounds(match[1] or "=", int(match[2]))
    else:
        example = "rating:4, rating:>=4, rating:3..5, rating:none or rating:rejected" if stars else f"{field}:>4000"
        raise ValueError(
            Sentence("{what} is no {field}; write {example}", what=shown_path(value), field=field, example=example)
        )
    low, high = (1, 5) if stars else (1, 999_999_999)
    if stars and (least, most) == (0, 0):
        return Measured(field, None, None)
    if least is not None and most is not None and most < least:
        raise ValueError(Sentence("{most} is below {least}", most=most, least=least))
    if (least or low) > high or (most if most is not None else high) < low:
        raise ValueError(
            Sentence("Stars are from 1 to 5") if stars else Sentence("No photo has such a {field}", field=field)
        )
    return Measured(field, max(low, low if least is None else least), min(high, high if most is None else most))


def _bounds(operator: str, number: int) -> tuple[int | None, int | None]:
    match operator:
        case ">":
            return number + 1, None
        case ">=" | "≥":
            return number, None
        case "<":
            return None, number - 1
        case "<=" | "≤":
            return None, number
    return number, number


def _shape(value: str) -> Shape:
    name = value.casefold()
    if name in SHAPES:
        return Shape(name)
    if name == "panorama":
        raise ValueError(Sentence("A panorama is a label: search for panorama, without orientation:"))
    near = difflib.get_close_matches(name, SHAPES, 1, 0.7)
    hint = (
        Sentence("did you mean {near}?", near=f"orientation:{near[0]}")
        if near
        else Sentence("there are {names}", names=", ".join(SHAPES))
    )
    raise ValueError(Sentence("There is no such orientation ({hint})", hint=hint))


def _near(value: str) -> Near:
    match = _NEAR.fullmatch(value)
    if match is None:
        raise ValueError(Sentence("near: takes latitude, longitude and a distance, as in near:48.85,2.35,10km"))
    latitude, longitude = _degrees(match.groups()[:5], "NS"), _degrees(match.groups()[5:10], "EW")
    if latitude is None or longitude is None:
        raise ValueError(Sentence("near: takes latitude, longitude and a distance, as in near:48.85,2.35,10km"))
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError(Sentence("A latitude is from -90 to 90, a longitude from -180 to 180"))
    km = _USUAL_KM if match[11] is None else float(match[11]) * _KM[(match[12] or "").casefold()]
    if not 0 < km <= _MOST_KM:
        raise ValueError(Sentence("near: looks up to {most:g} km around", most=_MOST_KM))
    return Near(latitude, longitude, km)


def _degrees(angle: Sequence[str | None], sides: str) -> float | None:
    """Degrees north or east; None where the sides are others, or said twice."""
    before, degrees, minutes, seconds, behind = angle
    side = (before or behind or "").upper()
    if degrees is None or (before and behind) or side not in ("", *sides) or (side and degrees[0] in "+-"):
        return None
    found = abs(float(degrees)) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    return -found if degrees[0] == "-" or side == sides[1] else found


def _format(text: str) -> Format:
    name = text.upper().removeprefix(".")
    name = _ALIASES.get(name, name)
    if name not in FORMATS:
        near = difflib.get_close_matches(name, FORMATS, 1)
        hint: str = Sentence("there are {names}", names=", ".join(FORMATS).lower())
        if near:
            meant = Sentence("did you mean {near}?", near=f"format:{near[0].lower()}")
            hint = Sentence("{first} {then}", first=meant, then=hint)
        raise ValueError(Sentence("There is no such format ({hint})", hint=hint))
    return Format(name)


def _taken(text: str) -> Taken:
    """`2023`, `2023-06`, `2023-06-01`, people's words, a range `A..B` with either end open, or `none`."""
    if text == "none":
        return Taken(None, None, "none")
    first, dots, last = text.partition("..")
    if not dots:
        last = first
    spans = [_days(part.strip()) for part in (first, last)]
    if not first and not last:
        raise ValueError(Sentence("taken: needs a date, as in taken:2023-06..2024"))
    start, end = spans[0][0], spans[1][1]
    if end <= start:
        raise ValueError(Sentence("{last} is before {first}", last=last, first=first))
    return Taken(start, end, text)


def _days(part: str) -> tuple[str, str]:
    """From which text on, and up to which, a date is one of the days that a part of a range means."""
    if not part:
        return "0000", "9999"
    part = unicodedata.normalize("NFKC", part)
    if _DATE.fullmatch(part):
        return part, _after(part)
    from tagger.search import dates

    span = dates.span_of(part)
    if span is not None:
        return span[0].isoformat(), span[1].isoformat()
    what = Sentence("{part} is no date; write 2023, 2023-06 or 2023-06-01", part=part)
    if folded(part) in ("last", "this", *dates.MONTHS, *dates.SEASONS):
        what = Sentence(
            '{part} is no date without its other words, which need quotes, as in taken:"last month"', part=part
        )
    near = difflib.get_close_matches(folded(part), dates.WORDS, 1)
    if (years := _TWO_YEARS.fullmatch(part)) is not None:
        near = [f"taken:{years[1]}..{years[2]}"]
    words = (
        Sentence("did you mean {near}?", near=near[0])
        if near and near[0] != folded(part)
        else Sentence('or words, as in "last month"')
    )
    raise ValueError(Sentence("{what} ({hint})", what=what, hint=words))


def _after(date: str) -> str:
    """The first text that sorts behind every moment of a year, month or day."""
    return date + "~"
