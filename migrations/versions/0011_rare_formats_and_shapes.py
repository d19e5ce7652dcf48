"""Indexes of the formats and shapes that are not those of most photos."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def partial(name, columns, where):
    op.create_index(name, "photos", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade():
    partial("ix_photos_format", ["format"], "format IS NULL OR format <> 'JPEG'")
    partial(
        "ix_photos_not_landscape",
        ["width", "height"],
        "width IS NULL OR height IS NULL OR width * 49 <= height * 50",
    )
