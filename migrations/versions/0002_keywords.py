"""Keywords in files: what was written where, whose each keyword is, and how to take it back."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite only numbers rows by itself for a plain INTEGER key.
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PATH_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade():
    op.add_column("photos", sa.Column("keywords_as", sa.String(length=16), nullable=True))
    op.add_column("runs", sa.Column("written", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "writes",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", BIG_KEY, nullable=False),
        sa.Column("target", sa.String(length=8), nullable=False),
        sa.Column("path", PATH_TEXT, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("token", sa.String(length=16), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.Column("size_before", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns_before", sa.BigInteger(), nullable=False),
        sa.Column("hash_before", sa.LargeBinary(length=16), nullable=True),
        sa.Column("size_after", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns_after", sa.BigInteger(), nullable=False),
        sa.Column("hash_after", sa.LargeBinary(length=16), nullable=True),
        sa.Column("reverse", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name="fk_writes_photo_id_photos", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_writes_run_id_runs"),
        sa.PrimaryKeyConstraint("id", name="pk_writes"),
    )
    op.create_index("ix_writes_photo_id", "writes", ["photo_id"])
    pending = sa.text("state = 'pending'")
    op.create_index("ix_writes_pending", "writes", ["state"], sqlite_where=pending, postgresql_where=pending)
    op.create_table(
        "ledger",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("photo_id", BIG_KEY, nullable=False),
        sa.Column("target", sa.String(length=8), nullable=False),
        sa.Column("field", sa.String(length=24), nullable=False),
        sa.Column("keyword", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("write_id", BIG_KEY, nullable=True),
        sa.Column("ended_by", BIG_KEY, nullable=True),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name="fk_ledger_photo_id_photos", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["write_id"], ["writes.id"], name="fk_ledger_write_id_writes", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["ended_by"], ["writes.id"], name="fk_ledger_ended_by_writes", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
    )
    for column in ("photo_id", "write_id", "ended_by"):
        op.create_index(f"ix_ledger_{column}", "ledger", [column])
