from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.core.errors import StoreError
from tagger.store.reader import open_reader
from tagger.store.session import Store, open_store
from tests.store import samples


def test_reads_while_a_writer_is_at_work(settings: Settings, store: Store) -> None:
    with store.write() as session:
        samples.root(session)
    with store.write() as session:
        samples.root(session, "/half way")
        session.flush()
        with open_reader(settings) as reader:
            assert list(reader.rows("SELECT path FROM roots WHERE id > :id", {"id": 0})) == [("/photos",)]


def test_what_is_wrong_with_a_library_is_said(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")

    def fault() -> str:
        with pytest.raises(StoreError) as caught, open_reader(settings) as reader:
            list(reader.rows("SELECT * FROM photos", {}))
        return str(caught.value)

    assert "no library" in fault()
    open_store(settings, create=True).close()
    path = tmp_path / "data" / "library.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "newer tagger" in fault()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    assert "older tagger" in fault()
    connection.close()
    path.write_bytes(b"no database at all" * 99)
    assert "damaged" in fault()
    path.unlink()
    assert "is missing" in fault()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (id)")
    connection.close()
    assert "another program" in fault()


def test_reads_a_library_on_a_read_only_disk(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    with open_store(settings, create=True) as store, store.write() as session:
        samples.root(session)
    for path in (tmp_path / "data").iterdir():
        path.chmod(0o444)
    (tmp_path / "data").chmod(0o555)
    try:
        with open_reader(settings) as reader:
            assert list(reader.rows("SELECT path FROM roots", {})) == [("/photos",)]
    finally:
        (tmp_path / "data").chmod(0o755)


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    open_store(settings, create=True).close()
    code = (
        "import sys; from pathlib import Path; from tagger.core.config import Settings\n"
        "from tagger.store.reader import open_reader\n"
        "with open_reader(Settings(data_dir=Path(sys.argv[1]))) as r: list(r.rows('SELECT * FROM photos', {}))\n"
        "assert not {'sqlalchemy', 'numpy', 'PIL', 'tensorflow', 'alembic'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
