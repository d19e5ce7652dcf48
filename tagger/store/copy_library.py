"""Copies a library into another database, SQLite or PostgreSQL, and verifies the copy row by row.

The one row of the table `library` is copied last, when all else was verified: until then no command takes the target
for a library. What an interrupted copy left is compared with the source and gone on with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from tagger.core.errors import StoreError
from tagger.store import migrate
from tagger.store.session import Store, translated_errors
from tagger.store.table_base import Base
from tagger.store.tables import LibraryRow

# A transaction of the target, in rows: features have kilobytes each.
_CHUNK = 2000
_SEAL = Base.metadata.tables[LibraryRow.__tablename__]
# Parents before what refers to them.
_TABLES = [table for table in Base.metadata.sorted_tables if table is not _SEAL]

_Key = tuple[Any, ...]


@dataclass(frozen=True)
class Copied:
    """What a copy did: rows and tables of the library, and how many rows an earlier copy had left."""

    rows: int
    tables: int
    left_before: int


def copy_library(source: Store, target: Store, on_progress: Callable[[str, int, int], None]) -> Copied:
    """Copy all rows, verify them, and make the target a library; `on_progress` gets the stage, rows done, rows in all.

    Nobody can write to the source meanwhile. Raises StoreError if the target holds a library or another program's
    tables, or differs in the end; run again, it goes on where it was stopped.
    """
    _prepare(target)
    with _at_rest(source) as here:
        total = sum(_count(here, table) for table in _TABLES)
        left = _left_before(here, target, lambda done: on_progress("comparing", done, total))
        done = left
        for table in _TABLES:
            with target.read() as reading:
                last = _last_key(reading.connection(), table)
            for rows in _chunks(here, table, after=last):
                with target.write() as writing:
                    writing.execute(table.insert(), [row._asdict() for row in rows])
                done += len(rows)
                on_progress("copying", done, total)
        _verify(here, target, lambda seen: on_progress("verifying", seen, total))
        seal = here.execute(sa.select(_SEAL)).one()
        with target.write(durable=True) as writing:
            _set_sequences(writing.connection())
            writing.execute(_SEAL.insert(), [seal._asdict()])
    with target.write() as writing:
        writing.execute(sa.text("ANALYZE"))
    return Copied(total + 1, len(_TABLES) + 1, left)


def _prepare(target: Store) -> None:
    """Make the target's tables. Raises StoreError if there is a library, or anything else, in it."""
    with translated_errors(target.where):
        migrate.make_schema(target.engine, target.where)
    with target.read() as session:
        if session.execute(sa.select(_SEAL)).first() is not None:
            raise StoreError(
                f"{target.where} holds a library already.",
                "Nothing was copied. Name an empty database, or move that one away first.",
            )


@contextmanager
def _at_rest(source: Store) -> Iterator[Connection]:
    """A connection by which the source is read while nobody can write to it."""
    with source.read() if source.read_only else source.write() as session:
        connection = session.connection()
        if connection.dialect.name == "postgresql":
            names = ", ".join(table.name for table in [*_TABLES, _SEAL])
            connection.execute(sa.text(f"LOCK TABLE {names} IN SHARE MODE"))
        yield connection


def _left_before(source: Connection, target: Store, on_rows: Callable[[int], None]) -> int:
    """How many rows an interrupted copy has left; all of them are dropped if the source was changed since."""
    done = 0
    with target.read() as session:
        there = session.connection()
        for table in _TABLES:
            last = _last_key(there, table)
            if last is None:
                continue
            left = _contents(there, table)
            if _contents(source, table, up_to=last) != left:
                break
            done += left[0]
            on_rows(done)
        else:
            return done
    with target.write() as session:
        for table in reversed(_TABLES):
            session.execute(table.delete())
    return 0


def _verify(source: Connection, target: Store, on_rows: Callable[[int], None]) -> None:
    seen = 0
    with target.read() as session:
        there = session.connection()
        for table in _TABLES:
            copied = _contents(there, table)
            if _contents(source, table) != copied:
                raise StoreError(
                    f"The copy in {target.where} differs from the library in the table {table.name}.",
                    "It is not used. Run the same command again; does another program write there?",
                )
            seen += copied[0]
            on_rows(seen)


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _last_key(connection: Connection, table: Table) -> _Key | None:
    keys = table.primary_key.columns
    row = connection.execute(sa.select(*keys).order_by(*(key.desc() for key in keys)).limit(1)).first()
    return None if row is None else tuple(row)


def _contents(connection: Connection, table: Table, up_to: _Key | None = None) -> tuple[int, bytes]:
    """How many rows a table has, and a hash of them in the order of their key; the same whatever the database."""
    number, digest = 0, blake2b()
    for rows in _chunks(connection, table, up_to=up_to):
        number += len(rows)
        digest.update(repr([tuple(row) for row in rows]).encode())
    return number, digest.digest()


def _chunks(
    connection: Connection, table: Table, after: _Key | None = None, up_to: _Key | None = None
) -> Iterator[Sequence[sa.Row[Any]]]:
    """A table's rows in the order of their key, some thousand at a time."""
    keys = table.primary_key.columns
    place = sa.tuple_(*keys)
    while True:
        asked = sa.select(table).order_by(*keys).limit(_CHUNK)
        if after is not None:
            asked = asked.where(place > sa.tuple_(*after))
        if up_to is not None:
            asked = asked.where(place <= sa.tuple_(*up_to))
        rows = connection.execute(asked).all()
        if not rows:
            return
        yield rows
        after = tuple(getattr(rows[-1], key.name) for key in keys)


def _set_sequences(connection: Connection) -> None:
    """Have PostgreSQL count on from the last row of each table."""
    if connection.dialect.name != "postgresql":
        return
    for table in _TABLES:
        [*keys] = table.primary_key.columns
        if len(keys) == 1 and keys[0] is table.autoincrement_column and (last := _last_key(connection, table)):
            connection.execute(
                sa.text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)"),
                {"table": table.name, "column": keys[0].name, "last": last[0]},
            )
