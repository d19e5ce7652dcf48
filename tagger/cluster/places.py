"""Where the machines of a cluster have the photos."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

from tagger.core.config import Settings


def places_on(settings: Settings, machine: str) -> Mapping[str, str]:
    """Where a machine has the roots that it has elsewhere, by their paths in the library."""
    found = (places for name, places in settings.cluster.paths.items() if fnmatch.fnmatchcase(machine, name))
    return {root.rstrip("/") or "/": place for root, place in next(found, {}).items()}
