"""Following links of a library, but never out of it: only files inside are written to."""

from __future__ import annotations

import os
from collections.abc import Sequence


class RealPaths:
    """Resolves links inside the library.

    Folders are resolved once and remembered, so that a photo does not cost a look at every folder above it. Use one
    for a few photos only: a folder may become a link later.
    """

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = tuple(os.path.realpath(root).rstrip("/") + "/" for root in roots)
        self._folders: dict[str, str] = {}

    def __call__(self, path: str) -> str | None:
        """The file that a path leads to; None if that is outside the library."""
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        real = os.path.join(self._folders[folder], name)
        if os.path.islink(real):
            real = os.path.realpath(real)
        return real if real == path or real.startswith(self._roots) else None
