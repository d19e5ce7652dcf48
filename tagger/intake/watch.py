"""Watch folder trees with inotify.

An event only says where something happened; `stat` tells what is there. Whenever events may have been missed (a full
event queue, a root that disappeared, changed ignore rules) the watch reports `LOST`, and the whole root must be
scanned. Where the kernel reports no events (network file systems) or has no watches left, a root is polled instead.

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

from tagger.core.config import IntakeSettings
from tagger.intake.ignore import IGNORE_FILE, NO_MEDIA_FILE, always_ignored, never_photo
from tagger.intake.walk import folders
from tagger.system.filesystem import is_silent, kind_of

_MASK = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_DONT_FOLLOW
    | InotifyConstants.IN_EXCL_UNLINK
)
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


def why_not_native(root: str, mode: str) -> str:
    """Why a root cannot be watched natively; empty if it can. `mode`: the setting intake.watch."""
    if mode == "polling":
        return "intake.watch = polling"
    kind = kind_of(root)
    if mode == "auto" and is_silent(kind):
        return f"{kind} does not tell what other machines change"
    return ""


class Watch:
    """Watches one root until `close`. Calls `post` from another thread; it must return quickly and must not raise.

    Raises CannotWatchError if the kernel has too few watches.
    """

    def __init__(self, root: str, settings: IntakeSettings, post: Callable[[WatchEvent], None]) -> None:
        self._root = root
        self._settings = settings
        self._post = post
        self._paths: dict[WatchDescriptor, str] = {}
        self._lock = threading.Lock()
        self._closed = False
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

    def close(self) -> None:
        """Stop watching."""
        self._closed = True
        self._inotify.stop()
        if self._inotify is not threading.current_thread():
            self._inotify.join(10)

    # --- called by watchdog's thread, which an exception would end --------------------------------------

    def on_event(self, event: InotifyEvent) -> None:
        """Handle an event of watchdog."""
        try:
            with self._lock:
                folder = self._paths.get(event.wd)
            if folder is not None and not self._closed:
                self._translate(event, folder)
        except CannotWatchError as error:
            self._report(EventKind.LOST, error.reason)
        except Exception as error:  # noqa: BLE001 - reported as LOST; the thread must go on
            _LOG.exception("watching %s", self._root)
            self._report(EventKind.LOST, f"the watcher failed: {error}")

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Handle the end of a watch: the folder was deleted, or its file system unmounted."""
        with self._lock:
            folder = self._paths.pop(wd, None)
        if folder == "" and not self._closed:
            self._report(EventKind.LOST, "the folder went away")

    def on_queue_overflow(self) -> None:
        """Handle an overflow: the kernel dropped events."""
        self._report(EventKind.LOST, "too much happened at once")

    def _translate(self, event: InotifyEvent, folder: str) -> None:
        if event.is_move_self or event.is_delete_self:
            if folder == "":
                self._report(EventKind.LOST, "the folder went away")
            return
        name = os.fsdecode(event.name)
        path = f"{folder}/{name}" if folder else name
        arrived = event.is_create or event.is_moved_to
        if name in (IGNORE_FILE, NO_MEDIA_FILE):
            if not event.is_create:
                self._report(EventKind.LOST, f"the ignore rules changed: {path}")
        elif always_ignored(name, hidden=self._settings.hidden):
            return
        elif event.is_directory:
            if arrived:
                self._add(path)
                self._report(EventKind.FOLDER, path)
            else:
                self._remove(path)
                self._report(EventKind.GONE, path)
        elif not never_photo(name):
            self._report(EventKind.FILE if arrived or event.is_close_write else EventKind.GONE, path)

    def _report(self, what: EventKind, path: str) -> None:
        self._post(WatchEvent(self._root, what, path))

    def _add(self, below: str) -> None:
        """Watch a folder and every folder below it that a walk enters."""
        for path in folders(self._root, self._settings, below):
            where = os.path.join(self._root, path) if path else self._root
            try:
                wd = self._inotify.add_callback(os.fsencode(where), _MASK, self, CallbackId(id(self)))
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EMFILE):
                    raise _limit(error) from error
                # It was deleted or cannot be read. The scan reports that.
                continue
            # watchdog returns -1 for a folder that cannot be read.
            if wd >= 0:
                with self._lock:
                    self._paths[wd] = path

    def _remove(self, folder: str) -> None:
        """Remove the watches of a folder that was moved away: they would report its old paths."""
        with self._lock:
            gone = [wd for wd, path in self._paths.items() if path == folder or path.startswith(folder + "/")]
            for wd in gone:
                del self._paths[wd]
        self._inotify.remove_callbacks([(wd, CallbackId(id(self))) for wd in gone])


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
