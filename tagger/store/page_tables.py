"""The tables of what people and programs ask for: tokens, saved searches, corrections of many photos, deliveries."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from tagger.store.table_base import Base, BigKey, PathText


class TokenRow(Base):
    """A token with which a program asks the API. `hash`: SHA-256 of it. `used_on`: the last day, as YYYY-MM-DD, UTC."""

    __tablename__ = "tokens"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(PathText)
    folded: Mapped[str] = mapped_column(PathText)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    read_only: Mapped[bool]
    created_at: Mapped[int] = mapped_column(BigInteger)
    used_on: Mapped[str | None] = mapped_column(String(10))

    __table_args__ = (
        Index("uq_tokens_folded", "folded", unique=True),
        Index("uq_tokens_hash", "hash", unique=True),
    )


class BulkCorrectionRow(Base):
    """A correction of many photos at once. `said`: of what, as JSON. `photos`: on how many something changed."""

    __tablename__ = "bulk_corrections"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    said: Mapped[str] = mapped_column(Text)
    photos: Mapped[int] = mapped_column(Integer)
    made_at: Mapped[int] = mapped_column(BigInteger)
    undone_at: Mapped[int | None] = mapped_column(BigInteger)


class CorrectedLabelRow(Base):
    """A label of a photo as it was before a correction of many; without a confidence: it was not there.

    `left_removed`: whether the correction left it as a tombstone, or as a label that a person gave.
    """

    __tablename__ = "corrected_labels"
    correction_id: Mapped[int] = mapped_column(ForeignKey("bulk_corrections.id", ondelete="CASCADE"), primary_key=True)
    photo_id: Mapped[int] = mapped_column(BigKey, ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("labels.id"), primary_key=True)
    left_removed: Mapped[bool]
    confidence: Mapped[float | None]
    rank: Mapped[int | None] = mapped_column(Integer)
    origin: Mapped[int | None] = mapped_column(Integer)
    shown: Mapped[bool | None]
    removed: Mapped[bool | None]
    model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))

    __table_args__ = (
        # Photos that are forgotten take theirs with them.
        Index("ix_corrected_labels_photo_id", "photo_id"),
        {"sqlite_with_rowid": False},
    )


class SearchRow(Base):
    """A search that a person saved under a name. `language`: in which its words were typed. `sort`: empty for none.

    `less_sure`: with the photos that are less sure. `strict`: its words are labels, and never a description.
    """

    __tablename__ = "searches"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(PathText)
    folded: Mapped[str] = mapped_column(PathText)
    query: Mapped[str] = mapped_column(PathText)
    language: Mapped[str] = mapped_column(String(8))
    sort: Mapped[str] = mapped_column(String(16))
    less_sure: Mapped[bool]
    strict: Mapped[bool]
    saved_at: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("uq_searches_folded", "folded", unique=True),)


class DeliveryRow(Base):
    """A photo that a hook is to be told of. `batch`: the identifier of the delivery; empty: in none yet."""

    __tablename__ = "deliveries"
    hook: Mapped[str] = mapped_column(String(8), primary_key=True)
    batch: Mapped[str] = mapped_column(String(40), primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True, index=True)

    __table_args__ = ({"sqlite_with_rowid": False},)
