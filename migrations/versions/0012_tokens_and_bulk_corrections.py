"""Tokens of programs, and what corrections of many photos changed, so that it can be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("folded", NAME, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_on", sa.String(10), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
    )
    op.create_index("uq_tokens_folded", "tokens", ["folded"], unique=True)
    op.create_index("uq_tokens_hash", "tokens", ["hash"], unique=True)
    op.create_table(
        "bulk_corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("photos", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_corrections"),
    )
    op.create_table(
        "corrected_labels",
        sa.Column("correction_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", BIG_KEY, nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("left_removed", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("origin", sa.Integer(), nullable=True),
        sa.Column("shown", sa.Boolean(), nullable=True),
        sa.Column("removed", sa.Boolean(), nullable=True),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("correction_id", "photo_id", "label_id", name="pk_corrected_labels"),
        sa.ForeignKeyConstraint(
            ["correction_id"],
            ["bulk_corrections.id"],
            name="fk_corrected_labels_correction_id_bulk_corrections",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photos.id"], name="fk_corrected_labels_photo_id_photos", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["label_id"], ["labels.id"], name="fk_corrected_labels_label_id_labels"),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_corrected_labels_model_id_models"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_corrected_labels_photo_id", "corrected_labels", ["photo_id"])
