"""The service's log: for people on a terminal, logfmt or JSON for programs; with priorities under systemd."""

from __future__ import annotations

import logging
import os
import sys

# syslog(3), which sd-daemon(3) has at the beginning of a line.
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))
# How logfmt was called before it had events.
FORMERLY = {"keyvalue": "logfmt"}


class _WithPriority(logging.Formatter):
    """Another formatter's lines with the priority before each, as systemd takes it out of them (sd-daemon(3))."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        priority = next(number for level, number in _PRIORITIES if record.levelno >= level)
        return "\n".join(f"<{priority}>{line}" for line in self._inner.format(record).split("\n"))


def goes_to_journal() -> bool:
    """Whether standard error is the journal's stream: $JOURNAL_STREAM has its device and inode (systemd.exec(5))."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino))


def _formatter(kind: str, *, timed: bool) -> logging.Formatter:
    if kind == "text":
        return logging.Formatter("%(asctime)s %(message)s" if timed else "%(message)s", "%H:%M:%S")
    from tagger.system.log_lines import json_lines, logfmt

    return json_lines() if kind == "json" else logfmt(timed=timed)


def set_up(kind: str, *, quiet: bool = False, verbose: bool = False) -> None:
    """Log to standard error in the format of the setting `service.log`: `quiet` warnings only, `verbose` everything."""
    journal = goes_to_journal()
    kind = FORMERLY.get(kind, kind)
    if kind == "auto":
        kind = "text" if sys.stderr.isatty() else "logfmt"
    handler = logging.StreamHandler()
    formatter = _formatter(kind, timed=not journal)
    handler.setFormatter(_WithPriority(formatter) if journal else formatter)
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, handlers=[handler], force=True)
    logging.getLogger("tagger").setLevel(logging.DEBUG if verbose else logging.NOTSET)
    for other in ("apscheduler", "watchdog", "alembic"):
        logging.getLogger(other).setLevel(logging.WARNING)
