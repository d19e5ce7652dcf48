"""Migrates a database to the schema of this program, with the migrations in `migrations/`.

Alembic takes a third of a second to import, so it is imported only when there is something to migrate. What runs for
years has a process of its own migrate: `python -m tagger.store.migrate`.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from tagger import __version__
from tagger.core.clock import SystemClock
from tagger.core.config import Settings
from tagger.core.errors import StoreError
from tagger.store.schema import HEAD

# Any fixed number: it keeps two programs from migrating the same PostgreSQL database at once.
_ADVISORY_LOCK = 7_461_676


class State(Enum):
    """The state of a database's schema."""

    EMPTY = auto()
    CURRENT = auto()
    OLDER = auto()
    NEWER = auto()
    FOREIGN = auto()


def migrations_folder() -> Path:
    """The folder of the migrations: inside the installed package, or at the top level of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def inspect(engine: Engine) -> State:
    """Determine the state of a database; changes nothing."""
    with engine.connect() as connection:
        return _state(connection)


def bring_up_to_date(engine: Engine, state: State, where: str) -> str:
    """Create or upgrade the schema if necessary; returns the library's UUID.

    All steps are one transaction: after a crash the database is at the old schema or at the new one.
    Raises StoreError for a newer or foreign database, which is left untouched, and for an unfinished copy.
    """
    with _current_schema(engine, state, where) as (connection, is_new):
        if is_new:
            connection.execute(
                sa.text("INSERT INTO library (id, uuid, created_at) VALUES (1, :uuid, :now)"),
                {"uuid": str(uuid.uuid4()), "now": int(SystemClock().now())},
            )
        return _library(connection, where)


def make_schema(engine: Engine, where: str) -> None:
    """Create or upgrade the schema of a database that is to become a library. Raises StoreError as above."""
    with _current_schema(engine, inspect(engine), where):
        pass


@contextmanager
def _current_schema(engine: Engine, state: State, where: str) -> Iterator[tuple[Connection, bool]]:
    """A connection to a database with the schema of this program, and whether there was none before."""
    if state is State.NEWER:
        raise StoreError(
            f"{where} was written by a newer tagger than this one ({__version__}).",
            "Upgrade tagger; the database was not touched.",
        )
    if state is State.FOREIGN:
        raise StoreError(
            f"{where} is a database of another program.",
            "Name another one with `database` in the config file; this one was not touched.",
        )
    if state is State.CURRENT:
        with engine.connect() as connection:
            yield connection, False
        return
    with engine.connect().execution_options(tagger_write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        # Another process may have been faster.
        now = _state(connection)
        if now is not State.CURRENT:
            _upgrade(connection)
        yield connection, now is State.EMPTY


def in_a_process(settings: Settings) -> None:
    """Open a library in another process, which brings it up to date: Alembic would be 10 MB of this one for good.

    Whatever goes wrong there is left to this process, which says it.
    """
    which = {"data_dir": str(settings.data_dir), "database": settings.database}
    # By the pipe, because the address of a database may have a password. -P: not from a folder of photos.
    command = [sys.executable, "-P", "-m", __name__]
    with contextlib.suppress(OSError):
        subprocess.run(command, check=False, input=json.dumps(which).encode(), capture_output=True)


def _state(connection: Connection) -> State:
    tables = set(sa.inspect(connection).get_table_names())
    if not tables:
        return State.EMPTY
    if not {"alembic_version", "library"} <= tables:
        return State.FOREIGN
    revision = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    if revision == HEAD:
        return State.CURRENT
    return State.OLDER if str(revision) in _revisions() else State.NEWER


def _revisions() -> set[str]:
    # A migration's file name begins with its revision; reading names is cheaper than importing Alembic.
    return {path.name.split("_")[0] for path in (migrations_folder() / "versions").glob("[0-9]*.py")}


def _library(connection: Connection, where: str) -> str:
    row = connection.execute(sa.text("SELECT uuid FROM library")).scalar()
    if row is None:
        raise StoreError(
            f"{where} is no whole library: copying one into it was not finished.",
            "Use the old database, and run tagger migrate-library again; or put this one back from a backup.",
        )
    return str(row)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)


def main() -> None:
    """Open the library that standard input names."""
    from tagger.store.session import open_store

    open_store(Settings(**json.load(sys.stdin)), create=True).close()


if __name__ == "__main__":
    main()
