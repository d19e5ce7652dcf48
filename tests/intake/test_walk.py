from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tagger.core.config import IntakeSettings
from tagger.core.paths import stored_path
from tagger.intake.folder import ScanProblem, SeenFile
from tagger.intake.walk import folders, stat_paths, walk

DEFAULT = IntakeSettings()
JPEG = b"\xff\xd8\xff\xe0"


def seen(root: Path, settings: IntakeSettings = DEFAULT) -> list[SeenFile]:
    return list(walk(str(root), settings, lambda problem: None))


def names(root: Path, settings: IntakeSettings = DEFAULT) -> list[str]:
    return [file.path for file in seen(root, settings) if file.fault is None]


def make(root: Path, *paths: str, content: bytes = b"x") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


NAME = st.binary(min_size=1, max_size=6).filter(
    # "." and ".." cannot be used as names.
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(NAME, min_size=1, max_size=3), max_size=12))
def test_every_photo_comes_once_and_in_path_order(
    tmp_path_factory: pytest.TempPathFactory, tree: list[list[bytes]]
) -> None:
    """For all names: siblings such as `a`, `a-b`, `a.jpg` and bytes that are not UTF-8 come in one order."""
    root = os.fsencode(tmp_path_factory.mktemp("tree"))
    made: set[str] = set()
    for parts in tree:
        folder = os.path.join(root, *parts[:-1])
        try:
            os.makedirs(folder, exist_ok=True)
            relative = b"/".join([*parts[:-1], parts[-1] + b".jpg"])
            with open(os.path.join(root, relative), "xb"):
                made.add(os.fsdecode(relative))
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
    walked = IntakeSettings(hidden=True)
    found = [file.path for file in walk(os.fsdecode(root), walked, lambda problem: None)]
    keys = [stored_path(path) for path in found]
    assert keys == sorted(set(keys))
    from tagger.intake.ignore import always_ignored

    expected = {p for p in made if not any(always_ignored(part, hidden=True) for part in p.split("/"))}
    assert set(found) == expected


def test_photos_by_name_in_every_format(tmp_path: Path) -> None:
    photos = [f"a.{end}" for end in "JPG jpeg jfif mpo png webp gif tif TIFF bmp heic heif avif CR2 nef dng".split()]
    make(tmp_path, *photos, "film.mp4", "list.txt", "a.xmp", "a.jpg.xmp", "archive.zip")
    assert sorted(names(tmp_path)) == sorted(photos)


def test_files_without_a_photos_name_are_left_to_be_sniffed(tmp_path: Path) -> None:
    make(tmp_path, "IMG_0001", "Picnic 12.05.2019", "a.jpg")
    assert {file.path: file.named for file in seen(tmp_path)} == {
        "IMG_0001": False,
        "Picnic 12.05.2019": False,
        "a.jpg": True,
    }


KEPT_COPIES = (
    "zoo.jpg_original zoo.CR2_original zoo_original zoo.jpg_exiftool_tmp zoo.jpg~ zoo~ zoo.jpg.~1~ zoo.jpg.1"
    " zoo.HEIC.12 zoo.jpg.bak zoo.jpg.BAK1 zoo.jpg_bak zoo.jpg.orig zoo.jpg.old zoo.nef.backup"
    " zoo.bak zoo.xcf #zoo.jpg#"
).split()
UNFINISHED = (
    "._zoo.jpg .syncthing.zoo.jpg.tmp ~syncthing~zoo.jpg.tmp .zoo.jpg.Xy12Zq .zoo.jpg.~4a5b6c7d zoo.jpg.part"
    " zoo.jpg.ocTransferId42.part zoo.jpg.crdownload zoo.jpg.filepart zoo.jpg.partial zoo.jpg.!sync ~$zoo.jpg"
    " .nfs000000001 .pending-17-zoo.jpg .trashed-17-zoo.jpg .zoo.jpg.icloud"
).split()
FOLDERS_OF_PROGRAMS = (
    "@eaDir #recycle @Recycle #snapshot .~tmp~ .rsync-partial .dropbox.cache .sync .AppleDouble __MACOSX lost+found"
    " Lightroom.lrdata .picasaoriginals .thumbnails"
).split()


@pytest.mark.parametrize("hidden", [False, True])
def test_copies_that_programs_keep_and_files_that_are_being_copied_are_no_photos(tmp_path: Path, hidden: bool) -> None:
    make(tmp_path, *KEPT_COPIES, *UNFINISHED, *(f"{folder}/a.jpg" for folder in FOLDERS_OF_PROGRAMS), content=JPEG)
    photos = [
        "my_original.jpg",
        "zoo (1).jpg",
        "zoo.1.jpg",
        "zoo.bak.jpg",
        "old",
        "Trip 12.05.2019",
        "x~/a.jpg",
        "b.old/c.jpg",
    ]
    make(tmp_path, *photos, content=JPEG)
    settings = IntakeSettings(hidden=hidden)
    assert sorted(names(tmp_path, settings)) == sorted(photos)
    single = stat_paths(str(tmp_path), [*KEPT_COPIES, *UNFINISHED], settings, lambda problem: None)
    assert set(single.values()) == {None}


def test_what_nas_makers_and_programs_leave_behind_is_ignored(tmp_path: Path) -> None:
    make(tmp_path, "2019/zoo.jpg")
    folders = "@eaDir #recycle @Recycle #snapshot .stfolder .stversions __MACOSX .hidden .Trash-1000 lost+found".split()
    make(tmp_path, *(f"2019/{folder}/a.jpg" for folder in folders), *(f"{folder}/a.jpg" for folder in folders))
    files = "._zoo.jpg .DS_Store Thumbs.db .zoo.jpg.Xy12Zq ~syncthing~zoo.jpg.tmp .syncthing.zoo.jpg.tmp".split()
    files += ["zoo.jpg.part", "zoo.jpg.crdownload", "zoo.jpg.filepart", ".hidden.jpg", "~$zoo.jpg"]
    make(tmp_path, *(f"2019/{name}" for name in files))
    assert names(tmp_path) == ["2019/zoo.jpg"]


def test_hidden_folders_on_demand_but_never_temporary_names(tmp_path: Path) -> None:
    make(tmp_path, ".private/a.jpg", "._a.jpg", ".b.jpg", "@eaDir/c.jpg")
    assert names(tmp_path, IntakeSettings(hidden=True)) == [".b.jpg", ".private/a.jpg"]


def test_taggerignore_has_gitignores_meaning(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "screenshot-1.png", "scans/b.jpg", "scans/keep/c.jpg", "sub/a.jpg", "sub/scans/d.jpg")
    (tmp_path / ".taggerignore").write_text("# not these\nscreenshot-*\n/scans/*\n!/scans/keep/\n")
    (tmp_path / "sub" / ".taggerignore").write_text("a.jpg\n")
    assert names(tmp_path) == ["a.jpg", "scans/keep/c.jpg", "sub/scans/d.jpg"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize(
    "patterns",
    [
        "*\n!*/\n!1.jpg\n",
        "*\n!*/\n!/x/**\n/x/p/\n!x/p/1.jpg\n**/22.jpg\n[!3]*3.jpg\n",
        "/x/*\n!/x/p/\n22.jpg\n",
        "**/p/[!3]*.jpg\n!x/p/1.jpg\ny/**/333.jpg\n",
        "p/\n!p/1.jpg\n/y/q\n",
        "# comment\n\n\\#a\n3*3.jpg  \n/1.jpg\n",
    ],
)
def test_taggerignore_agrees_with_git(tmp_path: Path, patterns: str) -> None:
    make(tmp_path, *(f"{a}/{b}/{c}.jpg" for a in ("x", "y") for b in ("p", "q") for c in ("1", "22", "333")))
    (tmp_path / ".taggerignore").write_text(patterns)
    (tmp_path / ".gitignore").write_text(patterns)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        ["git", "ls-files", "-o", "--exclude-standard"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    expected = sorted(line for line in listed.stdout.splitlines() if line.endswith(".jpg"))
    assert names(tmp_path) == expected
    assert expected


def test_bad_patterns_and_settings_are_reported_and_the_good_ones_hold(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    (tmp_path / ".taggerignore").write_bytes(b"b.jpg\n!\n[z-a]\n\xff\xfe\n")
    problems: list[ScanProblem] = []
    found = [file.path for file in walk(str(tmp_path), IntakeSettings(ignore=("c.jpg", "!")), problems.append)]
    assert found == ["a.jpg"]
    assert {problem.path for problem in problems} == {"intake.ignore", ".taggerignore"}


def test_nomedia_leaves_out_a_folder_and_all_below(tmp_path: Path) -> None:
    make(tmp_path, "a/1.jpg", "b/2.jpg", "b/c/3.jpg", "b/.nomedia")
    assert names(tmp_path) == ["a/1.jpg"]


def test_links_are_not_followed_and_say_so_only_when_they_lead_nowhere(tmp_path: Path) -> None:
    make(tmp_path, "in/a.jpg")
    make(tmp_path.parent / f"{tmp_path.name}-outside", "b.jpg")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    (tmp_path / "folder").symlink_to(outside)
    (tmp_path / "file.jpg").symlink_to(outside / "b.jpg")
    (tmp_path / "dangling.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    (tmp_path / "in" / "up").symlink_to("..")
    assert names(tmp_path) == ["in/a.jpg"]
    faults = {file.path: file.fault for file in seen(tmp_path) if file.fault}
    assert set(faults) == {"dangling.jpg", "loop.jpg"}


def test_followed_links_never_loop_and_show_each_folder_once(tmp_path: Path) -> None:
    make(tmp_path, "in/a.jpg", "in/deep/b.jpg")
    (tmp_path / "in" / "deep" / "up").symlink_to("../..")
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "twice").symlink_to("in")
    (tmp_path / "file.jpg").symlink_to("in/a.jpg")
    found = names(tmp_path, IntakeSettings(follow_symlinks=True))
    assert found == ["file.jpg", "in/a.jpg", "in/deep/b.jpg"]


def test_pipes_and_sockets_are_faults_not_traps(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jpg")
    os.mkfifo(tmp_path / "pipe")
    [file] = seen(tmp_path)
    assert file.path == "x.jpg"
    assert "pipe" in (file.fault or "")


def test_single_paths_and_subfolders_follow_the_same_rules(tmp_path: Path) -> None:
    paths = "a.jpg sub/b.jpg sub/deep/c.jpg sub/skip/d.jpg @eaDir/e.jpg sub/._f.jpg none/g.jpg list.txt".split()
    make(tmp_path, *paths, "none/.nomedia")
    (tmp_path / "sub" / ".taggerignore").write_text("skip/\nb.jpg\n")
    (tmp_path / "link").symlink_to("sub")
    looked = stat_paths(str(tmp_path), [*paths, "missing.jpg", "link/deep/c.jpg", "sub"], DEFAULT, lambda _: None)
    assert [path for path, file in looked.items() if file] == ["a.jpg", "sub/deep/c.jpg"]
    assert [looked[file.path] for file in seen(tmp_path)] == seen(tmp_path)
    below = [file.path for file in walk(str(tmp_path), DEFAULT, lambda _: None, below="sub")]
    assert below == ["sub/deep/c.jpg"]
    for left_out in ("sub/skip", "@eaDir", "none"):
        assert list(walk(str(tmp_path), DEFAULT, lambda _: None, below=left_out)) == []
    # A folder is yielded before it is listed, so one with a .nomedia is yielded, but nothing in it.
    assert sorted(folders(str(tmp_path), DEFAULT)) == ["", "none", "sub", "sub/deep"]
    assert list(folders(str(tmp_path), DEFAULT, "sub")) == ["sub", "sub/deep"]


def test_a_folder_is_told_before_it_is_listed(tmp_path: Path) -> None:
    """A watch set on each folder as it is yielded misses nothing: older files are listed, later ones are reported."""
    make(tmp_path, "a/x.jpg")
    told = []
    for path in folders(str(tmp_path), DEFAULT):
        told.append(path)
        if path == "a":
            make(tmp_path, "a/late/y.jpg")
    assert "a/late" in told


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Its path is longer than the system allows, which stops even root. Missing permissions are reported alike."""
    make(tmp_path, "a.jpg", "z.jpg")
    here = os.open(tmp_path, os.O_RDONLY)
    name = "n" * 250
    for _ in range(18):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    problems: list[ScanProblem] = []
    unread: list[str] = []
    found = [file.path for file in walk(str(tmp_path), DEFAULT, problems.append, unread)]
    assert found == ["a.jpg", "z.jpg"]
    assert [problem.path + "/" for problem in problems] == unread
    assert len(unread) == 1
    assert unread[0].startswith(f"{name}/{name}/")
    assert "too long" in problems[0].reason


def test_a_walk_opens_no_file(tmp_path: Path) -> None:
    make(tmp_path, *(f"{number}/{name}" for number in range(3) for name in ("a.jpg", "b", "c.heic")))
    code = (
        "import sys\nfrom tagger.intake.walk import walk\nfrom tagger.core.config import IntakeSettings\n"
        "opened = []\nsys.addaudithook(lambda event, args: opened.append(args[0]) if event == 'open' else None)\n"
        "n = sum(1 for _ in walk(sys.argv[1], IntakeSettings(), print))\n"
        "print(n, [name for name in opened if str(name).startswith(sys.argv[1])])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "9 []"


def test_deep_trees_are_walked(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 1200)
    path = tmp_path
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("a.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    try:
        assert names(path) == [f"{deep}/a.jpg"]
    finally:
        # Deeper than shutil.rmtree can go, which pytest uses to clean up.
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


def test_whether_inode_numbers_are_kept_is_asked_of_each_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A share that is mounted below a local root, or reached by a link, invents inode numbers."""
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir() or shared_memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs two file systems")
    monkeypatch.setattr("tagger.intake.folder.keeps_inodes", lambda path: "/share/" not in path)
    with tempfile.TemporaryDirectory(dir=shared_memory) as elsewhere:
        make(tmp_path, "a.jpg", "deep/b.jpg")
        make(Path(elsewhere), "c.jpg", "deep/d.jpg")
        (tmp_path / "share").symlink_to(elsewhere)
        found = seen(tmp_path, IntakeSettings(follow_symlinks=True))
    kept = {file.path: file.fingerprint.inode is not None for file in found}
    assert kept == {"a.jpg": True, "deep/b.jpg": True, "share/c.jpg": False, "share/deep/d.jpg": False}
