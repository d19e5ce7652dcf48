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
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, _BYTES)
