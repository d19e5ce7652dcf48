"""What a detector finds on photos, what their files tell of them, and an index of removed labels."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("photos", sa.Column("kinds", sa.Text(), nullable=True))
    op.create_table(
        "boxes",
        sa.Column("photo_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("detector", sa.String(16), nullable=False),
        sa.Column("boxes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name="fk_boxes_photo_id_photos", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("photo_id", name="pk_boxes"),
    )
    op.create_index(
        "ix_photo_labels_removed",
        "photo_labels",
        ["label_id"],
        sqlite_where=sa.text("removed"),
        postgresql_where=sa.text("removed"),
    )
