"""A library is copied into another kind of database and back, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tagger.core.config import Settings
from tagger.core.errors import StoreError
from tagger.core.photo import Fingerprint
from tagger.store import copy_library as module
from tagger.store.copy_library import copy_library
from tagger.store.photos import add_photos
from tagger.store.session import Store, open_database, open_store
from tagger.store.tables import Base
from tests.store import samples
from tests.store.test_session import SAVED, opened


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Store]:
    """A library that people worked on, with 300 more photos, some of odd names."""
    (tmp_path / "old").mkdir()
    with opened(max(SAVED.glob("*.sql")), tmp_path / "old") as store:
        with store.write() as session:
            where = samples.root(session, "/more")
            samples.add(session, where, *(f"{number % 7}/{number}.jpg" for number in range(296)))
            samples.add(session, where, "Österreich/日本.jpg", "a'b\"c.jpg", "tab\tname.jpg", "udcff%FF.jpg", first=900)
        yield store


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as session:
        return {
            table.name: [tuple(row) for row in session.execute(sa.select(table).order_by(*table.primary_key.columns))]
            for table in Base.metadata.sorted_tables
        }


def silent(_stage: str, _done: int, _total: int) -> None:
    pass


def test_every_row_is_copied_and_the_copy_goes_on_counting(library: Store, settings: Settings) -> None:
    with open_database(settings.database_url if settings.database else f"sqlite:///{library.where}.copy") as target:
        copied = copy_library(library, target, silent)
        assert rows(target) == rows(library)
        assert copied.rows == sum(map(len, rows(library).values()))
        with target.write() as session:
            where = samples.root(session, "/new")
            [new] = add_photos(session, where.id, [("new.jpg", Fingerprint(1, 2, 3, 4))], samples.NOW, 0)
        assert new > max(int(str(row[0])) for row in rows(library)["photos"])


def test_there_and_back_is_the_same(library: Store, settings: Settings, tmp_path: Path) -> None:
    address = settings.database_url if settings.database else f"sqlite:///{tmp_path / 'there.db'}"
    with open_database(address) as there, open_database(f"sqlite:///{tmp_path / 'back.db'}") as back:
        copy_library(library, there, silent)
        copy_library(there, back, silent)
        assert rows(back) == rows(library)


@pytest.mark.parametrize("steps", [1, 4, 11])
def test_stopped_in_the_middle_it_is_no_library_and_goes_on(
    library: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(module, "_CHUNK", 40)
    address = settings.database_url if settings.database else f"sqlite:///{tmp_path / 'target.db'}"
    copying = 0

    def stop(stage: str, _done: int, _total: int) -> None:
        nonlocal copying
        copying += stage == "copying"
        if copying == steps:
            raise KeyboardInterrupt

    with open_database(address) as target, pytest.raises(KeyboardInterrupt):
        copy_library(library, target, stop)
    with pytest.raises(StoreError, match="not finished"):
        open_store(Settings(data_dir=tmp_path / "other", database=address), create=True)
    with open_database(address) as target:
        copied = copy_library(library, target, silent)
        assert copied.left_before > 0
        assert rows(target) == rows(library)
    with open_store(Settings(data_dir=tmp_path / "other", database=address), create=True) as store:
        assert rows(store) == rows(library)


def test_after_a_change_in_between_it_begins_anew(library: Store, tmp_path: Path) -> None:
    def stop(stage: str, _done: int, _total: int) -> None:
        if stage == "verifying":
            raise KeyboardInterrupt

    with open_database(f"sqlite:///{tmp_path / 'target.db'}") as target:
        with pytest.raises(KeyboardInterrupt):
            copy_library(library, target, stop)
        with library.write() as session:
            session.execute(sa.text("UPDATE photos SET size = 77 WHERE id = 5"))
            session.execute(sa.text("DELETE FROM photos WHERE id = 30"))
        assert copy_library(library, target, silent).left_before == 0
        assert rows(target) == rows(library)


def test_what_holds_something_else_is_left_alone(library: Store, tmp_path: Path) -> None:
    with open_store(Settings(data_dir=tmp_path / "other"), create=True) as other:
        before = rows(other)
        with pytest.raises(StoreError, match="holds a library already"):
            copy_library(library, other, silent)
        assert rows(other) == before
    with open_database(f"sqlite:///{tmp_path / 'foreign.db'}") as foreign:
        with foreign.write() as session:
            session.execute(sa.text("CREATE TABLE invoices (id INTEGER)"))
        with pytest.raises(StoreError, match="another program"):
            copy_library(library, foreign, silent)
    with open_database(library.engine.url.render_as_string()) as itself, pytest.raises(StoreError, match="already"):
        copy_library(library, itself, silent)


def test_a_copy_that_differs_is_not_used(library: Store, tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path / 'target.db'}") as target:

        def meddle(stage: str, done: int, total: int) -> None:
            if stage == "copying" and done == total:
                with target.write() as session:
                    session.execute(sa.text("UPDATE photos SET size = 77 WHERE id = 5"))

        with pytest.raises(StoreError, match="differs from the library in the table photos"):
            copy_library(library, target, meddle)
    with pytest.raises(StoreError, match="not finished"):
        open_store(Settings(data_dir=tmp_path / "other", database=f"sqlite:///{tmp_path / 'target.db'}"))
