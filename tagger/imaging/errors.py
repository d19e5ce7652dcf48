"""Why a photo cannot be decoded, and whose fault that is."""

from __future__ import annotations

from enum import StrEnum


class DecodeFault(StrEnum):
    """Whose fault it is that a photo cannot be decoded."""

    BROKEN = "broken"  # the file's
    TOO_BIG = "too big"  # a limit of the configuration
    UNREADABLE = "unreadable"  # permissions, or not a regular file
    CHANGED = "changed"  # it is being written right now
    UNAVAILABLE = "unavailable"  # the storage does not answer
    GONE = "gone"  # there is no such file
    MEMORY = "memory"  # this machine's, right now


class DecodeError(Exception):
    """A photo that cannot be decoded. `reason` is a sentence for people."""

    def __init__(self, fault: DecodeFault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason
