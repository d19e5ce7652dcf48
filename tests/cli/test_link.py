"""A folder of links to what a search found, through the real command."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tagger.core.errors import TaggerError, UsageError
from tagger.core.paths import PhotoPath
from tagger.search.link_tree import link_photos
from tests.cli.labelled import label_all
from tests.cli.runner import Tagger

PHOTOS = Path(__file__).parents[1] / "photos"
LABELS = {"2019/a.jpg": ["tiger"], "2019/b.jpg": ["zebra"], "2020/c.jpg": ["tiger"], "Ä ö/d (2).jpg": ["tiger"]}


@pytest.fixture
def library(tmp_path: Path) -> Tagger:
    for name in LABELS:
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PHOTOS / "cat.jpg", tmp_path / "photos" / name)
    label_all(tmp_path / "data", tmp_path / "photos", LABELS.__getitem__)
    return Tagger(tmp_path)


def links(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): os.readlink(path) for path in folder.rglob("*") if path.is_symlink()}


def test_links_are_made_and_renewed_and_a_persons_files_stay(library: Tagger, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "cats"
    assert "3 links in" in library("search", "--link", folder, "tiger").stdout
    photos = tmp_path / "photos"
    assert links(folder) == {f"photos/{name}": str(photos / name) for name in LABELS if "b.jpg" not in name}
    (folder / "photos/2019/mine.txt").write_text("mine")
    (folder / "photos/2020/own").symlink_to("/etc/hostname")
    # A person put another file in a link's place.
    (folder / "photos/2019/a.jpg").unlink()
    (folder / "photos/2019/a.jpg").write_text("mine, too")
    done = library.json("search", "--link", folder, "zebra OR path:2019/")
    assert done == {"links": 2, "new": 2, "removed": 2, "failed": []}
    assert links(folder) == {
        "photos/2019/a (2).jpg": str(photos / "2019/a.jpg"),
        "photos/2019/b.jpg": str(photos / "2019/b.jpg"),
        "photos/2020/own": "/etc/hostname",
    }
    assert not (folder / "photos/Ä ö").exists()
    assert library.json("search", "--link", folder, "zebra OR path:2019/")["new"] == 0
    assert "no photo matches" in library("search", "--link", folder, "unicorn", code=1).stderr
    assert links(folder) == {"photos/2020/own": "/etc/hostname"}
    assert (folder / "photos/2019/mine.txt").read_text() == "mine"
    assert (folder / "photos/2019/a.jpg").read_text() == "mine, too"


def test_a_folder_that_is_not_fit_is_refused_and_not_touched(library: Tagger, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "letter.txt").write_text("x")
    assert "is not empty" in library("search", "--link", theirs, "tiger", code=2).stderr
    assert os.listdir(theirs) == ["letter.txt"]
    before = sorted(path for path in (tmp_path / "photos").rglob("*"))
    (tmp_path / "other way").symlink_to(tmp_path / "photos")
    for inside in ("photos", "photos/new", "other way/new", ".", "photos/../photos/x"):
        said = library("search", "--link", tmp_path / inside, "tiger", code=2).stderr
        assert "the library's folder" in said
    assert sorted(path for path in (tmp_path / "photos").rglob("*")) == before
    assert "is no folder" in library("search", "--link", theirs / "letter.txt", "tiger", code=2).stderr
    folder = tmp_path / "out"
    library("search", "--link", folder, "tiger")
    (folder / ".tagger-links.json").write_text("{")
    assert "is damaged" in library("search", "--link", folder, "tiger", code=2).stderr
    assert len(links(folder)) == 3


def test_photos_are_not_found_again_behind_their_links(library: Tagger, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    library("search", "--link", folder, "tiger")
    label_all(tmp_path / "data", folder, ["tiger"], follow=True)
    assert len(library.found("tiger")) == 3


def test_two_at_once_and_nothing_is_guessed(library: Tagger, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda query: library("search", "--link", folder, query), ["tiger", "zebra"]))
    assert library.json("search", "--link", folder, "tiger")["links"] == 3
    assert len(links(folder)) == 3
    assert library.json("search", "--link", folder, "a", "striped", "cat", code=1)["links"] == 0


@pytest.mark.parametrize("step", range(1, 12))
def test_killed_anywhere_the_next_run_makes_it_right(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step is a change of the file system, at which the process ends."""
    names = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]

    def photos(root: str, some: list[str]) -> list[PhotoPath]:
        return [PhotoPath(root, name) for name in some]

    folder = tmp_path / "out"
    # The same names lead elsewhere afterwards: two roots of one name.
    link_photos(folder, photos("/one/p", names[:3]), ["/one/p"])
    left = step

    def dying(real):  # type: ignore[no-untyped-def]
        def change(*given, **named):  # type: ignore[no-untyped-def]
            nonlocal left
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
            return real(*given, **named)

        return change

    with monkeypatch.context() as patched:
        for name in ("symlink", "unlink", "replace", "rmdir"):
            patched.setattr(os, name, dying(getattr(os, name)))
        with contextlib.suppress(KeyboardInterrupt):
            link_photos(folder, photos("/two/p", names[1:]), ["/two/p"])
    link_photos(folder, photos("/two/p", names[1:]), ["/two/p"])
    assert links(folder) == {f"p/{name}": f"/two/p/{name}" for name in names[1:]}


def test_names_that_collide_or_cannot_be_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    long = "x" * 250
    photos = [
        PhotoPath("/one/p", "a.jpg"),
        PhotoPath("/two/P", "a.jpg"),
        PhotoPath("/one/p", "\udce9.jpg"),
        PhotoPath("/one/p", f"{long}.jpg{long}"),
    ]
    done = link_photos(folder, photos, ["/one/p", "/two/P"])
    assert links(folder) == {
        "p/a.jpg": "/one/p/a.jpg",
        "P (2)/a.jpg": "/two/P/a.jpg",
        "p/\udce9.jpg": "/one/p/\udce9.jpg",
    }
    assert [reason for _, reason in done.failed] == ["its name is too long"]
    assert json.loads((folder / ".tagger-links.json").read_text())["links"]["p/\uefe9.jpg"] == "/one/p/\uefe9.jpg"
    # A person's link to a folder is not written through.
    shutil.rmtree(folder / "p")
    (tmp_path / "elsewhere").mkdir()
    (folder / "p").symlink_to(tmp_path / "elsewhere")
    done = link_photos(folder, photos[:1], ["/one/p"])
    assert len(done.failed) == 1
    assert os.listdir(tmp_path / "elsewhere") == []


def test_a_file_system_without_links_and_a_full_one_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "out"

    def refuse(number: int) -> None:
        def symlink(*_: object) -> None:
            raise OSError(number, "no")

        monkeypatch.setattr(os, "symlink", symlink)

    refuse(errno.EPERM)
    with pytest.raises(UsageError, match="no symbolic links"):
        link_photos(folder, [PhotoPath("/one/p", "a.jpg")], ["/one/p"])
    assert not folder.exists()
    refuse(errno.ENOSPC)
    with pytest.raises(TaggerError, match="is full"):
        link_photos(folder, [PhotoPath("/one/p", "a.jpg")], ["/one/p"])
