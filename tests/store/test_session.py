from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tagger.core.config import Settings
from tagger.core.errors import StoreError
from tagger.inference.lookup import architecture
from tagger.inference.registry import REVISIONS, model_id
from tagger.store import jobs, migrate, records
from tagger.store.counts import count_labels, count_totals
from tagger.store.models import all_models, ensure_model
from tagger.store.results import enqueue_stale
from tagger.store.roots import add_root, all_roots
from tagger.store.schema import HEAD
from tagger.store.session import MARKER_FILE, Store, open_database, open_store
from tagger.store.tables import Base
from tests.postgres import Server

SAVED = Path(__file__).parent / "saved"


def opened(saved: Path, data_dir: Path) -> Store:
    """The library of a saved database, which opening upgrades."""
    with sqlite3.connect(data_dir / "library.db") as connection:
        connection.executescript(saved.read_text())
    connection.close()
    return open_store(Settings(data_dir=data_dir))


def test_first_use_makes_a_library_and_the_next_finds_it(settings: Settings) -> None:
    with open_store(settings, create=True) as store, store.write() as session:
        add_root(session, "/photos", 1.0)
    with open_store(settings) as store, store.read() as session:
        assert [root.path for root in all_roots(session)] == ["/photos"]


def test_no_library_is_not_made_by_reading(settings: Settings) -> None:
    with pytest.raises(StoreError, match="no library") as caught:
        open_store(settings)
    assert caught.value.exit_code == 4
    assert "tagger backfill" in caught.value.cure


def test_migrations_make_exactly_the_tables_of_the_program(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        # SQLite cannot reflect an index over an expression; the next test looks.
        differences = [d for d in compare_metadata(context, Base.metadata) if "ix_photo_labels_search" not in str(d)]
        # Each database has one of these only, which is looked for below.
        paths = {"sqlite": "ix_photos_by_path", "postgresql": "ix_photos_path_order"}
        differences = [d for d in differences if not any(name in str(d) for name in paths.values())]
        assert differences == []
        names = {index["name"] for index in sa.inspect(connection).get_indexes("photos")}
        assert names & set(paths.values()) == {paths[store.engine.dialect.name]}
        if store.engine.dialect.name == "postgresql":
            names = {index["name"] for index in sa.inspect(connection).get_indexes("photo_labels")}
            assert "ix_photo_labels_search" in names


def test_the_search_index_exists_on_sqlite(tmp_path: Path) -> None:
    open_store(Settings(data_dir=tmp_path), create=True).close()
    with sqlite3.connect(tmp_path / "library.db") as connection:
        [(sql,)] = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'ix_photo_labels_search'")
    assert "confidence DESC" in sql


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrate.migrations_folder()))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


@pytest.mark.parametrize("saved", sorted(SAVED.glob("*.sql")), ids=lambda path: path.stem)
def test_saved_databases_of_every_schema_are_upgraded_and_read(saved: Path, tmp_path: Path) -> None:
    with opened(saved, tmp_path) as store:
        assert migrate.inspect(store.engine) is migrate.State.CURRENT
        with store.read() as session:
            [root] = all_roots(session)
            assert root.path == "/photos"
            found = records.find_photo(session, "/photos/2019/tiger.jpg")
            assert found is not None
            assert (found.state, found.taken) == ("labelled", "2019-06-01T12:30:00")
            counts = {label.name: label.shown for label in count_labels(session)}
            assert counts["tiger"] == 1
            assert count_totals(session).queue.failed == 1


def test_names_of_an_older_library_are_folded_and_their_twins_joined(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Österreich/É.jpg")
    saved = tmp_path / "saved.sql"
    saved.write_text(
        (SAVED / "0005.sql").read_text().replace("2019/new.jpg", decomposed)
        + """
        INSERT INTO labels VALUES(78, 'own:café', 'Café'), (79, 'own:café', 'Café'), (80, 'own:é', 'é');
        INSERT INTO photo_labels VALUES(1, 78, 1.0, 0, 3, 1, 0, NULL), (1, 79, 1.0, 0, 3, 1, 0, NULL),
            (2, 79, 1.0, 0, 3, 1, 0, NULL);
        """
    )
    with opened(saved, tmp_path) as store, store.read() as session:
        rows = session.execute(sa.text("SELECT path, path_folded FROM photos ORDER BY id")).all()
        assert rows[0] == ("2019/tiger.jpg", "2019/tiger.jpg")
        assert rows[2] == (decomposed, "österreich/é.jpg")
        labels = session.execute(sa.text("SELECT id, key FROM labels WHERE id >= 77 ORDER BY id")).all()
        assert [tuple(row) for row in labels] == [(77, "own:our boat"), (78, "own:café"), (80, "own:é")]
        given = session.execute(sa.text("SELECT photo_id FROM photo_labels WHERE label_id = 78 ORDER BY photo_id"))
        assert [photo for (photo,) in given] == [1, 2]
        settled = session.execute(sa.text("SELECT keywords_as FROM photos WHERE id = 1")).scalar_one()
        assert settled is None, "its keywords are looked at again"


def test_every_revision_has_a_saved_database() -> None:
    revisions = {path.name.split("_")[0] for path in (migrate.migrations_folder() / "versions").glob("*.py")}
    assert revisions == {path.stem for path in SAVED.glob("*.sql")}


def test_newer_database_is_refused_and_left_alone(settings: Settings) -> None:
    with open_store(settings, create=True) as store, store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer tagger"):
        open_store(settings)
    with pytest.raises(StoreError, match="newer tagger"):
        open_store(settings, create=True)


def test_foreign_database_is_refused(settings: Settings) -> None:
    settings.data_dir.mkdir()
    engine = sa.create_engine(settings.database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE recipes (id INTEGER)"))
    engine.dispose()
    with pytest.raises(StoreError, match="another program"):
        open_store(settings, create=True)
    engine = sa.create_engine(settings.database_url)
    assert sa.inspect(engine).get_table_names() == ["recipes"]
    engine.dispose()


@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "truncated"])
def test_lost_database_of_a_known_library_is_never_made_anew(tmp_path: Path, damage: str) -> None:
    settings = Settings(data_dir=tmp_path)
    open_store(settings, create=True).close()
    path = tmp_path / "library.db"
    whole = path.read_bytes()
    after = {"missing": None, "empty": b"", "garbage": b"not a database" * 999, "truncated": whole[:5000]}[damage]
    if after is None:
        path.unlink()
    else:
        path.write_bytes(after)
    with pytest.raises(StoreError) as caught, open_store(settings, create=True) as store, store.read() as session:
        all_roots(session)
    assert "backup" in caught.value.cure
    assert path.exists() == (after is not None)
    if after is not None:
        assert path.read_bytes() == after


def test_emptied_database_server_is_noticed(settings: Settings) -> None:
    open_store(settings, create=True).close()
    engine = sa.create_engine(settings.database_url)
    with engine.begin() as connection:
        Base.metadata.drop_all(connection)
        connection.execute(sa.text("DROP TABLE alembic_version"))
    engine.dispose()
    with pytest.raises(StoreError, match="is empty"):
        open_store(settings, create=True)


@pytest.mark.slow
def test_a_restart_of_the_database_server_between_two_transactions_is_no_error(postgres_server: Server) -> None:
    """The server ends every connection then, of which those that wait in the pool learn when they are used."""
    address = postgres_server.new_database()
    engine = sa.create_engine(address, poolclass=sa.NullPool)
    with open_database(address) as store:
        with store.write() as session:
            session.execute(sa.text("CREATE TABLE counted (number integer)"))
        for number in range(3):
            with engine.begin() as connection:
                ended = connection.execute(
                    sa.text(
                        "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
                assert ended.scalar_one() == 1
            with store.write() as session:
                session.execute(sa.text("INSERT INTO counted VALUES (:number)"), {"number": number})
        with store.read() as session:
            assert session.execute(sa.text("SELECT number FROM counted")).scalars().all() == [0, 1, 2]


def test_database_of_another_library_is_noticed(tmp_path: Path) -> None:
    mine, other = Settings(data_dir=tmp_path / "mine"), Settings(data_dir=tmp_path / "other")
    open_store(mine, create=True).close()
    open_store(other, create=True).close()
    (tmp_path / "other" / "library.db").replace(tmp_path / "mine" / "library.db")
    with pytest.raises(StoreError, match="another library"):
        open_store(mine)


def test_restored_without_its_marker(settings: Settings) -> None:
    open_store(settings, create=True).close()
    marker = settings.data_dir / MARKER_FILE
    before = marker.read_text()
    marker.unlink()
    open_store(settings).close()
    assert marker.read_text() == before


@pytest.mark.parametrize("address", ["nonsense", "oracle9://x", "sqlite:////nonexistent/folder/x.db"])
def test_unusable_addresses(tmp_path: Path, address: str) -> None:
    with pytest.raises(StoreError):
        open_store(Settings(data_dir=tmp_path, database=address), create=True)


def test_a_writer_fails_or_finishes_as_a_whole(store: Store) -> None:
    def half_way() -> None:
        with store.write() as session:
            add_root(session, "/a", 1.0)
            raise RuntimeError("died")

    with pytest.raises(RuntimeError):
        half_way()
    with store.read() as session:
        assert all_roots(session) == []


def test_many_writers_at_once_never_meet_a_locked_database(tmp_path: Path) -> None:
    """Read-then-write transactions of several threads: with BEGIN DEFERRED these fail at once."""
    settings = Settings(data_dir=tmp_path)
    open_store(settings, create=True).close()
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with open_store(settings) as store:
                for number in range(25):
                    with store.write() as session:
                        count = len(all_roots(session))
                        add_root(session, f"/{name}/{number}/{count}", 1.0)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with open_store(settings) as store, store.read() as session:
        assert len(all_roots(session)) == 100


@pytest.mark.slow
def test_several_processes_make_the_same_library_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tagger.core.config import Settings\n"
        "from tagger.store.session import open_store\n"
        "open_store(Settings(data_dir=Path(sys.argv[1])), create=True).close()"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]
    assert [process.wait() for process in running] == [0, 0, 0, 0]
    with open_store(Settings(data_dir=tmp_path)) as store, store.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM library")).scalar_one() == 1


OPEN_FOR_LONG = """
import sys
from pathlib import Path
from tagger.core.config import Settings
from tagger.store.session import open_store

with open_store(Settings(data_dir=Path(sys.argv[1]), database=sys.argv[2]), create=True, stays=True) as store:
    assert "alembic" not in sys.modules
"""


def open_for_long(settings: Settings) -> None:
    """Open a library as the service does, in a process of its own."""
    subprocess.run([sys.executable, "-c", OPEN_FOR_LONG, settings.data_dir, settings.database], check=True)


@pytest.mark.slow
def test_what_runs_for_long_has_its_library_made_elsewhere(settings: Settings) -> None:
    open_for_long(settings)
    with open_store(settings) as store, store.write() as session:
        add_root(session, "/photos", 1.0)
    open_for_long(settings)


@pytest.mark.slow
def test_what_runs_for_long_has_an_older_library_upgraded_elsewhere(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "library.db") as connection:
        connection.executescript((SAVED / "0001.sql").read_text())
    connection.close()
    open_for_long(Settings(data_dir=tmp_path))
    with open_store(Settings(data_dir=tmp_path)) as store:
        assert migrate.inspect(store.engine) is migrate.State.CURRENT


@pytest.mark.parametrize("python", ["/bin/false", "/no/such/python"])
def test_where_no_other_process_can_be_had_the_library_is_made_here(
    python: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", python)
    open_store(settings, create=True, stays=True).close()
    with open_store(settings) as store:
        assert migrate.inspect(store.engine) is migrate.State.CURRENT


def test_pragmas(tmp_path: Path) -> None:
    with open_store(Settings(data_dir=tmp_path), create=True) as store, store.engine.connect() as connection:
        for pragma, value in {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30000}.items():
            assert connection.execute(sa.text(f"PRAGMA {pragma}")).scalar_one() == value


@pytest.mark.parametrize("saved", sorted(SAVED.glob("*.sql")), ids=lambda path: path.stem)
def test_photos_of_older_libraries_are_done_again_and_lose_no_label_on_the_way(saved: Path, tmp_path: Path) -> None:
    """Their model saw whole pictures; the same one with squares is another model."""
    with opened(saved, tmp_path) as store:
        with store.read() as session:
            before = {label.name: label.shown for label in count_labels(session)}
            labelled = count_totals(session).labelled
            [old] = {one.architecture: one for one in all_models(session).values()}.values()
        network = architecture(old.architecture, tmp_path)
        assert model_id(network, old.weights_sha256, "squares") != model_id(network, old.weights_sha256, "whole")
        with store.write() as session:
            identity = model_id(network, old.weights_sha256, "squares")
            new = ensure_model(session, identity, old.architecture, old.weights_sha256, REVISIONS["squares"], 1.8e9)
            assert enqueue_stale(session, new, None) > 0
        with store.read() as session:
            assert {label.name: label.shown for label in count_labels(session)} == before
            assert count_totals(session).labelled == labelled
            waiting = jobs.counts_by_priority(session)
            assert waiting[jobs.PRIORITY_STALE] > 0
