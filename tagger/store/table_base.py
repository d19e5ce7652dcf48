"""What all tables are made of: the registry, the names of constraints, and types that both databases have."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData, Text
from sqlalchemy.orm import DeclarativeBase

# Constraint names must be fixed, or Alembic cannot alter them later on SQLite.
_NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite assigns row numbers only to a plain INTEGER key.
BigKey = BigInteger().with_variant(Integer, "sqlite")
# Paths are compared byte for byte (code point order), because the rescan merges two streams in that order.
PathText = Text().with_variant(Text(collation="C"), "postgresql")


class Base(DeclarativeBase):
    """The registry of all tables."""

    metadata = MetaData(naming_convention=_NAMING)
