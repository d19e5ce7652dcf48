"""Links and mounts below the roots of a service: what the walk follows, the watch follows."""

from __future__ import annotations

import errno
import os
import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers.inotify_c import InotifyFD

from tagger.core.clock import SystemClock
from tagger.core.config import IntakeSettings, Settings
from tagger.core.progress import never_stop
from tagger.intake import monitor, watch
from tagger.intake.monitor import FolderMonitor
from tagger.intake.roots import resolve_roots
from tagger.intake.watch import WatchEvent
from tagger.store.library import Library
from tagger.store.photos import known_photos
from tagger.store.session import open_store
from tagger.system.filesystem import MountChanges, MountTable, mount_table
from tests.cli.service import wait_for


class Service:
    """The intake of a service, driven by hand."""

    def __init__(self, library: Library, root: str) -> None:
        self.library = library
        self.inbox: queue.SimpleQueue[WatchEvent] = queue.SimpleQueue()
        [self.root] = resolve_roots(library.store, [root], SystemClock())
        self.monitor = FolderMonitor(library, self.inbox.put, lambda: None, never_stop)
        self.monitor.add_root(self.root)
        self.go_on()

    def go_on(self) -> None:
        while not self.inbox.empty():
            self.monitor.on_event(self.inbox.get())
        self.monitor.do_due()

    def photos(self) -> set[str]:
        self.go_on()
        return {photo.path for photo in known_photos(self.library.store, self.root.id) if not photo.missing}

    def has(self, *expected: str) -> None:
        wait_for(lambda: self.photos() == set(expected), 20)

    @property
    def polled(self) -> dict[str, str]:
        return self.monitor.states()[0].polled


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    services: list[Service] = []
    intake = {"settle_seconds": 0, "poll_seconds": 3600}

    def start(root: Path, **settings: object) -> Service:
        store.settings = Settings(data_dir=tmp_path / "data", intake=IntakeSettings(**{**intake, **settings}))  # type: ignore[arg-type,attr-defined]
        services.append(Service(Library(store, store.settings), str(root)))  # type: ignore[attr-defined]
        return services[-1]

    with open_store(Settings(data_dir=tmp_path / "data"), create=True) as store:
        yield start
        for service in services:
            service.monitor.close()


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(64))


def test_what_arrives_directly_in_a_root_that_is_a_link_is_noticed(
    tmp_path: Path, started: Callable[..., Service]
) -> None:
    put(tmp_path / "disk" / "one.jpg")
    link = tmp_path / "Photos"
    link.symlink_to(tmp_path / "disk")
    service = started(link)
    service.has("one.jpg")
    put(link / "top.jpg")
    put(link / "new" / "deep" / "n.jpg")
    service.has("one.jpg", "top.jpg", "new/deep/n.jpg")
    assert service.monitor.states()[0].watches == 3
    (tmp_path / "disk" / "top.jpg").unlink()
    service.has("one.jpg", "new/deep/n.jpg")


def test_a_root_that_leads_elsewhere_is_looked_through_again(
    tmp_path: Path, started: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "_LOOK_SECONDS", 0.2)
    put(tmp_path / "old" / "a.jpg")
    put(tmp_path / "new" / "a.jpg")
    put(tmp_path / "new" / "b.jpg")
    link = tmp_path / "Photos"
    link.symlink_to(tmp_path / "old")
    service = started(link)
    service.has("a.jpg")
    other = tmp_path / "other"
    other.symlink_to(tmp_path / "new")
    other.rename(link)
    service.has("a.jpg", "b.jpg")
    put(tmp_path / "new" / "c.jpg")
    service.has("a.jpg", "b.jpg", "c.jpg")


def test_linked_folders_are_watched_also_those_that_come_and_change_while_the_service_runs(
    tmp_path: Path, started: Callable[..., Service]
) -> None:
    root, outside, other = tmp_path / "photos", tmp_path / "outside", tmp_path / "other"
    put(root / "a.jpg")
    put(outside / "b.jpg")
    put(other / "sub" / "z.jpg")
    (root / "link").symlink_to(outside)
    (root / "up").symlink_to(root)
    (outside / "loop").symlink_to(root)
    service = started(root, follow_symlinks=True)
    service.has("a.jpg", "link/b.jpg")
    put(outside / "c.jpg")
    put(outside / "deep" / "d.jpg")
    service.has("a.jpg", "link/b.jpg", "link/c.jpg", "link/deep/d.jpg")
    (root / "later").symlink_to(other)
    service.has("a.jpg", "link/b.jpg", "link/c.jpg", "link/deep/d.jpg", "later/sub/z.jpg")
    put(other / "sub" / "y.jpg")
    service.has("a.jpg", "link/b.jpg", "link/c.jpg", "link/deep/d.jpg", "later/sub/z.jpg", "later/sub/y.jpg")
    (root / "link").unlink()
    service.has("a.jpg", "later/sub/z.jpg", "later/sub/y.jpg")
    (root / "new").symlink_to(outside)
    (root / "new").rename(root / "later")
    service.has("a.jpg", "later/b.jpg", "later/c.jpg", "later/deep/d.jpg")


def test_a_folder_that_links_reach_twice_is_one(tmp_path: Path, started: Callable[..., Service]) -> None:
    root = tmp_path / "photos"
    put(root / "m" / "a.jpg")
    service = started(root, follow_symlinks=True)
    service.has("m/a.jpg")
    (root / "z").symlink_to(root / "m")
    put(root / "m" / "b.jpg")
    service.has("m/a.jpg", "m/b.jpg")
    put(root / "z" / "c.jpg")
    service.has("m/a.jpg", "m/b.jpg", "m/c.jpg")
    put(tmp_path / "in" / "d.jpg")
    (tmp_path / "in" / "up").symlink_to(root)
    (tmp_path / "in").rename(root / "in")
    service.has("m/a.jpg", "m/b.jpg", "m/c.jpg", "in/d.jpg")


def test_without_the_setting_links_inside_are_not_followed(tmp_path: Path, started: Callable[..., Service]) -> None:
    root = tmp_path / "photos"
    put(root / "a.jpg")
    put(tmp_path / "outside" / "b.jpg")
    service = started(root)
    (root / "link").symlink_to(tmp_path / "outside")
    put(tmp_path / "outside" / "c.jpg")
    put(root / "d.jpg")
    service.has("a.jpg", "d.jpg")
    assert service.monitor.states()[0].watches == 1


def test_links_to_files_are_polled_and_said_to_be(tmp_path: Path, started: Callable[..., Service]) -> None:
    root = tmp_path / "photos"
    put(root / "deep" / "a.jpg")
    put(tmp_path / "b.jpg")
    service = started(root, follow_symlinks=True, poll_seconds=1)
    service.has("deep/a.jpg")
    assert service.polled == {}
    (root / "deep" / "b.jpg").symlink_to(tmp_path / "b.jpg")
    service.has("deep/a.jpg", "deep/b.jpg")
    assert service.polled == {"deep": "the kernel does not tell of changes behind links to files"}

    def size() -> int:
        service.go_on()
        return next(
            p.fingerprint.size for p in known_photos(service.library.store, service.root.id) if "b.jpg" in p.path
        )

    (tmp_path / "b.jpg").write_bytes(b"another one")
    wait_for(lambda: size() == len(b"another one"), 20)


def test_each_mount_is_watched_or_polled_by_its_own_kind_also_when_it_comes_later(
    tmp_path: Path, started: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "_LOOK_SECONDS", 0.2)
    root = tmp_path / "photos"
    for name in ("nas", "nas/local", "disk"):
        put(root / name / "a.jpg")
    table = MountTable({**mount_table().kinds, str(root): "ext4", str(root / "nas"): "nfs4"})
    table.kinds[str(root / "nas" / "local")] = "xfs"
    monkeypatch.setattr(watch, "mount_table", lambda: MountTable(dict(table.kinds)))
    monkeypatch.setattr(watch, "kind_of", lambda path: table.kind_of(path))
    monkeypatch.setattr(MountChanges, "any", lambda _: True)
    # A mount is another device; these folders all lie on one.
    real = os.stat

    class Other:
        def __init__(self, path: str) -> None:
            found = real(path)
            self.st_ino, self.st_mode = found.st_ino, found.st_mode
            self.st_dev = hash(next(p for p in sorted(table.kinds, key=len)[::-1] if f"{path}/".startswith(f"{p}/")))

    class Os:
        def __getattr__(self, name: str) -> object:
            return Other if name == "stat" else getattr(os, name)

    monkeypatch.setattr(watch, "os", Os())
    service = started(root)
    expected = {f"{name}/a.jpg" for name in ("nas", "nas/local", "disk")}
    service.has(*expected)
    nfs = "nfs4 does not tell what other machines change"
    assert service.polled == {"nas": nfs}
    assert service.monitor.states()[0].watching == "native"
    # The root, the disk, and the local disk that is mounted inside the share.
    assert service.monitor.states()[0].watches == 3
    for name in ("nas/local", "disk"):
        put(root / name / "b.jpg")
        expected.add(f"{name}/b.jpg")
    service.has(*expected)
    table.kinds[str(root / "disk")] = "fuse.sshfs"
    wait_for(lambda: not service.go_on() and "disk" in service.polled, 20)  # type: ignore[func-returns-value]
    assert service.monitor.states()[0].watches == 2
    del table.kinds[str(root / "disk")], table.kinds[str(root / "nas")]
    wait_for(lambda: not service.go_on() and service.polled == {}, 20)  # type: ignore[func-returns-value]
    put(root / "nas" / "c.jpg")
    service.has(*expected, "nas/c.jpg")


@pytest.mark.parametrize(
    "fault", [PermissionError(errno.EACCES, "Permission denied"), OSError(errno.ENOMEM, "no memory"), None]
)
@pytest.mark.slow
def test_a_folder_that_cannot_be_watched_is_told_polled_and_tried_again(
    tmp_path: Path, started: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, fault: OSError | None
) -> None:
    real = InotifyFD.add_callback
    broken = [True]

    def sometimes(self: InotifyFD, path: bytes, *rest: object) -> int:
        if broken[0] and path.endswith(b"/secret"):
            if fault is None:
                return -1  # as watchdog says that a folder cannot be read
            raise fault
        return real(self, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(InotifyFD, "add_callback", sometimes)
    root = tmp_path / "photos"
    put(root / "secret" / "a.jpg")
    put(root / "open" / "a.jpg")
    service = started(root, poll_seconds=1)
    service.has("secret/a.jpg", "open/a.jpg")
    assert list(service.polled) == ["secret"]
    assert "Errno" not in service.polled["secret"]
    put(root / "secret" / "b.jpg")
    service.has("secret/a.jpg", "open/a.jpg", "secret/b.jpg")
    broken[0] = False
    wait_for(lambda: not service.go_on() and service.polled == {}, 20)  # type: ignore[func-returns-value]
    assert service.monitor.states()[0].watches == 3


def test_a_root_without_watches_left_says_that_it_is_polled(
    tmp_path: Path, started: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(InotifyFD, "add_callback", full)
    put(tmp_path / "photos" / "a.jpg")
    service = started(tmp_path / "photos", poll_seconds=1)
    state = service.monitor.states()[0]
    assert (state.watching, state.watches) == ("polling", 0)
    assert "sysctl fs.inotify.max_user_watches=" in state.why_polling
    service.has("a.jpg")
    put(tmp_path / "photos" / "b.jpg")
    service.has("a.jpg", "b.jpg")
