"""What headers and sidecars of photos tell: keywords, camera, lens, rating, place."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TERM = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def partial(name, columns, where):
    op.create_index(name, "photos", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade():
    for column in (
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("latitude", sa.Float(53), nullable=True),
        sa.Column("longitude", sa.Float(53), nullable=True),
        sa.Column("sidecar", sa.BigInteger(), nullable=True),
        sa.Column("fields_as", sa.Integer(), nullable=True),
    ):
        op.add_column("photos", column)
    op.create_index("ix_photos_width", "photos", ["width", "height"])
    partial("ix_photos_rating", ["rating"], "rating IS NOT NULL")
    partial("ix_photos_latitude", ["latitude", "longitude"], "latitude IS NOT NULL")
    partial("ix_photos_fields_due", ["id"], "fields_as IS NULL")
    op.create_table(
        "terms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", TERM, nullable=False),
        sa.Column("folded", TERM, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_terms"),
    )
    op.create_index("uq_terms_kind_name", "terms", ["kind", "name"], unique=True)
    op.create_index("ix_terms_kind_folded", "terms", ["kind", "folded"])
    op.create_table(
        "photo_terms",
        sa.Column("photo_id", BIG_KEY, nullable=False),
        sa.Column("term_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name="fk_photo_terms_photo_id_photos", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["term_id"], ["terms.id"], name="fk_photo_terms_term_id_terms"),
        sa.PrimaryKeyConstraint("photo_id", "term_id", name="pk_photo_terms"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_photo_terms_search", "photo_terms", ["term_id", "photo_id"])
