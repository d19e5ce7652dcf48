"""Watch folder trees with inotify.

An event only says where something happened; `stat` tells what is there. Whenever events may have been missed (a full
event queue, a root that disappeared, changed ignore rules or links) the watch reports `LOST`, and the whole root must
be scanned. Folders of which the kernel reports no events (network file systems below a local root, folders that cannot
be watched) are listed in `polled`. If the kernel has no watches left, the whole root is polled.

watchdog's own recursive watch also watches ignored folders, and misses files in folders that are filled while they are
created. So this uses its inotify reader, with one watch for each folder that a walk enters.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, InotifyFD, Mask, WatchDescriptor

from tagger.core import events
from tagger.core.config import IntakeSettings
from tagger.core.paths import shown_path
from tagger.core.sidecar_names import is_sidecar
from tagger.intake.ignore import IGNORE_FILE, NO_MEDIA_FILE, always_ignored, never_photo
from tagger.intake.walk import folders
from tagger.system.filesystem import MountChanges, identity_of, is_silent, kind_of, mount_table

_MASK = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_EXCL_UNLINK
)
_LINKS_TO_FILES = "the kernel does not tell of changes behind links to files"
_FAILURES = {
    errno.EACCES: "tagger may not read it",
    errno.EPERM: "tagger may not read it",
    errno.ENOENT: "it is not there",
    errno.ENOTDIR: "it is no folder",
}
_LOG = logging.getLogger(__name__)
# A folder may be found both by a walk and by its own event. Watching it twice is intended and changes nothing.
warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)


class EventKind(StrEnum):
    """The kind of an event."""

    FILE = "file"  # a file was created, written or moved here
    FOLDER = "folder"  # a folder was created or moved here: walk it
    GONE = "gone"  # a file or a folder was deleted or moved away
    LOST = "lost"  # events may have been missed: scan the root


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """An event below a root. `path` is relative to the root; for `LOST` it is the reason."""

    root: str
    what: EventKind
    path: str


class CannotWatchError(Exception):
    """The kernel has no watches left. `reason` names the limit and how to raise it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Probe:
    """What creating a hidden file showed about a folder's file system.

    `sends_events`: the kernel reported an event. `folds_case`: names are not case-sensitive. `clock_ahead`:
    seconds that the file system's clock is ahead of this machine's.
    """

    sends_events: bool
    folds_case: bool
    clock_ahead: float


def probe(folder: str, now: Callable[[], float]) -> Probe | None:
    """Create and remove a hidden file in a folder; None if it cannot be written to. Raises CannotWatchError."""
    noticed = threading.Event()

    class Listener:
        def on_event(self, event: InotifyEvent) -> None:
            noticed.set()

        def on_watch_deleted(self, wd: WatchDescriptor) -> None:
            """Do nothing."""

        def on_queue_overflow(self) -> None:
            """Do nothing."""

    path = Path(folder) / f".tagger-probe-{os.getpid()}"
    inotify = _started_reader()
    try:
        inotify.add_callback(os.fsencode(folder), _MASK, Listener(), CallbackId(0))
        before = now()
        path.write_bytes(b"tagger doctor\n")
        try:
            ahead = path.stat().st_mtime - before
            folds = path.with_name(path.name.upper()).exists()
            return Probe(noticed.wait(2), folds, ahead)
        finally:
            path.unlink()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EMFILE):
            raise _limit(error) from error
        return None
    finally:
        inotify.stop()
        inotify.join(5)


def why_not_native(folder: str, mode: str) -> str:
    """Why a folder is polled; empty if the kernel tells. `mode`: the setting intake.watch."""
    return _why(kind_of(folder), mode)


def _why(kind: str, mode: str) -> str:
    if mode == "polling":
        return "intake.watch = polling"
    return f"{kind} does not tell what other machines change" if mode == "auto" and is_silent(kind) else ""


class Watch:
    """Watches one root until `close`. Calls `post` from another thread; it must return quickly and must not raise.

    Raises CannotWatchError if the kernel has too few watches.
    """

    def __init__(self, root: str, settings: IntakeSettings, post: Callable[[WatchEvent], None]) -> None:
        self._root = root
        self._settings = settings
        self._post = post
        # More than one path where a folder is mounted twice.
        self._paths: dict[WatchDescriptor, list[str]] = {}
        self._links: dict[str, tuple[int, int] | None] = {}
        self._polled: dict[str, str] = {}
        self._failed: set[str] = set()
        self._lock = threading.Lock()
        self._closed = False
        # Before the table is read, so that no mount falls between.
        self._mount_changes = MountChanges()
        self._mounts = mount_table().below(root)
        # One inotify reader for each root, so that many events in one do not overflow the queue of another.
        self._inotify = _started_reader()
        try:
            self._add("")
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """The number of watched folders."""
        return len(self._paths)

    @property
    def polled(self) -> dict[str, str]:
        """The folders, relative to the root, of which the kernel does not tell, each with the reason."""
        with self._lock:
            return dict(self._polled)

    def outdated(self) -> str:
        """Why the watch is not of what a walk sees now, where no event tells; empty if it is."""
        if self._mount_changes.any() and self._mounts != mount_table().below(self._root):
            return "something was mounted or unmounted"
        with self._lock:
            links = list(self._links.items())
        changed = next((path for path, identity in links if identity != identity_of(self._where(path))), None)
        return "" if changed is None else f"a link leads elsewhere: {shown_path(changed)}"

    def retry(self) -> None:
        """Try again to watch the folders where it failed. Raises CannotWatchError."""
        with self._lock:
            again, self._failed = self._failed, set()
            for path in again:
                self._polled.pop(path, None)
        for path in again:
            self._add(path)

    def close(self) -> None:
        """Stop watching."""
        self._closed = True
        self._mount_changes.close()
        self._inotify.stop()
        if self._inotify is not threading.current_thread():
            self._inotify.join(10)

    # --- called by watchdog's thread, which an exception would end --------------------------------------

    def on_event(self, event: InotifyEvent) -> None:
        """Handle an event of watchdog."""
        try:
            with self._lock:
                folders_of_event = list(self._paths.get(event.wd, ()))
            for folder in folders_of_event:
                if not self._closed:
                    self._translate(event, folder)
        except CannotWatchError as error:
            self._report(EventKind.LOST, error.reason)
        except Exception as error:  # noqa: BLE001 - reported as LOST; the thread must go on
            _LOG.exception(events.FAILED(part=f"watching {shown_path(self._root)}"))
            self._report(EventKind.LOST, f"the watcher failed: {error}")

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Handle the end of a watch: the folder was deleted, or its file system unmounted."""
        with self._lock:
            ended = self._paths.pop(wd, [])
        if self._closed:
            return
        for path in ended:
            if path == "":
                self._report(EventKind.LOST, "the folder went away")
            elif os.path.isdir(self._where(path)):
                self._report(EventKind.LOST, f"something else is there now: {shown_path(path)}")

    def on_queue_overflow(self) -> None:
        """Handle an overflow: the kernel dropped events."""
        self._report(EventKind.LOST, "too much happened at once")

    def _translate(self, event: InotifyEvent, folder: str) -> None:
        if event.is_move_self or event.is_delete_self:
            if folder == "":
                self._report(EventKind.LOST, "the folder went away")
            elif folder in self._links:
                self._report(EventKind.LOST, f"a link leads elsewhere: {shown_path(folder)}")
            return
        name = os.fsdecode(event.name)
        path = f"{folder}/{name}" if folder else name
        arrived = event.is_create or event.is_moved_to
        if name in (IGNORE_FILE, NO_MEDIA_FILE):
            if not event.is_create:
                self._report(EventKind.LOST, f"the ignore rules changed: {path}")
        elif always_ignored(name, hidden=self._settings.hidden):
            return
        elif path in self._links:
            # Another link may lead to the same folder: only a walk knows which one counts.
            self._report(EventKind.LOST, f"a link leads elsewhere: {shown_path(path)}")
        elif event.is_directory or (arrived and self._is_linked_folder(path)):
            if not arrived:
                self._remove(path)
                self._report(EventKind.GONE, path)
            elif self._add(path):
                self._report(EventKind.FOLDER, path)
            else:
                self._report(EventKind.LOST, f"a link leads to what is in the folder already: {shown_path(path)}")
        elif is_sidecar(name) or not never_photo(name):
            if arrived and self._settings.follow_symlinks and os.path.islink(self._where(path)):
                self._poll(folder, _LINKS_TO_FILES)
            self._report(EventKind.FILE if arrived or event.is_close_write else EventKind.GONE, path)

    def _report(self, what: EventKind, path: str) -> None:
        self._post(WatchEvent(self._root, what, path))

    def _where(self, path: str) -> str:
        return os.path.join(self._root, path) if path else self._root

    def _is_linked_folder(self, path: str) -> bool:
        where = self._where(path)
        return self._settings.follow_symlinks and os.path.islink(where) and os.path.isdir(where)

    def _poll(self, path: str, why: str) -> None:
        with self._lock:
            new = path not in self._polled
            self._polled.setdefault(path, why)
        if new and path:
            _LOG.warning(events.POLLED(folder=shown_path(self._where(path)), why=why))

    def _add(self, below: str) -> bool:
        """Watch a folder and every folder below it that a walk enters.

        False if a link leads to a folder that is watched already under another path; then it is as before.
        """
        devices: dict[int, str] = {}
        twice = False

        def enter(path: str) -> bool:
            nonlocal twice
            where = self._where(path)
            try:
                device = os.stat(where).st_dev
            except OSError as error:
                self._failed_at(path, error)
                return False
            if device not in devices:
                devices[device] = _why(kind_of(where), self._settings.watch)
            if devices[device]:
                self._poll(path, devices[device])
                return False
            entered = self._watch_one(path, where)
            twice = twice or entered is None
            return entered is True

        for starting in (below, *self._mounts):
            # Local file systems below one that is polled.
            if starting == below or (_is_below(starting, below) and self._is_polled_around(starting)):
                linked: list[str] = []
                for _ in folders(self._root, self._settings, starting, enter, linked):
                    pass
                for path in linked:
                    self._poll(path, _LINKS_TO_FILES)
        return not twice

    def _is_polled_around(self, path: str) -> bool:
        with self._lock:
            return any(_is_below(path, polled) and polled not in self._failed for polled in self._polled)

    def _watch_one(self, path: str, where: str) -> bool | None:
        """Watch a folder. False if that fails; None if it is watched already under another path, by a link."""
        follow = path == "" or self._settings.follow_symlinks
        mask = _MASK if follow else Mask(_MASK | InotifyConstants.IN_DONT_FOLLOW)
        try:
            wd = self._inotify.add_callback(os.fsencode(where), mask, self, CallbackId(id(self)))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EMFILE):
                raise _limit(error) from error
            self._failed_at(path, error)
            return False
        # watchdog returns -1 for a folder that cannot be read.
        if wd < 0:
            self._failed_at(path, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
            return False
        with self._lock:
            # A folder that was moved a moment ago is known by a path at which it no longer is.
            others = [old for old in self._paths.get(wd, ()) if old != path and _same_folder(self._where(old), where)]
            if others and self._settings.follow_symlinks:
                return None
            self._paths[wd] = [*others, path]
            if path and os.path.islink(where):
                self._links[path] = identity_of(where)
        return True

    def _failed_at(self, path: str, error: OSError) -> None:
        """Note a folder that cannot be watched; one that vanished meanwhile has an event of its own."""
        if path and isinstance(error, FileNotFoundError | NotADirectoryError):
            return
        with self._lock:
            self._failed.add(path)
        self._poll(path, _FAILURES.get(error.errno or 0, f"it cannot be watched ({error.strerror})"))

    def _remove(self, folder: str) -> None:
        """Remove the watches of a folder that was moved away: they would report its old paths."""
        unused: list[WatchDescriptor] = []
        with self._lock:
            for wd, paths in list(self._paths.items()):
                self._paths[wd] = [path for path in paths if not _is_below(path, folder)]
                if not self._paths[wd]:
                    del self._paths[wd]
                    unused.append(wd)
            for table in (self._links, self._polled):
                for path in [path for path in table if _is_below(path, folder)]:
                    del table[path]
            self._failed = {path for path in self._failed if not _is_below(path, folder)}
        self._inotify.remove_callbacks([(wd, CallbackId(id(self))) for wd in unused])


def _is_below(path: str, folder: str) -> bool:
    """Whether a path relative to the root is a folder or below it."""
    return folder in ("", path) or path.startswith(folder + "/")


def _same_folder(one: str, other: str) -> bool:
    return identity_of(one) == identity_of(other) is not None


def _started_reader() -> InotifyFD:
    try:
        inotify = InotifyFD()
    except OSError as error:
        raise _limit(error) from error
    inotify.start()
    return inotify


def _limit(error: OSError) -> CannotWatchError:
    which = "max_user_instances" if error.errno == errno.EMFILE else "max_user_watches"
    try:
        now = Path(f"/proc/sys/fs/inotify/{which}").read_text().strip()
    except OSError:
        now = "?"
    more = max(1024, 2 * int(now)) if now.isdigit() else 524288
    return CannotWatchError(
        f"the kernel's limit fs.inotify.{which} = {now} is reached; raise it with: sysctl fs.inotify.{which}={more}"
    )
