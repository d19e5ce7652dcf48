"""The files of a root as they are now, for one path at a time."""

from __future__ import annotations

import os

from tagger.core.config import IntakeSettings
from tagger.core.hashing import content_hash_of_open
from tagger.core.paths import is_object
from tagger.core.photo import Fingerprint
from tagger.intake.walk import stat_paths
from tagger.store.changed_places import FilesNow
from tagger.system.objects import object_state


def files_now(root: str, settings: IntakeSettings) -> FilesNow:
    """Answers what is at a path of a root now. What cannot be read is not there, and has no bytes.

    Raises ObjectError where object storage does not answer.
    """

    if is_object(root):
        # ETags tell objects apart, so no bytes are asked for.
        return FilesNow(lambda path: object_state(f"{root}/{path}"), lambda _path, _digest: False)

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
