"""Labels of photos by path are those that the store has, on both databases, under any name of the path."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.store.labels import labels_of
from tagger.store.labels_by_path import LabelsByPath, StoredLabels
from tagger.store.reader import open_reader
from tagger.store.records import find_photo
from tagger.store.session import Store
from tests.store import samples

ODD = os.fsdecode(b"caf\xe9.jpg")
NAMES = ["a.jpg", unicodedata.normalize("NFD", "École.jpg"), "B.jpg", "b.JPG", ODD]


@pytest.fixture
def photos(store: Store, tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    with store.write() as session:
        ids = samples.add(session, samples.root(session, str(folder)), *NAMES)
        model = samples.model(session)
        for number, photo in enumerate(ids[:-1], 1):
            given = [samples.label("tiger"), samples.label(f"label {number}", 0.2, shown=False, rank=2)]
            samples.save(session, photo, model, given, number=number)
    return folder


def test_it_finds_what_the_store_finds(store: Store, settings: Settings, photos: Path) -> None:
    asked = [*NAMES, unicodedata.normalize("NFC", "École.jpg"), "A.JPG", "b.jpg", "none.jpg", "a.jpg/x", ""]
    with open_reader(settings, store) as reader, store.read() as session:
        library = LabelsByPath(reader)
        for name in asked:
            record = find_photo(session, f"{photos}/{name}")
            expected = None if record is None else tuple(labels_of(session, [record.id])[record.id])
            found = library.at(f"{photos}/{name}")
            assert (found and found.labels) == expected, name
        assert library.at(f"{photos}/{ODD}") == StoredLabels((), None)
        # Two have this name but for case.
        assert library.at(f"{photos}/b.jpg") is None


def test_a_path_may_lead_there_by_links(store: Store, settings: Settings, photos: Path, tmp_path: Path) -> None:
    (photos / "a.jpg").touch()
    (tmp_path / "folder").symlink_to(photos)
    (tmp_path / "file.jpg").symlink_to(photos / "a.jpg")
    with open_reader(settings, store) as reader:
        library = LabelsByPath(reader)
        for path in (tmp_path / "folder" / "a.jpg", tmp_path / "file.jpg"):
            found = library.at(str(path))
            assert found is not None
            assert [(label.name, label.shown) for label in found.labels] == [("tiger", True), ("label 1", False)]
        assert library.at(str(tmp_path / "elsewhere" / "a.jpg")) is None
