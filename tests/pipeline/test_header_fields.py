"""Photos that are labelled already are read for what their headers and sidecars tell, without decoding any."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select, text, update

from tagger.core.clock import SystemClock
from tagger.core.config import IntakeSettings, Settings
from tagger.core.photo import FileKeyword
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import scan_roots
from tagger.pipeline.header_fields import read_headers_due
from tagger.store import ledger
from tagger.store.fields import keyword_names, stored_fields, unread_photos
from tagger.store.library import Library
from tagger.store.session import Store
from tagger.store.tables import JobRow, PhotoRow
from tests.imaging.test_fields import bag, exif_of, jpeg, xmp
from tests.store import samples


@pytest.fixture
def library(settings: Settings, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library of three photos that an older tagger labelled."""
    photos = tmp_path / "photos"
    photos.mkdir()
    jpeg(photos / "a.jpg", xmp(bag("dc:subject", "Summer 2019"), 'xmp:Rating="4"'), exif_of())
    jpeg(photos / "b.jpg")
    jpeg(photos / "c.jpg")
    library = Library(store, settings.model_copy(update={"intake": IntakeSettings(settle_seconds=0)}))
    rescan(library, str(photos))
    with store.write() as session:
        model = samples.model(session)
        ids = list(session.scalars(select(PhotoRow.id).order_by(PhotoRow.path)))
        session.execute(update(PhotoRow).values(labelled_by=model.id, labelled_at=1))
        session.query(JobRow).delete()
    assert ids == [1, 2, 3]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a photo was decoded")

    monkeypatch.setattr(Image.Image, "load", refuse)
    return library


def rescan(library: Library, *folders: str) -> None:
    scan_roots(library, resolve_roots(library.store, list(folders), SystemClock()))


def told(library: Library, photo: int) -> tuple[tuple[str, ...], int | None]:
    with library.store.read() as session:
        fields = stored_fields(session, photo)
    return fields.keywords, fields.rating


def jobs_of(library: Library) -> int:
    with library.store.read() as session:
        return len(session.scalars(select(JobRow.id)).all())


def test_photos_of_an_older_library_are_read_once(library: Library) -> None:
    assert read_headers_due(library) == 3
    assert told(library, 1) == (("Summer 2019",), 4)
    with library.store.read() as session:
        fields = stored_fields(session, 1)
        assert (fields.camera, fields.lens, fields.latitude) == ("NIKON D850", "50.0 mm f/1.8", 48.8583333)
        assert session.scalar(select(PhotoRow.taken).where(PhotoRow.id == 1)) == "2019-06-01T12:30:05"
    assert read_headers_due(library) == 0
    rescan(library)
    assert read_headers_due(library) == 0
    assert jobs_of(library) == 0


def test_stopped_in_the_middle_it_goes_on_there(library: Library) -> None:
    seen: list[int] = []

    def stop() -> bool:
        seen.append(1)
        # Before the page, and before each of its photos.
        return len(seen) > 3

    assert read_headers_due(library, stop) == 2
    assert read_headers_due(library) == 1


def test_a_sidecar_that_comes_changes_and_goes_is_read_at_the_next_rescan(library: Library, tmp_path: Path) -> None:
    read_headers_due(library)
    beside = tmp_path / "photos" / "b.xmp"
    beside.write_bytes(xmp(bag("dc:subject", "Rex"), 'xmp:Rating="5"'))
    rescan(library)
    assert read_headers_due(library) == 1
    assert told(library, 2) == (("Rex",), 5)
    beside.write_bytes(xmp(bag("dc:subject", "Bello")))
    rescan(library)
    assert read_headers_due(library) == 1
    assert told(library, 2) == (("Bello",), None)
    rescan(library)
    assert read_headers_due(library) == 0
    beside.unlink()
    rescan(library)
    assert read_headers_due(library) == 1
    assert told(library, 2) == ((), None)
    assert jobs_of(library) == 0


def test_sidecars_in_a_folder_of_their_own_are_noticed(library: Library, tmp_path: Path) -> None:
    keywords = library.settings.keywords.model_copy(update={"sidecar_folder": tmp_path / "sidecars"})
    library = Library(library.store, library.settings.model_copy(update={"keywords": keywords}))
    read_headers_due(library)
    folder = tmp_path / "sidecars" / str(tmp_path / "photos").lstrip("/")
    folder.mkdir(parents=True)
    (folder / "c.jpg.xmp").write_bytes(xmp(bag("dc:subject", "Rex")))
    rescan(library)
    assert read_headers_due(library) == 1
    assert told(library, 3)[0] == ("Rex",)


def test_what_the_ledger_has_as_taggers_is_no_persons_keyword(library: Library) -> None:
    entry = ledger.Entry("dc:subject", "Summer 2019", ledger.LABEL)
    with library.store.write() as session:
        ledger.settle(session, {(1, ledger.PHOTO): ([entry], None)})
    read_headers_due(library)
    assert told(library, 1)[0] == ()


def test_a_photo_that_cannot_be_read_stays_due_and_stops_no_other(library: Library, tmp_path: Path) -> None:
    (tmp_path / "photos" / "a.jpg").rename(tmp_path / "away.jpg")
    assert read_headers_due(library) == 2
    with library.store.read() as session:
        assert [photo.photo_id for photo in unread_photos(session, 0, 9)] == [1]
    (tmp_path / "away.jpg").rename(tmp_path / "photos" / "a.jpg")
    assert read_headers_due(library) == 1


def test_a_folder_of_many_photos_with_sidecars_is_looked_through_quickly(library: Library, tmp_path: Path) -> None:
    read_headers_due(library)
    many = tmp_path / "photos" / "many"
    many.mkdir()
    data = (tmp_path / "photos" / "b.jpg").read_bytes()
    for number in range(300):
        (many / f"{number:03}.jpg").write_bytes(data)
        (many / f"{number:03}.xmp").write_bytes(xmp(bag("dc:subject", f"word {number}")))
    rescan(library)
    with library.store.write() as session:
        session.execute(update(PhotoRow).values(labelled_by=1))
    assert read_headers_due(library) == 300
    rescan(library)
    assert read_headers_due(library) == 0
    os.utime(many / "007.xmp", (1, 1))
    rescan(library)
    assert read_headers_due(library) == 1


def test_keywords_are_every_level_once_and_not_darktables_notes() -> None:
    def word(text: str, separator: str = "") -> FileKeyword:
        return FileKeyword("sidecar", "x", text, separator)

    words = [word("Places|France", "|"), word("france"), word("Rex"), word("darktable|format|jpg", "|"), word("format")]
    assert keyword_names(words) == ["Places", "France", "Rex"]


def test_a_forgotten_photo_takes_its_terms_along(library: Library) -> None:
    read_headers_due(library)
    with library.store.write() as session:
        session.execute(text("DELETE FROM photos WHERE id = 1"))
        # The others tell nothing, which is a term, too.
        left = session.execute(text("SELECT count(*), count(DISTINCT photo_id) FROM photo_terms")).one()
        assert tuple(left) == (8, 2)
        assert session.execute(text("SELECT count(*) FROM photo_terms WHERE photo_id = 1")).scalar_one() == 0
