"""The service's log: for people on a terminal, key=value or JSON for programs."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class _KeyValue(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = " ".join(record.getMessage().splitlines())
        return f"level={record.levelname.lower()} {text}" + (
            f" error={self._fault(record)!r}" if record.exc_info else ""
        )

    @staticmethod
    def _fault(record: logging.LogRecord) -> str:
        return str(record.exc_info[1]) if record.exc_info else ""


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


def set_up(kind: str) -> None:
    """Log to standard error in the format of the setting `service.log`."""
    if kind == "auto":
        kind = "text" if sys.stderr.isatty() else "keyvalue"
    handler = logging.StreamHandler()
    formatters = {
        "text": logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"),
        "json": _Json(),
        "keyvalue": _KeyValue(),
    }
    handler.setFormatter(formatters[kind])
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for other in ("apscheduler", "watchdog", "alembic"):
        logging.getLogger(other).setLevel(logging.WARNING)
