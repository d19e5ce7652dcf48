"""The database engine and its pragmas. `Store.read()` and `Store.write()` are the only ways to get a session."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from tagger.core.atomic_file import replacing
from tagger.core.config import Settings
from tagger.core.errors import NoLibraryError, StoreError
from tagger.core.full_disk import full_disk
from tagger.core.secrets import without_passwords
from tagger.store.read_only import cannot_write, connect_read_only, older, why_read_only
from tagger.system import objects

MARKER_FILE = "library.json"
_WRITE = "tagger_write"
_DURABLE = "tagger_durable"
_BUSY_SECONDS = 30
# The driver would wait 130; one that answers at all does so at once, also while it starts.
_CONNECT_SECONDS = 10
# With less than this a disk counts as full.
_ROOM = 1 << 20


class Store:
    """An open library. `read()` and `write()` give a session whose transaction ends with the block.

    `read_only`: why it cannot be written to; empty if it can.
    """

    def __init__(self, engine: Engine, where: str, read_only: str = "") -> None:
        self.engine = engine
        self.where = where
        self.read_only = read_only

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading: one consistent view, which never blocks a writer."""
        with (
            translated_errors(self.where),
            self.engine.connect() as connection,
            Session(connection) as session,
        ):
            yield session
            session.rollback()

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Session]:
        """A session whose changes are committed at the end of the block, all or none.

        `durable`: they survive a power cut once the block has ended; otherwise SQLite may lose the last of them then.

        On SQLite it begins with BEGIN IMMEDIATE: a transaction that reads first and writes later cannot be
        promoted while another writer is active, and fails at once in spite of any busy timeout.
        """
        if self.read_only:
            raise cannot_write(Path(self.where), self.read_only)
        with translated_errors(self.where), self.engine.connect() as connection:
            connection = connection.execution_options(**{_WRITE: True, _DURABLE: durable})
            with Session(connection, expire_on_commit=False) as session, session.begin():
                yield session

    def close(self) -> None:
        """Close every connection; SQLite then folds its write-ahead log into the file."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(settings: Settings, *, create: bool = False, stays: bool = False) -> Store:
    """Open the library's database, and migrate an older one.

    `create`: make the library if it does not exist. `stays`: this process runs for long and is to stay small, so
    another one makes or migrates it. Raises StoreError when there is none, or when the database is missing, empty,
    damaged, foreign, of another library, or newer than this program.
    """
    from tagger.store import migrate

    objects.use(settings.storage, settings.limits)
    url, where = checked_url(settings.database_url)
    marker = settings.data_dir / MARKER_FILE
    known = _read_marker(marker)
    _check_file(url, where, known is not None, create, marker)
    if create:
        _make_data_dir(settings.data_dir)
    sqlite = url.get_backend_name() == "sqlite"
    read_only = why_read_only(Path(where)) if sqlite and Path(where).exists() else ""
    engine = _engine(url, Path(where) if read_only else None)
    try:
        with translated_errors(where):
            state = migrate.inspect(engine)
            if state is migrate.State.EMPTY:
                if known is not None:
                    raise _lost(where, marker, "is empty")
                if not create:
                    raise NoLibraryError(settings.data_dir)
            if state is migrate.State.OLDER and read_only:
                raise older(where, read_only)
            if stays and state in (migrate.State.EMPTY, migrate.State.OLDER):
                migrate.in_a_process(settings)
                state = migrate.inspect(engine)
            library = migrate.bring_up_to_date(engine, state, where)
        if known is not None and known != library:
            raise StoreError(
                f"{where} belongs to another library than {marker} says.",
                "Put the right database back, or delete that file if this database is the one you want.",
            )
        if known is None and (create or os.access(settings.data_dir, os.W_OK)):
            _write_marker(marker, library, where)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, where, read_only)


def open_database(address: str) -> Store:
    """A database by its SQLAlchemy URL, whatever is in it. Raises StoreError for one that cannot be."""
    url, where = checked_url(address)
    return Store(_engine(url, None), where)


@contextmanager
def translated_errors(where: str) -> Iterator[None]:
    """Translate the database's errors into StoreErrors with a cure."""
    try:
        yield
    except OperationalError as error:
        raise _operational(error, where) from error
    except DatabaseError as error:
        text = str(error.orig)
        if "not a database" in text or "malformed" in text:
            raise _damaged(where, text) from error
        raise StoreError(f"The database {where} refused a statement: {text}.") from error
    except DBAPIError as error:
        raise StoreError(f"The database {where} failed: {error.orig}.") from error


def _operational(error: OperationalError, where: str) -> StoreError:
    text = str(error.orig).strip()
    if "locked" in text or "busy" in text:
        return StoreError(
            f"The database {where} stayed locked by another program for {_BUSY_SECONDS} s.",
            "Close the program that holds it (a backup, a database browser) and try again; nothing was lost.",
        )
    if "full" in text or "No space left" in text:
        if not os.path.isabs(where):
            return StoreError(
                f"The disk of the database server ({where}) is full.", "Free some space there; nothing was lost."
            )
        # SQLite sorts large results in files of its own, elsewhere.
        place = next((folder for folder in (where, tempfile.gettempdir()) if _is_full(folder)), where)
        return full_disk(place, "the database" if place == where else "a temporary file of the database")
    if "readonly" in text or "read-only" in text:
        return StoreError(
            f"The database {where} cannot be written to.", "Check the permissions of its folder and file."
        )
    if "malformed" in text:
        return _damaged(where, text)
    if "unable to open" in text:
        return StoreError(
            f"The database {where} cannot be opened.", "Is its folder there, and may this user read and write it?"
        )
    if not os.path.isabs(where) and ("connection" in text or "resolve host" in text):
        # psycopg puts its own words before the server's.
        why = text.split("\n")[0].removeprefix("connection failed: ").removeprefix("connection is bad: ")
        return StoreError(
            f"The database {where} cannot be reached: {why}.",
            "Is the server running, is the address right, and was the database made (createdb) for this user?",
        )
    return StoreError(f"The database {where} cannot be used: {text}.")


def _is_full(path: str) -> bool:
    try:
        room = os.statvfs(os.path.dirname(path) if os.path.isfile(path) else path)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < _ROOM


def _damaged(where: str, text: str) -> StoreError:
    return StoreError(
        f"{where} is damaged or no SQLite database ({text}).",
        "tagger leaves it as it is. Put it back from a backup; your photos are not affected.",
    )


def _lost(where: str, marker: Path, how: str) -> StoreError:
    return StoreError(
        f"The library's database {where} {how}.",
        "Is its disk mounted? Put it back from a backup; or, to begin with an empty library, delete "
        f"{marker} and run the command again.",
    )


def checked_url(address: str) -> tuple[Any, str]:
    """SQLAlchemy's URL of a database's address, and how people are told of it. Raises StoreError where it is none."""
    try:
        url = make_url(address)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        # ValueError: SQLAlchemy's parser on a port that is no number.
        raise _no_address(address) from error
    kind = url.get_backend_name()
    if kind == "sqlite" and url.database:
        return url, url.database
    if kind != "postgresql":
        raise _no_address(address)
    if url.drivername == kind:
        # The one driver that tagger is tried with.
        url = url.set(drivername="postgresql+psycopg")
    return url, without_passwords(url.render_as_string(hide_password=False))


def _no_address(text: str) -> StoreError:
    return StoreError(
        f"{without_passwords(text)!r} is no database that tagger can use.",
        "Examples: sqlite:////volume1/tagger/library.db, postgresql+psycopg://tagger@localhost/tagger",
    )


def _check_file(url: Any, where: str, known: bool, create: bool, marker: Path) -> None:
    """Refuse a lost SQLite file, which opening would silently create again."""
    if url.get_backend_name() != "sqlite":
        return
    path = Path(where)
    if known and not path.exists():
        raise _lost(where, marker, "is missing")
    if known and path.stat().st_size == 0:
        raise _lost(where, marker, "is an empty file")
    if not path.exists() and not create:
        raise NoLibraryError(marker.parent)


def _make_data_dir(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"The data directory {folder} cannot be made: {error.strerror}.",
            "Name another with --data-dir, TAGGER_DATA_DIR or data_dir in the config file.",
        ) from error


def no_driver() -> StoreError:
    """That PostgreSQL's driver is missing; SQLite's is in Python."""
    return StoreError(
        "The library is in PostgreSQL, for which psycopg is not installed.",
        "Install it with: pip install 'tagger-photos[postgres]'",
    )


def _engine(url: Any, read_only: Path | None) -> Engine:
    """The engine of a database; `read_only`: its file, if it can only be read."""
    try:
        if read_only is not None:
            engine = create_engine("sqlite://", creator=partial(connect_read_only, read_only), poolclass=QueuePool)
            event.listen(engine, "begin", _on_sqlite_begin)
            return engine
        if url.get_backend_name() == "postgresql":
            if "connect_timeout" not in url.query and "PGCONNECT_TIMEOUT" not in os.environ:
                url = url.update_query_dict({"connect_timeout": str(_CONNECT_SECONDS)})
            # A server that was restarted has ended the connections that wait in the pool: they are tried before use.
            engine = create_engine(url, pool_pre_ping=True)
        else:
            engine = create_engine(url)
    except ModuleNotFoundError as error:
        raise no_driver() from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
    return engine


def _on_sqlite_connect(connection: Any, _record: Any) -> None:
    # Python's sqlite3 begins transactions at moments of its own choosing; ours begin in `_on_sqlite_begin`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_mode = WAL")
    # With WAL, a power cut loses at most the last labels, never consistency; those photos are labelled again.
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(_WRITE):
        # It cannot be changed within a transaction, and the connection is used again for the next one.
        connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if options.get(_DURABLE) else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITE) else "BEGIN")


def _read_marker(marker: Path) -> str | None:
    try:
        return str(json.loads(marker.read_text(encoding="utf-8"))["uuid"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{marker} cannot be read: {error}.", "Put it back from a backup, or delete it.") from error


def _write_marker(marker: Path, library: str, where: str) -> None:
    """Record that this data directory has a library, so that a lost database is noticed."""
    try:
        with replacing(marker) as temporary:
            temporary.write_text(json.dumps({"uuid": library, "database": where}) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{marker} cannot be written: {error.strerror}.") from error
