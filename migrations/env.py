"""How Alembic runs the migrations: on the connection that tagger hands over, inside its transaction.

For developers: `alembic -c migrations/alembic.ini -x url=sqlite:///x.db revision --autogenerate -m "..."`.
"""

from alembic import context
from sqlalchemy import create_engine

from tagger.store.tables import Base


def run(connection):
    """Run on CONNECTION; batch mode because SQLite cannot alter most things in place."""
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).begin() as own:
        run(own)
