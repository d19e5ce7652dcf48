"""Paths of photos: as the system gives them, as the database stores them, as a person sees them."""

from __future__ import annotations

import os
from dataclasses import dataclass

# A file name is bytes; the database's text must be valid Unicode. Bytes that are not UTF-8 are therefore
# kept as the private-use characters U+EF80..U+EFFF, one a byte (the method of MirBSD's OPTU encoding). A name
# that really has such a character gets the bytes of that character escaped the same way, so the mapping is
# one-to-one and nothing is lost.
_ESCAPE_BASE = 0xEF00


def stored_path(path: str) -> str:
    """A path as the operating system gave it (`os.fsdecode`, surrogateescape) -> valid Unicode to store."""
    if path.isascii():
        return path
    out: list[str] = []
    for char in path:
        code = ord(char)
        if 0xDC80 <= code <= 0xDCFF:
            out.append(chr(_ESCAPE_BASE + code - 0xDC00))
        elif 0xEF80 <= code <= 0xEFFF:
            out.extend(chr(_ESCAPE_BASE + byte) for byte in char.encode())
        else:
            out.append(char)
    return "".join(out)


def disk_path(stored: str) -> str:
    """The inverse of `stored_path`: what to hand to `open` and `os.stat`."""
    if stored.isascii():
        return stored
    raw = bytearray()
    for char in stored:
        code = ord(char)
        if 0xEF80 <= code <= 0xEFFF:
            raw.append(code - _ESCAPE_BASE)
        else:
            raw.extend(char.encode())
    return os.fsdecode(bytes(raw))


def shown_path(path: str) -> str:
    r"""A path for a person's eyes: control characters and bytes that are not UTF-8 shown as `\n`, `\xe9`."""
    out: list[str] = []
    for char in path:
        code = ord(char)
        if 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        elif char.isprintable():
            out.append(char)
        else:
            out.append(repr(char)[1:-1])
    return "".join(out)


@dataclass(frozen=True, slots=True)
class PhotoPath:
    """Where a photo is: a root folder and the path relative to it, both as the operating system spells them."""

    root: str
    relative: str

    @property
    def absolute(self) -> str:
        """The path to open."""
        return os.path.join(self.root, self.relative)

    def __str__(self) -> str:
        return shown_path(self.absolute)
