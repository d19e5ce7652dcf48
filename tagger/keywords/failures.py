"""Why photos failed, told once for all photos of a folder that failed for the same reason."""

from __future__ import annotations

import os
from collections.abc import Sequence


def told_together(failures: Sequence[tuple[str, str]]) -> list[str]:
    """Sentences about failures (the photo's path, the reason), in the order of the first of each kind."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for path, reason in failures:
        folder, name = os.path.split(path)
        # Reasons that differ in the photo's own name only are one.
        found.setdefault((folder, reason.replace(name, "")), []).append((path, reason))
    return [_sentence(folder, together) for (folder, _), together in found.items()]


def _sentence(folder: str, together: Sequence[tuple[str, str]]) -> str:
    path, reason = together[0]
    if len(together) == 1:
        return f"{path}: {reason}"
    name = os.path.basename(path)
    such = f" (this is {name})" if name in reason else ""
    return f"{len(together):,} photos in {folder}: {reason}{such}"
