from __future__ import annotations

import errno
import re
import socket

import pytest

from tagger.core.os_words import why


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_the_system_has_words(number: int) -> None:
    text = why(OSError(number, "words of the system"))
    assert text
    assert not text[0].isupper()
    assert not re.search(r"Errno|words of the system|\.$", text)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no internet"),
        (socket.gaierror(-3, "Temporary failure in name resolution"), "no internet"),
        (TimeoutError("timed out"), "no answer"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "was refused"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EACCES, "Permission denied"), "may not"),
        (OSError("without a number"), "refused"),
    ],
)
def test_what_they_mean(error: OSError, says: str) -> None:
    assert says in why(error)
    assert "Errno" not in why(error)
