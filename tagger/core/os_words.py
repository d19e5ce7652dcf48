"""What the operating system's errors mean, in plain words."""

from __future__ import annotations

import errno
import os
import socket

_WORDS = {
    errno.EACCES: "this user may not open it",
    errno.EPERM: "this user may not do that",
    errno.ENOENT: "it is not there",
    errno.ENOTDIR: "it is not there",
    errno.EISDIR: "it is a folder",
    errno.EIO: "its disk reports an error",
    errno.ESTALE: "the network share does not know it any more",
    errno.ENOTCONN: "the network share is not connected",
    errno.ETIMEDOUT: "no answer came in time",
    errno.EHOSTDOWN: "the other computer does not answer",
    errno.EHOSTUNREACH: "no way leads to the other computer",
    errno.ENETUNREACH: "there is no network",
    errno.ENETDOWN: "there is no network",
    errno.EADDRINUSE: "another program listens there",
    errno.ECONNREFUSED: "the connection was refused",
    errno.ECONNRESET: "the connection was cut",
    errno.ECONNABORTED: "the connection was cut",
    errno.EPIPE: "the connection was cut",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ELOOP: "its links lead round in a circle",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "this user's share of the disk is used up",
    errno.EROFS: "it is mounted read-only",
    errno.EFBIG: "it would be too large for this file system",
    errno.ENOMEM: "there is too little memory",
    errno.ENXIO: "no disk or device is behind it",
    errno.ENODEV: "no disk or device is behind it",
    errno.EBUSY: "another program uses it",
    errno.ETXTBSY: "another program uses it",
}


def why(error: BaseException) -> str:
    """Why the operating system refused something: a clause without a full stop, such as "the disk is full"."""
    if isinstance(error, socket.gaierror):
        return "its name is not known: there is no internet here, or the name is wrong"
    if isinstance(error, TimeoutError):
        return _WORDS[errno.ETIMEDOUT]
    number = getattr(error, "errno", None)
    if number in _WORDS:
        return _WORDS[number]
    text = os.strerror(number) if isinstance(number, int) else ""
    # Other errors are rare enough that the system's own words are the best there is.
    return text[:1].lower() + text[1:] if text else "the system refused it"
