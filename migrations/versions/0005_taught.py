"""Labels that the owner taught: their examples, and a classifier for each model's features."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# SQLite only numbers rows by itself for a plain INTEGER key.
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PATH_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade():
    op.create_table(
        "taught",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("precision", sa.Double(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["label_id"], ["labels.id"], name="fk_taught_label_id_labels"),
        sa.PrimaryKeyConstraint("id", name="pk_taught"),
        sa.UniqueConstraint("label_id", name="uq_taught_label_id"),
    )
    op.create_table(
        "taught_examples",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("taught_id", sa.Integer(), nullable=False),
        sa.Column("photo_id", BIG_KEY, nullable=True),
        sa.Column("path", PATH_TEXT, nullable=True),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=True),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["taught_id"], ["taught.id"], name="fk_taught_examples_taught_id_taught", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["photo_id"], ["photos.id"], name="fk_taught_examples_photo_id_photos", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_taught_examples_model_id_models"),
        sa.PrimaryKeyConstraint("id", name="pk_taught_examples"),
    )
    op.create_index("ix_taught_examples_taught_id", "taught_examples", ["taught_id"])
    op.create_index("ix_taught_examples_photo_id", "taught_examples", ["photo_id"])
    op.create_table(
        "taught_heads",
        sa.Column("taught_id", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=True),
        sa.Column("bias", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("trained_at", sa.BigInteger(), nullable=False),
        sa.Column("examples", sa.String(length=32), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["taught_id"], ["taught.id"], name="fk_taught_heads_taught_id_taught", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_taught_heads_model_id_models"),
        sa.PrimaryKeyConstraint("taught_id", "model_id", name="pk_taught_heads"),
    )
