"""The index of paths holds what queries ask of a photo (SQLite), and the order of a listing (PostgreSQL)."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TOLD = ["taken", "format", "width", "height", "rating", "latitude", "missing_since"]


def upgrade():
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_photos_root_id_path_folded", "photos")
        op.create_index("ix_photos_by_path", "photos", ["root_id", "path_folded", *TOLD])
    else:
        op.create_index("ix_photos_path_order", "photos", ["root_id", sa.text("left(path_folded, 600)")])
