"""Being told by the kernel where something happened in a folder tree.

An event only says where to look; what is there is found out by `stat`. Everything that may have been missed (a full
event queue, a folder that came and went, changed ignore rules) is told as `Lost`, and then somebody must look through
the whole root. Where the kernel cannot tell (network file systems, no watches left) nothing is watched, and the root is
looked through by the clock instead.

watchdog's own recursive watch would watch ignored folders, too, and misses files in folders that are filled while they
are made; so its inotify reader is used with one watch for each folder that a walk looks into.
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
from tagger.core.formats import extension
from tagger.intake.ignore import IGNORE_FILE, NO_MEDIA_FILE, always_ignored
from tagger.intake.walk import OTHER_EXTENSIONS, folders
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
# A folder may be found by a walk and by its own event; watching it again is meant to change nothing.
warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)


class EventKind(StrEnum):
    """What happened, as far as an event tells."""

    FILE = "file"  # something with a file at this path: look at it
    FOLDER = "folder"  # a folder appeared: look at everything in it
    GONE = "gone"  # a file or a folder went away
    LOST = "lost"  # events may have been missed: look through the root


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """An event below a root. `path` is relative to it; for `LOST` it says why."""

    root: str
    what: EventKind
    path: str


class CannotWatchError(Exception):
    """The kernel gives no more watches; `reason` says which limit and how to raise it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Probe:
    """What a hidden file, made and removed again, showed of a folder.

    `told`: the kernel told of it. `folds_case`: its name in other letters is the same file. `clock_ahead`: by how many
    seconds the file system's clock is ahead of this machine's.
    """

    told: bool
    folds_case: bool
    clock_ahead: float


def probe(folder: str, now: Callable[[], float]) -> Probe | None:
    """Try a folder out; None where nothing may be written. Raises CannotWatchError where there are no watches."""
    told = threading.Event()

    class Listener:
        def on_event(self, event: InotifyEvent) -> None:
            told.set()

        def on_watch_deleted(self, wd: WatchDescriptor) -> None:
            """Nothing to tidy."""

        def on_queue_overflow(self) -> None:
            """Nothing to lose."""

    path = Path(folder) / f".tagger-probe-{os.getpid()}"
    inotify = _started_reader()
    try:
        inotify.add_callback(os.fsencode(folder), _MASK, Listener(), CallbackId(0))
        before = now()
        path.write_bytes(b"tagger doctor\n")
        try:
            ahead = path.stat().st_mtime - before
            folds = path.with_name(path.name.upper()).exists()
            return Probe(told.wait(2), folds, ahead)
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
    """Why a root cannot be watched by the kernel; empty if it can. `mode`: intake.watch of the configuration."""
    if mode == "polling":
        return "intake.watch = polling"
    kind = kind_of(root)
    if mode == "auto" and is_silent(kind):
        return f"{kind} does not tell what other machines change"
    return ""


class Watch:
    """Watches one root until `close`. `tell` is called from another thread; it must be quick and must not fail.

    Raises CannotWatchError where there are not enough watches.
    """

    def __init__(self, root: str, settings: IntakeSettings, tell: Callable[[WatchEvent], None]) -> None:
        self._root = root
        self._settings = settings
        self._tell = tell
        self._paths: dict[WatchDescriptor, str] = {}
        self._lock = threading.Lock()
        self._closed = False
        # A reader of its own, so that one root's flood does not overflow another's queue.
        self._inotify = _started_reader()
        try:
            self._add("")
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """How many folders are watched."""
        return len(self._paths)

    def close(self) -> None:
        """Stop watching."""
        self._closed = True
        self._inotify.stop()
        if self._inotify is not threading.current_thread():
            self._inotify.join(10)

    # --- called by watchdog's thread; an exception there would end it -----------------------------------

    def on_event(self, event: InotifyEvent) -> None:
        """One event of one watch."""
        try:
            with self._lock:
                folder = self._paths.get(event.wd)
            if folder is not None and not self._closed:
                self._understand(event, folder)
        except CannotWatchError as error:
            self._say(EventKind.LOST, error.reason)
        except Exception as error:  # noqa: BLE001 - it is told, and the thread must live
            _LOG.exception("watching %s", self._root)
            self._say(EventKind.LOST, f"the watcher failed: {error}")

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """The folder is gone, or its file system was unmounted."""
        with self._lock:
            folder = self._paths.pop(wd, None)
        if folder == "" and not self._closed:
            self._say(EventKind.LOST, "the folder went away")

    def on_queue_overflow(self) -> None:
        """The kernel threw events away."""
        self._say(EventKind.LOST, "too much happened at once")

    def _understand(self, event: InotifyEvent, folder: str) -> None:
        if event.is_move_self or event.is_delete_self:
            if folder == "":
                self._say(EventKind.LOST, "the folder went away")
            return
        name = os.fsdecode(event.name)
        path = f"{folder}/{name}" if folder else name
        arrived = event.is_create or event.is_moved_to
        if name in (IGNORE_FILE, NO_MEDIA_FILE):
            if not event.is_create:
                self._say(EventKind.LOST, f"the ignore rules changed: {path}")
        elif always_ignored(name, hidden=self._settings.hidden):
            return
        elif event.is_directory:
            if arrived:
                self._add(path)
                self._say(EventKind.FOLDER, path)
            else:
                self._remove(path)
                self._say(EventKind.GONE, path)
        elif extension(name) not in OTHER_EXTENSIONS:
            self._say(EventKind.FILE if arrived or event.is_close_write else EventKind.GONE, path)

    def _say(self, what: EventKind, path: str) -> None:
        self._tell(WatchEvent(self._root, what, path))

    def _add(self, below: str) -> None:
        """Watch a folder and every folder in it that a walk looks into."""
        for path in folders(self._root, self._settings, below):
            where = os.path.join(self._root, path) if path else self._root
            try:
                wd = self._inotify.add_callback(os.fsencode(where), _MASK, self, CallbackId(id(self)))
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EMFILE):
                    raise _limit(error) from error
                # It went away, or may not be read; the scan tells about that.
                continue
            # watchdog gives -1 for a folder that may not be read.
            if wd >= 0:
                with self._lock:
                    self._paths[wd] = path

    def _remove(self, folder: str) -> None:
        """A folder was moved away: its watches would tell of paths that are not there any more."""
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
