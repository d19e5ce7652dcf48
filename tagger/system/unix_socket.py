"""The path of a Unix socket: freed where a dead process left one, and never at the cost of a file."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat


def free_path(path: str) -> None:
    """Remove the socket that a dead process left at a path.

    Raises OSError: EEXIST where something else is there, which is left alone, EADDRINUSE where a program answers.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "there is something of that name already, and it is no socket", path)
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except TimeoutError:
            # It is busy, so it lives.
            pass
    raise OSError(errno.EADDRINUSE, "another program listens there", path)


def remove(path: str) -> None:
    """Remove a socket that is not used any longer; anything else at the path is left alone."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
