"""What systemd wants to hear of a service (sd_notify(3)); nothing is said where nobody listens."""

from __future__ import annotations

import logging
import os
import socket

_LOG = logging.getLogger("tagger")


def notify(text: str) -> None:
    """Tell systemd: a datagram to $NOTIFY_SOCKET; nothing where there is none."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)
    except OSError as error:
        _LOG.debug("sd_notify: %s", error)


def watchdog_seconds() -> float | None:
    """How often systemd wants a sign of life, halved (sd_watchdog_enabled(3)); None if it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2e6 if microseconds.isdigit() and os.environ.get("NOTIFY_SOCKET") else None
