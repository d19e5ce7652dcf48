"""How the C library keeps memory that was given back to it."""

from __future__ import annotations

import ctypes
import sys

# Of mallopt(3) of glibc: from which size on memory is mapped on its own, and so goes back to the system when freed.
_M_MMAP_THRESHOLD, _BYTES = -3, 128 << 10


def return_large_blocks() -> None:
    """Give large blocks back to the operating system as soon as they are free, in the whole process.

    glibc does so until the first is freed, and from then on keeps blocks of up to 32 MB for later, 10 MB of an idle
    service. Does nothing with other C libraries.
    """
    _call("mallopt", _M_MMAP_THRESHOLD, _BYTES)


def return_free_memory() -> None:
    """Give back what is free now, in the whole process, such as after loading a network. Takes milliseconds.

    Does nothing with other C libraries than glibc.
    """
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
