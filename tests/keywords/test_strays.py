"""Sidecars go with their photo: renamed, moved, swapped; tagger's own as a whole, a person's never."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from tagger.core.config import KeywordSettings, Settings
from tagger.core.sidecar_names import photos_of_sidecar, sidecar_path
from tagger.imaging.metadata.keyword_fields import Field
from tagger.keywords.metadata.sidecar import Sidecar
from tagger.keywords.runs import undo_keywords, write_keywords
from tagger.keywords.undo import Undone
from tagger.keywords.undo_candidates import UndoChoice
from tagger.keywords.write import Written
from tagger.store.photos import known_at, move_photo
from tagger.store.roots import all_roots
from tagger.store.session import open_store
from tests.cli.labelled import Naming, label_all

PERSONS = """<?xml version="1.0"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>
</rdf:RDF></x:xmpmeta>
"""
# Each photo of its own labels, by the bytes of its picture, wherever it goes.
LABELS = {"a": ["tiger", "animal"], "b": ["beach"], "c": ["sandbar", "beach"]}


class Album:
    """A folder of photos with a library. `write` labels what is new, as the backfill does, and writes keywords."""

    def __init__(self, tmp_path: Path, **keywords: object) -> None:
        self.folder = tmp_path / "photos"
        self.folder.mkdir()
        self.roots = [self.folder]
        self.keywords = keywords
        self.data = tmp_path / "data"

    def photo(self, name: str, like: str = "") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        letter = like or path.stem[0].lower()
        Image.new("RGB", (64, 48), (ord(letter), 80, 90)).save(path, "JPEG", comment=letter.encode())
        return path

    @property
    def settings(self) -> Settings:
        given = {"mode": "sidecar", "min_confidence": 0.1, **self.keywords}
        return Settings(data_dir=self.data, keywords=KeywordSettings.model_validate(given))

    def scan(self) -> None:
        for root in self.roots:
            label_all(self.data, root, self._names(root))

    def _names(self, root: Path) -> Naming:
        def names(relative: str) -> Sequence[str]:
            with Image.open(root / relative) as picture:
                return LABELS[picture.info["comment"].decode()]

        return names

    def write(self) -> Written:
        self.scan()
        return write_keywords(self.settings, "")

    def undo(self) -> Undone:
        return undo_keywords(self.settings, UndoChoice())

    def sidecars(self) -> dict[str, list[str]]:
        """The keywords in each sidecar, by its name."""
        return {
            os.path.relpath(path, self.folder): sorted(keywords_in(path))
            for root in self.roots
            for path in sorted(root.rglob("*.xmp"))
        }


def keywords_in(path: Path) -> tuple[str, ...]:
    return Sidecar.parse(path.read_bytes()).found.states[Field("dc:subject")].keywords


def words(letter: str) -> list[str]:
    return sorted(LABELS[letter])


@pytest.fixture
def album(tmp_path: Path) -> Album:
    return Album(tmp_path)


def nothing_is_left(album: Album) -> None:
    """Undo takes everything back at the first try, byte for byte, and nothing is left to do."""
    made = len(album.sidecars())
    done = album.undo()
    assert (done.failures, done.files, done.exact, done.absent) == ([], made, made, 0)
    assert album.sidecars() == {}
    assert not [path for root in album.roots for path in root.rglob(".tagger-*")]
    again = album.undo()
    assert (again.files, again.absent, again.failures) == (0, 0, [])
    assert album.write().files == 0


NAMES = [
    pytest.param({"sidecar_name": "photo.jpg.xmp"}, "{0}.jpg.xmp", id="photo.jpg.xmp"),
    pytest.param({"sidecar_name": "photo.xmp"}, "{0}.xmp", id="photo.xmp"),
]


@pytest.mark.parametrize(("settings", "name"), NAMES)
@pytest.mark.parametrize("target", ["b", "x/y/a", "A", "ä ü\n"])
def test_a_renamed_photo_takes_its_sidecar_along(tmp_path: Path, settings: dict, name: str, target: str) -> None:
    album = Album(tmp_path, **settings)
    photo = album.photo("a.jpg")
    album.write()
    assert album.sidecars() == {name.format("a"): words("a")}
    (album.folder / target).parent.mkdir(parents=True, exist_ok=True)
    photo.rename(album.folder / f"{target}.jpg")
    done = album.write()
    assert (done.followed, done.failures, done.notes) == (1, [], {})
    assert album.sidecars() == {name.format(target): words("a")}
    assert album.write().total == 0
    nothing_is_left(album)


@pytest.mark.parametrize(("settings", "name"), NAMES)
def test_names_that_are_swapped_and_passed_on(tmp_path: Path, settings: dict, name: str) -> None:
    album = Album(tmp_path, **settings)
    for letter in "abc":
        album.photo(f"{letter}.jpg")
    album.write()

    def to(before: str, after: str) -> None:
        (album.folder / f"{before}.jpg").rename(album.folder / f"{after}.jpg")

    # Through another name, with a look in between, because a swap that nobody saw is two changed files.
    to("a", "z")
    album.scan()
    to("b", "a")
    album.scan()
    to("z", "b")
    album.write()
    assert album.sidecars() == {
        name.format("a"): words("b"),
        name.format("b"): words("a"),
        name.format("c"): words("c"),
    }
    # a -> d, c -> a, and c stays free.
    to("a", "d")
    album.scan()
    to("c", "a")
    album.write()
    assert album.sidecars() == {
        name.format("a"): words("c"),
        name.format("b"): words("a"),
        name.format("d"): words("b"),
    }
    nothing_is_left(album)


def test_names_that_are_swapped_at_once(album: Album) -> None:
    a, b = album.photo("a.jpg"), album.photo("b.jpg")
    album.write()
    a.rename(album.folder / "t")
    b.rename(a)
    (album.folder / "t").rename(b)
    album.write()
    assert album.sidecars() == {"a.jpg.xmp": words("b"), "b.jpg.xmp": words("a")}


def test_photos_of_the_same_keywords_are_told_apart(album: Album) -> None:
    names = ["a.jpg", "b.jpg"]
    for name in names:
        album.photo(name, like="a").touch()
    # Other bytes, the same labels.
    (album.folder / "b.jpg").write_bytes((album.folder / "b.jpg").read_bytes() + b"\0")
    album.write()
    (album.folder / "b.jpg").rename(album.folder / "c.jpg")
    album.scan()
    (album.folder / "a.jpg").rename(album.folder / "b.jpg")
    album.write()
    assert album.sidecars() == {"b.jpg.xmp": words("a"), "c.jpg.xmp": words("a")}
    nothing_is_left(album)


def test_between_roots(tmp_path: Path, album: Album) -> None:
    photo = album.photo("a.jpg")
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (9, 9)).save(other / "stays.jpg", comment=b"b")
    album.roots.append(other)
    album.write()
    photo.rename(other / "new.jpg")
    with open_store(album.settings) as store, store.write() as session:
        roots = {root.path: root.id for root in all_roots(session)}
        moved = known_at(session, roots[str(album.folder)], ["a.jpg"])["a.jpg"]
        move_photo(session, moved.id, roots[str(other)], "new.jpg", moved.fingerprint)
    album.write()
    assert album.sidecars() == {"../other/new.jpg.xmp": words("a"), "../other/stays.jpg.xmp": words("b")}
    nothing_is_left(album)


def test_a_folder_of_sidecars_elsewhere_follows_too(tmp_path: Path) -> None:
    album = Album(tmp_path, sidecar_folder=str(tmp_path / "side"))
    photo = album.photo("x/a.jpg")
    album.write()
    side = Path(f"{tmp_path}/side{album.folder}")
    assert [path.name for path in side.rglob("*.xmp")] == ["a.jpg.xmp"]
    (album.folder / "y").mkdir()
    photo.rename(album.folder / "y" / "b.jpg")
    album.write()
    assert [str(path.relative_to(side)) for path in side.rglob("*.xmp")] == ["y/b.jpg.xmp"]
    album.undo()
    assert not list(side.rglob("*.xmp"))


def test_a_folder_of_sidecars_whose_disk_is_away_is_not_filled_anew(tmp_path: Path) -> None:
    album = Album(tmp_path, sidecar_folder=str(tmp_path / "side"))
    album.photo("a.jpg")
    album.write()
    (tmp_path / "side").rename(tmp_path / "disk")
    (tmp_path / "side").mkdir()
    assert album.write().total == 0
    assert not list((tmp_path / "side").iterdir())


def test_other_settings_take_the_sidecars_along(tmp_path: Path, album: Album) -> None:
    album.photo("a.jpg")
    album.write()
    album.keywords = {"sidecar_folder": str(tmp_path / "side")}
    album.write()
    assert album.sidecars() == {}
    assert keywords_in(Path(f"{tmp_path}/side{album.folder}/a.jpg.xmp"))
    album.keywords = {}
    album.write()
    assert album.sidecars() == {"a.jpg.xmp": words("a")}
    nothing_is_left(album)


# --- somebody moved the sidecar as well ---------------------------------------------------------------------


def test_a_sidecar_that_was_moved_along_is_adopted(album: Album) -> None:
    album.photo("2019/a.jpg")
    album.photo("2019/b.jpg")
    album.write()
    (album.folder / "2019").rename(album.folder / "2020")
    before = {path.name: path.stat().st_mtime_ns for path in album.folder.rglob("*.xmp")}
    done = album.write()
    assert (done.files, done.followed) == (0, 0)
    assert {path.name: path.stat().st_mtime_ns for path in album.folder.rglob("*.xmp")} == before
    assert album.write().total == 0
    nothing_is_left(album)


def test_one_moved_along_without_being_known_is_adopted(album: Album, tmp_path: Path) -> None:
    """A library made anew: only the files know what was written, then one is moved without its sidecar."""
    photo = album.photo("a.jpg")
    album.write()
    shutil.rmtree(album.data)
    album.write()
    photo.rename(album.folder / "b.jpg")
    album.write()
    assert album.sidecars() == {"b.jpg.xmp": words("a")}
    assert not album.undo().failures
    assert album.sidecars() == {}


@pytest.mark.parametrize("moved", [True, False])
def test_a_persons_sidecar_is_never_deleted(album: Album, moved: bool) -> None:
    photo = album.photo("a.jpg")
    beside = album.folder / "a.jpg.xmp"
    beside.write_text(PERSONS)
    album.write()
    assert keywords_in(beside)
    photo.rename(album.folder / "b.jpg")
    if moved:
        beside.rename(album.folder / "b.jpg.xmp")
    done = album.write()
    if moved:
        assert album.sidecars() == {"b.jpg.xmp": words("a")}
        album.undo()
        assert (album.folder / "b.jpg.xmp").read_text() == PERSONS
    else:
        assert album.sidecars() == {"a.jpg.xmp": [], "b.jpg.xmp": words("a")}
        assert beside.read_text() == PERSONS
        assert "only these were taken out" in next(iter(done.notes))
        album.undo()
        assert album.sidecars() == {"a.jpg.xmp": []}
        assert beside.read_text() == PERSONS


def test_one_that_a_person_edited_since_keeps_the_edit(album: Album) -> None:
    photo = album.photo("a.jpg")
    album.write()
    beside = album.folder / "a.jpg.xmp"
    beside.write_text(beside.read_text().replace("<rdf:li>tiger", "<rdf:li>mine</rdf:li><rdf:li>tiger"))
    photo.rename(album.folder / "b.jpg")
    album.write()
    assert album.sidecars() == {"a.jpg.xmp": ["mine"], "b.jpg.xmp": words("a")}
    assert not album.undo().failures
    assert album.sidecars() == {"a.jpg.xmp": ["mine"]}


def test_what_a_person_took_out_stays_out_at_the_new_name(album: Album) -> None:
    photo = album.photo("a.jpg")
    album.write()
    beside = album.folder / "a.jpg.xmp"
    beside.write_text(beside.read_text().replace("    <rdf:li>tiger</rdf:li>\n", ""))
    write_keywords(album.settings, "", again=True)
    photo.rename(album.folder / "b.jpg")
    album.write()
    assert album.sidecars() == {"b.jpg.xmp": ["animal"]}
    album.undo()
    assert album.sidecars() == {}


@pytest.mark.parametrize("what", ["damaged", "link", "folder"])
def test_what_is_no_sidecar_any_longer_is_left_and_told(album: Album, tmp_path: Path, what: str) -> None:
    photo = album.photo("a.jpg")
    album.write()
    beside = album.folder / "a.jpg.xmp"
    beside.unlink()
    {
        "damaged": lambda: beside.write_text("<x:xmpmeta"),
        "link": lambda: beside.symlink_to(tmp_path / "else.xmp"),
        "folder": lambda: beside.mkdir(),
    }[what]()
    photo.rename(album.folder / "b.jpg")
    done = album.write()
    assert "left alone" in next(iter(done.notes))
    assert keywords_in(album.folder / "b.jpg.xmp")
    assert os.path.lexists(beside)


# --- deleted, and deleted photos ----------------------------------------------------------------------------


def test_a_deleted_sidecar_is_written_again(album: Album) -> None:
    album.photo("a.jpg")
    album.photo("b.jpg")
    album.write()
    (album.folder / "a.jpg.xmp").unlink()
    done = album.write()
    assert (done.files, done.total) == (1, 1)
    assert album.sidecars() == {"a.jpg.xmp": words("a"), "b.jpg.xmp": words("b")}
    nothing_is_left(album)


def test_undo_after_a_sidecar_was_deleted_is_done_at_once(album: Album) -> None:
    album.photo("a.jpg")
    album.write()
    (album.folder / "a.jpg.xmp").unlink()
    assert album.undo().failures == []
    assert album.write().total == 0


def test_a_new_photo_inherits_nothing_from_an_orphan(album: Album) -> None:
    photo = album.photo("a.jpg")
    album.write()
    (album.folder / "x").mkdir()
    photo.rename(album.folder / "x" / "moved.jpg")
    album.scan()
    album.photo("a.jpg", like="b")
    album.write()
    assert album.sidecars() == {"a.jpg.xmp": words("b"), "x/moved.jpg.xmp": words("a")}
    nothing_is_left(album)


def test_undo_before_the_next_write_knows_whose_is_whose(album: Album) -> None:
    photo = album.photo("a.jpg")
    album.write()
    photo.rename(album.folder / "moved.jpg")
    album.scan()
    album.photo("a.jpg", like="b")
    album.scan()
    nothing_is_left(album)


def test_undo_takes_back_what_a_deleted_photo_left(album: Album) -> None:
    photo, other = album.photo("a.jpg"), album.photo("b.jpg")
    (album.folder / "b.jpg.xmp").write_text(PERSONS)
    album.write()
    photo.unlink()
    other.unlink()
    album.scan()
    done = album.undo()
    assert (done.failures, done.files, done.exact) == ([], 2, 2)
    assert [path.name for path in album.folder.iterdir()] == ["b.jpg.xmp"]
    assert (album.folder / "b.jpg.xmp").read_text() == PERSONS


def test_what_was_taken_back_stays_taken_back_when_the_photo_moves(album: Album) -> None:
    photo = album.photo("a.jpg")
    album.write()
    album.undo()
    photo.rename(album.folder / "b.jpg")
    assert album.write().total == 0
    assert album.sidecars() == {}


def test_a_dry_run_tells_and_changes_nothing(album: Album) -> None:
    photo = album.photo("a.jpg")
    album.write()
    photo.rename(album.folder / "b.jpg")
    album.scan()
    told = write_keywords(album.settings, "", dry_run=True)
    assert told.followed == 1
    listed = {Path(path).name: (len(add), len(gone)) for path, add, gone in told.listing}
    assert listed == {"a.jpg.xmp": (0, 2), "b.jpg.xmp": (2, 0)}
    assert album.sidecars() == {"a.jpg.xmp": words("a")}


def test_killed_between_taking_away_and_writing(album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = album.photo("a.jpg")
    album.write()
    photo.rename(album.folder / "b.jpg")
    with monkeypatch.context() as broken:
        broken.setattr("tagger.keywords.runs.write_queued", _dies)
        with pytest.raises(KeyboardInterrupt):
            album.write()
    assert album.sidecars() == {}
    album.write()
    assert album.sidecars() == {"b.jpg.xmp": words("a")}
    nothing_is_left(album)


def _dies(*_: object) -> None:
    raise KeyboardInterrupt


# --- whose is DSC1.xmp --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("photos", "owner"),
    [
        (["D.NEF", "D.JPG"], "D.NEF"),
        (["D.jpg", "D.cr3", "D.heic"], "D.cr3"),
        (["D.JPG"], "D.JPG"),
        (["D.JPG", "D.png"], None),
        (["D.NEF", "D.dng"], None),
    ],
)
@pytest.mark.parametrize("name", ["photo.xmp", "photo.jpg.xmp"])
def test_the_shared_name_is_the_raw_files(tmp_path: Path, photos: list[str], owner: str | None, name: str) -> None:
    settings = KeywordSettings.model_validate({"sidecar_name": name})
    for photo in photos:
        (tmp_path / photo).touch()
    shared = str(tmp_path / "D.xmp")

    def place(photo: str) -> str:
        return sidecar_path(str(tmp_path / photo), settings)[0]

    wanted = {owner} if owner and name == "photo.xmp" else set()
    assert {photo for photo in photos if place(photo) == shared} == wanted
    (tmp_path / "D.xmp").touch()
    assert {photo for photo in photos if place(photo) == shared} == ({owner} if owner else set())
    assert len({place(photo) for photo in photos}) == len(photos)
    assert photos_of_sidecar(shared, settings) == ([str(tmp_path / owner)] if owner else [])
    assert photos_of_sidecar(f"{tmp_path}/{photos[0]}.xmp", settings) == (
        [] if photos[0] == owner else [str(tmp_path / photos[0])]
    )


def test_a_second_photo_of_the_name_ends_the_sharing(tmp_path: Path) -> None:
    album = Album(tmp_path, sidecar_name="photo.xmp")
    album.photo("a.jpg")
    album.write()
    assert album.sidecars() == {"a.xmp": words("a")}
    album.photo("a.jpeg", like="b")
    album.write()
    assert album.sidecars() == {"a.jpeg.xmp": words("b"), "a.jpg.xmp": words("a")}
    nothing_is_left(album)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1"])
def test_a_sidecar_in_another_encoding_is_left_as_it_is(album: Album, encoding: str) -> None:
    album.photo("a.jpg")
    text = PERSONS.replace('"1.0"', f'"1.0" encoding="{encoding}"').replace('about=""', 'about="é"')
    data = text.encode(encoding)
    (album.folder / "a.jpg.xmp").write_bytes(data)
    done = album.write()
    assert "left alone, because it is not well-formed UTF-8" in done.failures[0][1]
    assert (album.folder / "a.jpg.xmp").read_bytes() == data
    assert album.undo().failures == []
    assert (album.folder / "a.jpg.xmp").read_bytes() == data


@pytest.mark.parametrize("what", ["link", "folder", "pipe", "empty", "huge"])
def test_what_is_no_plain_sidecar(album: Album, tmp_path: Path, what: str) -> None:
    album.photo("a.jpg")
    beside = album.folder / "a.jpg.xmp"
    (tmp_path / "else.xmp").write_text(PERSONS)
    make = {
        "link": lambda: beside.symlink_to(tmp_path / "else.xmp"),
        "folder": lambda: beside.mkdir(),
        "pipe": lambda: os.mkfifo(beside),
        "empty": lambda: beside.touch(),
        "huge": lambda: beside.write_text(PERSONS + " " * (65 << 20)),
    }
    make[what]()
    done = album.write()
    if what == "empty":
        assert (done.files, done.failures) == (1, [])
        assert not album.undo().failures
        assert beside.read_bytes() == b""
        return
    assert len(done.failures) == 1
    assert str(beside) in done.failures[0][1]
    assert "rrno" not in done.failures[0][1]
    assert (tmp_path / "else.xmp").read_text() == PERSONS
    assert os.path.lexists(beside)
