"""Runs `tagger` in a process of its own that has imported the program before it was asked.

To import it is most of what a small command costs, and the tests start a thousand of them. Everything else is as in a
process that a shell starts: its arguments, environment, folder, streams, exit code and end.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

# Read by Python, the C library or the loader when a process starts, so that one that runs already cannot obey them.
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_", "OMP_", "OPENBLAS_")

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.cli.preloaded"])


def run(command: Sequence[str], environ: Mapping[str, str], timeout: float) -> CompletedProcess[str]:
    """Like `subprocess.run` with what is printed captured. Raises TimeoutExpired."""
    if any(environ.get(name) != os.environ.get(name) for name in {*environ, *os.environ} if name.startswith(_AT_START)):
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env=environ,
            timeout=timeout,
        )
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = _processes.Process(target=_tagger, args=(command, environ, os.getcwd(), str(out), str(err)))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(command, timeout)
        said = [path.read_bytes().decode("utf-8", "surrogateescape") for path in (out, err)]
        return CompletedProcess(command, process.exitcode, *said)


def _tagger(command: Sequence[str], environ: Mapping[str, str], folder: str, out: str, err: str) -> None:
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv = list(command)

    from tagger.cli.main import main
    from tests.cli.preloaded import SET

    for name, value in SET.items():
        os.environ.setdefault(name, value)
    try:
        main()
    finally:
        # A process of `multiprocessing` ends without them.
        atexit._run_exitfuncs()
