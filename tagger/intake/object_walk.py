"""Go through object storage as `tagger.intake.walk` goes through a folder tree: by listing, with bounded memory.

The same names are ignored, and the patterns of `intake.ignore` apply. Ignore files in the storage are not read, because
a listing does not tell of them before the photos beside them.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator

from tagger.core.config import IntakeSettings
from tagger.core.errors import UsageError
from tagger.core.formats import SNIFF_BYTES, looks_like_photo, sniff
from tagger.core.numbers import count
from tagger.core.os_words import ObjectError, why
from tagger.core.paths import shown_path
from tagger.intake.folder import ScanProblem, SeenFile
from tagger.intake.ignore import (
    IGNORE_FILE,
    NO_MEDIA_FILE,
    Patterns,
    always_ignored,
    ignored,
    never_photo,
    parse_patterns,
)
from tagger.system import objects


def walk_objects(root: str, settings: IntakeSettings, on_problem: Callable[[ScanProblem], None]) -> Iterator[SeenFile]:
    """Yield every object below `root` that may be a photo, as `walk` does. Raises ObjectError if the listing fails."""

    def fault(number: int, text: str) -> None:
        on_problem(ScanProblem("intake.ignore", f"entry {number} is no pattern: {text}"))

    layers = (parse_patterns("", settings.ignore, fault),) if settings.ignore else ()
    before, folder, inside = "", "", True
    for key, fingerprint in objects.listing(root):
        if key <= before:
            raise ObjectError(errno.EIO, "the storage does not list in the order of names, so nothing can be compared")
        before = key
        around, _, name = key.rpartition("/")
        # What ends with a slash stands for a folder.
        if not name:
            continue
        if around != folder:
            folder, inside = around, _is_inside(around, settings, layers)
        if not inside or never_photo(name):
            continue
        if name in (IGNORE_FILE, NO_MEDIA_FILE):
            on_problem(ScanProblem(key, "it is not followed in object storage; name patterns in intake.ignore"))
            continue
        if always_ignored(name, hidden=settings.hidden) or (layers and ignored(key, False, layers)):
            continue
        named = looks_like_photo(name)
        if key.startswith("/") or "\0" in key:
            if named:
                what = "begins with a slash" if key.startswith("/") else "holds a NUL"
                on_problem(ScanProblem(key, f"its name {what}, with which the library cannot keep it; rename it"))
            continue
        yield SeenFile(key, fingerprint, named)


def is_picture_object(root: str, file: SeenFile, problems: list[ScanProblem]) -> bool:
    """Whether an object is a picture by its first bytes; one that cannot be read is added to `problems`."""
    if not file.fingerprint.size:
        return False
    try:
        return sniff(objects.first_bytes(f"{root}/{file.path}", SNIFF_BYTES)) is not None
    except OSError as error:
        problems.append(ScanProblem(file.path, why(error)))
        return False


def photos_at(address: str, settings: IntakeSettings) -> list[str]:
    """The address itself where there is an object, else those of the photos below it, in a walk's order.

    Raises UsageError if the storage cannot be read.
    """
    try:
        if objects.split(address)[1] and objects.object_state(address) is not None:
            return [address]
        return [f"{address}/{file.path}" for file in walk_objects(address, settings, lambda _: None) if file.named]
    except OSError as error:
        raise UsageError(
            f"{shown_path(address)} cannot be read: {why(error)}.", "See [storage] in: tagger config"
        ) from error


def check_objects(root: str, known: int, *, accept_empty: bool = False) -> str | None:
    """Why a root in object storage cannot be gone through now, or None; as `check_root` tells of folders."""
    try:
        empty = not objects.has_objects(root)
    except OSError as error:
        return why(error)
    if empty and not known:
        return f"there is nothing in it, and no photo is known in it; take it out: tagger forget {shown_path(root)}"
    if empty and not accept_empty:
        return f"there is nothing in it, but {count(known, 'photo is', 'photos are')} known in it; was it moved?"
    return None


def _is_inside(folder: str, settings: IntakeSettings, layers: tuple[Patterns, ...]) -> bool:
    """Whether a walk would enter a folder; names may be empty in object storage."""
    path = ""
    for name in folder.split("/") if folder else ():
        path = f"{path}/{name}" if path else name
        if name and (always_ignored(name, hidden=settings.hidden) or (layers and ignored(path, True, layers))):
            return False
    return True
