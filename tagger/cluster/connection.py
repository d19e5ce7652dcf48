"""The connection to a Ray cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tagger.core.errors import EngineError

LOCAL = "local"


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Ray, connected to a cluster, or started on this machine for the length of the block."""
    # It would tell its makers that it is used; and what it writes on the terminal is for its own developers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray
    import ray.data

    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        with _silent():
            if address == LOCAL:
                # Without an address Ray joins one that runs here already.
                ray.init(address="local", include_dashboard=False, **quiet)
            else:
                ray.init(address=address, **quiet)
    except Exception as error:
        raise unreachable(address, str(error).splitlines()[0]) from error
    try:
        ray.data.DataContext.get_current().enable_progress_bars = False
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _silent() -> Iterator[None]:
    """Drop what compiled code writes to standard error, such as that it was told to be silent."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def unreachable(address: str, reason: str) -> EngineError:
    """The error that says so."""
    return EngineError(
        f"The Ray cluster at {address} cannot be reached: {reason}.",
        "Is it running (ray status), and is this the address of its head node? `local` starts one on this machine.",
    )
