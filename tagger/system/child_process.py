"""Starting the processes that decode and run networks. Each is a fresh interpreter, never a fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from tagger.core.clock import Clock
from tagger.core.errors import EngineError, TaggerError, UsageError, WeightsError

# A network that is converted or trained gives no sign of life in between; the largest takes minutes on weak cores.
_STALL_SECONDS = 1800.0
_POLL_SECONDS = 0.5

_SIGNALS = {4: "an illegal instruction", 6: "an abort", 7: "a bus error", 9: "a kill", 11: "a segmentation fault"}


def spawn(module: str, data_dir: Path, log_file: Path) -> tuple[subprocess.Popen[bytes], Connection]:
    """Start `python -m MODULE FD`, where FD is its end of the connection; returns it with our end. Raises OSError."""
    ours, theirs = Pipe(duplex=True)
    data_dir.mkdir(parents=True, exist_ok=True)
    with theirs, log_file.open("wb") as log:
        process = subprocess.Popen(
            # -P: a folder of photos that happens to hold a json.py must not be imported from.
            [sys.executable, "-P", "-m", module, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            # TensorFlow's native code writes to both whatever Python says.
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                # Keras leaves a file in its home and reads settings from it that would change the numbers.
                "KERAS_HOME": os.fspath(data_dir / "keras"),
                "KERAS_BACKEND": "tensorflow",
            },
            # Ctrl-C on the terminal is for the parent, which lets the child finish its batch. Not a session of its own,
            # because nice values count within one (tagger.system.niceness).
            process_group=0,
        )
    return process, ours


def how_it_ended(process: subprocess.Popen[bytes]) -> str:
    """How a process that closed its connection ended, for people: "was ended by a kill"."""
    try:
        code = process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return "closed its connection"
    if code < 0:
        return f"was ended by {_SIGNALS.get(-code, f'signal {-code}')}"
    return f"ended with code {code}"


def last_words(log_file: Path) -> str:
    """The last line that a process wrote, as a sentence to add to a message; empty if there is none."""
    try:
        lines = log_file.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f" Its last words: {lines[-1]}" if lines else ""


def messages(
    process: subprocess.Popen[bytes],
    channel: Connection,
    log_file: Path,
    what: str,
    clock: Clock,
    between: Callable[[], None] = lambda: None,
) -> Iterator[dict[str, Any]]:
    """What a process says, until the caller has heard enough. `what` it does: "trains", in messages.

    `between`: called at least twice a second, so that Ctrl-C is answered. Raises EngineError where the process ends or
    says nothing for half an hour, and what it tells as its fault.
    """
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
    """The part of `multiprocessing.connection.Connection` that is used."""

    def send_bytes(self, buf: Any) -> None:
        """Send one message."""
        ...

    def recv_bytes(self) -> bytes:
        """Wait for one message; EOFError when the other side has gone."""
        ...


def send(channel: Channel, kind: str, **values: Any) -> None:
    """Send one message of a kind with JSON-able values."""
    channel.send_bytes(json.dumps({"kind": kind, **values}).encode("ascii"))


def receive(channel: Channel) -> dict[str, Any]:
    """Wait for one message. Raises EOFError when the other side has gone."""
    message = json.loads(channel.recv_bytes())
    if not isinstance(message, dict):
        raise EOFError("not a message")  # noqa: TRY004 - for the caller the other side is gone
    return message
