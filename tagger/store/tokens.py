"""Tokens: what programs send instead of the page's password. Each is kept as a hash, has a scope and can be removed.

A token is 256 random bits, so that one round of SHA-256 keeps it: there is nothing to guess that a slow hash would
protect, and whoever reads the database cannot find it (OWASP's "Password Storage", on API keys).
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from tagger.core.errors import UsageError
from tagger.core.names import folded, single_spaced
from tagger.core.paths import shown_path
from tagger.store.page_tables import TokenRow
from tagger.store.reader import Reader

# By it people and programs that look for secrets in files know one.
PREFIX = "tagger_"
_BYTES = 32
_LONGEST = 100
# As `secrets.token_urlsafe` writes them: four letters for three bytes.
_SHAPE = re.compile(rf"{PREFIX}[\w-]{{{-(-_BYTES * 4 // 3)}}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. `created_at`: seconds since the epoch, UTC. `used_on`: its last day, YYYY-MM-DD."""

    id: int
    name: str
    read_only: bool
    created_at: int
    used_on: str | None


def create_token(session: Session, name: str, now: float, *, read_only: bool) -> tuple[Token, str]:
    """A new token and its secret, which is kept nowhere. Raises UsageError for a name that is none, or is taken."""
    words = single_spaced(name, _LONGEST)
    if not words:
        raise UsageError(
            f"{shown_path(name[:_LONGEST])!r} cannot be the name of a token.",
            f"A name has 1 to {_LONGEST} letters, digits or other signs.",
        )
    if _row(session, words) is not None:
        raise UsageError(f"There is a token {words!r} already.", "Remove it first, or take another name.")
    secret = PREFIX + secrets.token_urlsafe(_BYTES)
    row = TokenRow(name=words, folded=folded(words), hash=_hash(secret), read_only=read_only, created_at=int(now))
    session.add(row)
    session.flush()
    return _token(row), secret


def all_tokens(session: Session) -> list[Token]:
    """All of them, by name."""
    return [_token(row) for row in session.scalars(select(TokenRow).order_by(TokenRow.folded))]


def token_names(reader: Reader) -> list[str]:
    """The names of all of them."""
    return [str(name) for (name,) in reader.rows("SELECT name FROM tokens ORDER BY folded", {})]


def find_token(session: Session, name: str) -> Token:
    """The token of a name, however it is typed. Raises UsageError if there is none."""
    row = _row(session, name)
    if row is None:
        names = ", ".join(repr(token.name) for token in all_tokens(session)) or "none"
        raise UsageError(f"There is no token {shown_path(name)!r}.", f"Those that are: {names}.")
    return _token(row)


def remove_token(session: Session, number: int) -> None:
    """Forget a token; whoever sends it is refused from then on."""
    session.execute(delete(TokenRow).where(TokenRow.id == number))


def token_of(session: Session, secret: str) -> Token | None:
    """The token that a program sent; None if it is none of ours, or was removed."""
    row = session.scalar(select(TokenRow).where(TokenRow.hash == _hash(secret)))
    return None if row is None else _token(row)


def is_token(text: str) -> bool:
    """Whether a text is written as a token; no password is."""
    return _SHAPE.fullmatch(text) is not None


def day_of(now: float) -> str:
    """The day of a moment, as tokens keep it: YYYY-MM-DD, UTC."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def mark_used(session: Session, number: int, day: str) -> None:
    """Keep the day on which a token was used."""
    session.execute(update(TokenRow).where(TokenRow.id == number).values(used_on=day))


def _row(session: Session, name: str) -> TokenRow | None:
    key = folded(" ".join(name.split())).encode(errors="ignore").decode()
    return session.scalar(select(TokenRow).where(TokenRow.folded == key))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _token(row: TokenRow) -> Token:
    return Token(row.id, row.name, row.read_only, row.created_at, row.used_on)
