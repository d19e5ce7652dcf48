"""Notify systemd of the service's state (sd_notify(3)); does nothing outside systemd."""

from __future__ import annotations

import logging
import os
import socket

from tagger.core import events

_LOG = logging.getLogger("tagger")


def notify(text: str) -> None:
    """Send a datagram to $NOTIFY_SOCKET, if it is set."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
            connection.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)
    except OSError as error:
        _LOG.debug(events.NOT_NOTIFIED(why=str(error)))


def watchdog_seconds() -> float | None:
    """Half the interval at which systemd expects WATCHDOG=1 (sd_watchdog_enabled(3)); None without a watchdog."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2e6 if microseconds.isdigit() and os.environ.get("NOTIFY_SOCKET") else None
