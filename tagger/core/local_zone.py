"""This machine's time zone as the C library has it: every form of TZ that it knows, or /etc/localtime."""

from __future__ import annotations

import difflib
import os
import re
import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

_ZONES = Path("/usr/share/zoneinfo")
# tzset(3): a name and an offset, and perhaps the same of summer time with the days on which it begins and ends.
_NAME, _OFFSET = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)", r"[+-]?[0-9]{1,3}(?::[0-9]{1,2}){0,2}"
_DAY = rf"(?:M[0-9]{{1,2}}\.[1-5]\.[0-6]|J?[0-9]{{1,3}})(?:/{_OFFSET})?"
_POSIX = re.compile(rf"{_NAME}{_OFFSET}(?:{_NAME}(?:{_OFFSET})?(?:,{_DAY},{_DAY})?)?")


class LocalZone(tzinfo):
    """Local time by the C library's rules."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """What local time is ahead of UTC."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:
        """Not known."""
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        """The zone's abbreviation."""
        return None if moment is None else moment.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, moment: datetime) -> datetime:
        """UTC -> local time."""
        return datetime.fromtimestamp(moment.replace(tzinfo=UTC).timestamp()).replace(tzinfo=self)  # noqa: DTZ006 - local time is what is asked for


def read_time_zone() -> str:
    """Have the C library read TZ, without quotes and blanks around it; a sentence if it names no zone, else empty.

    Quotes come from a compose file, where `TZ="Europe/Berlin"` in a list of variables has them in its value.
    """
    said = os.environ.get("TZ")
    zones = Path(os.environ.get("TZDIR") or _ZONES)
    if said is None:
        return ""
    zone = said.strip().strip("\"'").strip()
    if zone != said:
        os.environ["TZ"] = zone
        time.tzset()
    name = zone.removeprefix(":")
    if not name or name.upper() in ("UTC", "GMT", "UTC0", "GMT0") or _POSIX.fullmatch(zone):
        return ""
    file = zones / name
    if file.is_file():
        return "" if _is_zone(file) else f"TZ is {said!r}, and {file} is no time zone, so times are in UTC."
    if not zones.is_dir() and not name.startswith("/"):
        return f"TZ is {said!r}, but no time zones are installed here (the package tzdata), so times are in UTC."
    near = difflib.get_close_matches(name, _names(zones), n=1, cutoff=0.6)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"TZ is {said!r}, which is no time zone that is known here, so times are in UTC.{hint}"


def _is_zone(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(4) == b"TZif"
    except OSError:
        return False


def _names(zones: Path) -> list[str]:
    return [
        os.path.relpath(os.path.join(folder, name), zones)
        for folder, _, names in os.walk(zones)
        for name in names
        if name[0].isupper() and not os.path.relpath(folder, zones).startswith(("posix", "right"))
    ]
