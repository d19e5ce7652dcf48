"""Photos whose files changed places among known paths: two names swapped, a series renumbered, one moved over another.

Each path has a file still, so nothing looks gone; but what a person said belongs to the picture, not to the name.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from tagger.core.paths import disk_path, stored_path
from tagger.core.photo import Fingerprint
from tagger.store import jobs, ledger
from tagger.store.photos import path_columns, stored_fingerprint
from tagger.store.tables import PhotoRow


@dataclass(frozen=True, slots=True)
class FilesNow:
    """What the caller knows of the files of a root, by relative path.

    `at`: the fingerprint of the file at a path, None if there is none. `has_bytes`: whether the file at a path has a
    content hash; asked only where inodes do not tell.
    """

    at: Callable[[str], Fingerprint | None]
    has_bytes: Callable[[str, bytes], bool]


@dataclass(slots=True)
class Followed:
    """Photos by id after the paths were put right, with the fingerprints of the files.

    `moved`: found at another known path. `changed`: other files are at their paths. `gone`: no files are. `at`: the
    photos by path.
    """

    moved: list[tuple[int, Fingerprint]] = field(default_factory=list)
    changed: list[tuple[int, Fingerprint]] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    at: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Photo:
    id: int
    path: str
    fingerprint: Fingerprint
    content_hash: bytes | None


def follow_files(session: Session, root_id: int, changed: Mapping[str, Fingerprint], files: FilesNow) -> Followed:
    """Give photos of a root the paths where their files are now. `changed`: known paths that have other files now.

    A photo whose file was replaced by another photo's goes to the path that this one left, as gone or changed.
    """
    return _Following(session, root_id, files).run(changed)


class _Following:
    def __init__(self, session: Session, root_id: int, files: FilesNow) -> None:
        self._session = session
        self._root_id = root_id
        self._files = files
        self._photos: dict[int, _Photo] = {}
        self._at: dict[str, _Photo] = {}
        self._alike: dict[tuple[int, int], list[_Photo]] = defaultdict(list)
        self._asked: set[tuple[int, int]] = set()

    def run(self, changed: Mapping[str, Fingerprint]) -> Followed:
        self._find_alike([stored_fingerprint(fingerprint) for fingerprint in changed.values()])
        if any(self._alike.values()):
            self._load_paths(list(changed))
        places: dict[str, Fingerprint | None] = dict(changed)
        home: set[int] = set()
        swapped: set[int] = set()
        work = deque(changed)
        while work:
            path = work.popleft()
            file = places[path]
            owner = None if file is None else self._owner(path, file)
            here = self._at.get(path)
            if owner is None or here is None or owner.id in home:
                continue
            home.add(owner.id)
            if owner.id == here.id:
                continue
            left = owner.path
            owner.path, here.path = path, left
            self._at[path], self._at[left] = owner, here
            swapped |= {owner.id, here.id}
            if left not in places:
                places[left] = self._files.at(left)
            work.append(left)
        self._store({photo_id: self._photos[photo_id].path for photo_id in swapped})
        return self._sorted(places, home & swapped)

    def _sorted(self, places: Mapping[str, Fingerprint | None], moved: set[int]) -> Followed:
        ids = self._ids_at([path for path in places if path not in self._at])
        followed = Followed(at=ids | {path: self._at[path].id for path in places if path in self._at})
        for path, photo_id in followed.at.items():
            file = places[path]
            if file is None:
                followed.gone.append(photo_id)
            elif photo_id in moved:
                followed.moved.append((photo_id, file))
            else:
                followed.changed.append((photo_id, file))
        return followed

    def _owner(self, path: str, file: Fingerprint) -> _Photo | None:
        """The photo that the file at a path is of, by what was recorded of it; None if none is known to be."""
        stored = stored_fingerprint(file)
        key = (stored.size, stored.mtime_ns)
        if key not in self._asked:
            self._find_alike([stored])
        for photo in self._alike[key]:
            inodes = (stored.inode, photo.fingerprint.inode)
            if None not in inodes:
                same = inodes[0] == inodes[1]
            else:
                same = photo.content_hash is not None and self._files.has_bytes(path, photo.content_hash)
            if same and (photo.path == path or not self._is_there(photo)):
                return photo
        return None

    def _is_there(self, photo: _Photo) -> bool:
        """Whether a photo's own file is at its path still: then the other one is a copy, or another link."""
        now = self._files.at(photo.path)
        return now is not None and stored_fingerprint(now).matches(photo.fingerprint)

    def _find_alike(self, fingerprints: list[Fingerprint]) -> None:
        """Load the photos that were recorded with the sizes and times of some files."""
        self._asked |= {(one.size, one.mtime_ns) for one in fingerprints}
        for part in jobs.chunks(range(len(fingerprints))):
            some = [fingerprints[number] for number in part]
            sizes, times = {one.size for one in some}, {one.mtime_ns for one in some}
            keys = {(one.size, one.mtime_ns) for one in some}
            for photo in self._load(PhotoRow.size.in_(sizes) & PhotoRow.mtime_ns.in_(times)):
                key = (photo.fingerprint.size, photo.fingerprint.mtime_ns)
                if key in keys and photo not in self._alike[key]:
                    self._alike[key].append(photo)

    def _load_paths(self, paths: list[str]) -> None:
        for start in range(0, len(paths), 500):
            self._load(PhotoRow.path.in_([stored_path(path) for path in paths[start : start + 500]]))

    def _load(self, condition: ColumnElement[bool]) -> list[_Photo]:
        columns = (PhotoRow.id, PhotoRow.path, PhotoRow.size, PhotoRow.mtime_ns, PhotoRow.inode, PhotoRow.content_hash)
        rows = self._session.execute(select(*columns).where(PhotoRow.root_id == self._root_id, condition))
        found = []
        for photo_id, path, size, mtime, inode, content_hash in rows:
            if photo_id not in self._photos:
                photo = _Photo(photo_id, disk_path(path), Fingerprint(size, mtime, inode), content_hash)
                self._photos[photo_id] = photo
                self._at.setdefault(photo.path, photo)
            found.append(self._photos[photo_id])
        return found

    def _ids_at(self, paths: list[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for start in range(0, len(paths), 500):
            part = [stored_path(path) for path in paths[start : start + 500]]
            query = select(PhotoRow.path, PhotoRow.id).where(PhotoRow.root_id == self._root_id, PhotoRow.path.in_(part))
            found |= {disk_path(path): photo_id for path, photo_id in self._session.execute(query)}
        return found

    def _store(self, paths: Mapping[int, str]) -> None:
        """Write the new paths. In two steps, because a path may be there only once at any moment."""
        if not paths:
            return
        # No path of a photo begins with a slash.
        self._session.execute(update(PhotoRow), [{"id": photo_id, "path": f"/{photo_id}"} for photo_id in paths])
        self._session.execute(update(PhotoRow), [{"id": i, **path_columns(path)} for i, path in paths.items()])
        for photo_id in paths:
            ledger.photo_moved(self._session, photo_id)
