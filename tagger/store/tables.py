"""The tables, as SQLAlchemy's ORM declares them. `migrations/` makes them; a test proves that both agree.

Times are seconds since the epoch, UTC. Paths are stored as `tagger.core.photo.stored_path` spells them. Hashes
have 16 bytes (`tagger.core.photo.Inspection`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Float, ForeignKey, Index, Integer, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

# Whoever knows one table must know all of them: copying a library copies what is known.
from tagger.store import page_tables  # noqa: F401
from tagger.store.table_base import Base, BigKey, PathText

# Which photos are in these indexes; a search says one of the same parts, as it stands here, for them to be used.
NOT_JPEG = "format IS NULL OR format <> 'JPEG'"
NOT_LANDSCAPE = "width IS NULL OR height IS NULL OR width * 49 <= height * 50"


class LibraryRow(Base):
    """One row: which library this database holds, so that a wrong file is noticed."""

    __tablename__ = "library"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    uuid: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[int] = mapped_column(BigInteger)


class RootRow(Base):
    """A folder tree that belongs to the library."""

    __tablename__ = "roots"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    path: Mapped[str] = mapped_column(PathText, unique=True)
    added_at: Mapped[int] = mapped_column(BigInteger)
    scanned_at: Mapped[int | None] = mapped_column(BigInteger)


class MountRow(Base):
    """A mount point below a root, relative to it, on which photos are known: so that a disk that is away is noticed."""

    __tablename__ = "mounts"
    root_id: Mapped[int] = mapped_column(ForeignKey("roots.id", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(PathText, primary_key=True)


class ModelRow(Base):
    """A model that labelled photos: one row per ModelId."""

    __tablename__ = "models"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    model_id: Mapped[str] = mapped_column(String(16), unique=True)
    architecture: Mapped[str] = mapped_column(String(64))
    weights_sha256: Mapped[str] = mapped_column(String(64))
    preprocessing: Mapped[int] = mapped_column(Integer)
    first_used_at: Mapped[int] = mapped_column(BigInteger)


class PhotoRow(Base):
    """A photo: its path, its fingerprint and hashes, its facts, and the model that labelled it."""

    __tablename__ = "photos"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    root_id: Mapped[int] = mapped_column(ForeignKey("roots.id", ondelete="CASCADE"))
    path: Mapped[str] = mapped_column(PathText)
    # As names are compared (tagger.core.names), because databases fold ASCII only, or by their locale.
    path_folded: Mapped[str] = mapped_column(PathText)
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    inode: Mapped[int | None] = mapped_column(BigInteger)
    ctime_ns: Mapped[int | None] = mapped_column(BigInteger)
    content_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    pixel_hash: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    format: Mapped[str | None] = mapped_column(String(8))
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    taken: Mapped[str | None] = mapped_column(String(19))
    # What kind of photo the file tells that it is, separated by commas; NULL: not looked at for that yet.
    kinds: Mapped[str | None] = mapped_column(Text)
    # What its header and its sidecars tell (PhotoFields); their texts are its terms.
    rating: Mapped[int | None] = mapped_column(Integer)
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    sidecar: Mapped[int | None] = mapped_column(BigInteger)
    # The FIELDS_VERSION as of which they were read; NULL: they are to be read.
    fields_as: Mapped[int | None] = mapped_column(Integer)
    added_at: Mapped[int] = mapped_column(BigInteger)
    labelled_at: Mapped[int | None] = mapped_column(BigInteger)
    labelled_by: Mapped[int | None] = mapped_column(ForeignKey("models.id"))
    missing_since: Mapped[int | None] = mapped_column(BigInteger)
    # Since when its file is not at its path, though the photo is not taken as gone, because too many are.
    unseen_since: Mapped[int | None] = mapped_column(BigInteger)
    # The keyword settings under which keywords were last settled for these labels; NULL: not yet for these labels.
    keywords_settled_as: Mapped[str | None] = mapped_column("keywords_as", String(16))

    __table_args__ = (
        Index("uq_photos_root_id_path", "root_id", "path", unique=True),
        # A search that no other index answers looks through all of them here (tagger.search.path_index); PostgreSQL
        # would not, and limits what an index holds.
        Index(
            "ix_photos_by_path",
            *("root_id", "path_folded", "taken", "format", "width", "height", "rating", "latitude", "missing_since"),
        ).ddl_if(dialect="sqlite"),
        Index("ix_photos_path_order", "root_id", text("left(path_folded, 600)")).ddl_if(dialect="postgresql"),
        # Twins are searched among photos of the same size, so an index of the size is enough.
        Index("ix_photos_size", "size"),
        # A search within a time span begins with its photos.
        Index("ix_photos_taken", "taken"),
        Index(
            "ix_photos_missing_since",
            "missing_since",
            sqlite_where=text("missing_since IS NOT NULL"),
            postgresql_where=text("missing_since IS NOT NULL"),
        ),
        Index(
            "ix_photos_unseen_since",
            "unseen_since",
            sqlite_where=text("unseen_since IS NOT NULL"),
            postgresql_where=text("unseen_since IS NOT NULL"),
        ),
        Index("ix_photos_width", "width", "height"),
        # Nearly every photo is a JPEG, and most are wide: those are counted as all without these.
        Index("ix_photos_format", "format", sqlite_where=text(NOT_JPEG), postgresql_where=text(NOT_JPEG)),
        Index(
            "ix_photos_not_landscape",
            *("width", "height"),
            sqlite_where=text(NOT_LANDSCAPE),
            postgresql_where=text(NOT_LANDSCAPE),
        ),
        Index(
            "ix_photos_rating",
            "rating",
            sqlite_where=text("rating IS NOT NULL"),
            postgresql_where=text("rating IS NOT NULL"),
        ),
        Index(
            "ix_photos_latitude",
            "latitude",
            "longitude",
            sqlite_where=text("latitude IS NOT NULL"),
            postgresql_where=text("latitude IS NOT NULL"),
        ),
        # Empty, but after an upgrade and while sidecars change.
        Index(
            "ix_photos_fields_due",
            "id",
            sqlite_where=text("fields_as IS NULL"),
            postgresql_where=text("fields_as IS NULL"),
        ),
        # A photo that moved is recognised by its bytes, or by its pixels.
        Index("ix_photos_content_hash", "content_hash"),
        Index("ix_photos_pixel_hash", "pixel_hash"),
    )


class JobRow(Base):
    """A job: work to do for a photo. A finished job is deleted; a failed one stays, with its reason."""

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(8))
    priority: Mapped[int] = mapped_column(Integer)
    attempts: Mapped[int] = mapped_column(Integer)
    crashes: Mapped[int] = mapped_column(Integer)
    not_before: Mapped[int] = mapped_column(BigInteger)
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        # One job a photo and kind of work.
        Index("uq_jobs_photo_id_kind", "photo_id", "kind", unique=True),
        Index("ix_jobs_claim", "state", "priority", "id"),
    )


class LabelRow(Base):
    """A label that some photo has or had. `key` never changes; `name` is what people read."""

    __tablename__ = "labels"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    key: Mapped[str] = mapped_column(String(128), unique=True)
    name: Mapped[str] = mapped_column(String(256), index=True)


class PhotoLabelRow(Base):
    """A label of a photo. `removed`: it is the tombstone of a label that a person removed."""

    __tablename__ = "photo_labels"
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("labels.id"), primary_key=True)
    confidence: Mapped[float]
    rank: Mapped[int] = mapped_column(Integer)
    origin: Mapped[int] = mapped_column(Integer)
    shown: Mapped[bool]
    removed: Mapped[bool]
    model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))

    __table_args__ = (
        # Search reads a label's photos from this index, the surest first, and counting counts them, without the table.
        Index("ix_photo_labels_search", "label_id", text("confidence DESC"), "photo_id", "shown", "removed"),
        # What a person removes again and again is shown less.
        Index("ix_photo_labels_removed", "label_id", sqlite_where=text("removed"), postgresql_where=text("removed")),
        # The key is the row: half the size.
        {"sqlite_with_rowid": False},
    )


class TermRow(Base):
    """A text that headers of photos tell. `kind`: keyword, camera, lens, town, region or country."""

    __tablename__ = "terms"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(PathText)
    folded: Mapped[str] = mapped_column(PathText)

    __table_args__ = (
        Index("uq_terms_kind_name", "kind", "name", unique=True),
        Index("ix_terms_kind_folded", "kind", "folded"),
    )


class PhotoTermRow(Base):
    """A term of a photo."""

    __tablename__ = "photo_terms"
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    term_id: Mapped[int] = mapped_column(ForeignKey("terms.id"), primary_key=True)

    __table_args__ = (
        Index("ix_photo_terms_search", "term_id", "photo_id"),
        {"sqlite_with_rowid": False},
    )


class FeatureRow(Base):
    """The pooled features of a photo under a model: little-endian float16, one number a dimension."""

    __tablename__ = "features"
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class BoxesRow(Base):
    """What a detector found on a photo. `boxes`: as `tagger.core.boxes` makes them; empty if it found nothing."""

    __tablename__ = "boxes"
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True)
    detector: Mapped[str] = mapped_column(String(16))
    boxes: Mapped[bytes] = mapped_column(LargeBinary)


class WriteRow(Base):
    """One write of keywords to one file. It is recorded before the file is touched, as `pending`.

    A hash of NULL: there is no file (a sidecar before it is created, or after it is deleted).
    """

    __tablename__ = "writes"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"))
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), index=True)
    target: Mapped[str] = mapped_column(String(8))
    path: Mapped[str] = mapped_column(PathText)
    state: Mapped[str] = mapped_column(String(8))
    token: Mapped[str] = mapped_column(String(16))
    written_at: Mapped[int] = mapped_column(BigInteger)
    size_before: Mapped[int] = mapped_column(BigInteger)
    mtime_ns_before: Mapped[int] = mapped_column(BigInteger)
    hash_before: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    size_after: Mapped[int] = mapped_column(BigInteger)
    mtime_ns_after: Mapped[int] = mapped_column(BigInteger)
    hash_after: Mapped[bytes | None] = mapped_column(LargeBinary(16))
    # How to restore the file before from the file after, byte for byte (tagger.keywords.metadata.splices).
    reverse: Mapped[bytes] = mapped_column(LargeBinary)
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index(
            "ix_writes_pending",
            "state",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
    )


class LedgerRow(Base):
    """A keyword of tagger's in one field of one file, from the write that added it until the one that ended it.

    `kind`: a `label`; a `seed` (a person's keyword copied into a field that tagger made); or `refused`, a label that a
    person took out. Without a write it was found in the file's own mark.
    """

    __tablename__ = "ledger"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), index=True)
    target: Mapped[str] = mapped_column(String(8))
    field: Mapped[str] = mapped_column(String(24))
    keyword: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(8))
    write_id: Mapped[int | None] = mapped_column(ForeignKey("writes.id", ondelete="CASCADE"), index=True)
    # A write that did not happen ends no keyword.
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("writes.id", ondelete="SET NULL"), index=True)


class RunRow(Base):
    """One backfill, relabel, write or undo: what it did and how long it took."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    command: Mapped[str] = mapped_column(String(16))
    model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))
    started_at: Mapped[int] = mapped_column(BigInteger)
    ended_at: Mapped[int | None] = mapped_column(BigInteger)
    seconds: Mapped[float | None]
    labelled: Mapped[int] = mapped_column(Integer)
    classified: Mapped[int] = mapped_column(Integer)
    failed: Mapped[int] = mapped_column(Integer)
    written: Mapped[int] = mapped_column(Integer, server_default="0")
    # The last engine of the run: a trial may change its precision on the way.
    engine: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[str | None] = mapped_column(String(16))


class RunNodeRow(Base):
    """How far a machine of a cluster is with a run. `seen_at`: when it stored results last."""

    __tablename__ = "run_nodes"
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    node: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[int] = mapped_column(BigInteger)
    labelled: Mapped[int] = mapped_column(Integer)


class DuplicateDecisionRow(Base):
    """What a person decided of a photo that others are nearly the same as. `content`: its content hash then, in hex.

    `instead`: the photo that is kept in its place; 0 for none.
    """

    __tablename__ = "duplicate_decisions"
    photo_id: Mapped[int] = mapped_column(
        ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    keep: Mapped[bool]
    content: Mapped[str] = mapped_column(String(64))
    instead: Mapped[int] = mapped_column(BigKey)


class DuplicateChangeRow(Base):
    """Decisions that were made at once, so that they can be taken back. `before`: JSON, what each photo had before."""

    __tablename__ = "duplicate_changes"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    before: Mapped[str] = mapped_column(Text)


class TaughtRow(Base):
    """A label that the owner taught. `precision`: the share of correct photos that was asked for."""

    __tablename__ = "taught"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("labels.id"), unique=True)
    precision: Mapped[float]
    enabled: Mapped[bool]
    created_at: Mapped[int] = mapped_column(BigInteger)


class TaughtExampleRow(Base):
    """A photo that a label was taught with: of the library, or a file outside with its features under a model."""

    __tablename__ = "taught_examples"
    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    taught_id: Mapped[int] = mapped_column(ForeignKey("taught.id", ondelete="CASCADE"), index=True)
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"), index=True)
    path: Mapped[str | None] = mapped_column(PathText)
    kind: Mapped[str] = mapped_column(String(8))
    model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))
    vector: Mapped[bytes | None] = mapped_column(LargeBinary)


class TaughtHeadRow(Base):
    """A taught label's classifier for a model's features; without weights: it could not be taught, `report` says why.

    `weights`: little-endian float32, one number a dimension. `examples`: hash of what it was trained with.
    """

    __tablename__ = "taught_heads"
    taught_id: Mapped[int] = mapped_column(ForeignKey("taught.id", ondelete="CASCADE"), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"), primary_key=True)
    weights: Mapped[bytes | None] = mapped_column(LargeBinary)
    bias: Mapped[float]
    threshold: Mapped[float]
    trained_at: Mapped[int] = mapped_column(BigInteger)
    examples: Mapped[str] = mapped_column(String(32))
    report: Mapped[str] = mapped_column(Text)
