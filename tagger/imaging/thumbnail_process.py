"""The child process that makes thumbnails of photos for the web pages, one for each request of the parent.

Decoding a hostile file may crash the process, so it is not the web server's own.
Run as `python -m tagger.imaging.thumbnail_process FD`.
"""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

from tagger.core.config import LimitSettings
from tagger.imaging.decode import open_photo, small_copy
from tagger.imaging.errors import DecodeError
from tagger.system.child_process import receive, send
from tagger.system.niceness import step_back_behind_all


def main(descriptor: int) -> None:
    """Answer each request with its outcome and the bytes of a JPEG, until the parent ends."""
    channel = Connection(descriptor)
    limits = LimitSettings.model_validate(receive(channel)["limits"])
    # Lowest priority, although a person waits: it must not slow down labelling.
    step_back_behind_all()
    send(channel, "ready")
    try:
        while (message := receive(channel))["kind"] == "photo":
            data, reason = b"", ""
            try:
                with open_photo(message["path"], message["name"]) as photo:
                    data = small_copy(photo, longest=int(message["longest"]), limits=limits)
            except DecodeError as error:
                reason = error.reason
            except MemoryError:
                reason = "there was not enough memory to decode it"
            send(channel, "copy", reason=reason)
            channel.send_bytes(data)
    except (EOFError, OSError):
        # The parent has ended.
        return


if __name__ == "__main__":
    main(int(sys.argv[1]))
