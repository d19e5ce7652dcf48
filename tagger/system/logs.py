"""The service's log: for people on a terminal, logfmt or JSON for programs; with priorities under systemd."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from datetime import UTC, datetime
from typing import Any

from tagger.core.events import Told

# What needs no quotes in logfmt.
_BARE = re.compile(r'[^\s="\\\x00-\x1f\x7f]+')
# syslog(3), which sd-daemon(3) has at the beginning of a line.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))
# How logfmt was called before it had events.
FORMERLY = {"keyvalue": "logfmt"}


def entry(record: logging.LogRecord) -> dict[str, Any]:
    """What programs read of a record: level, event, its fields, the sentence for people, and an error.

    What other libraries log is the event `other` with its logger's name.
    """
    told = record.msg if isinstance(record.msg, Told) else None
    about = {"event": "other", "logger": record.name} if told is None else {"event": told.event.name, **told.fields}
    found = {"level": record.levelname.lower(), **about, "message": record.getMessage()}
    if record.exc_info and record.exc_info[1] is not None:
        found["error"] = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
    return found


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Logfmt(logging.Formatter):
    """key=value, as described at https://brandur.org/logfmt; without the time where the journal has it."""

    def __init__(self, *, timed: bool = True) -> None:
        super().__init__()
        self._timed = timed

    def format(self, record: logging.LogRecord) -> str:
        told = ({"time": _time(record)} if self._timed else {}) | entry(record)
        return " ".join(f"{name}={_logfmt_value(value)}" for name, value in told.items())


def _logfmt_value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if _BARE.fullmatch(text) else json.dumps(text, ensure_ascii=False)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = {"time": _time(record)} | entry(record)
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        # JSON is UTF-8; in another encoding only ASCII is the same.
        return json.dumps(told, default=str, ensure_ascii=(sys.stderr.encoding or "").lower() != "utf-8")


class _WithPriority(logging.Formatter):
    """Another formatter's lines with the priority before each, as systemd takes it out of them (sd-daemon(3))."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        priority = next(number for level, number in _PRIORITIES if record.levelno >= level)
        return "\n".join(f"<{priority}>{line}" for line in self._inner.format(record).splitlines())


def goes_to_journal() -> bool:
    """Whether standard error is the journal's stream: $JOURNAL_STREAM has its device and inode (systemd.exec(5))."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def set_up(kind: str, *, quiet: bool = False, verbose: bool = False) -> None:
    """Log to standard error in the format of the setting `service.log`: `quiet` warnings only, `verbose` everything."""
    journal = goes_to_journal()
    kind = FORMERLY.get(kind, kind)
    if kind == "auto":
        kind = "text" if sys.stderr.isatty() else "logfmt"
    formatters: dict[str, logging.Formatter] = {
        "text": logging.Formatter("%(message)s" if journal else "%(asctime)s %(message)s", "%H:%M:%S"),
        "logfmt": _Logfmt(timed=not journal),
        "json": _Json(),
    }
    handler = logging.StreamHandler()
    handler.setFormatter(_WithPriority(formatters[kind]) if journal else formatters[kind])
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, handlers=[handler], force=True)
    logging.getLogger("tagger").setLevel(logging.DEBUG if verbose else logging.NOTSET)
    for other in ("apscheduler", "watchdog", "alembic"):
        logging.getLogger(other).setLevel(logging.WARNING)
