"""Photos that are not at their paths are remembered as such, moves are found by bytes and pixels; and mount points."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

PATH_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade():
    op.add_column("photos", sa.Column("unseen_since", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_photos_unseen_since",
        "photos",
        ["unseen_since"],
        sqlite_where=sa.text("unseen_since IS NOT NULL"),
        postgresql_where=sa.text("unseen_since IS NOT NULL"),
    )
    op.create_index("ix_photos_content_hash", "photos", ["content_hash"])
    op.create_index("ix_photos_pixel_hash", "photos", ["pixel_hash"])
    op.create_table(
        "mounts",
        sa.Column("root_id", sa.Integer(), nullable=False),
        sa.Column("path", PATH_TEXT, nullable=False),
        sa.ForeignKeyConstraint(["root_id"], ["roots.id"], name="fk_mounts_root_id_roots", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("root_id", "path", name="pk_mounts"),
    )
