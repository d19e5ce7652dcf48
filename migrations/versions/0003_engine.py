"""What ran the network in a run: engine, version, precision, device."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("runs", sa.Column("engine", sa.String(length=64), nullable=True))
