"""A folder of symbolic links to photos that a search found, as they lie in their own folders; renewed, not made anew.

What tagger made is listed in a file of the folder, before it is made: only these links, and only while they lead where
tagger let them lead, are ever removed or changed.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tagger.core.atomic_file import replacing
from tagger.core.errors import UsageError
from tagger.core.full_disk import full_disk, is_full
from tagger.core.names import folded
from tagger.core.os_words import why
from tagger.core.paths import PhotoPath, disk_path, is_object, shown_path, stored_path
from tagger.system.file_lock import exclusive_lock

_LIST, _LOCK, _PROBE = ".tagger-links.json", ".tagger-links.lock", ".tagger-links.probe"
# The walk obeys it: photos are not found once more, if the folder comes to lie in the library.
_IGNORE = ".taggerignore"
_OURS = frozenset({_LIST, _LOCK, _PROBE, _IGNORE})
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP)
_BAD_NAME = (errno.EINVAL, errno.ENAMETOOLONG, errno.EILSEQ, errno.ENOENT)


@dataclass(slots=True)
class Linked:
    """What was done: how many links there are, of these new, and how many were removed. `failed`: path, why."""

    links: int = 0
    new: int = 0
    removed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


def link_photos(folder: Path, photos: Iterable[PhotoPath], roots: Sequence[str]) -> Linked:
    """Make a folder hold links to just these photos, and leave alone what else is in it. Waits for another that does.

    `folder`: absolute. `roots`: the library's folders. Links are absolute: `folder/NAME OF ROOT/relative path`. Raises
    UsageError for a folder that is not fit for it.
    """
    _check(folder, roots)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(folder / _LOCK):
            _check(folder, roots, locked=True)
            _probe(folder)
            return _Tree(folder, _read(folder)).renew(photos, _names(roots))
    except OSError as error:
        if is_full(error):
            raise full_disk(os.fspath(folder), "links") from error
        raise UsageError(f"{shown_path(os.fspath(folder))} cannot be filled with links: {why(error)}.") from error


def _check(folder: Path, roots: Sequence[str], *, locked: bool = False) -> None:
    shown = shown_path(os.fspath(folder))
    real = os.path.realpath(folder)
    for root in map(os.path.realpath, roots):
        if os.path.commonpath([real, root]) in (real, root):
            where = "lies in" if real != root and real.startswith(root.rstrip("/") + "/") else "holds"
            raise UsageError(
                f"{shown} {where} the library's folder {shown_path(root)}.",
                "Its links would be taken for photos, or mixed with them. Name a folder outside.",
            )
    if os.path.lexists(folder) and not folder.is_dir():
        raise UsageError(f"{shown} is no folder.", "Name another, or one that is not there yet.")
    # Looked at once: what another process does meanwhile begins with the lock, and is waited for.
    there = set(os.listdir(folder)) if folder.is_dir() else set()
    if _LIST not in there and there - _OURS and (locked or _LOCK not in there):
        raise UsageError(
            f"{shown} is not empty, and tagger did not fill it.",
            "Name a folder that is empty or not there yet; nothing in this one was touched.",
        )


def _probe(folder: Path) -> None:
    """Raises UsageError on a file system without symbolic links."""
    probe = folder / _PROBE
    try:
        probe.unlink(missing_ok=True)
        os.symlink("nowhere", probe)
        probe.unlink()
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        for name in (_LOCK, _PROBE):
            (folder / name).unlink(missing_ok=True)
        if not os.listdir(folder):
            folder.rmdir()
        raise UsageError(
            f"The file system of {shown_path(os.fspath(folder))} has no symbolic links (FAT, exFAT), or allows none.",
            "Name a folder on another disk, or copy the photos: tagger search -0 QUERY | xargs -0 -r cp -t FOLDER",
        ) from error


def _read(folder: Path) -> dict[str, str]:
    """The links that tagger made, with where they lead."""
    path = folder / _LIST
    try:
        links = json.loads(path.read_bytes())["links"]
        return {disk_path(str(name)): disk_path(str(target)) for name, target in links.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{shown_path(os.fspath(path))} is damaged, so tagger cannot tell which links are its own.",
            "Remove the folder, if nothing in it is yours, or name another.",
        ) from error


def _names(roots: Sequence[str]) -> dict[str, str]:
    """By root, what it is called in the folder."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for root in roots:
        base = os.path.basename(root) or "photos"
        found[root] = next(name for name in _numbered(base) if folded(name) not in taken)
        taken.add(folded(found[root]))
    return found


def _numbered(path: str) -> Iterator[str]:
    """`a/IMG.jpg`, `a/IMG (2).jpg`, `a/IMG (3).jpg` and so on."""
    yield path
    stem, suffix = os.path.splitext(path)
    number = 2
    while True:
        yield f"{stem} ({number}){suffix}"
        number += 1


class _Tree:
    def __init__(self, folder: Path, mine: Mapping[str, str]) -> None:
        self._folder = folder
        # Links that a person replaced are a person's.
        self._mine = {name: target for name, target in mine.items() if self._leads(name) == target}
        self._fine = {"": True}
        self._done = Linked()

    def renew(self, photos: Iterable[PhotoPath], names: Mapping[str, str]) -> Linked:
        wanted = self._wanted(sorted(photos, key=lambda photo: (photo.root, photo.relative)), names)
        for name in [name for name in self._mine if wanted.get(name, self._mine[name]) != self._mine[name]]:
            # Before the list says that it leads elsewhere.
            self._path(name).unlink(missing_ok=True)
            del self._mine[name]
        # Listed before they are made: one that is listed and not there does no harm.
        self._write(self._mine | wanted)
        made = {name: target for name, target in wanted.items() if self._make(name, target)}
        gone = [name for name in self._mine if name not in wanted]
        for name in gone:
            self._path(name).unlink(missing_ok=True)
            self._done.removed += 1
        self._tidy(gone)
        self._write(made)
        self._done.links = len(made)
        return self._done

    def _wanted(self, photos: Iterable[PhotoPath], names: Mapping[str, str]) -> dict[str, str]:
        """The links to be there, under names that are free."""
        wanted: dict[str, str] = {}
        for photo in photos:
            if is_object(photo.root):
                self._done.failed.append((photo.absolute, "it is in object storage, to which no link can lead"))
                continue
            if not self._may_hold(os.path.dirname(wish := os.path.join(names[photo.root], photo.relative))):
                self._done.failed.append((photo.absolute, "a file that is not tagger's has the name of its folder"))
                continue
            try:
                free = (name for name in _numbered(wish) if name not in wanted and self._is_free(name))
                wanted[next(free)] = photo.absolute
            except OSError as error:
                self._fail(photo.absolute, error)
        return wanted

    def _is_free(self, name: str) -> bool:
        return name in self._mine or not self._is_there(name)

    def _is_there(self, name: str) -> bool:
        try:
            os.lstat(self._path(name))
        except FileNotFoundError:
            return False
        return True

    def _may_hold(self, folder: str) -> bool:
        """Whether a folder in the tree is one, or can be made: nothing is written through a link of a person's."""
        if folder not in self._fine:
            try:
                is_folder = stat.S_ISDIR(os.lstat(self._path(folder)).st_mode)
            except OSError:
                is_folder = True
            self._fine[folder] = is_folder and self._may_hold(os.path.dirname(folder))
        return self._fine[folder]

    def _make(self, name: str, target: str) -> bool:
        if name in self._mine:
            return True
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.symlink(target, path)
        except OSError as error:
            self._fail(target, error)
            return False
        self._done.new += 1
        return True

    def _fail(self, photo: str, error: OSError) -> None:
        if error.errno not in (*_BAD_NAME, errno.EEXIST, errno.ENOTDIR):
            raise error
        self._done.failed.append((photo, why(error)))

    def _tidy(self, gone: Iterable[str]) -> None:
        """Remove folders that have become empty."""
        for folder in sorted({parent for name in gone for parent in Path(name).parents if parent.name}, reverse=True):
            try:
                (self._folder / folder).rmdir()
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
                    raise

    def _leads(self, name: str) -> str | None:
        try:
            return os.readlink(self._path(name))
        except OSError:
            return None

    def _path(self, name: str) -> Path:
        return self._folder / name

    def _write(self, links: Mapping[str, str]) -> None:
        listed = {stored_path(name): stored_path(target) for name, target in sorted(links.items())}
        with replacing(self._folder / _LIST) as unfinished:
            unfinished.write_text(json.dumps({"made by": "tagger search --link", "links": listed}, indent=0) + "\n")
        ignore = self._folder / _IGNORE
        if not ignore.exists():
            ignore.write_text("*\n")
