"""What a person decided of photos that are nearly the same."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade():
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "duplicate_decisions",
        sa.Column("photo_id", big, nullable=False, autoincrement=False),
        sa.Column("keep", sa.Boolean(), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("instead", big, nullable=False),
        sa.PrimaryKeyConstraint("photo_id", name="pk_duplicate_decisions"),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photos.id"], name="fk_duplicate_decisions_photo_id_photos", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "duplicate_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_duplicate_changes"),
    )
