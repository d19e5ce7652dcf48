"""The photos that a command is given: as arguments, on standard input, in a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from tagger.cli import voice
from tagger.cli.common import absolute
from tagger.core.errors import ExitCode, UsageError
from tagger.core.os_words import why
from tagger.core.paths import shown_path


def photo_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--files-from` and `-0` to a command that takes photos; `-` among its arguments is standard input."""
    file = click.option(
        "--files-from",
        metavar="FILE",
        type=click.Path(allow_dash=True),
        help="Photos named in a file, one a line; - is standard input.",
    )
    null = click.option(
        "-0", "--null", is_flag=True, help="There, a NUL byte ends each name, as find -print0 and tagger search -0 do."
    )
    return file(null(function))


@dataclass(frozen=True, slots=True)
class Named:
    """The paths as they were given. `several`: they came by list, or more than one was named."""

    paths: tuple[str, ...]
    several: bool

    @property
    def absolute(self) -> list[str]:
        """The paths as the library knows them."""
        return [absolute(path) for path in self.paths]


def named(photos: tuple[str, ...], files_from: str | None, null: bool) -> Named:
    """The photos that are named in all these ways. Raises UsageError if that is none, or the file cannot be read."""
    if null and files_from is None and "-" not in photos:
        raise UsageError("-0 says how names end that are read.", "Use it with - or --files-from FILE.")
    found: list[str] = []
    for name in photos:
        found += _names(_read("-"), null) if name == "-" else [name]
    if files_from is not None:
        found += _names(_read(files_from), null)
    if not found:
        raise UsageError("No photo is named.", "Name photos, or have their names read: - or --files-from FILE.")
    return Named(tuple(found), len(found) > 1 or files_from is not None or "-" in photos)


def each(wanted: Named, tell: Callable[[str], object]) -> int:
    """Tell of each photo. What is wrong with one of several is told, and the others are told of all the same.

    `tell` gets the absolute path. Returns the exit code. Raises UsageError where it is the only photo.
    """
    code = ExitCode.DONE
    for path in wanted.absolute:
        try:
            tell(path)
        except UsageError as error:
            if not wanted.several:
                raise
            voice.fault(str(error.message))
            code = ExitCode.SOME_FAILED
    return code


def _read(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read()
        with open(file, "rb") as opened:
            return opened.read()
    except OSError as error:
        raise UsageError(f"{shown_path(file)} cannot be read: {why(error)}.") from error


def _names(data: bytes, null: bool) -> list[str]:
    # As `find -print0` writes them, also where nobody said so: no name has a NUL byte.
    lines = data.split(b"\0") if null or b"\0" in data else [line for line in data.splitlines() if line.strip()]
    return [os.fsdecode(line) for line in lines if line]
