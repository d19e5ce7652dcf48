"""Photos that other programs are to be told of, because they were labelled."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "deliveries",
        sa.Column("hook", sa.String(8), nullable=False),
        sa.Column("batch", sa.String(40), nullable=False),
        sa.Column("photo_id", BIG_KEY, nullable=False),
        sa.PrimaryKeyConstraint("hook", "batch", "photo_id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name="fk_deliveries_photo_id_photos", ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_deliveries_photo_id", "deliveries", ["photo_id"])
