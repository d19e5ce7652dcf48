"""Opening a photo's file for people: what was opened is proved to lie in its folder before a byte is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tagger.core.os_words import why
from tagger.core.paths import PhotoPath, is_object
from tagger.core.sentences import Sentence
from tagger.imaging.thumbnails import ThumbnailError
from tagger.system.objects import open_object


class MissingError(ThumbnailError):
    """The photo's file cannot be opened, or is not where it should be."""


@contextmanager
def opened(path: PhotoPath) -> Iterator[int]:
    """A descriptor of a photo's file. Raises MissingError where there is none, or it lies outside of its folder."""
    if is_object(path.root):
        with _object(path) as descriptor:
            yield descriptor
        return
    try:
        # Without O_NONBLOCK a pipe of that name would hold everything up.
        descriptor = os.open(path.absolute, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise MissingError(Sentence("The photo's file cannot be opened: {what}.", what=what)) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise MissingError(Sentence("It is not a regular file."))
        real = os.readlink(f"/proc/self/fd/{descriptor}")
        if not real.startswith(os.path.realpath(path.root).rstrip("/") + "/"):
            raise MissingError(Sentence("The photo is a link that leaves its folder."))
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _object(path: PhotoPath) -> Iterator[int]:
    with ExitStack() as stack:
        try:
            descriptor, _ = stack.enter_context(open_object(path.absolute))
        except OSError as error:
            raise MissingError(Sentence("The photo's file cannot be opened: {what}.", what=why(error))) from error
        yield descriptor
