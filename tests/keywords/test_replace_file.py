"""Replacing files: what is kept, who wins, and what is left when it ends half way."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from tagger.core.hashing import content_hash
from tagger.keywords import replace_file
from tagger.keywords.file_content import ChangedError, Source, UnwritableError, read_content
from tagger.keywords.metadata.splices import Splice
from tagger.keywords.recover_file import recover_file
from tagger.keywords.replace_file import Replacement

OLD, NEW, PERSONS = b"old" * 1000, b"new" * 1200, b"edited by a person" * 100
TOKEN = "0123456789ab"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(OLD)
    os.utime(path, ns=(1_500_000_000_123_456_789, 1_400_000_000_987_654_321))
    path.chmod(0o640)
    return path


WHOLE = [Splice(0, len(OLD), NEW)]


def read(path: Path) -> Source:
    return read_content(str(path), 1 << 20).source


def of(path: Path) -> Replacement:
    return Replacement(str(path), TOKEN)


def left(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def replace(path: Path, *, touch: bool = False) -> os.stat_result:
    old = read(path)
    replace_file.prepare(of(path), WHOLE, old, content_hash(NEW), touch=touch)
    status = replace_file.exchange(of(path), old)
    replace_file.remove_own(of(path).temporary)
    return status


def test_the_new_file_has_the_old_ones_mode_times_and_attributes(photo: Path) -> None:
    try:
        os.setxattr(photo, "user.colour", b"red")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    status = replace(photo)
    assert photo.read_bytes() == NEW
    assert status.st_mtime_ns == photo.stat().st_mtime_ns == 1_400_000_000_987_654_321
    assert stat.S_IMODE(photo.stat().st_mode) == 0o640
    assert os.getxattr(photo, "user.colour") == b"red"
    assert left(photo.parent) == ["photo.jpg"]


def test_touch_gives_it_the_time_of_the_write(photo: Path) -> None:
    before = photo.stat().st_mtime
    replace(photo, touch=True)
    assert photo.stat().st_mtime > before + 1000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_is_kept(photo: Path) -> None:
    os.chown(photo, 1234, 4321)
    replace(photo)
    assert (photo.stat().st_uid, photo.stat().st_gid) == (1234, 4321)
    assert stat.S_IMODE(photo.stat().st_mode) == 0o640


def test_links_pipes_and_large_files_are_not_read(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "link.jpg").symlink_to(photo)
    with pytest.raises(OSError, match="symbolic links"):
        read_content(str(tmp_path / "link.jpg"), 1 << 20)
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnwritableError, match="regular"):
        read_content(str(tmp_path / "pipe.jpg"), 1 << 20)
    with pytest.raises(UnwritableError, match="more than"):
        read_content(str(photo), 100)
    assert read_content(str(photo), 0, 3).data == b"old"


@pytest.mark.parametrize("how", ["replaced", "rewritten", "touched", "gone", "mode"])
def test_a_file_that_changed_since_it_was_read_keeps_its_new_version(photo: Path, how: str) -> None:
    old = read(photo)
    replace_file.prepare(of(photo), WHOLE, old, content_hash(NEW))
    if how == "replaced":
        (photo.parent / "other").write_bytes(PERSONS)
        (photo.parent / "other").rename(photo)
    elif how == "rewritten":
        photo.write_bytes(PERSONS)
    elif how == "touched":
        os.utime(photo)
    elif how == "mode":
        photo.chmod(0o600)
    else:
        photo.unlink()
    expected = photo.read_bytes() if photo.exists() else None
    with pytest.raises(ChangedError):
        replace_file.exchange(of(photo), old)
    assert not recover_file(of(photo), old.hash, content_hash(NEW))
    assert (photo.read_bytes() if photo.exists() else None) == expected
    assert left(photo.parent) == (["photo.jpg"] if expected is not None else [])


def test_a_file_that_a_program_has_open_for_writing_is_left_to_it(photo: Path) -> None:
    old = read(photo)
    replace_file.prepare(of(photo), WHOLE, old, content_hash(NEW))
    with photo.open("r+b") as editing:
        try:
            with pytest.raises(ChangedError):
                replace_file.exchange(of(photo), old)
        except pytest.fail.Exception:
            pytest.skip("this file system grants no leases")
        editing.write(b"EDIT")
    assert photo.read_bytes() == b"EDIT" + OLD[4:]
    assert not recover_file(of(photo), old.hash, content_hash(NEW))
    assert left(photo.parent) == ["photo.jpg"]


def test_what_reads_back_as_something_else_is_never_put_in_place(photo: Path) -> None:
    """The disk is failing, as far as anybody can tell."""
    old = read(photo)
    with pytest.raises(UnwritableError, match="could not be read back"):
        replace_file.prepare(of(photo), WHOLE, old, content_hash(NEW + b"?"))
    assert not recover_file(of(photo), old.hash, content_hash(NEW))
    assert photo.read_bytes() == OLD
    assert left(photo.parent) == ["photo.jpg"]


def test_a_person_who_saves_again_and_again_never_loses_a_version(photo: Path) -> None:
    """An editor saves as editors do (a new file, renamed into place) while tagger replaces the file as often."""
    done = threading.Event()
    versions: list[bytes] = []

    def edit() -> None:
        other = photo.parent / "editor.part"
        for number in range(400):
            version = b"version %d " % number * 50
            other.write_bytes(version)
            other.rename(photo)
            versions.append(version)
        done.set()

    editor = threading.Thread(target=edit)
    editor.start()
    wrote = 0
    while not done.is_set():
        try:
            content = read_content(str(photo), 1 << 20)
            old, data = content.source, bytes(content.data)
            new = b"keywords + " + data.removeprefix(b"keywords + ")
            replace_file.prepare(of(photo), [Splice(0, len(data), new)], old, content_hash(new))
            replace_file.exchange(of(photo), old)
            replace_file.remove_own(of(photo).temporary)
            wrote += 1
        except ChangedError:
            recover_file(of(photo), old.hash, content_hash(new))
    editor.join()
    # The last version is there, with or without our keywords; nothing older came back.
    assert photo.read_bytes().removeprefix(b"keywords + ") == versions[-1]
    assert left(photo.parent) == ["photo.jpg"]


def test_a_new_sidecar_never_replaces_one_that_appeared(photo: Path) -> None:
    place = photo.parent / "photo.jpg.xmp"
    replace_file.prepare_new(of(place), NEW, photo.stat(), content_hash(NEW))
    place.write_bytes(PERSONS)
    with pytest.raises(ChangedError):
        replace_file.create(of(place))
    assert not recover_file(of(place), None, content_hash(NEW))
    assert place.read_bytes() == PERSONS
    place.unlink()
    replace_file.prepare_new(of(place), NEW, photo.stat(), content_hash(NEW))
    replace_file.create(of(place))
    assert place.read_bytes() == NEW
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    assert left(photo.parent) == ["photo.jpg", "photo.jpg.xmp"]


def test_taking_away_is_for_the_file_that_was_read_only(photo: Path) -> None:
    old = read(photo)
    photo.write_bytes(PERSONS)
    with pytest.raises(ChangedError):
        replace_file.take_away(of(photo), old)
    assert photo.read_bytes() == PERSONS
    old = read(photo)
    replace_file.take_away(of(photo), old)
    assert recover_file(of(photo), old.hash, None)
    assert left(photo.parent) == []


# What a kill can leave: (the file, its .part, its .tmp) -> (the file afterwards, whether the write happened).
STATES = {
    "nothing was begun": (OLD, None, None, OLD, False),
    "while writing": (OLD, NEW[:100], None, OLD, False),
    "before the exchange": (OLD, None, NEW, OLD, False),
    "after the exchange": (NEW, None, OLD, NEW, True),
    "at the very end": (NEW, None, None, NEW, True),
    "a person saved before the exchange": (PERSONS, None, NEW, PERSONS, False),
    "a person saved after the exchange": (PERSONS, None, OLD, PERSONS, True),
    "a person's version came out of it": (NEW, None, PERSONS, PERSONS, False),
    "a person deleted the photo before": (None, None, NEW, None, False),
    "a person moved the photo after": (None, None, OLD, None, True),
    "a person's version came out, then our file was deleted": (None, None, PERSONS, PERSONS, False),
}


@pytest.mark.parametrize("state", STATES)
def test_whatever_a_kill_leaves_is_settled(tmp_path: Path, state: str) -> None:
    here, part, temporary, after, happened = STATES[state]
    photo = tmp_path / "photo.jpg"
    for path, data in (
        (photo, here),
        (Path(of(photo).part), part),
        (Path(of(photo).temporary), temporary),
    ):
        if data is not None:
            path.write_bytes(data)
    assert recover_file(of(photo), content_hash(OLD), content_hash(NEW)) is happened
    assert (photo.read_bytes() if photo.exists() else None) == after
    assert left(tmp_path) == (["photo.jpg"] if after is not None else [])


def test_two_versions_of_a_persons_are_both_kept(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"the newest")
    Path(of(photo).temporary).write_bytes(PERSONS)
    assert not recover_file(of(photo), content_hash(OLD), content_hash(NEW))
    assert photo.read_bytes() == b"the newest"
    assert (tmp_path / f"photo.kept-{TOKEN}.jpg").read_bytes() == PERSONS
