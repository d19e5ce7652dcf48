"""The index of search holds all that search and counting ask of a label's row, so that neither opens the table."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    op.drop_index("ix_photo_labels_search", "photo_labels")
    op.create_index(
        "ix_photo_labels_search",
        "photo_labels",
        ["label_id", sa.text("confidence DESC"), "photo_id", "shown", "removed"],
    )
