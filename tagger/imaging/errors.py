"""Why a photo cannot be decoded, and what is at fault."""

from __future__ import annotations

from enum import StrEnum


class DecodeFault(StrEnum):
    """What is at fault when a photo cannot be decoded."""

    BROKEN = "broken"  # the file is damaged
    TOO_BIG = "too big"  # it exceeds a limit of the settings
    UNREADABLE = "unreadable"  # permissions, or not a regular file
    CHANGED = "changed"  # it is being written
    UNAVAILABLE = "unavailable"  # the storage does not answer
    GONE = "gone"  # there is no such file
    MEMORY = "memory"  # this machine has too little free memory now


class DecodeError(Exception):
    """A photo cannot be decoded. `reason` is text for people; `detail` what the decoder said, for a log."""

    def __init__(self, fault: DecodeFault, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason
        self.detail = detail
