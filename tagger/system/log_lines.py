"""The log's lines for programs, logfmt and JSON, written by structlog. Imported only where a log is one of them."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from structlog.processors import JSONRenderer, LogfmtRenderer
from structlog.stdlib import ProcessorFormatter

from tagger.core.events import Told
from tagger.core.paths import shown_path

# Bytes of file names that are not UTF-8, as Python has them: readers of JSON refuse or replace them.
_NO_TEXT = re.compile("[\ud800-\udfff]+")
# Line feeds are not among them: structlog writes them as \n.
_UNPRINTABLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def logfmt(*, timed: bool = True) -> logging.Formatter:
    """key=value, as described at https://brandur.org/logfmt; without the time where the journal has it."""

    def prepared(_logger: Any, _level: str, entry: Any) -> dict[str, Any]:
        left_out = {"traceback"} if timed else {"traceback", "time"}
        return {name: _plain(value) for name, value in entry.items() if name not in left_out}

    return ProcessorFormatter(processors=[_entry, prepared, LogfmtRenderer(bool_as_flag=False)])


def json_lines() -> logging.Formatter:
    """One object a line, with the traceback of an error."""

    def prepared(_logger: Any, _level: str, entry: Any) -> dict[str, Any]:
        return {name: _shown(_NO_TEXT, value) if isinstance(value, str) else value for name, value in entry.items()}

    # JSON is UTF-8; in another encoding only ASCII is the same.
    ascii_only = (sys.stderr.encoding or "").lower() != "utf-8"
    return ProcessorFormatter(processors=[_entry, prepared, JSONRenderer(ensure_ascii=ascii_only, default=str)])


def _entry(_logger: Any, _level: str, given: Any) -> dict[str, Any]:
    """What programs read of a record: time, level, event, its fields, the sentence for people, and an error.

    What other libraries log is the event `other` with its logger's name.
    """
    record = given["_record"]
    about = {"event": "other", "logger": record.name}
    if isinstance(record.msg, Told):
        about = {"event": record.msg.event.name, **record.msg.fields}
    # structlog calls the sentence `event`.
    found = {"time": _time(record), "level": record.levelname.lower(), **about, "message": given["event"]}
    _, error, _ = given.get("exc_info") or (None, None, None)
    if error is not None:
        found["error"] = f"{type(error).__name__}: {error}"
        found["traceback"] = "".join(traceback.format_exception(error)).rstrip("\n")
    return found


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    """A value for logfmt, whose readers take no control characters; of a number what is of use."""
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return value if isinstance(value, int) else _shown(_UNPRINTABLE, str(value))


def _shown(characters: re.Pattern[str], text: str) -> str:
    return characters.sub(lambda found: shown_path(found[0]), text)
