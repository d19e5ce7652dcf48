"""How far each machine is with a run of several."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "run_nodes",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("labelled", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "node", name="pk_run_nodes"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_nodes_run_id_runs", ondelete="CASCADE"),
    )
