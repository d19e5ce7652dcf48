"""Talking to the running service: a Unix socket in the data directory, one JSON line there and one back.

The one place that knows the words of the protocol. Each answer carries the protocol's version, so that a service of
another version of tagger that is still running is told apart.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from tagger.core import events
from tagger.core.errors import TaggerError, UsageError
from tagger.service.control_socket import PROTOCOL, SECONDS, ask, short_address
from tagger.service.control_socket import SOCKET as SOCKET
from tagger.service.control_socket import OtherVersionError as OtherVersionError
from tagger.service.state import ServiceState
from tagger.system import unix_socket

_LOG = logging.getLogger(__name__)
_STATE = TypeAdapter(ServiceState)


# --- the side that asks -------------------------------------------------------------------------------------


def is_running(data_dir: Path) -> bool:
    """Whether a service answers, of whatever version. Raises TaggerError."""
    return ask(data_dir, "status") is not None


def status(data_dir: Path, seconds: float = SECONDS) -> ServiceState | None:
    """What the service says of itself; None if none is running. Raises OtherVersionError, TaggerError."""
    answer = ask(data_dir, "status", seconds=seconds)
    if answer is None:
        return None
    if answer.get("protocol") != PROTOCOL:
        raise OtherVersionError(data_dir)
    try:
        return _STATE.validate_python({key: value for key, value in answer.items() if key != "protocol"})
    except ValidationError as error:
        raise OtherVersionError(data_dir) from error


def state_json(state: ServiceState) -> dict[str, Any]:
    """A state as JSON has it, for `tagger status --json`."""
    return dict(_STATE.dump_python(state, mode="json"))


def scan(data_dir: Path, folders: Sequence[str]) -> list[str] | None:
    """Have folders (absolute paths) scanned; returns them as people are shown them, None if no service is running.

    Raises UsageError where one overlaps another root, TaggerError.
    """
    return _folders(data_dir, ask(data_dir, "scan", folders=list(folders)))


def accept_missing(data_dir: Path) -> list[str] | None:
    """Take what is missing from held folders as gone; returns these folders, None if no service is running."""
    return _folders(data_dir, ask(data_dir, "accept missing"))


def wake(data_dir: Path) -> bool:
    """Say that photos or keywords were queued, or folders forgotten; False if no service is running."""
    return ask(data_dir, "wake") is not None


def reload(data_dir: Path) -> bool:
    """Have the settings read again; False if no service is running."""
    return ask(data_dir, "reload") is not None


def relabel(data_dir: Path) -> bool:
    """Have the settings read again and the library relabelled by them; False if no service is running."""
    return ask(data_dir, "relabel") is not None


def _folders(data_dir: Path, answer: dict[str, Any] | None) -> list[str] | None:
    if answer is None:
        return None
    found = answer.get("folders")
    if not isinstance(found, list):
        raise OtherVersionError(data_dir)
    return [str(folder) for folder in found]


# --- the side that answers ----------------------------------------------------------------------------------


class Answers(Protocol):
    """What the service does when it is asked. Called from the listener's thread. May raise TaggerError."""

    def state(self) -> ServiceState:
        """What it says of itself."""
        ...

    def scan(self, folders: Sequence[str]) -> list[str]:
        """Scan folders; returns them as people are shown them."""
        ...

    def accept_missing(self) -> list[str]:
        """Take what is missing from held folders as gone; returns these."""
        ...

    def wake(self) -> None:
        """Look for what was queued or forgotten."""
        ...

    def reload(self) -> None:
        """Read the settings again."""
        ...

    def relabel(self) -> None:
        """Read the settings again, and relabel."""
        ...


@dataclass(frozen=True, slots=True)
class Listener:
    """Answers other processes of this user, in a thread of its own, until `close`."""

    path: Path
    server: socket.socket
    thread: threading.Thread

    def close(self) -> None:
        """Answer no more."""
        unix_socket.remove(str(self.path))
        # Closing alone does not wake the thread that waits in accept().
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join(5)


def listen(data_dir: Path, service: Answers) -> Listener:
    """Start to answer. The caller holds the library's lock."""
    path, server = data_dir / SOCKET, socket.socket(socket.AF_UNIX)
    # A socket that is there already belonged to a process that is dead.
    unix_socket.remove(str(path))
    with short_address(data_dir) as address:
        server.bind(address)
    path.chmod(0o600)
    server.listen(8)
    thread = threading.Thread(target=_serve, args=(server, service), name="control", daemon=True)
    thread.start()
    return Listener(path, server, thread)


def _serve(server: socket.socket, service: Answers) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            try:
                connection.settimeout(SECONDS)
                with connection.makefile("rb") as lines:
                    question = json.loads(lines.readline(1 << 20))
                answer = {"protocol": PROTOCOL} | _reply(service, question)
                connection.sendall(json.dumps(answer).encode("ascii") + b"\n")
            except (OSError, ValueError) as error:
                _LOG.debug(events.QUESTION_FAILED(why=str(error)))


def _reply(service: Answers, question: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Callable[[], None]] = {
        "wake": service.wake,
        "reload": service.reload,
        "relabel": service.relabel,
    }
    try:
        match question.get("ask"):
            case "status":
                return state_json(service.state())
            case "health":
                return {"reasons": service.state().reasons_unwell}
            case "scan":
                return {"folders": service.scan(question.get("folders", ()))}
            case "accept missing":
                return {"folders": service.accept_missing()}
            case str(word) if word in told:
                told[word]()
                return {}
        raise UsageError(f"The service does not know {question!r}; it may be of another version.")
    except TaggerError as error:
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - the asker is told, and the thread must live
        _LOG.exception(events.QUESTION_FAILED(why=str(error)))
        return {"error": f"{type(error).__name__}: {error}"}
