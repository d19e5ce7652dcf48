"""Linux calls that Python lacks: renames that exchange or never replace, and who has a file open for writing."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal

_NOREPLACE, _EXCHANGE = 1, 2
_AT_FDCWD = -100
# The errors of file systems that do not support renameat2's flags.
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def exchange_files(one: str, other: str) -> bool:
    """Swap two files in one step; False, and nothing is done, where that is not supported. Raises OSError."""
    return _rename(one, other, _EXCHANGE)


def rename_to_free(source: str, target: str) -> bool:
    """Rename unless there is a file at the target; False, and nothing is done, where that is not supported.

    Raises FileExistsError, OSError.
    """
    return _rename(source, target, _NOREPLACE)


def is_open_for_writing(path: str) -> bool:
    """Whether some program has a file open for writing: then the kernel grants no read lease (fcntl(2))."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # If the lease is broken, the kernel's signal for that must not end this process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        # Only a file's owner gets leases, and not on every file system; without one nobody can tell.
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False


def _rename(source: str, target: str, flags: int) -> bool:
    """renameat2(2); False where the system or the file system does not support the flags. Raises OSError."""
    if _renameat2 is None:
        return False
    if _renameat2(_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), source)


def _load() -> ctypes._NamedFuncPointer | None:
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    function.restype = ctypes.c_int
    return function


_renameat2 = _load()
