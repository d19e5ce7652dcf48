"""Memory that is not needed any more: of the C library, which keeps what was given back to it, and of mapped files."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

# Of mallopt(3) of glibc: from which size on memory is mapped on its own, and so goes back to the system when freed.
_M_MMAP_THRESHOLD, _BYTES = -3, 128 << 10
_MADV_DONTNEED = 4


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


def let_go_of_pages(file: Path) -> None:
    """Unload the pages of a file that this process has mapped to read only; whoever reads one loads it again.

    For a network's file: its runtime copies the weights in an order of its own, and never reads them there again.
    """
    if sys.platform != "linux":
        return
    real = os.path.realpath(file)
    for line in Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines():
        places, access, *_, path = f"{line} ".split(" ", 5)
        if "w" not in access and path.strip() == real:
            start, end = (int(place, 16) for place in places.split("-"))
            _call("madvise", ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)


def _call(name: str, *arguments: Any) -> None:
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
    if function is not None:
        function(*arguments)
