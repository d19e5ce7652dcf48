"""One folder of a tree: the files in it that may be photos, and the folders inside, in path order.

No file is opened except ignore files. `stat` is called once for each file, and the folder is listed once.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tagger.core.config import IntakeSettings
from tagger.core.formats import looks_like_photo
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
from tagger.system.filesystem import keeps_inodes


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


@dataclass(frozen=True, slots=True)
class Subfolder:
    """A folder inside another. `path` is relative to the root. `linked`: a link leads there."""

    path: str
    linked: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What is in a folder, in path order, and the patterns that apply there. `items` may be read as they are used."""

    layers: tuple[Patterns, ...]
    items: Iterable[SeenFile | Subfolder | ScanProblem]


@dataclass(frozen=True, slots=True)
class TreePart:
    """Folders that were read one after the other, by path.

    `rest`: folders inside that were not, with the patterns around them. Those that could not be read are in neither.
    """

    listings: dict[str, Listing]
    rest: list[tuple[str, tuple[Patterns, ...]]]
    files: int


@dataclass(frozen=True, slots=True)
class OpenFolder:
    """A folder that was listed: its entries in path order, and the patterns inside. `beside`: as in `SeenFile`."""

    path: str
    entries: list[os.DirEntry[str]]
    layers: tuple[Patterns, ...]
    beside: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class PathEntry:
    """The part of `os.DirEntry` that is used, for a single path."""

    name: str
    path: str

    def is_dir(self) -> bool:
        """Whether it is a folder, not a link to one."""
        return stat.S_ISDIR(os.lstat(self.path).st_mode)

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """What `os.stat` says."""
        return os.stat(self.path, follow_symlinks=follow_symlinks)


class FolderReader:
    """Reads folders of one root."""

    def __init__(self, root: str, settings: IntakeSettings, on_problem: Callable[[ScanProblem], None]) -> None:
        self._root = root
        self._settings = settings
        self._on_problem = on_problem
        # By device: other file systems may be mounted below a root, or be reached by links.
        self._stable: dict[int, bool] = {}

    def open(self, path: str, layers: tuple[Patterns, ...]) -> OpenFolder | None:
        """List a folder and read its ignore files; None if it is ignored. `layers`: the patterns around it.

        Raises OSError if it cannot be listed.
        """
        with os.scandir(os.path.join(self._root, path) if path else self._root) as found:
            entries = list(found)
        names = frozenset(entry.name for entry in entries)
        if NO_MEDIA_FILE in names:
            return None
        if IGNORE_FILE in names:
            layers = (*layers, *self.patterns(path))
        hidden, follow = self._settings.hidden, self._settings.follow_symlinks
        kept = [entry for entry in entries if not always_ignored(entry.name, hidden=hidden)]
        # Sorted with the slash that follows a folder's name in paths, so that files come in path order.
        kept.sort(key=lambda entry: stored_path(entry.name) + ("/" if is_folder(entry, follow) else ""))
        beside = names if any(name[-4:].lower() == ".xmp" for name in names) else None
        return OpenFolder(path, kept, layers, beside)

    def items(self, folder: OpenFolder) -> Iterator[SeenFile | Subfolder]:
        """What is in a folder, in path order."""
        follow, layers = self._settings.follow_symlinks, folder.layers
        for entry in folder.entries:
            path = f"{folder.path}/{entry.name}" if folder.path else entry.name
            try:
                if is_folder(entry, follow):
                    if not (layers and ignored(path, True, layers)):
                        yield Subfolder(path, follow and entry.is_symlink())
                elif seen := self.file(entry, path, layers, folder.beside):
                    yield seen
            except OSError as error:
                if error.errno is not None and not isinstance(error, FileNotFoundError):
                    self._problem(path, error)

    def file(
        self,
        entry: os.DirEntry[str] | PathEntry,
        path: str,
        layers: tuple[Patterns, ...],
        beside: frozenset[str] | None = None,
    ) -> SeenFile | None:
        """A file as a walk yields it, or None. Raises OSError."""
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
        return SeenFile(path, Fingerprint(status.st_size, status.st_mtime_ns, *kept), named, fault, beside)

    def patterns(self, folder: str) -> tuple[Patterns, ...]:
        """The patterns of a folder's ignore file."""
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

    def _problem(self, path: str, error: OSError) -> None:
        self._on_problem(ScanProblem(path, error.strerror or str(error)))


def read_part(
    root: str, settings: IntakeSettings, path: str, layers: tuple[Patterns, ...], enough: Callable[[int], bool]
) -> TreePart:
    """Read a folder, and then those inside it in a walk's order, until it is `enough`: asked with the files so far.

    `layers`: the patterns around it. Folders that links lead to are left out: a walk tells whether it was there.
    """
    items: list[SeenFile | Subfolder | ScanProblem] = []
    reader = FolderReader(root, settings, lambda problem: items.append(problem))
    listings: dict[str, Listing] = {}
    files, todo = 0, [(path, layers)]
    while todo and not (listings and enough(files)):
        inner, around = todo.pop()
        items = []
        try:
            folder = reader.open(inner, around)
        except OSError:
            continue
        if folder is None:
            listings[inner] = Listing(around, ())
            continue
        # Problems come between.
        for item in reader.items(folder):
            items.append(item)
        listings[inner] = Listing(folder.layers, items)
        inside = [(item.path, folder.layers) for item in items if isinstance(item, Subfolder) and not item.linked]
        todo += reversed(inside)
        files += len(items) - len(inside)
    return TreePart(listings, todo, files)


def is_folder(entry: os.DirEntry[str], follow: bool) -> bool:
    """Whether an entry is a folder, or a link to one that is followed."""
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:
        # A symbolic link that refers to itself.
        return False


def _link_fault(entry: os.DirEntry[str] | PathEntry) -> str | None:
    """Why a symbolic link is broken; None if it is not."""
    try:
        entry.stat()
    except FileNotFoundError:
        return "it is a link to a file that does not exist"
    except OSError as error:
        return f"it is a link that leads nowhere: {error.strerror}"
    return None
