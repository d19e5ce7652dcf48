"""Which sidecar is whose, by their names.

darktable, digiKam and Immich name them `photo.jpg.xmp`, Adobe's programs `photo.xmp`. If a sidecar exists under either
name, it is used. `photo.xmp` beside several photos of that name is the RAW file's, as in Lightroom, which writes into
the JPEG itself; without a RAW file, or with several, it is nobody's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from tagger.core.config import KeywordSettings
from tagger.core.formats import RAW_EXTENSIONS, extension, looks_like_photo
from tagger.core.paths import is_object

_ENDS = (".xmp", ".XMP")


class Folders:
    """The names in folders, each read once: for many photos of one folder."""

    def __init__(self) -> None:
        self._known: dict[str, frozenset[str]] = {}
        self._photos: dict[str, dict[str, list[str]]] = {}

    def learn(self, folder: str, names: frozenset[str]) -> None:
        """The names in a folder, as somebody else has just read them."""
        self._known[folder] = names

    def names(self, folder: str) -> frozenset[str]:
        """The names in a folder; none if it cannot be read."""
        if folder not in self._known:
            self._known[folder] = _names(folder)
        return self._known[folder]

    def photos_named(self, folder: str, stem: str) -> list[str]:
        """The photos in a folder that have a name without its extension."""
        if folder not in self._photos:
            self._photos[folder] = {}
            for name in filter(looks_like_photo, self.names(folder)):
                self._photos[folder].setdefault(os.path.splitext(name)[0], []).append(name)
        return self._photos[folder].get(stem, [])

    def has(self, path: str) -> bool:
        """Whether there is a file."""
        folder, name = os.path.split(path)
        return name in self.names(folder)


def sidecar_path(photo: str, settings: KeywordSettings, folders: Folders | None = None) -> tuple[str, bool]:
    """The path of a photo's sidecar, and whether it exists. `photo`: its absolute path."""
    has = os.path.lexists if folders is None else folders.has
    folder, name = os.path.split(photo)
    beside = _sidecar_folder(folder, settings)
    stem = os.path.splitext(name)[0]
    full, short = os.path.join(beside, name), os.path.join(beside, stem)
    for end in _ENDS:
        if has(full + end):
            return full + end, True
    found = [short + end for end in _ENDS if has(short + end)]
    wanted = bool(found) or settings.sidecar_name == "photo.xmp"
    if wanted and _stem_is_of(name, (folders or Folders()).photos_named(folder, stem)):
        return (found[0], True) if found else (short + _ENDS[0], False)
    return full + _ENDS[0], False


def sidecars_of(photo: str, settings: KeywordSettings, folders: Folders | None = None) -> list[str]:
    """All sidecars of a photo that are to be read, the one with its whole name first. `photo`: its absolute path.

    Beside the photo, whoever wrote them there, and in the folder of sidecars that the settings may name. Objects have
    none.
    """
    if is_object(photo):
        return []
    has = os.path.lexists if folders is None else folders.has
    folder, name = os.path.split(photo)
    stem = os.path.splitext(name)[0]
    found: list[str] = []
    for beside in dict.fromkeys((folder, _sidecar_folder(folder, settings))):
        found += [path for end in _ENDS if has(path := os.path.join(beside, name + end))]
        short = [path for end in _ENDS if has(path := os.path.join(beside, stem + end))]
        if short and _stem_is_of(name, (folders or Folders()).photos_named(folder, stem)):
            found += short
    return found


def sidecar_version(sidecars: Iterable[str]) -> int | None:
    """A number that changes whenever one of some sidecars does, or comes or goes; None without any."""
    states = []
    for path in sidecars:
        try:
            status = os.stat(path)
        except OSError:
            states.append(f"{path} is not there")
        else:
            states.append(f"{os.path.basename(path)} {status.st_size} {status.st_mtime_ns}")
    if not states:
        return None
    # 63 bits, which every database holds.
    text = "\n".join(states).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1


def is_sidecar(name: str) -> bool:
    """Whether a file is a sidecar by its name."""
    return name.endswith(_ENDS)


def photos_beside(sidecar: str, settings: KeywordSettings) -> list[str]:
    """The photos on the disk that may have a sidecar of this path, whether or not it is there."""
    beside, name = os.path.split(sidecar)
    folder, base = _photo_folder(beside, settings), name[:-4]
    return [os.path.join(folder, n) for n in sorted(_names(folder)) if base in (n, os.path.splitext(n)[0])]


def photos_of_sidecar(sidecar: str, settings: KeywordSettings) -> list[str]:
    """The photos on the disk whose sidecar a file is by its name; none for one that a photo left behind."""
    whole = os.path.basename(sidecar)[:-4]
    photos = [path for path in photos_beside(sidecar, settings) if looks_like_photo(path) or path.endswith(f"/{whole}")]
    return [photo for photo in photos if sidecar_path(photo, settings)[0] == sidecar]


def _sidecar_folder(folder: str, settings: KeywordSettings) -> str:
    elsewhere = settings.sidecar_folder
    return folder if elsewhere is None else os.path.join(elsewhere, folder.lstrip("/"))


def _photo_folder(beside: str, settings: KeywordSettings) -> str:
    elsewhere = settings.sidecar_folder
    if elsewhere is None or not beside.startswith(f"{elsewhere}/"):
        return beside
    return beside[len(str(elsewhere)) :]


def _names(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def _stem_is_of(name: str, others: Iterable[str]) -> bool:
    """Whether a sidecar without the extension is a photo's, among the photos that have the same name without theirs."""
    photos = {*others, name}
    return len(photos) == 1 or [photo for photo in photos if extension(photo) in RAW_EXTENSIONS] == [name]
