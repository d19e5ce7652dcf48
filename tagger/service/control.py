"""Talking to the running service: a Unix socket in the data directory, one JSON line there and one back."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tagger.core.errors import TaggerError

SOCKET = "service.sock"
_SECONDS = 30.0
_LOG = logging.getLogger(__name__)

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def ask(data_dir: Path, question: dict[str, Any], seconds: float = _SECONDS) -> dict[str, Any] | None:
    """Ask the service; None if none is running. Raises TaggerError with what it found wrong."""
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(seconds)
            with _short(data_dir) as address:
                connection.connect(address)
            connection.sendall(json.dumps(question).encode("ascii") + b"\n")
            with connection.makefile("rb") as lines:
                answer = json.loads(lines.readline())
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise TaggerError(f"The service in {data_dir} does not answer: {error}.", "See its log.") from error
    if "error" in answer:
        raise TaggerError(str(answer["error"]))
    return dict(answer)


class Listener:
    """Answers questions from other processes of this user, in a thread of its own."""

    def __init__(self, data_dir: Path, answer: Answer) -> None:
        self._path = data_dir / SOCKET
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX)
        # Whoever holds the library's lock owns the name; what lies there is of a dead process.
        self._path.unlink(missing_ok=True)
        with _short(data_dir) as address:
            self._socket.bind(address)
        self._path.chmod(0o600)
        self._socket.listen(8)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        self._path.unlink(missing_ok=True)
        # Closing alone does not wake the thread that waits in accept().
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.settimeout(_SECONDS)
                    with connection.makefile("rb") as lines:
                        question = json.loads(lines.readline(1 << 20))
                    connection.sendall(json.dumps(self._reply(question)).encode("ascii") + b"\n")
                except (OSError, ValueError) as error:
                    _LOG.debug("control: %s", error)

    def _reply(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._answer(question)
        except TaggerError as error:
            return {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - the asker is told, and the thread must live
            _LOG.exception("control")
            return {"error": f"{type(error).__name__}: {error}"}


@contextlib.contextmanager
def _short(folder: Path) -> Any:
    """A socket's address may have 107 bytes only (unix(7)); a folder's descriptor stands for any path."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
