"""Standard output that may be closed, full, or read by nobody any longer."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# What the errors of standard output have as their file's name.
OUTPUT = "<standard output>"


class ReaderGoneError(Exception):
    """Whoever read standard output has gone (`| head -1`). No OSError, which Click would answer itself."""


class _Output(io.FileIO):
    """Standard output, whose errors say that they are its."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise ReaderGoneError from error
        except OSError as error:
            error.filename = OUTPUT
            raise


def prepare_streams() -> None:
    """Open streams that were closed at the start (`>&-`), so that no file gets their numbers; mark those of output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # It gets the lowest free number: this one.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    if sys.stderr is None:
        sys.stderr = io.TextIOWrapper(io.BufferedWriter(io.FileIO(2, "w", closefd=False)), line_buffering=True)
    before = sys.stdout
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Output(1, "w", closefd=False)),
        encoding=None if before is None else before.encoding,
        errors=None if before is None else before.errors,
        line_buffering=before is not None and bool(before.line_buffering),
    )


def drop_unwritten() -> None:
    """Throw away what standard output does not take, or Python complains at its end."""
    try:
        sys.stdout.flush()
    except (OSError, ReaderGoneError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
