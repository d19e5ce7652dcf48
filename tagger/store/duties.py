"""What one of several processes on one PostgreSQL library does alone: whoever holds an advisory lock of the server.

The server frees the locks of a connection that ends, so what a killed process did another can take over. A library in
SQLite is of one machine, where lock files do that (`tagger.store.lock`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tagger.store.session import Store, translated_errors

# The server notices within a minute that a machine is gone that had no time to say so.
_KEEPALIVE = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}


def is_shared(store: Store) -> bool:
    """Whether processes of several machines may work on a library at the same time."""
    return store.engine.dialect.name == "postgresql"


class Duties:
    """The duties of one process. For one thread; `close` gives all of them up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection: Connection | None = None
        self._held: set[str] = set()

    def hold(self, duty: str) -> bool:
        """Whether a duty is this process's now, which it becomes if nobody has it. Raises StoreError.

        Ask again from time to time: a server that is restarted forgets who had it.
        """
        if not is_shared(self._store):
            return True
        with translated_errors(self._store.where):
            connection = self._connected()
            if duty not in self._held and connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), _key(duty)):
                self._held.add(duty)
        return duty in self._held

    def _connected(self) -> Connection:
        if self._connection is not None:
            try:
                self._connection.execute(text("SELECT 1"))
            except DBAPIError:
                self.close()
            else:
                return self._connection
        self._connection = _connect(self._store)
        return self._connection

    def close(self) -> None:
        """Give up all duties."""
        connection, self._connection = self._connection, None
        self._held.clear()
        if connection is not None:
            # Not back into the pool, where it would keep its locks.
            connection.invalidate()
            connection.close()


def nobodys(session: Session, duties: Mapping[str, int]) -> list[int]:
    """The numbers of those of some duties that no process has. On SQLite all of them."""
    if session.get_bind().dialect.name != "postgresql":
        return list(duties.values())
    free = text("SELECT pg_try_advisory_xact_lock(:key)")
    return [number for duty, number in duties.items() if session.scalar(free, _key(duty))]


def _connect(store: Store) -> Connection:
    connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    for name, value in _KEEPALIVE.items():
        connection.execute(text(f"SET {name} = {value}"))
    return connection


def _key(duty: str) -> dict[str, int]:
    """The lock's number: 64 bits of a hash, with sign."""
    return {"key": int.from_bytes(hashlib.sha256(f"tagger {duty}".encode()).digest()[:8], "big", signed=True)}
