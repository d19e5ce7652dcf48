"""Child processes that decode photos and run networks. Each is a fresh interpreter, never a fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from tagger.core.clock import Clock
from tagger.core.errors import EngineError, TaggerError, UsageError, WeightsError
from tagger.system import objects
from tagger.system.scratch import scratch

# Converting or training a network sends nothing for minutes: the largest ones on slow cores.
_STALL_SECONDS = 1800.0
_POLL_SECONDS = 0.5

_SIGNALS = {4: "an illegal instruction", 6: "an abort", 7: "a bus error", 9: "a kill", 11: "a segmentation fault"}


def spawn(module: str, data_dir: Path, log_file: Path) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start `python -m MODULE FD`, FD being the child's end of a connection; return it and our end. Raises OSError."""
    ours, theirs = Pipe(duplex=True)
    own = scratch(data_dir)
    own.mkdir(parents=True, exist_ok=True)
    with theirs, log_file.open("wb") as log:
        process = subprocess.Popen(
            # -P: do not import from the current folder, which may be one of photos with a json.py in it.
            [sys.executable, "-P", "-m", module, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            # TensorFlow's native code writes to both, past Python's sys.stdout and sys.stderr.
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                # Keras reads settings from its home folder that would change the results.
                "KERAS_HOME": os.fspath(own / "keras"),
                "KERAS_BACKEND": "tensorflow",
                **objects.environment(),
            },
            # Ctrl-C on the terminal reaches only the parent, which lets the child finish its batch. Not a new session,
            # because nice values compare processes within one session (tagger.system.niceness).
            process_group=0,
        )
    return process, ours


def how_it_ended(process: subprocess.Popen[bytes]) -> str:
    """How a process that closed its connection ended, as text for people: "was ended by a kill"."""
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return "closed its connection"
    if code < 0:
        return f"was ended by {_SIGNALS.get(-code, f'signal {-code}')}"
    return f"ended with code {code}"


def last_words(log_file: Path) -> str:
    """The last line of a log file, as a sentence to add to an error message; empty if there is none."""
    try:
        lines = log_file.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f" Its last words: {lines[-1]}" if lines else ""


@dataclass(frozen=True, slots=True)
class Child:
    """A child process, our end of its connection, and the file that gets its output."""

    process: subprocess.Popen[bytes]
    channel: Connection
    log_file: Path


def messages(
    child: Child, what: str, clock: Clock, between: Callable[[], None] = lambda: None
) -> Iterator[dict[str, Any]]:
    """Yield the messages of a child process until the caller stops. `what` the process does, for errors: "trains".

    `between` is called at least twice a second, so that the caller can react to Ctrl-C. Raises EngineError if the
    process ends or sends nothing for half an hour, and the error that the process reports as its fault.
    """
    process, channel, log_file = child.process, child.channel, child.log_file
    last_word = clock.monotonic()
    while clock.monotonic() - last_word < _STALL_SECONDS:
        between()
        if not channel.poll(_POLL_SECONDS):
            continue
        try:
            message = receive(channel)
        except (EOFError, OSError, ValueError) as error:
            how = how_it_ended(process)
            raise EngineError(f"The process that {what} {how}.{last_words(log_file)}", f"See {log_file}") from error
        if message["kind"] == "fault":
            kinds = {kind.__name__: kind for kind in (WeightsError, EngineError, UsageError)}
            raise kinds.get(message["error"], TaggerError)(message["message"], message["cure"])
        last_word = clock.monotonic()
        yield message
    raise EngineError(f"The process that {what} gave no sign of life for {_STALL_SECONDS:g} s.", f"See {log_file}")


class Channel(Protocol):
    """The methods of `multiprocessing.connection.Connection` that are used."""

    def send_bytes(self, buf: Any) -> None:
        """Send one message."""
        ...

    def recv_bytes(self) -> bytes:
        """Wait for one message. Raises EOFError when the other side has ended."""
        ...


def send(channel: Channel, kind: str, **values: Any) -> None:
    """Send one message of a kind, with values for JSON."""
    channel.send_bytes(json.dumps({"kind": kind, **values}).encode("ascii"))


def receive(channel: Channel) -> dict[str, Any]:
    """Wait for one message. Raises EOFError when the other side has ended."""
    message = json.loads(channel.recv_bytes())
    if not isinstance(message, dict):
        raise EOFError("not a message")  # noqa: TRY004 - for callers, as if the other side had ended
    return message
