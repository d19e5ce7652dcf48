"""Photos that were renamed and moved, by the real backfill: on file systems with lasting inodes and without."""

from __future__ import annotations

import io
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import piexif
import pytest
from PIL import Image
from sqlalchemy import update
from sqlalchemy.orm import Session

from tagger.core.config import IntakeSettings, ModelSettings, Settings
from tagger.core.progress import never_stop
from tagger.intake import folder as intake_folder
from tagger.intake import gone
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import scan_roots
from tagger.labels.corrections import Correction, correct
from tagger.search.find import photos_of
from tagger.service.backfill import BackfillResult, backfill
from tagger.store import ledger, records
from tagger.store.corrections import labels_on
from tagger.store.library import open_library
from tagger.store.session import open_store
from tagger.store.tables import PhotoRow, RootRow


class _Listener:
    """Takes everything a run tells, and says nothing."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_arguments: None


class Folder:
    """A folder `P` of small photos in `a` and `b`, each with its own pixels, and a library."""

    def __init__(self, tmp_path: Path, copy_of: Path | None = None) -> None:
        self.path = tmp_path / "P"
        self.settings = Settings(
            data_dir=tmp_path / "data",
            intake=IntakeSettings(settle_seconds=0),
            model=ModelSettings(name="efficientnet_lite2"),
        )
        if copy_of is not None:
            shutil.copytree(copy_of, tmp_path, dirs_exist_ok=True)
            self.change(lambda session: session.execute(update(RootRow).values(path=str(self.path))))
            return
        chance = random.Random(7)
        for number in range(70):
            picture = Image.frombytes("RGB", (24, 24), chance.randbytes(24 * 24 * 3))
            target = self.path / ("a" if number < 55 else "b") / f"f{number}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            picture.save(target, exif=piexif.dump({"0th": {piexif.ImageIFD.Make: b"camera"}}))
            os.utime(target, ns=(1_600_000_000_000_000_000 + number, 1_600_000_000_000_000_000 + number))

    def backfill(self, *, accept_missing: bool = False, folder: Path | None = None) -> BackfillResult:
        folders = [str(folder or self.path)]
        return backfill(self.settings, folders, _Listener(), never_stop, accept_missing=accept_missing)  # type: ignore[arg-type]

    def backfill_all(self) -> BackfillResult:
        return backfill(self.settings, [], _Listener(), never_stop)  # type: ignore[arg-type]

    def say(self, name: str, what: str = "our boat") -> None:
        """A person's word on a photo."""
        with open_library(self.settings) as library:
            correct(library, [str(self.path / name)], Correction(add=[what]))

    def said(self, path: Path) -> set[str]:
        with open_store(self.settings) as store, store.read() as session:
            record = records.find_photo(session, str(path))
            assert record is not None, path
            return {label.name for label in labels_on(session, record.id) if label.by_person}

    def known(self) -> dict[str, str]:
        """The photos of the library by absolute path, with their states."""
        with open_store(self.settings) as store:
            return {record.path.absolute: record.state for record, _ in records.all_records(store)}

    def change(self, what: Callable[[Session], object]) -> None:
        with open_store(self.settings) as store, store.write() as session:
            what(session)

    def on_disk(self) -> set[str]:
        return {str(path) for path in self.path.rglob("*.jpg")}


@pytest.fixture(
    params=[
        "no inodes",
        pytest.param("inodes", marks=pytest.mark.slow),
        pytest.param("inodes, PostgreSQL", marks=pytest.mark.slow),
    ]
)
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    if request.param == "no inodes":
        monkeypatch.setattr(intake_folder, "keeps_inodes", lambda _path: False)
        return Folder(tmp_path, copy_of=request.getfixturevalue("labelled_once"))
    made = Folder(tmp_path)
    if "PostgreSQL" in request.param:
        database = request.getfixturevalue("postgres_server").new_database()
        made.settings = made.settings.model_copy(update={"database": database})
    _label(made)
    return made


@pytest.fixture(scope="module")
def labelled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of this folder have other inodes, and the same sizes and times."""
    path = tmp_path_factory.mktemp("labelled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake_folder, "keeps_inodes", lambda _path: False)
        _label(Folder(path))
    return path


def _label(made: Folder) -> None:
    assert made.backfill().progress.labelled == 70
    made.say("a/f1.jpg")


def _as_on_disk(folder: Folder) -> None:
    assert {path: state for path, state in folder.known().items() if state != "missing"} == dict.fromkeys(
        folder.on_disk(), "labelled"
    )


@pytest.mark.slow
def test_very_many_renamed_one_by_one(folder: Folder) -> None:
    for number in range(55):
        target = folder.path / "2019" / f"{number % 12 + 1:02}" / f"IMG_{number}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder.path / "a" / f"f{number}.jpg").rename(target)
    result = folder.backfill()
    assert result.scan.held_back == {}
    _as_on_disk(folder)
    assert len(folder.known()) == 70  # nothing is there twice, nothing is missing
    assert folder.said(folder.path / "2019" / "02" / "IMG_1.jpg") == {"our boat"}


def test_a_renamed_folder(folder: Folder) -> None:
    (folder.path / "a").rename(folder.path / "Ä")
    assert folder.backfill().scan.held_back == {}
    assert len(folder.known()) == 70
    _as_on_disk(folder)
    assert folder.said(folder.path / "Ä" / "f1.jpg") == {"our boat"}


def test_the_coming_first(folder: Folder) -> None:
    """As rsync and `mv` between disks do it: copied, seen, and only then deleted."""
    shutil.copytree(folder.path / "a", folder.path / "new")
    folder.backfill()
    assert len(folder.known()) == 125
    shutil.rmtree(folder.path / "a")
    scan = folder.backfill().scan
    assert (scan.new, scan.moved, scan.gone, scan.held_back) == (0, 55, 0, {})
    assert len(folder.known()) == 70
    _as_on_disk(folder)
    assert folder.said(folder.path / "new" / "f1.jpg") == {"our boat"}


@pytest.mark.slow
def test_the_going_first_and_what_turns_up_later_lets_the_brake_go(folder: Folder, tmp_path: Path) -> None:
    (folder.path / "a").rename(tmp_path / "elsewhere")
    assert "55 of its 70 photos are gone at once" in folder.backfill().scan.held_back[str(folder.path)]
    assert "missing" not in folder.known().values()
    # Half of them come back under other names: 28 are still gone, which is not too many.
    for number in range(27):
        target = folder.path / "c" / f"{number}.jpg"
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(tmp_path / "elsewhere" / f"f{number}.jpg", target)
    assert folder.backfill().scan.held_back == {}
    _as_on_disk(folder)
    assert list(folder.known().values()).count("missing") == 28
    assert folder.said(folder.path / "c" / "1.jpg") == {"our boat"}
    # And the rest, when they are taken as gone already.
    for number in range(27, 55):
        shutil.copy2(tmp_path / "elsewhere" / f"f{number}.jpg", folder.path / "c" / f"{number}.jpg")
    folder.backfill()
    assert len(folder.known()) == 70
    _as_on_disk(folder)


@pytest.mark.slow
def test_what_a_person_took_as_gone_may_turn_up(folder: Folder, tmp_path: Path) -> None:
    (folder.path / "a").rename(tmp_path / "elsewhere")
    folder.backfill()
    assert folder.backfill(accept_missing=True).scan.gone == 55
    shutil.copytree(tmp_path / "elsewhere", folder.path / "z")
    folder.backfill()
    assert len(folder.known()) == 70
    assert folder.said(folder.path / "z" / "f1.jpg") == {"our boat"}


@pytest.mark.slow
def test_renamed_and_given_other_metadata_at_once(folder: Folder) -> None:
    for number in range(55):
        old = folder.path / "a" / f"f{number}.jpg"
        data = io.BytesIO()
        piexif.insert(piexif.dump({"0th": {piexif.ImageIFD.Make: b"another camera"}}), old.read_bytes(), data)
        (folder.path / f"shot{number}.jpg").write_bytes(data.getvalue())
        old.unlink()
    assert folder.backfill().scan.held_back == {}
    assert len(folder.known()) == 70
    _as_on_disk(folder)
    assert folder.said(folder.path / "shot1.jpg") == {"our boat"}


@pytest.mark.slow
def test_given_other_metadata_at_its_new_place_before_the_old_one_goes(folder: Folder) -> None:
    for number in range(55):
        data = io.BytesIO()
        old = (folder.path / "a" / f"f{number}.jpg").read_bytes()
        piexif.insert(piexif.dump({"0th": {piexif.ImageIFD.Make: b"another camera"}}), old, data)
        (folder.path / f"shot{number}.jpg").write_bytes(data.getvalue())
    folder.backfill()
    shutil.rmtree(folder.path / "a")
    assert folder.backfill().scan.held_back == {}
    assert len(folder.known()) == 70
    assert folder.said(folder.path / "shot1.jpg") == {"our boat"}


@pytest.mark.slow
def test_into_another_folder_of_the_library(folder: Folder, tmp_path: Path) -> None:
    other = tmp_path / "Q"
    other.mkdir()
    folder.backfill(folder=other)
    shutil.move(folder.path / "a", other / "a")
    folder.backfill(folder=other)
    assert folder.backfill().scan.held_back == {}
    assert len(folder.known()) == 70
    assert folder.said(other / "a" / "f1.jpg") == {"our boat"}


@pytest.mark.slow
def test_copies_that_were_kept_for_long_explain_nothing(folder: Folder, tmp_path: Path) -> None:
    """A backup in the library must not pass for its originals, whose disk is away."""
    shutil.copytree(folder.path / "a", folder.path / "backup")
    folder.backfill()

    long_ago = int(time.time()) - 8 * 24 * 3600
    folder.change(lambda session: session.execute(update(PhotoRow).values(added_at=long_ago)))
    (folder.path / "a").rename(tmp_path / "unplugged")
    assert folder.backfill().scan.held_back
    (tmp_path / "unplugged").rename(folder.path / "a")
    assert folder.backfill().scan.held_back == {}
    assert len(folder.known()) == 125
    _as_on_disk(folder)
    assert folder.said(folder.path / "a" / "f1.jpg") == {"our boat"}


def test_what_was_said_of_both_is_kept(folder: Folder) -> None:
    copy = folder.path / "a" / "copy.jpg"
    shutil.copy2(folder.path / "a" / "f1.jpg", copy)
    folder.backfill()
    folder.say("a/copy.jpg", "the sea")
    folder.change(lambda session: session.execute(update(PhotoRow).values(keywords_settled_as="so")))
    (folder.path / "a" / "f1.jpg").unlink()
    folder.backfill()
    assert folder.said(copy) == {"our boat", "the sea"}
    # What it was given is to be written into its file, too.
    with open_store(folder.settings) as store, store.read() as session:
        assert [path.absolute for path in records.paths_of(session, ledger.unsettled(session, "so")).values()] == [
            str(copy)
        ]
    _as_on_disk(folder)


@pytest.mark.slow
@pytest.mark.parametrize("count", [3, 52])
def test_photos_of_a_disk_that_is_away_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Few of a root are on a disk that is mounted below it: the brake would not hold them."""
    folder = Folder(tmp_path)
    disk = folder.path / "disk"
    disk.mkdir()
    for number in range(count):
        (folder.path / "a" / f"f{number}.jpg").rename(disk / f"{number}.jpg")
    mounted = {"disk"}
    monkeypatch.setattr(gone, "mounts_below", lambda _root: mounted)
    assert folder.backfill().scan.held_back == {}
    disk.rename(tmp_path / "unplugged")
    disk.mkdir()
    mounted.clear()
    (folder.path / "b" / "f60.jpg").unlink()
    held = folder.backfill().scan.held_back[str(folder.path)]
    assert held == f"the disk of disk is away; its {count} photos stay as they are"
    assert [path for path, state in folder.known().items() if state == "missing"] == [
        str(folder.path / "b" / "f60.jpg")
    ]
    disk.rmdir()  # udisks takes the mount point away, too
    assert folder.backfill().scan.held_back
    (tmp_path / "unplugged").rename(disk)
    mounted.add("disk")
    assert folder.backfill().scan.held_back == {}
    _as_on_disk(folder)
    # Gone for good: a person says so.
    shutil.rmtree(disk)
    mounted.clear()
    assert folder.backfill().scan.held_back
    assert folder.backfill(accept_missing=True).scan.gone == count
    assert folder.backfill().scan.held_back == {}


@pytest.mark.slow
def test_photos_behind_a_link_that_leads_nowhere_are_kept(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    intake = IntakeSettings(settle_seconds=0, follow_symlinks=True)
    folder.settings = folder.settings.model_copy(update={"intake": intake})
    (folder.path / "a").rename(tmp_path / "disk")
    (folder.path / "link").symlink_to(tmp_path / "disk")
    assert folder.backfill().progress.labelled == 70
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    assert "the disk of link is away" in folder.backfill().scan.held_back[str(folder.path)]
    (tmp_path / "disk").mkdir()  # a mount point
    assert "the disk of link is away" in folder.backfill().scan.held_back[str(folder.path)]
    (folder.path / "link").unlink()
    assert "55 of its 70" in folder.backfill().scan.held_back[str(folder.path)]


def test_two_that_swapped_their_names(folder: Folder) -> None:
    one, two, between = (folder.path / "a" / name for name in ("f1.jpg", "f2.jpg", "x.tmp"))
    one.rename(between)
    two.rename(one)
    between.rename(two)
    result = folder.backfill()
    assert (result.scan.moved, result.scan.changed, result.progress.labelled) == (2, 0, 0)
    [found] = photos_of(folder.settings, "path:A/F1.JPG")
    with open_store(folder.settings) as store, store.read() as session:
        record = records.photo_by_id(session, found)
    assert record is not None
    assert record.path.absolute == str(one)
    assert folder.said(two) == {"our boat"}
    assert folder.said(one) == set()
    _as_on_disk(folder)


def test_a_series_that_was_renumbered(folder: Folder) -> None:
    """f1 -> f2 -> f3 ...: every name but the last was there before, with another picture."""
    for number in reversed(range(55)):
        (folder.path / "a" / f"f{number}.jpg").rename(folder.path / "a" / f"f{number + 1}.jpg")
    result = folder.backfill()
    assert result.scan.changed == 0
    assert folder.said(folder.path / "a" / "f2.jpg") == {"our boat"}
    assert folder.said(folder.path / "a" / "f1.jpg") == set()
    assert len(folder.known()) == 70
    _as_on_disk(folder)


@pytest.mark.slow
def test_moved_over_another(folder: Folder) -> None:
    (folder.path / "a" / "f1.jpg").replace(folder.path / "b" / "f60.jpg")
    assert folder.backfill().scan.changed == 0
    assert folder.said(folder.path / "b" / "f60.jpg") == {"our boat"}
    _as_on_disk(folder)


def test_an_edited_photo_keeps_what_was_said_of_it(folder: Folder) -> None:
    photo = folder.path / "a" / "f1.jpg"
    Image.open(photo).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(photo)
    assert folder.backfill().scan.changed == 1
    assert folder.said(photo) == {"our boat"}


@pytest.mark.slow
def test_a_folder_of_the_library_that_was_renamed_itself(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.backfill()
    folder.say("a/f1.jpg")
    old, folder.path = folder.path, tmp_path / "Pictures"
    old.rename(folder.path)
    assert folder.backfill().progress.labelled == 0
    assert folder.said(folder.path / "a" / "f1.jpg") == {"our boat"}
    assert len(folder.known()) == 70
    [(path, reason)] = folder.backfill_all().scan.held_back.items()
    assert path == str(old)
    assert f"tagger forget {old}" in reason


def test_photos_that_were_never_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are only queued, and without inodes their sizes and times are all that is known of them."""
    monkeypatch.setattr(intake_folder, "keeps_inodes", lambda _path: False)
    folder = Folder(tmp_path)
    for before, after in (("b", "b"), ("a", "c"), ("b", "a")):
        if before != after:
            (folder.path / before).rename(folder.path / after)
        with open_library(folder.settings, create=True) as library:
            roots = resolve_roots(library.store, [str(folder.path)], library.clock)
            assert scan_roots(library, roots).held_back == {}
        assert folder.known() == dict.fromkeys(folder.on_disk(), "queued")
