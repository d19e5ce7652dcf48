"""Walk a folder tree: every file that may be a photo, with its `stat` result, in path order.

A walk opens no file except ignore files. It calls `stat` once for each file and lists each folder once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from tagger.core.config import IntakeSettings
from tagger.core.errors import UsageError
from tagger.core.formats import SNIFF_BYTES, sniff
from tagger.intake.folder import (
    FolderReader,
    Listing,
    OpenFolder,
    PathEntry,
    ScanProblem,
    SeenFile,
    Subfolder,
    is_folder,
)
from tagger.intake.ignore import (
    IGNORE_FILE,
    NO_MEDIA_FILE,
    Patterns,
    always_ignored,
    ignored,
    never_photo,
    parse_patterns,
)
from tagger.system.filesystem import identity_of

# A folder as it was read elsewhere, with the patterns around it; None where it is to be read here.
ReadElsewhere = Callable[[str, tuple[Patterns, ...]], Listing | None]


def _nowhere(_path: str, _layers: tuple[Patterns, ...]) -> None:
    """The default of `elsewhere`: every folder is read here."""


def walk(  # noqa: PLR0913 - a part of a tree is walked, or a tree by several machines
    root: str,
    settings: IntakeSettings,
    on_problem: Callable[[ScanProblem], None],
    unread: list[str] | None = None,
    below: str = "",
    elsewhere: ReadElsewhere = _nowhere,
) -> Iterator[SeenFile]:
    """Yield every file below `root` that may be a photo, in the code point order of its stored path.

    `below` limits the walk to this folder (relative to `root`); the ignore rules of the folders above it still apply.
    `elsewhere` is asked first for what is in a folder, in the walk's order.

    A folder that cannot be listed is reported to `on_problem`, and its path with a slash is added to `unread` before
    any later file is yielded, so that the caller does not take its photos for deleted.
    """
    return _Walk(root, settings, on_problem, [] if unread is None else unread, elsewhere).files(below)


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


@dataclass(slots=True)
class _Inside:
    """A folder that the walk is in: what remains of it, and its patterns."""

    items: Iterator[SeenFile | Subfolder | ScanProblem]
    layers: tuple[Patterns, ...]
    identity: tuple[int, int] | None


class _Walk:
    def __init__(
        self,
        root: str,
        settings: IntakeSettings,
        on_problem: Callable[[ScanProblem], None],
        unread: list[str],
        elsewhere: ReadElsewhere = _nowhere,
    ) -> None:
        self._root = root
        self._settings = settings
        self._on_problem = on_problem
        self._unread = unread
        self._elsewhere = elsewhere
        self._reader = FolderReader(root, settings, on_problem)
        # Only used with follow_symlinks: without links no folder can be reached twice.
        self._visited: set[tuple[int, int]] = set()
        self._layers: dict[str, tuple[Patterns, ...] | None] = {}

    def files(self, below: str) -> Iterator[SeenFile]:
        first = self._start(below)
        stack = [first] if first else []
        while stack:
            inside = stack[-1]
            for item in inside.items:
                if isinstance(item, SeenFile):
                    yield item
                elif isinstance(item, ScanProblem):
                    self._on_problem(item)
                else:
                    inner = self._enter(item.path, inside.layers, stack)
                    if inner:
                        stack.append(inner)
                        break
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
            folder = self._open(path, layers)
            if folder is None:
                continue
            inside: list[tuple[str, tuple[Patterns, ...]]] = []
            has_links = False
            for entry in folder.entries:
                inner = f"{path}/{entry.name}" if path else entry.name
                if is_folder(entry, follow):
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
        entry = PathEntry(name, os.path.join(self._root, path))
        try:
            inside = os.path.isdir(entry.path) if self._settings.follow_symlinks else entry.is_dir()
            return None if inside else self._reader.file(entry, path, layers)
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                self._problem(path, error)
            return None

    def _start(self, below: str) -> _Inside | None:
        """The first folder, with the patterns of the folders above it."""
        outer = self._layers_around(below)
        if outer is None:
            return None
        where = os.path.join(self._root, below)
        self._visit_around(below)
        return self._look_into(below, outer, identity_of(where) if self._settings.follow_symlinks else None)

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
            found = (*outer, *self._reader.patterns(folder)) if has_patterns else outer
        self._layers[folder] = found
        return found

    def _enter(self, path: str, layers: tuple[Patterns, ...], stack: list[_Inside]) -> _Inside | None:
        identity = None
        if self._settings.follow_symlinks:
            try:
                identity = self._identity(os.path.join(self._root, path))
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    self._problem(path, error)
                return None
            if identity in self._visited or any(identity == above.identity for above in stack):
                return None
            self._visited.add(identity)
        return self._look_into(path, layers, identity)

    def _look_into(self, path: str, layers: tuple[Patterns, ...], identity: tuple[int, int] | None) -> _Inside | None:
        listing = self._elsewhere(path, layers)
        if listing is not None:
            return _Inside(iter(listing.items), listing.layers, identity)
        folder = self._open(path, layers)
        return None if folder is None else _Inside(self._reader.items(folder), folder.layers, identity)

    def _open(self, path: str, layers: tuple[Patterns, ...]) -> OpenFolder | None:
        """List a folder and read its ignore files; None if it is ignored or cannot be read."""
        try:
            return self._reader.open(path, layers)
        except OSError as error:
            self._problem(path or ".", error)
            self._unread.append(path + "/" if path else "")
            return None

    def _bad_setting(self, number: int, text: str) -> None:
        self._on_problem(ScanProblem("intake.ignore", f"entry {number} is no pattern: {text}"))

    def _problem(self, path: str, error: OSError) -> None:
        self._on_problem(ScanProblem(path, error.strerror or str(error)))

    @staticmethod
    def _identity(path: str) -> tuple[int, int]:
        status = os.stat(path)
        return status.st_dev, status.st_ino
