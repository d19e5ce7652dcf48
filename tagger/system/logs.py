"""The service's log: for people on a terminal, key=value or JSON for programs."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

_FIELD = re.compile(r"(\w+)=(%[\d.]*[a-z])")
_NAMED = re.compile(r"\b(?:folder|photo|label)=(?=%)")
_HEADS = {"batch": "labelled"}


class _KeyValue(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = " ".join(record.getMessage().splitlines())
        return f"level={record.levelname.lower()} {text}" + (
            f" error={self._fault(record)!r}" if record.exc_info else ""
        )

    @staticmethod
    def _fault(record: logging.LogRecord) -> str:
        return str(record.exc_info[1]) if record.exc_info else ""


class _Text(logging.Formatter):
    """For people: "noticed /photos: 13 new" for what programs read as "noticed folder=/photos new=13 changed=0"."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = self._in_words(record)
        return super().formatMessage(record)

    @staticmethod
    def _in_words(record: logging.LogRecord) -> str:
        text, arguments = str(record.msg), record.args
        fields = _FIELD.findall(text)
        if not isinstance(arguments, tuple) or not fields:
            return record.getMessage()
        if len(fields) != len(arguments):
            return _NAMED.sub("", text) % arguments
        told = [
            (name, spec % value)
            for (name, spec), value in zip(fields, arguments, strict=True)
            if value or name == "folder"
        ]
        where = next((value for name, value in told if name == "folder"), "")
        head = _FIELD.sub("", text).strip()
        numbers = ", ".join(f"{value} {name}" for name, value in told if name != "folder")
        begin = " ".join(part for part in (_HEADS.get(head, head), where) if part)
        return f"{begin}: {numbers}" if numbers else begin


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        # JSON is UTF-8; in another encoding only ASCII is the same.
        return json.dumps(entry, ensure_ascii=(sys.stderr.encoding or "").lower() != "utf-8")


def set_up(kind: str, *, quiet: bool = False, verbose: bool = False) -> None:
    """Log to standard error in the format of the setting `service.log`: `quiet` warnings only, `verbose` everything."""
    if kind == "auto":
        kind = "text" if sys.stderr.isatty() else "keyvalue"
    handler = logging.StreamHandler()
    formatters = {
        "text": _Text("%(asctime)s %(message)s", "%H:%M:%S"),
        "json": _Json(),
        "keyvalue": _KeyValue(),
    }
    handler.setFormatter(formatters[kind])
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, handlers=[handler], force=True)
    logging.getLogger("tagger").setLevel(logging.DEBUG if verbose else logging.NOTSET)
    for other in ("apscheduler", "watchdog", "alembic"):
        logging.getLogger(other).setLevel(logging.WARNING)
