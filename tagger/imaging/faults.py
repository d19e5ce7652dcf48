"""What is wrong with a file that cannot be decoded: every exception as a DecodeError."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from tagger.core.config import LimitSettings
from tagger.core.os_words import why
from tagger.core.sentences import Sentence
from tagger.imaging.errors import DecodeError, DecodeFault
from tagger.imaging.limits import TooSlowError
from tagger.imaging.plain_words import damage


@contextmanager
def decode_errors(limits: LimitSettings) -> Iterator[None]:
    """Convert every exception of decoding into a DecodeError."""
    try:
        yield
    except MemoryError as error:
        raise DecodeError(DecodeFault.MEMORY, Sentence("there was not enough memory to decode it")) from error
    except OSError as error:
        # Pillow raises OSError without an errno for broken pictures. One with an errno comes from the storage.
        if error.errno is not None:
            raise os_fault(error) from error
        raise _broken(error, limits) from error
    except DecodeError:
        raise
    except Exception as error:
        # For malformed files Pillow and its plugins raise anything: struct.error, KeyError, ZeroDivisionError ...
        raise _broken(error, limits) from error


def _broken(error: Exception, limits: LimitSettings) -> DecodeError:
    if isinstance(error, TooSlowError):
        return DecodeError(
            DecodeFault.TOO_BIG,
            Sentence(
                "decoding took longer than limits.decode_seconds = {seconds}; more may let it pass",
                seconds=f"{limits.decode_seconds:g}",
            ),
        )
    detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return DecodeError(DecodeFault.BROKEN, Sentence("the picture is damaged: {damage}", damage=damage(error)), detail)


def os_fault(error: OSError | ValueError) -> DecodeError:
    """What an error of the storage or of a path means."""
    match getattr(error, "errno", None):
        case errno.ENOENT | errno.ENOTDIR:
            return DecodeError(DecodeFault.GONE, Sentence("there is no such file"))
        case errno.ENOMEM:
            return DecodeError(DecodeFault.MEMORY, Sentence("there was not enough memory to read it"))
        case errno.EIO | errno.ESTALE | errno.ENOTCONN | errno.ETIMEDOUT | errno.EHOSTDOWN | errno.EMFILE:
            return DecodeError(DecodeFault.UNAVAILABLE, Sentence("it could not be read: {why}", why=why(error)))
        case errno.EFBIG:
            return DecodeError(DecodeFault.TOO_BIG, why(error))
        case _:
            return DecodeError(DecodeFault.UNREADABLE, Sentence("it cannot be read: {why}", why=why(error)))
