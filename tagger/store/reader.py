"""Reading the library without SQLAlchemy, for commands that must answer in a fraction of a second.

Importing SQLAlchemy takes a quarter of a second, which is the whole budget of `tagger search`. On SQLite the
standard library's sqlite3 is used instead; any other database goes through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tagger import __version__
from tagger.core.config import Settings
from tagger.core.errors import NoLibraryError, QueryError, StoreError
from tagger.store.read_only import connect_read_only, older, why_read_only
from tagger.store.schema import HEAD

if TYPE_CHECKING:
    from tagger.store.session import Store

# What SQLite says of statements beyond its limits.
_TOO_MUCH = ("too large", "too many", "too big", "too complex", "parser stack overflow", "too long")

Parameters = Mapping[str, Any]


class Reader(Protocol):
    """An open, read-only library. `dialect`: the database's, `sqlite` or `postgresql`."""

    dialect: str

    def rows(self, sql: str, parameters: Parameters) -> Iterator[tuple[Any, ...]]:
        """Rows of a query with `:name` parameters, fetched lazily."""
        ...


@contextmanager
def open_reader(settings: Settings, store: Store | None = None) -> Iterator[Reader]:
    """Open the library for reading. Raises StoreError if there is none, its schema is another one, or it is damaged.

    `store`: the library, if it is already open; saves a database server's handshake.
    """
    url = settings.database_url
    if url.startswith("sqlite:///"):
        with _sqlite(Path(url.removeprefix("sqlite:///").partition("?")[0]), settings) as reader:
            _check(reader, settings)
            yield reader
    else:
        with _sqlalchemy(settings, store) as reader:
            yield reader


@contextmanager
def _sqlite(path: Path, settings: Settings) -> Iterator[Reader]:
    import sqlite3

    if not path.exists():
        raise _no_library(settings, path)

    class SqliteReader:
        dialect = "sqlite"

        def __init__(self, connection: sqlite3.Connection) -> None:
            self._connection = connection

        def rows(self, sql: str, parameters: Parameters) -> Iterator[tuple[Any, ...]]:
            return self._connection.execute(sql, dict(parameters))

    connection = None
    try:
        connection = connect_read_only(path)
        connection.execute("PRAGMA mmap_size = 268435456")
        # One view of the library for all rows, while others write.
        connection.execute("BEGIN")
        yield SqliteReader(connection)
    except sqlite3.Error as error:
        if any(each in str(error) for each in _TOO_MUCH):
            raise _too_much() from error
        if "not a database" in str(error) or "malformed" in str(error):
            raise StoreError(
                f"{path} is damaged or no SQLite database ({error}).",
                "tagger leaves it as it is. Put it back from a backup; your photos are not affected.",
            ) from error
        raise StoreError(f"{path} cannot be read: {error}.", "Check its permissions, or run: tagger doctor") from error
    finally:
        if connection is not None:
            connection.close()


@contextmanager
def _sqlalchemy(settings: Settings, store: Store | None) -> Iterator[Reader]:
    import sqlalchemy as sa

    from tagger.store.session import open_store

    opened = nullcontext(store) if store is not None else open_store(settings)
    with opened as store, store.read() as session:
        name = store.engine.dialect.name

        class SessionReader:
            dialect = name

            def rows(self, sql: str, parameters: Parameters) -> Iterator[tuple[Any, ...]]:
                # Fetch row by row: a search reads only the beginnings of hundreds of lists.
                options = {"stream_results": True, "yield_per": 100}
                with session.execute(sa.text(sql), dict(parameters), execution_options=options) as result:
                    for row in result:
                        yield tuple(row)

        try:
            yield SessionReader()
        except sa.exc.DBAPIError as error:
            # Class 54 of SQL's states: a limit of the server's.
            if str(getattr(error.orig, "sqlstate", "")).startswith("54"):
                raise _too_much() from error
            raise


def _too_much() -> QueryError:
    return QueryError("The query is too long for the database.", "Ask for less at once, in several searches.")


def _check(reader: Reader, settings: Settings) -> None:
    tables = {
        name
        for (name,) in reader.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN ('alembic_version', 'library')", {}
        )
    }
    path = settings.database_url.removeprefix("sqlite:///")
    if len(tables) < 2:
        if next(reader.rows("SELECT 1 FROM sqlite_master LIMIT 1", {}), None) is None:
            raise _no_library(settings, Path(path))
        raise StoreError(f"{path} is a database of another program.", "Name the right one with `database`.")
    revision = next(reader.rows("SELECT version_num FROM alembic_version", {}), ("",))[0]
    if revision < HEAD:
        if why := why_read_only(Path(path)):
            raise older(path, why)
        raise StoreError(f"{path} was written by an older tagger.", "Bring it up to date with: tagger status")
    if revision > HEAD:
        raise StoreError(
            f"{path} was written by a newer tagger than this one ({__version__}).",
            "Upgrade tagger; the database was not touched.",
        )


def _no_library(settings: Settings, path: Path) -> StoreError:
    if (settings.data_dir / "library.json").exists():
        return StoreError(f"The library's database {path} is missing.", "Is its disk mounted? See: tagger status")
    return NoLibraryError(settings.data_dir)
