"""Folders that are read by several machines: the library holds what the walk of one machine finds."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tagger.cluster.walk import cluster_walk
from tagger.core.clock import SystemClock
from tagger.core.config import ClusterSettings, IntakeSettings, Settings
from tagger.intake.roots import resolve_roots
from tagger.intake.scan import ScanCallbacks, ScanResult, scan_roots
from tagger.intake.walk import walk
from tagger.store.library import Library
from tagger.store.photos import known_photos
from tagger.store.session import Store, open_store
from tests.cluster.machines import two_machines

JPEG = b"\xff\xd8\xff\xe0"
# So that a task reads a few folders and no more, on any machine.
SLOWLY = """
import os, time
listed = os.scandir
def scandir(path="."):
    if "/slow/" in os.fspath(path) + "/":
        time.sleep(0.06)
        with open({log!r}, "ab") as log:
            log.write(os.fsencode(path) + b"\\n")
    return listed(path)
os.scandir = scandir
"""


@dataclass
class Machines:
    cluster: Any
    log: Path

    def read(self) -> list[str]:
        """The folders that the machines read, each as often as it was read."""
        return [os.fsdecode(line) for line in self.log.read_bytes().splitlines()] if self.log.exists() else []


@pytest.fixture(scope="module")
def machines_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    pytest.importorskip("ray")
    folder = tmp_path_factory.mktemp("machines")
    log = folder / "read"
    (folder / "sitecustomize.py").write_text(SLOWLY.format(log=str(log)))
    with pytest.MonkeyPatch.context() as patch:
        # Of the machines; this process runs already.
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))
        with two_machines() as cluster:
            yield Machines(cluster, log)


@pytest.fixture
def machines(machines_once: Machines) -> Machines:
    machines_once.log.unlink(missing_ok=True)
    return machines_once


def put(root: Path, *paths: str, content: bytes = JPEG) -> None:
    for path in paths:
        where = os.path.join(root, path)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        with open(where, "wb") as file:
            file.write(content)


def make_tree(root: Path) -> None:
    """Folders, links, and whatever may lie about."""
    for year in range(2001, 2007):
        for day in range(4):
            put(root, *(f"{year}/day-{day}/{number}.jpg" for number in range(3)))
    put(
        root,
        "a/x.jpg",
        "a/b/y.jpg",
        "a-b/z.jpg",
        "a.jpg",
        "A/upper.jpg",
        "häuser/münchen/ä.jpg",
        "bytes\udcff/\udcfe.jpg",
    )
    put(root, ".hidden/h.jpg", "@eaDir/thumb.jpg", "quiet/.nomedia", "quiet/q.jpg", "quiet/below/q.jpg")
    put(root, "some/kept.jpg", "some/screenshot-1.jpg", "some/deep/screenshot-2.jpg", "some/deep/kept.jpg", "picture")
    put(root, "some/.taggerignore", content=b"screenshot-*\n!screenshot-2.jpg\n")
    put(root, "some/deep/.taggerignore", content=b"!\n")
    put(root, "beside/b.jpg", "beside/b.xmp", "notes", content=b"words")
    os.symlink("2001", root / "linked")
    os.symlink("..", root / "2002" / "up")
    os.symlink("../a.jpg", root / "a" / "file.jpg")
    os.symlink("nowhere.jpg", root / "a" / "dangling.jpg")
    os.symlink("loop", root / "loop")
    os.mkfifo(root / "pipe.jpg")
    # Too long a path cannot be read by anybody.
    here, name = os.open(root, os.O_RDONLY), "n" * 200
    for _ in range(22):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def remove(root: Path) -> None:
    """What `shutil.rmtree` cannot, because of its path."""
    shutil.rmtree(root, ignore_errors=True)
    os.system(f"rm -rf '{root}'")


@dataclass
class Twice:
    """The same folder in two libraries: that of one machine, and that of many."""

    root: Path
    settings: Settings
    alone: Store
    together: Store

    def look(self) -> tuple[ScanResult, ScanResult]:
        """Look through the folder for both; what was found must be the same."""
        with cluster_walk(self.settings) as together:
            first = self._scan(self.alone, ScanCallbacks())
            second = self._scan(self.together, ScanCallbacks(walk=together))
        assert second == first
        assert self._photos(self.together) == self._photos(self.alone)
        return first, second

    def _scan(self, store: Store, callbacks: ScanCallbacks) -> ScanResult:
        return scan_roots(self._library(store), self._roots(store), callbacks)

    def _library(self, store: Store) -> Library:
        return Library(store, self.settings)

    def _roots(self, store: Store) -> list[Any]:
        return resolve_roots(store, [str(self.root)], SystemClock())

    def _photos(self, store: Store) -> list[Any]:
        [root] = self._roots(store)
        return [replace(photo, id=0) for photo in known_photos(store, root.id)]


@pytest.fixture
def twice(tmp_path: Path, machines: Machines, request: pytest.FixtureRequest) -> Iterator[Twice]:
    root = tmp_path / "slow"
    root.mkdir()
    intake = IntakeSettings(settle_seconds=0, **getattr(request, "param", {}))
    cluster = ClusterSettings(address=machines.cluster.address)
    settings = Settings(data_dir=tmp_path / "alone", intake=intake, cluster=cluster)
    other = settings.model_copy(update={"data_dir": tmp_path / "together"})
    with open_store(settings, create=True) as alone, open_store(other, create=True) as together:
        yield Twice(root, settings, alone, together)
    remove(root)


@pytest.mark.slow
@pytest.mark.parametrize(
    "twice", [{}, {"follow_symlinks": True}, {"hidden": True, "ignore": ["200[56]/", "A"]}], indirect=True
)
def test_the_library_holds_what_one_machine_finds(twice: Twice, machines: Machines) -> None:
    make_tree(twice.root)
    first, _ = twice.look()
    assert first.new > 20
    assert any("too long" in problem.reason for problem in first.problems)
    assert any("no pattern" in problem.reason for problem in first.problems)
    read = machines.read()
    expected = {str(twice.root), f"{twice.root}/2003/day-2", f"{twice.root}/a/b"}
    assert expected <= set(read)
    if not twice.settings.intake.follow_symlinks:
        # Only what cannot be read is tried again.
        assert all("n" * 200 in folder for folder in read if read.count(folder) > 1)
    # Photos come, change, move and go.
    put(twice.root, "2003/day-1/new.jpg", "later/one.jpg", "a/b/y.jpg", content=JPEG + b"more")
    (twice.root / "2001" / "day-0").rename(twice.root / "moved")
    shutil.rmtree(twice.root / "2004" / "day-3")
    again, _ = twice.look()
    assert (again.new, again.gone) != (0, 0)
    nothing, _ = twice.look()
    assert (nothing.new, nothing.changed, nothing.gone) == (0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("elsewhere", ["nowhere", "empty", "copy"])
def test_a_machine_that_sees_other_folders_reads_none(
    twice: Twice, machines: Machines, tmp_path: Path, elsewhere: str
) -> None:
    """Its inodes and times would be taken for changes, and what it has not for gone."""
    make_tree(twice.root)
    other = tmp_path / "slow-elsewhere"
    if elsewhere != "nowhere":
        other.mkdir()
    if elsewhere == "copy":
        put(other, "2001/day-0/0.jpg")
        os.utime(other, ns=(0, os.stat(twice.root).st_mtime_ns))
    paths = {socket.gethostname(): {str(twice.root): str(other)}}
    cluster = twice.settings.cluster.model_copy(update={"paths": paths})
    twice.settings = twice.settings.model_copy(update={"cluster": cluster})
    found, _ = twice.look()
    assert found.new > 20
    assert machines.read() == []


@pytest.mark.slow
def test_folders_of_a_machine_that_is_lost_are_read_by_others(twice: Twice, machines: Machines) -> None:
    for number in range(120):
        put(twice.root, f"{number % 10}/{number}/photo.jpg")

    def losing(*walked: Any) -> Iterator[Any]:
        for number, file in enumerate(together(*walked)):
            if number == 20:
                machines.cluster.remove_node(third, allow_graceful=False)
            yield file

    third = machines.cluster.add_node(num_cpus=1)
    with cluster_walk(twice.settings) as together:
        lost = list(losing(str(twice.root), twice.settings.intake, pytest.fail, []))
    assert lost == list(walk(str(twice.root), twice.settings.intake, pytest.fail))
    assert len(lost) == 120
