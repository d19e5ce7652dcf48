"""The files of a root as they are now, for one path at a time."""

from __future__ import annotations

import os

from tagger.core.config import IntakeSettings
from tagger.core.hashing import content_hash_of_open
from tagger.core.photo import Fingerprint
from tagger.intake.walk import stat_paths
from tagger.store.changed_places import FilesNow


def files_now(root: str, settings: IntakeSettings) -> FilesNow:
    """Answers what is at a path of a root now. What cannot be read is not there, and has no bytes."""

    def at(path: str) -> Fingerprint | None:
        file = stat_paths(root, [path], settings, lambda _: None)[path]
        return None if file is None or file.fault is not None else file.fingerprint

    def has_bytes(path: str, digest: bytes) -> bool:
        try:
            with open(os.path.join(root, path), "rb") as file:
                return content_hash_of_open(file.fileno()) == digest
        except OSError:
            return False

    return FilesNow(at, has_bytes)
