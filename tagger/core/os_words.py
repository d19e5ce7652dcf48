"""What the operating system's errors mean, in plain words."""

from __future__ import annotations

import errno
import os
import socket

from tagger.core.sentences import Sentence


class ObjectError(OSError):
    """Object storage did not do what it was asked for. `strerror` says why, as `why` does; `errno` is the nearest."""


_WORDS = {
    errno.EACCES: Sentence("this user may not open it"),
    errno.EPERM: Sentence("this user may not do that"),
    errno.ENOENT: Sentence("it is not there"),
    errno.ENOTDIR: Sentence("it is not there"),
    errno.EISDIR: Sentence("it is a folder"),
    errno.EIO: Sentence("its disk reports an error"),
    errno.ESTALE: Sentence("the network share does not know it any more"),
    errno.ENOTCONN: Sentence("the network share is not connected"),
    errno.ETIMEDOUT: Sentence("no answer came in time"),
    errno.EHOSTDOWN: Sentence("the other computer does not answer"),
    errno.EHOSTUNREACH: Sentence("no way leads to the other computer"),
    errno.ENETUNREACH: Sentence("there is no network"),
    errno.ENETDOWN: Sentence("there is no network"),
    errno.EADDRINUSE: Sentence("another program listens there"),
    errno.ECONNREFUSED: Sentence("the connection was refused"),
    errno.ECONNRESET: Sentence("the connection was cut"),
    errno.ECONNABORTED: Sentence("the connection was cut"),
    errno.EPIPE: Sentence("the connection was cut"),
    errno.EMFILE: Sentence("too many files are open"),
    errno.ENFILE: Sentence("too many files are open"),
    errno.ELOOP: Sentence("its links lead round in a circle"),
    errno.ENAMETOOLONG: Sentence("its name is too long"),
    errno.ENOSPC: Sentence("the disk is full"),
    errno.EDQUOT: Sentence("this user's share of the disk is used up"),
    errno.EROFS: Sentence("it is mounted read-only"),
    errno.EFBIG: Sentence("it would be too large for this file system"),
    errno.ENOMEM: Sentence("there is too little memory"),
    errno.ENXIO: Sentence("no disk or device is behind it"),
    errno.ENODEV: Sentence("no disk or device is behind it"),
    errno.EBUSY: Sentence("another program uses it"),
    errno.ETXTBSY: Sentence("another program uses it"),
}


def why(error: BaseException) -> str:
    """Why the operating system refused something: a clause without a full stop, such as "the disk is full"."""
    if isinstance(error, ObjectError):
        return str(error.strerror)
    if isinstance(error, socket.gaierror):
        return Sentence("its name is not known: there is no internet here, or the name is wrong")
    if isinstance(error, TimeoutError):
        return _WORDS[errno.ETIMEDOUT]
    number = getattr(error, "errno", None)
    if number in _WORDS:
        return _WORDS[number]
    text = os.strerror(number) if isinstance(number, int) else ""
    # Other errors are rare enough that the system's own words are the best there is.
    return text[:1].lower() + text[1:] if text else Sentence("the system refused it")
