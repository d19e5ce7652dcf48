"""A PostgreSQL server of the test session's own: temporary folder, Unix socket only, never as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def find_binaries() -> Path | None:
    """The folder with `initdb` and `postgres`, or None where PostgreSQL is not installed."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found else None


class Server:
    def __init__(self, folder: Path, restart: Callable[[], None]) -> None:
        self.folder = folder
        # Kill it, so that all connections end, and start it again; waits until it answers.
        self.restart = restart

    def new_database(self) -> str:
        """Make an empty database and return its SQLAlchemy address."""
        import psycopg

        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(host=str(self.folder), user="tagger", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        return f"postgresql+psycopg://tagger@/{name}?host={self.folder}"


@contextmanager
def server(binaries: Path) -> Iterator[Server]:
    """Run a server for the length of the block."""
    # Not below pytest's own folder: that one is closed to other users, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="tagger-pg-"))
    user = None
    if os.geteuid() == 0:
        user = next(n for n in ("postgres", "nobody") if n in {entry.pw_name for entry in pwd.getpwall()})
        shutil.chown(folder, user)
    as_user = {"user": user, "extra_groups": []} if user else {}
    data = folder / "data"
    environ = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "tagger", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=folder,
            env=environ,
            **as_user,  # type: ignore[call-overload]
        )
        control = [binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"

        def control_it(*arguments: str) -> None:
            command = [*control, "-o", options, *arguments]
            subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environ, **as_user)  # type: ignore[call-overload]

        control_it("start")
        try:
            yield Server(folder, lambda: control_it("-m", "immediate", "restart"))
        finally:
            stop = [*control, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, capture_output=True, cwd=folder, **as_user)  # type: ignore[call-overload]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
