"""Names are compared by one rule (tagger.core.names): a path is stored folded beside itself, and labels of the owner's
own that differ in nothing else become one.
"""

import sqlalchemy as sa
from alembic import op

from tagger.core.names import folded
from tagger.labels.taxonomy import OWN_PREFIX, own_key

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PATH_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
PAGE = 20_000


def upgrade():
    # Not in batch mode: that makes the table anew, and dropping the old one would delete what refers to it.
    op.add_column("photos", sa.Column("path_folded", PATH_TEXT, nullable=False, server_default=""))
    connection = op.get_bind()
    fill_paths(connection)
    if connection.dialect.name == "sqlite":
        op.create_index("ix_photos_root_id_path_folded", "photos", ["root_id", "path_folded"])
    else:
        op.alter_column("photos", "path_folded", server_default=None)
    join_labels(connection)


def fill_paths(connection):
    """Fold the paths of all photos, a page at a time."""
    select = sa.text("SELECT id, path FROM photos WHERE id > :after ORDER BY id LIMIT :page")
    update = sa.text("UPDATE photos SET path_folded = :name WHERE id = :id")
    after = -1
    while rows := connection.execute(select, {"after": after, "page": PAGE}).all():
        connection.execute(update, [{"id": number, "name": folded(path)} for number, path in rows])
        after = rows[-1].id


def join_labels(connection):
    """Give the owner's own labels their keys by the rule; those that are the same by it become the oldest of them."""
    kept = {}
    for number, key in connection.execute(sa.text("SELECT id, key FROM labels ORDER BY id")).all():
        if not key.startswith(OWN_PREFIX):
            continue
        new = own_key(key.removeprefix(OWN_PREFIX))
        first = kept.setdefault(new, number)
        if first != number and not is_taught(connection, number):
            join(connection, number, first)
        elif first == number and new != key:
            taken = sa.text("SELECT id FROM labels WHERE key = :key")
            other = connection.execute(taken, {"key": new}).scalar()
            if other is None:
                connection.execute(sa.text("UPDATE labels SET key = :key WHERE id = :id"), {"key": new, "id": number})
            else:
                # The younger one has the right key already.
                kept[new] = other
                if not is_taught(connection, number):
                    join(connection, number, other)


def is_taught(connection, number):
    """Whether a label was taught: its examples and classifiers stay what they are, and so does it."""
    return connection.execute(sa.text("SELECT 1 FROM taught WHERE label_id = :id"), {"id": number}).first() is not None


def join(connection, other, kept):
    """Make one label of two: photos with the other one get the kept one."""
    ids = {"other": other, "kept": kept}
    of_other = "(SELECT photo_id FROM photo_labels WHERE label_id = :other)"
    for statement in (
        f"UPDATE photos SET keywords_as = NULL WHERE id IN {of_other}",
        f"DELETE FROM photo_labels WHERE label_id = :other AND photo_id IN {of_other.replace('other', 'kept')}",
        "UPDATE photo_labels SET label_id = :kept WHERE label_id = :other",
        "DELETE FROM labels WHERE id = :other",
    ):
        connection.execute(sa.text(statement), {name: value for name, value in ids.items() if f":{name}" in statement})
