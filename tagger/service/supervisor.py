"""A process that the service keeps beside it: started with it, restarted when it dies, ended with it."""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress

from tagger.core import events
from tagger.core.clock import Clock, SystemClock
from tagger.core.errors import ExitCode

_LOG = logging.getLogger("tagger")
_FIRST_WAIT, _LAST_WAIT = 1.0, 60.0
# One that lived so long was well.
_LONG = 60.0
_PATIENCE = 6.0


class Supervisor:
    """Runs a command and restarts it. Its standard input is a pipe that ends with this process, however that ends."""

    def __init__(self, name: str, command: Sequence[str], clock: Clock | None = None) -> None:
        self._name = name
        self._command = list(command)
        self._clock = clock or SystemClock()
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name=name, daemon=True)

    def __enter__(self) -> Supervisor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        process = self._process
        if process is not None:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(_PATIENCE)

    def _keep(self) -> None:
        wait = _FIRST_WAIT
        while not self._stopping.is_set():
            started = self._clock.monotonic()
            # Ctrl-C on the terminal is for the service, which ends this one.
            with subprocess.Popen(self._command, stdin=subprocess.PIPE, process_group=0) as process:
                self._process = process
                if self._stopping.is_set():
                    process.terminate()
                with suppress(KeyboardInterrupt):
                    process.wait()
            if self._stopping.is_set():
                return
            if process.returncode == ExitCode.USAGE:
                _LOG.error(events.CHILD_REFUSED(part=self._name))
                return
            if self._clock.monotonic() - started > _LONG:
                wait = _FIRST_WAIT
            _LOG.error(events.CHILD_ENDED(part=self._name, code=process.returncode, seconds=wait))
            self._stopping.wait(wait)
            wait = min(2 * wait, _LAST_WAIT)
