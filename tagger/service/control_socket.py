"""Asking the running service, without importing what it is made of: one JSON line there, and one back."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tagger.core.errors import TaggerError

SOCKET = "service.sock"
# Counted up when an answer changes so that an older reader would not understand it. Version 1 did not say its version.
PROTOCOL = 3
SECONDS = 30.0


class OtherVersionError(TaggerError):
    """The running service is of a version of tagger that this one does not understand."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"The service that runs in {data_dir} is of another version of tagger.",
            "Restart it, so that it is of the version that is installed.",
        )


def reasons_unwell(data_dir: Path, seconds: float = SECONDS) -> list[str] | None:
    """Why the service is not well, empty if it is; None if none is running. Raises OtherVersionError, TaggerError."""
    answer = ask(data_dir, "health", seconds=seconds)
    if answer is None:
        return None
    reasons = answer.get("reasons")
    if not isinstance(reasons, list):
        raise OtherVersionError(data_dir)
    return [str(reason) for reason in reasons]


def ask(data_dir: Path, question: str, *, seconds: float = SECONDS, **values: Any) -> dict[str, Any] | None:
    """Ask the service; None if none is running. Raises TaggerError with what it found wrong."""
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(seconds)
            with short_address(data_dir) as address:
                connection.connect(address)
            connection.sendall(json.dumps({"ask": question, **values}).encode("ascii") + b"\n")
            with connection.makefile("rb") as lines:
                answer = json.loads(lines.readline())
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            # Another user's, or on a snapshot.
            return None
        raise TaggerError(f"The service in {data_dir} does not answer: {error}.", "See its log.") from error
    if not isinstance(answer, dict) or answer.get("protocol", 1) not in range(1, PROTOCOL + 1):
        raise OtherVersionError(data_dir)
    if "error" in answer:
        raise TaggerError(str(answer["error"]))
    return answer


@contextlib.contextmanager
def short_address(folder: Path) -> Iterator[str]:
    """The address of the socket in a folder.

    It may have 107 bytes only (unix(7)); the folder's descriptor stands for any path.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
