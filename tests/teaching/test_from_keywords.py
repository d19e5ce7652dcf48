"""Labels from the keywords that are in the photos already: which are taught, and what counts as a wrong example."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.core.errors import UsageError
from tagger.core.photo import Label, Origin
from tagger.core.progress import Callbacks
from tagger.store.examples import Example, Kind
from tagger.store.library import Library
from tagger.store.roots import add_root
from tagger.store.session import Store
from tagger.teaching.from_keywords import LibraryKeywords, read_keywords
from tagger.teaching.measure import LEAST
from tests.keywords.samples import SOF, XMP, array, jpeg, packet
from tests.store import samples

TIGER = Label("n02129604", "tiger", 0.9, 1, Origin.MODEL, shown=True)


def keywords(**photos: range) -> LibraryKeywords:
    found = LibraryKeywords()
    for word, ids in photos.items():
        for number in ids:
            found.add(number, {word})
    return found


def test_keywords_with_enough_photos_are_taught() -> None:
    found = keywords(Rex=range(LEAST), beach=range(100, 100 + LEAST - 1))
    assert found.choose("") == ["rex"]
    assert found.choose("REX") == ["rex"]
    assert found.choose("Beach") == ["beach"]
    with pytest.raises(UsageError, match="No photo has the keyword 'boat'"):
        found.choose("boat")
    with pytest.raises(UsageError, match=f"No keyword is on {LEAST} photos") as error:
        keywords(beach=range(3)).choose("")
    assert "beach (3)" in str(error.value.cure)


def test_who_tagged_a_photo_with_something_else_meant_that_it_is_not_this() -> None:
    found = keywords(Rex=range(12), beach=range(10, 12 + 2 * LEAST))
    found.add(11, {"rex"})
    wanted = found.wanted("rex")
    assert wanted.name == "Rex"
    assert wanted.examples == [Example(Kind.YES, number) for number in range(12)]
    assert wanted.others == list(range(12, 12 + 2 * LEAST))


def test_where_few_photos_are_tagged_any_may_be_drawn() -> None:
    assert keywords(Rex=range(12), beach=range(12, 11 + 2 * LEAST)).wanted("rex").others is None


def test_the_labelled_photos_of_a_library_are_read(store: Store, tmp_path: Path) -> None:
    for name, words in (("a.jpg", ["Rex", "dog"]), ("b.jpg", ["rex"]), ("new.jpg", ["Rex"])):
        body = f"<rdf:Description rdf:about=''>{array('dc:subject', words)}</rdf:Description>"
        (tmp_path / name).write_bytes(jpeg([(0xE1, XMP + packet(body)), SOF]))
    with store.write() as session:
        root = add_root(session, str(tmp_path), samples.NOW)
        [one, two, gone, _] = samples.add(session, root, "a.jpg", "b.jpg", "gone.jpg", "new.jpg")
        model = samples.model(session)
        for photo in (one, two, gone):
            samples.save(session, photo, model, [TIGER], number=photo)
    seen: list[tuple[int, int]] = []
    library = Library(store, Settings())
    found = read_keywords(library, Callbacks(lambda done, total: seen.append((done, total))))
    assert found.photos == {"rex": {one, two}, "dog": {one}}
    assert (found.tagged, found.unreadable, seen) == ({one, two}, 1, [(3, 3)])
    assert read_keywords(library, Callbacks(stop=lambda: True)).photos == {}
