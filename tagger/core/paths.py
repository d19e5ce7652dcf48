"""Paths of photos in three forms: of the operating system, stored in the database, and shown to people."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass

# File names are bytes, but the database's text must be valid Unicode. So a byte that is not UTF-8 is stored as one of
# the private-use characters U+EF80..U+EFFF (the method of MirBSD's OPTU encoding). Where a name really contains such a
# character, its bytes are escaped in the same way, so the mapping is one-to-one.
_ESCAPE_BASE = 0xEF00


OBJECTS = "s3://"


def is_object(path: str) -> bool:
    """Whether a path is the address of an object, or of a folder of such, in object storage."""
    return path.startswith(OBJECTS)


def stored_path(path: str) -> str:
    """A path of the operating system (`os.fsdecode`, surrogateescape) -> valid Unicode for the database."""
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
    """The inverse of `stored_path`: a path for `open` and `os.stat`."""
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
    r"""A path for people: control characters and bytes that are not UTF-8 are shown as `\n`, `\xe9`."""
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


def absolute(path: str | os.PathLike[str]) -> str:
    """A path that a person gives, as the library knows it: absolute, links kept; `..` goes where the system goes.

    Addresses in object storage stay as they are: there, `..` and two slashes are parts of names like others.
    """
    given = os.path.expanduser(os.fspath(path))
    if is_object(given):
        return given.rstrip("/") if len(given) > len(OBJECTS) else given
    parts = given.split("/")
    if ".." in parts:
        # What is behind a link has another folder above it than the link has.
        end = len(parts) - parts[::-1].index("..")
        given = os.path.join(os.path.realpath("/".join(parts[:end])), *parts[end:])
    found = os.path.abspath(given)
    # Python keeps two slashes at the beginning.
    return "/" + found.lstrip("/")


def path_json(path: str) -> dict[str, str]:
    """A path for JSON: as text, and its bytes in base64 where the text cannot hold them."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return {"path": shown_path(path), "path_base64": base64.b64encode(os.fsencode(path)).decode()}
    return {"path": path}


@dataclass(frozen=True, slots=True)
class PhotoPath:
    """A photo's root folder and its path relative to it, both in the operating system's form."""

    root: str
    relative: str

    @property
    def absolute(self) -> str:
        """The path to open."""
        return os.path.join(self.root, self.relative)

    def __str__(self) -> str:
        return shown_path(self.absolute)
