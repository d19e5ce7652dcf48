"""Walk a folder tree: every file that may be a photo, with its `stat` result, in path order.

A walk opens no file except ignore files. It calls `stat` once for each file and lists each folder once.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from tagger.core.config import IntakeSettings
from tagger.core.errors import UsageError
from tagger.core.formats import SNIFF_BYTES, looks_like_photo, sniff
from tagger.core.paths import shown_path, stored_path
from tagger.core.photo import Fingerprint
from tagger.intake.ignore import (
    IGNORE_FILE,
    NO_MEDIA_FILE,
    Patterns,
    always_ignored,
    ignored,
    never_photo,
    parse_patterns,
)
from tagger.system.filesystem import identity_of, keeps_inodes


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file that may be a photo. `path` is relative to the root, as `os.fsdecode` spells it.

    `named`: it has a photo's extension; otherwise only its first bytes can tell. `fault`: why it cannot be a photo
    although it is named like one (a pipe, a dangling link). `beside`: the names in its folder, if it holds sidecars.
    """

    path: str
    fingerprint: Fingerprint
    named: bool = True
    fault: str | None = None
    beside: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ScanProblem:
    """A path that could not be read or an invalid ignore pattern, and the reason."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{shown_path(self.path)}: {self.reason}"


def walk(
    root: str,
    settings: IntakeSettings,
    on_problem: Callable[[ScanProblem], None],
    unread: list[str] | None = None,
    below: str = "",
) -> Iterator[SeenFile]:
    """Yield every file below `root` that may be a photo, in the code point order of its stored path.

    `below` limits the walk to this folder (relative to `root`); the ignore rules of the folders above it still apply.

    A folder that cannot be listed is reported to `on_problem`, and its path with a slash is added to `unread` before
    any later file is yielded, so that the caller does not take its photos for deleted.
    """
    return _Walk(root, settings, on_problem, [] if unread is None else unread).files(below)


def _refuse(problem: ScanProblem) -> None:
    raise UsageError(f"The folder cannot be read whole: {problem}.")


def photos_below(
    folder: str, settings: IntakeSettings, on_problem: Callable[[ScanProblem], None] = _refuse
) -> list[str]:
    """The absolute paths of the files with a photo's extension below an absolute folder, in a walk's order.

    Raises UsageError if a part of the folder cannot be read, unless another `on_problem` is given.
    """
    seen = walk(folder, settings, on_problem)
    return [os.path.join(folder, file.path) for file in seen if file.named and file.fault is None]


def stat_paths(
    root: str, paths: Iterable[str], settings: IntakeSettings, on_problem: Callable[[ScanProblem], None]
) -> dict[str, SeenFile | None]:
    """What a walk would yield for each path (relative to `root`); None where it would yield nothing."""
    walker = _Walk(root, settings, on_problem, [])
    return {path: walker.at(path) for path in paths}


def holds_picture(path: str) -> bool:
    """Whether a file is a picture by its first bytes. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        return sniff(os.read(descriptor, SNIFF_BYTES)) is not None
    finally:
        os.close(descriptor)


def is_picture(root: str, file: SeenFile, problems: list[ScanProblem]) -> bool:
    """Whether a seen file is a picture by its first bytes; one that cannot be read is added to `problems`."""
    try:
        return holds_picture(os.path.join(root, file.path))
    except OSError as error:
        problems.append(ScanProblem(file.path, error.strerror or str(error)))
        return False


def _every_folder(_path: str) -> bool:
    """The default of `folders`: enter each folder."""
    return True


def folders(
    root: str,
    settings: IntakeSettings,
    below: str = "",
    enter: Callable[[str], bool] = _every_folder,
    linked: list[str] | None = None,
) -> Iterator[str]:
    """Every folder that a walk enters, in its order, as paths relative to `root`; each before it is listed.

    `enter` is asked first; where it says no, the folder and what is inside are left out. Folders in which links to
    files are followed are added to `linked`.
    """
    return _Walk(root, settings, lambda _: None, []).folders(below, enter, [] if linked is None else linked)


@dataclass(frozen=True, slots=True)
class _Entry:
    """The part of `os.DirEntry` that is used, for a single path."""

    name: str
    path: str

    def is_dir(self) -> bool:
        return stat.S_ISDIR(os.lstat(self.path).st_mode)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return os.stat(self.path, follow_symlinks=follow_symlinks)


@dataclass(slots=True)
class _Folder:
    """A folder that the walk is in: its remaining entries, sorted, and its patterns. `beside`: as in `SeenFile`."""

    path: str
    entries: Iterator[os.DirEntry[str]]
    layers: tuple[Patterns, ...]
    identity: tuple[int, int] | None
    beside: frozenset[str] | None = None


class _Walk:
    def __init__(
        self,
        root: str,
        settings: IntakeSettings,
        on_problem: Callable[[ScanProblem], None],
        unread: list[str],
    ) -> None:
        self._root = root
        self._settings = settings
        self._on_problem = on_problem
        self._unread = unread
        # By device: other file systems may be mounted below a root, or be reached by links.
        self._stable: dict[int, bool] = {}
        # Only used with follow_symlinks: without links no folder can be reached twice.
        self._visited: set[tuple[int, int]] = set()
        self._layers: dict[str, tuple[Patterns, ...] | None] = {}

    def files(self, below: str) -> Iterator[SeenFile]:
        first = self._start(below)
        stack = [first] if first else []
        while stack:
            folder = stack[-1]
            for entry in folder.entries:
                path = f"{folder.path}/{entry.name}" if folder.path else entry.name
                try:
                    if _is_folder(entry, self._settings.follow_symlinks):
                        inner = self._enter(entry, path, folder, stack)
                        if inner:
                            stack.append(inner)
                            break
                    else:
                        seen = self._file(entry, path, folder.layers)
                        if seen:
                            yield replace(seen, beside=folder.beside) if folder.beside else seen
                except OSError as error:
                    if error.errno is not None and not isinstance(error, FileNotFoundError):
                        self._problem(path, error)
            else:
                stack.pop()

    def folders(self, below: str, enter: Callable[[str], bool], linked: list[str]) -> Iterator[str]:
        follow = self._settings.follow_symlinks
        outer = self._layers_around(below)
        self._visit_around(below)
        todo = [] if outer is None else [(below, outer)]
        while todo:
            path, layers = todo.pop()
            if follow and not self._is_first_visit(os.path.join(self._root, path)):
                continue
            # Before it is listed, so that a watch set now reports files created after the listing.
            if not enter(path):
                continue
            yield path
            folder = self._open(path, layers, None)
            if folder is None:
                continue
            inside: list[tuple[str, tuple[Patterns, ...]]] = []
            has_links = False
            for entry in folder.entries:
                inner = f"{path}/{entry.name}" if path else entry.name
                if _is_folder(entry, follow):
                    if not (folder.layers and ignored(inner, True, folder.layers)):
                        inside.append((inner, folder.layers))
                elif follow and entry.is_symlink() and not never_photo(entry.name):
                    has_links = True
            if has_links:
                linked.append(path)
            todo += reversed(inside)

    def at(self, path: str) -> SeenFile | None:
        folder, _, name = path.rpartition("/")
        layers = self._layers_of(folder)
        if layers is None or always_ignored(name, hidden=self._settings.hidden):
            return None
        entry = _Entry(name, os.path.join(self._root, path))
        try:
            is_folder = os.path.isdir(entry.path) if self._settings.follow_symlinks else entry.is_dir()
            return None if is_folder else self._file(entry, path, layers)
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                self._problem(path, error)
            return None

    def _start(self, below: str) -> _Folder | None:
        """The first folder, with the patterns of the folders above it."""
        outer = self._layers_around(below)
        if outer is None:
            return None
        where = os.path.join(self._root, below)
        self._visit_around(below)
        return self._open(below, outer, identity_of(where) if self._settings.follow_symlinks else None)

    def _visit_around(self, below: str) -> None:
        """Note the folders around the first one: a link inside it that leads up is not followed."""
        if self._settings.follow_symlinks and below:
            for end in (0, *(place for place, char in enumerate(below) if char == "/")):
                self._is_first_visit(os.path.join(self._root, below[:end]))

    def _is_first_visit(self, path: str) -> bool:
        # One that cannot be found is told where it is opened.
        identity = identity_of(path)
        if identity is None:
            return True
        first = identity not in self._visited
        self._visited.add(identity)
        return first

    def _layers_around(self, folder: str) -> tuple[Patterns, ...] | None:
        """The patterns that apply to a folder, of the folders above it; None if the folder is ignored."""
        if not folder:
            return self._own_layers
        parent, _, name = folder.rpartition("/")
        outer = self._layers_of(parent)
        if outer is None or always_ignored(name, hidden=self._settings.hidden) or ignored(folder, True, outer):
            return None
        return outer

    @cached_property
    def _own_layers(self) -> tuple[Patterns, ...]:
        own = parse_patterns("", self._settings.ignore, self._bad_setting)
        return (own,) if self._settings.ignore else ()

    def _layers_of(self, folder: str) -> tuple[Patterns, ...] | None:
        """The patterns that apply inside a folder; None if the folder is ignored."""
        if folder in self._layers:
            return self._layers[folder]
        parent, _, name = folder.rpartition("/")
        outer = self._layers_of(parent) if folder else self._own_layers
        where = os.path.join(self._root, folder)
        found: tuple[Patterns, ...] | None = None
        if (
            outer is not None
            and not (folder and always_ignored(name, hidden=self._settings.hidden))
            and not (folder and ignored(folder, True, outer))
            and not (folder and not self._settings.follow_symlinks and os.path.islink(where))
            and not os.path.lexists(os.path.join(where, NO_MEDIA_FILE))
        ):
            has_patterns = os.path.lexists(os.path.join(where, IGNORE_FILE))
            found = (*outer, *self._read_patterns(folder)) if has_patterns else outer
        self._layers[folder] = found
        return found

    def _open(self, path: str, layers: tuple[Patterns, ...], identity: tuple[int, int] | None) -> _Folder | None:
        """List a folder and read its ignore files; None if it is ignored or cannot be read."""
        where = os.path.join(self._root, path) if path else self._root
        try:
            with os.scandir(where) as found:
                entries = list(found)
        except OSError as error:
            self._problem(path or ".", error)
            self._unread.append(path + "/" if path else "")
            return None
        names = frozenset(entry.name for entry in entries)
        if NO_MEDIA_FILE in names:
            return None
        if IGNORE_FILE in names:
            layers = (*layers, *self._read_patterns(path))
        hidden, follow = self._settings.hidden, self._settings.follow_symlinks
        kept = [entry for entry in entries if not always_ignored(entry.name, hidden=hidden)]
        # Sorted with the slash that follows a folder's name in paths, so that files come in path order.
        kept.sort(key=lambda entry: stored_path(entry.name) + ("/" if _is_folder(entry, follow) else ""))
        beside = names if any(name[-4:].lower() == ".xmp" for name in names) else None
        return _Folder(path, iter(kept), layers, identity, beside)

    def _enter(self, entry: os.DirEntry[str], path: str, folder: _Folder, stack: list[_Folder]) -> _Folder | None:
        if folder.layers and ignored(path, True, folder.layers):
            return None
        identity = None
        if self._settings.follow_symlinks:
            identity = self._identity(entry.path)
            if identity in self._visited or any(identity == above.identity for above in stack):
                return None
            self._visited.add(identity)
        return self._open(path, folder.layers, identity)

    def _file(self, entry: os.DirEntry[str] | _Entry, path: str, layers: tuple[Patterns, ...]) -> SeenFile | None:
        if never_photo(entry.name) or (layers and ignored(path, False, layers)):
            return None
        named = looks_like_photo(entry.name)
        status = entry.stat(follow_symlinks=False)
        fault = None
        if stat.S_ISLNK(status.st_mode):
            fault = _link_fault(entry)
            if fault is None:
                if not self._settings.follow_symlinks:
                    return None
                status = entry.stat()
        if fault is None and not stat.S_ISREG(status.st_mode):
            fault = "it is not a file but a pipe, socket or device"
        if fault is not None and not named:
            return None
        if status.st_dev not in self._stable:
            self._stable[status.st_dev] = keeps_inodes(entry.path)
        kept = (status.st_ino, status.st_ctime_ns) if self._stable[status.st_dev] else (None, None)
        return SeenFile(path, Fingerprint(status.st_size, status.st_mtime_ns, *kept), named, fault)

    def _read_patterns(self, folder: str) -> tuple[Patterns, ...]:
        path = f"{folder}/{IGNORE_FILE}" if folder else IGNORE_FILE
        try:
            descriptor = os.open(os.path.join(self._root, path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, encoding="utf-8", errors="surrogateescape") as file:
                lines = file.read(1 << 20).splitlines()
        except OSError as error:
            self._problem(path, error)
            return ()

        def fault(number: int, text: str) -> None:
            self._on_problem(ScanProblem(path, f"line {number} is no pattern: {text}"))

        return (parse_patterns(folder, lines, fault),)

    def _bad_setting(self, number: int, text: str) -> None:
        self._on_problem(ScanProblem("intake.ignore", f"entry {number} is no pattern: {text}"))

    def _problem(self, path: str, error: OSError) -> None:
        self._on_problem(ScanProblem(path, error.strerror or str(error)))

    @staticmethod
    def _identity(path: str) -> tuple[int, int]:
        status = os.stat(path)
        return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str], follow: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:
        # A symbolic link that refers to itself.
        return False


def _link_fault(entry: os.DirEntry[str] | _Entry) -> str | None:
    """Why a symbolic link is broken; None if it is not."""
    try:
        entry.stat()
    except FileNotFoundError:
        return "it is a link to a file that does not exist"
    except OSError as error:
        return f"it is a link that leads nowhere: {error.strerror}"
    return None
